"""Crystals as pictures: nothing may depend on how a crystal is written down."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, strategies as st

from ase_voxpot.errors import CellError, SpecError, StructureError, UnknownElementError
from tests.crystals.latent.voxel_vae.perovskites import some_perovskites
from voxpot_crystals.latent.voxel_vae.batches import collate, varied
from voxpot_crystals.latent.voxel_vae.config import Augmentation
from voxpot_crystals.latent.voxel_vae.maps import MapSpec, Viewer, element_codes

SPECIES = ("N", "O", "F", "K", "Ti", "Fe", "Sr", "Zr", "Nb", "Ba", "La")
VIEWER = Viewer(MapSpec(), SPECIES)


def picture(atoms: Atoms) -> np.ndarray:
    seen = VIEWER.see(atoms)
    return VIEWER.paint(VIEWER.bumps(seen), seen.kinds)


@given(st.integers(0, 23), st.tuples(*[st.floats(-3, 3)] * 3), st.integers(0, 2**31))
def test_a_picture_knows_neither_origin_nor_order(which, shift, seed):
    atoms = some_perovskites()[which]
    moved = atoms[np.random.default_rng(seed).permutation(len(atoms))]
    moved.positions += shift
    moved.wrap()
    assert np.abs(picture(moved) - picture(atoms)).max() < 1e-6


def test_a_picture_does_not_know_how_the_crystal_is_turned():
    atoms = some_perovskites()[0]
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    assert np.abs(picture(turned) - picture(atoms)).max() < 1e-6


def test_occupancy_is_one_at_atoms_and_codes_are_those_of_their_elements():
    atoms = some_perovskites()[0]
    seen = VIEWER.see(atoms)
    maps = VIEWER.paint(VIEWER.bumps(seen), seen.kinds)
    middle = maps[:, 0, 0, 0]  # the origin lies on an atom
    (first,) = np.flatnonzero(np.linalg.norm(seen.fractions - np.round(seen.fractions), axis=1) < 1e-9)
    assert middle[0] == pytest.approx(1, abs=0.01)
    assert np.abs(middle[1:] - VIEWER.codes[seen.kinds[first]]).max() < 0.01


def test_looking_does_not_change_a_crystal():
    atoms = some_perovskites()[0]
    before = atoms.copy()
    VIEWER.see(atoms)
    assert atoms == before


def test_codes_are_unit_vectors_that_differ_and_belong_to_the_element_alone():
    codes = element_codes(SPECIES, 12)
    assert np.allclose(np.linalg.norm(codes, axis=1), 1)
    assert (codes @ codes.T - np.eye(len(codes))).max() < 0.95
    assert np.array_equal(element_codes(SPECIES[::-1], 12)[::-1], codes)


@pytest.mark.parametrize(
    ("atoms", "error", "sentence"),
    [
        (bulk("NaCl", "rocksalt", a=5.4, cubic=True), UnknownElementError, "got Cl, Na"),
        (bulk("Fe", "bcc", a=2.8, cubic=True).repeat((5, 1, 1)), CellError, "edges of up to 9.0 Å"),
        (Atoms("O2", positions=[(0, 0, 0), (0.7, 0, 0)], cell=np.eye(3) * 4, pbc=True), StructureError, "0.70 Å apart"),
        (Atoms("O", cell=np.eye(3) * 4), StructureError, "periodic in three directions"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_sentence(atoms, error, sentence):
    with pytest.raises(error, match=sentence):
        VIEWER.see(atoms)


def test_a_grid_that_makes_no_sense_is_refused():
    with pytest.raises(SpecError, match="8, 16, 32 or 64"):
        MapSpec(voxels=12)


@given(st.integers(0, 2**31))
def test_a_varied_crystal_keeps_its_origin_and_its_distances_nearly(seed):
    seen = VIEWER.see(some_perovskites()[0])
    how = Augmentation(strain=0.0, shake=0.0, substitute=1.0, turn=1.0)
    other = varied(seen, how, len(SPECIES), np.random.default_rng(seed))

    def distances(crystal):
        return Atoms(
            "H" * len(crystal.kinds), scaled_positions=crystal.fractions, cell=crystal.cell, pbc=True
        ).get_all_distances(mic=True)

    assert np.abs(distances(seen) - distances(other)).max() < 1e-9
    assert len(set(other.kinds)) == len(set(seen.kinds))
    shaken = varied(seen, Augmentation(), len(SPECIES), np.random.default_rng(seed))
    assert np.linalg.norm(shaken.fractions - np.round(shaken.fractions), axis=1).min() < 1e-9


def test_labels_call_voxels_by_the_nearest_atom_and_most_by_none():
    crystals = [VIEWER.see(a) for a in some_perovskites(3)]
    batch = collate(crystals, VIEWER)
    assert batch.labels[0, 0, 0, 0] in crystals[0].kinds
    none = (batch.labels == len(SPECIES)).float().mean()
    assert 0.5 < none < 0.99
    assert np.allclose(batch.shares.sum(1), 1)
