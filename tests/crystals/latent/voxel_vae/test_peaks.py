from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from ase_voxpot.voxelize.torus import deposit
from tests.crystals.latent.structure_field.crystals import random_crystal, some_crystals
from voxpot_crystals.latent.voxel_vae.peaks import find_peaks
from voxpot_crystals.structures.matching import distances_between


def found_in(atoms, *, n=20, width=0.45, least=0.5, apart=0.8, noise=None):
    density = deposit(atoms.get_scaled_positions(), np.ones((len(atoms), 1)), atoms.cell[:], n=n, width=width)[0]
    if noise is not None:
        density = density + noise.normal(scale=0.02, size=density.shape)
    return find_peaks(density, np.array(atoms.cell[:]), width=width, least=least, apart=apart)


@pytest.mark.parametrize("atoms", some_crystals(), ids=lambda a: a.get_chemical_formula())
def test_every_atom_is_found_between_the_voxels(atoms):
    peaks = found_in(atoms)

    assert len(peaks.fractions) == len(atoms)
    back = atoms.copy()
    back.set_scaled_positions(peaks.fractions)
    assert distances_between(atoms, back).min(1).max() < 0.03, "a tenth of a voxel"


def test_a_lone_atom_is_found_exactly(rng):
    atoms = some_crystals()[1][:1]
    atoms.set_cell(atoms.cell[:] * 2)
    atoms.positions[0] = rng.random(3) @ atoms.cell[:]

    peaks = found_in(atoms, n=24, width=0.5)

    back = atoms.copy()
    back.set_scaled_positions(peaks.fractions)
    assert distances_between(atoms, back)[0, 0] < 1e-6


@given(st.integers(0, 1000))
def test_random_crystals_are_found(seed):
    atoms = random_crystal(np.random.default_rng(seed))

    assert len(found_in(atoms, n=24, width=0.35).fractions) == len(atoms)


def test_noise_is_no_atom(rng):
    atoms = some_crystals()[3]

    peaks = found_in(atoms, noise=rng)

    assert len(peaks.fractions) == len(atoms)
    assert (np.diff(peaks.height) <= 0).all()


def test_a_crest_is_one_atom():
    """Two maxima 0.4 Å apart, as a decoder may draw them."""
    atoms = some_crystals()[1][[0, 0]]
    atoms.positions[1] += [0.4, 0, 0]

    assert len(found_in(atoms, width=0.15, n=30, apart=0.8).fractions) == 1
    assert len(found_in(atoms, width=0.15, n=30, apart=0.3).fractions) == 2


def test_nothing_is_found_in_nothing():
    assert find_peaks(np.zeros((8, 8, 8)), np.eye(3) * 4, width=0.4, least=0.5, apart=0.8).fractions.shape == (0, 3)
