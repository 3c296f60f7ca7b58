"""CGCNN as a ``Method``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ase_voxpot.errors import StructureError, UnknownElementError
from voxpot_crystals.regression.cgcnn.descriptors import describe
from voxpot_crystals.regression.cgcnn.network import CGCNN, CGCNNSpec, Described, collate, finish
from voxpot_crystals.regression.elements import HEAVIEST
from voxpot_crystals.regression.method import Method
from voxpot_crystals.structures.graphs import graph_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["METHOD", "graphs_of"]


def graphs_of(atoms: Sequence[Atoms], spec: CGCNNSpec) -> list[Described]:
    """The graph of every crystal, and the row of its process if there is one.

    Raises:
        StructureError: naming the frame; ``UnknownElementError`` beyond the elements that have features.
    """
    found = []
    for row, crystal in enumerate(atoms):
        if crystal.numbers.max() > HEAVIEST:
            raise UnknownElementError(
                f"frame {row}: expected elements up to Z = {HEAVIEST}, got Z = {crystal.numbers.max()}"
            )
        try:
            sized = crystal if spec.volume is None else _brought_to(crystal, spec.volume)
            graph = graph_of(sized, nearest=spec.nearest, cutoff=spec.cutoff)
        except StructureError as error:
            raise type(error)(f"frame {row}: {error}") from None
        found.append(Described(graph, describe(graph, sized.cell.volume) if spec.share else None))
    return found


def _brought_to(crystal: Atoms, volume: float) -> Atoms:
    """The crystal scaled to ``volume`` Å³ per atom."""
    factor = (volume * len(crystal) / crystal.cell.volume) ** (1 / 3)
    sized = crystal.copy()
    sized.set_cell(crystal.cell[:] * factor, scale_atoms=True)
    return sized


def _adapt(spec: CGCNNSpec, atoms: Sequence[Atoms]) -> CGCNNSpec:
    """Arrays for the training crystals, for a process that keeps them."""
    return replace(spec, capacity=len(atoms) if spec.share else 0)


METHOD = Method(
    kind="cgcnn",
    spec=CGCNNSpec,
    adapt=_adapt,
    prepare=graphs_of,
    collate=collate,
    network=CGCNN,
    finish=finish,
)
