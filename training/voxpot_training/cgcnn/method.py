"""CGCNN, as the shared regression wants to hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.errors import StructureError, UnknownElementError
from voxpot_training.cgcnn.network import CGCNN, CGCNNSpec, collate
from voxpot_training.graphs import graph_of
from voxpot_training.regression.elements import HEAVIEST
from voxpot_training.regression.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from voxpot_training.graphs import Graph

__all__ = ["METHOD", "graphs_of"]


def graphs_of(atoms: Sequence[Atoms], spec: CGCNNSpec) -> list[Graph]:
    """The graph of every crystal.

    Raises:
        StructureError: naming the frame; ``UnknownElementError`` beyond the elements that have features.
    """
    graphs = []
    for row, crystal in enumerate(atoms):
        if crystal.numbers.max() > HEAVIEST:
            raise UnknownElementError(
                f"frame {row}: expected elements up to Z = {HEAVIEST}, got Z = {crystal.numbers.max()}"
            )
        try:
            graphs.append(graph_of(crystal, nearest=spec.nearest, cutoff=spec.cutoff))
        except StructureError as error:
            raise type(error)(f"frame {row}: {error}") from None
    return graphs


METHOD = Method(
    kind="cgcnn",
    spec=CGCNNSpec,
    adapt=lambda spec, atoms: spec,
    prepare=graphs_of,
    collate=collate,
    network=CGCNN,
)
