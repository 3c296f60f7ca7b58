"""Inputs of the network: images of fingerprints of a crystal.

As the lattice parameter is the target, its value in the input must not be used.
Crystals are therefore scaled to a few standard sizes first, given as the edge of
a cube per five atoms, with one image for each:

    sites   ABX3 alone: one channel for each of A, B and X at each size
    whole   any crystal: one channel at each size, the mean over all atoms

With an ``initial`` range the size is drawn anew for every crystal, as published by Williams
et al. (2020): one image at one random edge, another one in each epoch.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from rich.progress import track

from ase_voxpot.errors import SpecError, StructureError
from voxpot_crystals.regression.hirshfeld.fingerprint import Bins, fingerprint, site_fingerprints
from voxpot_crystals.regression.hirshfeld.surface import find_surfaces
from voxpot_crystals.regression.perovskites import perovskite_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

__all__ = ["SITES", "HirshfeldSpec", "Look", "looks_at", "perovskite"]

SITES = 3
"""A, B and X."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HirshfeldSpec:
    """Spec of images and network."""

    view: Literal["sites", "whole"] = "sites"
    edges: tuple[float, ...] = (3.6, 4.3, 5.2)  # Å, of a cube per five atoms
    initial: tuple[float, ...] = ()  # Å, range of random edges instead of ``edges``
    draws: int = 4  # images at random edges per crystal to learn from
    bins: Bins = field(default_factory=lambda: Bins(low=0.6, high=3.0, soft=True))
    rays: int = 1000
    channels: tuple[int, ...] = (16, 32, 48)
    hidden: int = 64
    dropout: float = 0.1
    share: float = 0.0  # of the Gaussian process in the answer; for ``sites`` at fixed edges
    process: Literal["fingerprints", "elements", "ions"] = "fingerprints"  # what it reads
    components: int = 16  # of the fingerprints of a site, in the process
    exchange: float = 0.0  # Å by which B exceeds A in covalent radius where the two are exchanged; 0: never
    capacity: int = 0  # training crystals that the Gaussian process keeps: set by the training

    def __post_init__(self) -> None:
        ranged = len(self.initial) == 2 and 2.5 <= self.initial[0] < self.initial[1] <= 12
        if self.initial and not ranged:
            raise SpecError(f"model.initial: expected two edges between 2.5 and 12 Å, or none, got {self.initial}")
        if not self.initial and not (self.edges and all(2.5 <= edge <= 12 for edge in self.edges)):
            raise SpecError(f"model.edges: expected edges between 2.5 and 12 Å, got {self.edges}")
        if (
            len(self.channels) != 3
            or min(*self.channels, self.hidden, self.draws, self.components) < 1
            or self.rays < 50
        ):
            raise SpecError(
                "model: expected three channels; hidden, draws and components of at least 1, and rays of at least 50"
            )
        if not 0 <= self.share <= 1 or (self.share and (self.view != "sites" or self.initial)):
            raise SpecError("model.share: expected 0 to 1, and 0 unless sites are seen at fixed edges")

    @property
    def inputs(self) -> int:
        """Channels of an image."""
        return (1 if self.initial else len(self.edges)) * (SITES if self.view == "sites" else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Images of one crystal."""

    images: Float[np.ndarray, "draw channel n n"]
    numbers: tuple[int, ...]  # on A, B and X
    support: bool  # of a supporting source


def perovskite(a_site: str, b_site: str, anion: str, edge: float) -> Atoms:
    """The ideal cubic ABX3.

    Args:
        a_site: element in the corner.
        b_site: element in the middle.
        anion: element in the middle of the faces.
        edge: lattice parameter in Å.
    """
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    return Atoms([a_site, b_site, *[anion] * 3], scaled_positions=places, cell=[edge] * 3, pbc=True)


@lru_cache(maxsize=20_000)
def _of_sites(a_site: str, b_site: str, anion: str, edge: float, bins: Bins, rays: int) -> Float[np.ndarray, "3 n n"]:
    """Fingerprints of A, B and X of an ideal perovskite: cached by these arguments."""
    found = find_surfaces(perovskite(a_site, b_site, anion, edge), rays=rays)
    images, _ = site_fingerprints(found, bins)
    if len(images) != SITES:
        raise StructureError(f"expected sites A, B and X that differ, got {a_site}{b_site}{anion}3")
    return np.sqrt(images).astype(np.float32)


def _whole(atoms: Atoms, edge: float, bins: Bins, rays: int) -> Float[np.ndarray, "1 n n"]:
    """The mean fingerprint of a crystal that is brought to a size."""
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell * edge * (len(atoms) / 5 / atoms.cell.volume) ** (1 / 3), scale_atoms=True)
    return np.sqrt(fingerprint(find_surfaces(scaled, rays=rays), bins).image[None]).astype(np.float32)


def _sites(atoms: Atoms, exchange: float) -> tuple[str, str, str]:
    """Elements on A, B and X; A and B are exchanged if B is far too large, as in inverse perovskites."""
    who = perovskite_of(atoms)
    a, b = (covalent_radii[atomic_numbers[s]] for s in (who.a_site, who.b_site))
    if exchange and b - a > exchange:
        return who.b_site, who.a_site, who.anion
    return who.a_site, who.b_site, who.anion


def _look(atoms: Atoms, spec: HirshfeldSpec) -> Look:
    sites = _sites(atoms, spec.exchange) if spec.view == "sites" else ()

    def at(edge: float) -> Float[np.ndarray, "channel n n"]:
        if spec.view == "whole":
            return _whole(atoms, float(edge), spec.bins, spec.rays)
        return _of_sites(*sites, float(edge), spec.bins, spec.rays)

    if spec.initial:
        rng = np.random.default_rng(zlib.crc32(str(atoms.symbols).encode()))
        images = np.stack([at(edge) for edge in rng.uniform(spec.initial[0], spec.initial[1], spec.draws)])
    else:
        images = np.concatenate([at(edge) for edge in spec.edges])[None]
    numbers = tuple(int(atomic_numbers[s]) for s in sites)
    return Look(images=images, numbers=numbers, support=bool(atoms.info.get("support")))


def looks_at(atoms: Sequence[Atoms], spec: HirshfeldSpec) -> list[Look]:
    """The images of every crystal: roots of areas in Å, to enhance small values.

    Returns:
        One draw for fixed sizes; with random ones as many as the spec says, always the same for
        the same composition, whatever the size of the crystal that is given.

    Raises:
        StructureError: naming the frame: what ``find_surfaces`` refuses, and for ``sites`` whatever is no
            cubic ABX3; ``UnknownElementError`` elements beyond the table of densities.
    """
    out = []
    for row, crystal in enumerate(track(atoms, description="fingerprints", disable=len(atoms) < 50, transient=True)):
        try:
            out.append(_look(crystal, spec))
        except StructureError as error:
            raise type(error)(f"frame {row}: {error}") from None
    return out
