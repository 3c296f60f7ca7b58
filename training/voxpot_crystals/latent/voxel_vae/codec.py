"""A trained autoencoder: crystals to latent vectors, and latent vectors to crystals.

A decode can fail: no atom, or a cell that the grid cannot resolve.  The result then has a reason instead of
a crystal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase import Atoms

from ase_voxpot.errors import ArchitectureError, CellError, SchemaError, SpecError, StructureError
from ase_voxpot.voxelize.torus import deposit
from voxpot_crystals.latent.decoded import Decoded
from voxpot_crystals.latent.files import keep, read
from voxpot_crystals.latent.priors.files import PriorSpec
from voxpot_crystals.latent.trust import DOUBTFUL
from voxpot_crystals.latent.voxel_vae.batches import INSIDE, collate
from voxpot_crystals.latent.voxel_vae.maps import CLOSEST, MapSpec, Viewer, check_grid
from voxpot_crystals.latent.voxel_vae.networks import LabelNet, LabelSpec, VAESpec, VoxelVAE
from voxpot_crystals.latent.voxel_vae.peaks import find_peaks
from voxpot_crystals.structures.lattice import cell_of_gram, turned_to
from voxpot_training.artifacts import fill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import Float, Int

    from voxpot_crystals.latent.priors.fitting import Priors
    from voxpot_crystals.latent.voxel_vae.maps import Crystal

__all__ = ["Codec", "CodecSpec", "load_codec", "make_networks", "save_codec"]

KIND = "generative"
LEAST = 0.5
"""Least maximum of the occupancy of an atom."""
TOGETHER = 64
"""Crystals of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecSpec:
    """Spec of maps and networks."""

    species: tuple[str, ...]
    maps: MapSpec = field(default_factory=MapSpec)
    vae: VAESpec = field(default_factory=VAESpec)
    labels: LabelSpec = field(default_factory=LabelSpec)
    prior: PriorSpec | None = None  # if there is one


def make_networks(spec: CodecSpec) -> tuple[VoxelVAE, LabelNet]:
    """With random weights."""
    maps, count = spec.maps, len(spec.species)
    return (
        VoxelVAE(spec.vae, maps.channels, maps.voxels, count),
        LabelNet(spec.labels, maps.channels, maps.voxels, count),
    )


