"""What ``voxpot train`` runs for ``kind = "voxelnet"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxpot_crystals.regression.run import run as run_regression
from voxpot_crystals.regression.voxelnet.method import METHOD

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run"]


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train a VoxelNet; see ``regression.run``."""
    return run_regression(METHOD, config, out=out, resume=resume, quick=quick)
