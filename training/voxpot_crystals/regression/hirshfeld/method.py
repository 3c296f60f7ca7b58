"""Hirshfeld fingerprints as a ``Method``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from voxpot_crystals.regression.hirshfeld.network import Reader, collate, finish
from voxpot_crystals.regression.hirshfeld.views import HirshfeldSpec, looks_at
from voxpot_crystals.regression.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["METHOD"]


def _adapt(spec: HirshfeldSpec, atoms: Sequence[Atoms]) -> HirshfeldSpec:
    """Buffers for the training crystals, for methods that keep them."""
    return replace(spec, capacity=len(atoms) if spec.share else 0)


METHOD = Method(
    kind="hirshfeld",
    spec=HirshfeldSpec,
    adapt=_adapt,
    prepare=looks_at,
    collate=collate,
    network=Reader,
    views=lambda spec: spec.draws if spec.initial else 1,
    finish=finish,
)
