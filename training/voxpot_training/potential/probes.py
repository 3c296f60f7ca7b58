"""Structures far from the training data of alloys, to test uncertainties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.build import bulk

from ase_voxpot.structures import random_alloy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["probes"]


def probes(species: Sequence[str], card: Mapping[str, Any], rng: np.random.Generator) -> dict[str, list[Atoms]]:
    """Probes by name, for models of bcc metals whose ``card`` may hold lattice constants.

    The first two are close to the data: the random alloy on lattice sites, and with its atoms displaced by 0.08 Å.
    """
    alloy = random_alloy("bcc:" + "".join(species), repeat=3, rng=rng, card=card)
    warm = alloy.copy()
    warm.rattle(0.08, rng=rng)
    elements = [random_alloy(f"bcc:{s}", repeat=2, rng=rng, card=card) for s in species]
    hot = alloy.copy()
    hot.rattle(0.7, rng=rng)
    gas = alloy.copy()
    gas.set_scaled_positions(rng.random((len(gas), 3)))
    return {
        "random alloy": [alloy],
        "random alloy, warm": [warm],
        "elements in hcp": [_close_packed(a, "hcp") for a in elements],
        "elements in fcc": [_close_packed(a, "fcc") for a in elements],
        "elements in simple cubic": [_close_packed(a, "sc") for a in elements],
        "volume of 60 %": [_squeezed(a, 0.6) for a in (*elements, alloy)],
        "volume of 200 %": [_squeezed(a, 2.0) for a in (*elements, alloy)],
        "dimers at 2.2 Å": [Atoms([s, s], [[0, 0, 0], [2.2, 0, 0]]) for s in species],
        "free atoms": [Atoms([s], [[0, 0, 0]]) for s in species],
        "liquid far too hot": [hot],
        "gas at the density of the solid": [gas],
    }


def _close_packed(metal: Atoms, lattice: str) -> Atoms:
    """The same element and volume per atom in another lattice."""
    volume = metal.get_volume() / len(metal)
    constant = {"fcc": (4 * volume) ** (1 / 3), "hcp": (np.sqrt(2) * volume) ** (1 / 3), "sc": volume ** (1 / 3)}
    return bulk(metal.symbols[0], lattice, a=constant[lattice])


def _squeezed(atoms: Atoms, factor: float) -> Atoms:
    out = atoms.copy()
    out.set_cell(out.cell[:] * factor ** (1 / 3), scale_atoms=True)
    return out
