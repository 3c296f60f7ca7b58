"""A trained whole-cell network: forces from positions, and its model file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.errors import ArchitectureError, DivergenceError
from ase_voxpot.spec import decode, encode
from voxpot_training.artifacts import fill, load_artifact, save_artifact
from voxpot_training.wholecell.boxes import Box
from voxpot_training.wholecell.networks import ForceNetwork, NetworkSpec, build
from voxpot_training.wholecell.voxelizer import WholeCellSpec, voxelize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float, Int

__all__ = ["WholeCellModel"]

KIND = "wholecell"
PORTION = 256
"""Frames of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """Spec of the model file."""

    layers: NetworkSpec
    voxels: WholeCellSpec
    numbers: tuple[int, ...]
    cell: tuple[tuple[float, ...], ...]
    box: Box | None = None
    unit: tuple[float, ...] | None = None
    force_scale: float


@dataclass(slots=True, kw_only=True)
class WholeCellModel:
    """Forces on the atoms of one cell, in one order."""

    network: ForceNetwork
    layers: NetworkSpec
    voxels: WholeCellSpec
    numbers: Int[np.ndarray, " atom"]
    cell: Float[np.ndarray, "3 3"]  # Å, of the frames it was trained on
    box: Box | None  # the outer box, with obb
    unit: Float[np.ndarray, "one 3"] | None  # Å that become 1, with obb
    force_scale: float  # eV/Å, unit of the output of the network
    card: dict[str, Any] = field(default_factory=dict)

    def forces(self, positions: Float[np.ndarray, "frame atom 3"]) -> Float[np.ndarray, "frame atom 3"]:
        """Forces in eV/Å.

        Raises:
            StructureError: another number of atoms; an atom outside of the box, if the model does not clip.
            PositionError: a position is NaN or infinite.
            DivergenceError: a force is not finite.
        """
        result = np.empty(positions.shape, np.float32)
        for start in range(0, len(positions), PORTION):
            part = positions[start : start + PORTION]
            voxels, _ = voxelize(part, self.numbers.astype(float), self.voxels, box=self.box, unit=self.unit)
            result[start : start + PORTION] = self.of_voxels(voxels)
        if not np.isfinite(result).all():
            raise DivergenceError("expected finite forces from the network, got NaN; its weights are damaged")
        return result

    def of_voxels(self, voxels: Float[np.ndarray, "frame n n n"]) -> Float[np.ndarray, "frame atom 3"]:
        """Forces in eV/Å of voxels that are made already."""
        result = []
        with torch.no_grad():
            for start in range(0, len(voxels), PORTION):
                portion = torch.from_numpy(np.ascontiguousarray(voxels[start : start + PORTION]))
                result.append(self.network(portion).numpy() * np.float32(self.force_scale))
        return np.concatenate(result)

    def save(self, path: Path) -> None:
        """Write tensors, spec and card; the file is replaced atomically."""
        header = _Header(
            layers=self.layers,
            voxels=self.voxels,
            numbers=tuple(map(int, self.numbers)),
            cell=_rows(self.cell),
            box=self.box,
            unit=None if self.unit is None else tuple(map(float, self.unit[0])),
            force_scale=self.force_scale,
        )
        tensors = {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}
        save_artifact(path, kind=KIND, spec=encode(header), card=self.card, tensors=tensors)

    @classmethod
    def load(cls, model: str | Path) -> WholeCellModel:
        """Read a model by its path.

        Raises:
            WeightsError: missing, damaged, foreign or of another kind.
        """
        file = load_artifact(Path(model), kinds=[KIND])
        header = decode(_Header, file.spec)
        network = build(header.layers, n=header.voxels.n, atoms=len(header.numbers), seed=0)
        fill(network, file.tensors, source=file.path)
        if len(header.cell) != 3 or (header.voxels.box == "obb") != (header.box is not None):
            raise ArchitectureError(f"{file.path}: its spec holds no cell or no box")
        return cls(
            network=network.eval(),
            layers=header.layers,
            voxels=header.voxels,
            numbers=np.array(header.numbers),
            cell=np.array(header.cell),
            box=header.box,
            unit=None if header.unit is None else np.array([header.unit]),
            force_scale=header.force_scale,
            card=file.card,
        )


def _rows(matrix: Iterable[Iterable[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in matrix)