@dataclass(frozen=True)
class Codec:
    """Maps, autoencoder and label network."""

    spec: CodecSpec
    vae: VoxelVAE
    labels: LabelNet
    card: dict[str, Any]
    priors: Priors | None = None

    @property
    def doubtful(self) -> float:
        """Gap of latent vectors above which a decoded crystal is doubtful."""
        return DOUBTFUL

    @property
    def viewer(self) -> Viewer:
        """Conversion of crystals to maps."""
        return Viewer(self.spec.maps, self.spec.species)

    def see(self, atoms: Sequence[Atoms]) -> list[Crystal]:
        """Check crystals and convert them to fractional coordinates.

        Raises:
            StructureError, CellError: naming the frame: no ordered crystal, unknown species, atoms too near each
                other, a cell that the grid is too coarse for.
        """
        viewer, seen = self.viewer, []
        for row, crystal in enumerate(atoms):
            try:
                seen.append(viewer.see(crystal))
            except (StructureError, CellError) as error:
                raise type(error)(f"frame {row}: {error}") from None
        return seen

    def aspects(self, atoms: Atoms) -> list[Crystal]:
        """One crystal as it may have been encoded."""
        return self.see([atoms])

    def encode(self, seen: Sequence[Crystal]) -> Float[np.ndarray, "crystal latent"]:
        """Latent vectors: means, without noise."""
        out = []
        with torch.no_grad():
            for start in range(0, len(seen), TOGETHER):
                batch = collate(seen[start : start + TOGETHER], self.viewer)
                out.append(self.vae.encode(batch.maps, batch.lattice)[0])
        return np.asarray(torch.cat(out).double().numpy())

    def picture(self, latent: Float[np.ndarray, " latent"]) -> tuple[np.ndarray, np.ndarray]:
        """Decoded maps (channel, n, n, n), and the cell they are of."""
        code = torch.from_numpy(latent[None]).float()
        with torch.no_grad():
            maps = self.vae.decode(code)[0].double().numpy()
            cell = cell_of_gram(self.vae.lattice(code)[0].double().numpy())
        return maps, cell

    def decode(
        self,
        latent: Float[np.ndarray, " latent"],
        *,
        like: Float[np.ndarray, "3 3"] | None = None,
        origin: Float[np.ndarray, " 3"] | None = None,
    ) -> Decoded:
        """The crystal of a latent vector.

        Args:
            latent: the vector.
            like: a cell to whose orientation the result is rotated; standard orientation by default.
            origin: of the maps, in fractions of the cell.
        """
        maps, cell = self.picture(latent)
        try:
            check_grid(cell, self.spec.maps)
        except CellError:
            return Decoded(None, "no lattice")
        width = self.spec.maps.width
        peaks = find_peaks(maps[0], cell, width=width, least=LEAST, apart=CLOSEST * width)
        if not len(peaks.fractions):
            return Decoded(None, "no atom")
        kinds = self._elements(maps, peaks.fractions, cell)
        if like is not None:
            cell = turned_to(cell, like)
        fractions = peaks.fractions + (0.0 if origin is None else origin)
        atoms = Atoms([self.spec.species[k] for k in kinds], scaled_positions=fractions, cell=cell, pbc=True)
        atoms.wrap(eps=1e-4)
        return Decoded(atoms)

    def _elements(self, maps: np.ndarray, fractions: np.ndarray, cell: np.ndarray) -> Int[np.ndarray, " atom"]:
        """Elements of atoms by the label network, averaged over voxels with weights that decrease with distance.

        The network is trained on elements of voxels within ``INSIDE`` widths; others are of class none.
        """
        with torch.no_grad():
            logits = self.labels(torch.from_numpy(maps[None]).float())[0, :-1]
        result = torch.log_softmax(logits, dim=0).double().numpy()
        near = deposit(fractions, np.eye(len(fractions)), cell, n=self.spec.maps.voxels, width=self.spec.maps.width)
        near[near < np.exp(-0.5 * INSIDE**2)] = 0
        return np.tensordot(near, result, axes=([1, 2, 3], [1, 2, 3])).argmax(axis=1)

    def rebuild(self, latent: Float[np.ndarray, " latent"], seen: Crystal) -> Decoded:
        """The crystal of a latent vector, in the cell and at the origin of the one that it was made from."""
        return self.decode(latent, like=seen.cell, origin=seen.origin)

    def reconstruct(self, atoms: Sequence[Atoms]) -> list[Decoded]:
        """Every crystal through its latent vector; the input is not changed."""
        seen = self.see(atoms)
        return [self.rebuild(z, s) for z, s in zip(self.encode(seen), seen, strict=True)]


def save_codec(path: Path, codec: Codec) -> None:
    """Write a model file in half precision (weights are rounded)."""
    tensors = {f"vae.{k}": v for k, v in codec.vae.state_dict().items()}
    tensors |= {f"labels.{k}": v for k, v in codec.labels.state_dict().items()}
    keep(path, kind=KIND, spec=codec.spec, card=codec.card, tensors=tensors, priors=codec.priors)


def load_codec(model: str | Path) -> Codec:
    """A model by its shipped name or path.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    artifact, spec, priors = read(model, kind=KIND, spec=CodecSpec)
    if not spec.species:
        raise ArchitectureError(f"{artifact.path}: expected the species that the model knows, got none")
    try:
        vae, labels = make_networks(spec)
    except SpecError as error:
        raise SchemaError(f"{artifact.path}: its description of the model cannot be used ({error})") from None
    for prefix, network in (("vae.", vae), ("labels.", labels)):
        own = {k.removeprefix(prefix): v for k, v in artifact.tensors.items() if k.startswith(prefix)}
        fill(network, own, source=artifact.path)
        network.requires_grad_(False).eval()
    return Codec(spec, vae, labels, artifact.card, priors)
