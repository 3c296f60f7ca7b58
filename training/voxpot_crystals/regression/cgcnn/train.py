"""What ``voxpot train`` runs for ``kind = "cgcnn"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxpot_crystals.regression.cgcnn.method import METHOD
from voxpot_crystals.regression.run import run as run_regression

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run"]


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train a crystal graph network; see ``regression.run``."""
    return run_regression(METHOD, config, out=out, resume=resume, quick=quick)
