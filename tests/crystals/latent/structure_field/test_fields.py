from __future__ import annotations

import numpy as np
import pytest
from ase.geometry import find_mic
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import SpecError
from tests.crystals.latent.structure_field.crystals import random_crystal, some_crystals
from voxpot_crystals.latent.structure_field.fields import Sources
from voxpot_crystals.latent.structure_field.flow import FlowSpec, find_atoms, particle_grid, trajectory
from voxpot_crystals.structures.lattice import (
    cell_of_gram,
    cell_of_lengths,
    lengths_and_angles,
    log_gram,
    turned_to,
)
from voxpot_crystals.structures.space import Space, open_space, torus


@given(st.integers(0, 10_000))
def test_the_nearest_atom_is_the_nearest_of_all_images(seed):
    rng = np.random.default_rng(seed)
    atoms = random_crystal(rng, 3)
    points = rng.uniform(-8, 8, (20, 3))

    vector, owner = Sources(atoms.positions, torus(atoms)).nearest(points)

    for k, point in enumerate(points):
        expected = find_mic(atoms.positions - point, atoms.cell)[1]
        assert np.linalg.norm(vector[k]) == pytest.approx(expected.min())
        assert expected[owner[k]] == pytest.approx(expected.min())


def test_in_open_space_there_are_no_images():
    sources = Sources(np.array([[0.2, 0, 0], [3.0, 0, 0]]), open_space)

    vector, owner = sources.nearest(np.array([[3.9, 0, 0], [-1.0, 0, 0]]))

    assert_allclose(vector, [[-0.9, 0, 0], [1.2, 0, 0]])
    assert owner.tolist() == [1, 0]


@pytest.mark.parametrize("atoms", some_crystals(), ids=lambda a: a.get_chemical_formula())
def test_particles_find_every_atom_of_exact_fields(atoms):
    for space in (torus(atoms), open_space):
        sources = Sources(atoms.positions, space)
        box = (atoms.positions.min(0), atoms.positions.max(0))

        found = find_atoms(lambda x, s=sources: s.nearest(x)[0], space, box=box)

        assert len(found) == len(atoms)
        rest, owner = sources.nearest(found)
        assert np.abs(rest).max() < 1e-9
        assert sorted(owner) == list(range(len(atoms)))


@given(st.integers(0, 1000))
def test_particles_find_every_atom_of_random_crystals(seed):
    atoms = random_crystal(np.random.default_rng(seed))
    sources = Sources(atoms.positions, torus(atoms))

    found = find_atoms(lambda x: sources.nearest(x)[0], torus(atoms))

    assert sorted(sources.nearest(found)[1]) == list(range(len(atoms)))


def test_an_atom_on_a_face_is_found_once():
    cell = np.eye(3) * 4.0
    sources = Sources(np.array([[0.0, 0.0, 2.0]]), Space(cell))

    found = find_atoms(lambda x: sources.nearest(x)[0], Space(cell))

    assert len(found) == 1


def test_noise_of_the_field_is_averaged_out(rng):
    atoms = some_crystals()[0]
    sources = Sources(atoms.positions, torus(atoms))

    def noisy(points):
        return sources.nearest(points)[0] + rng.normal(scale=0.05, size=points.shape)

    found = find_atoms(noisy, torus(atoms), FlowSpec(steps=8))

    assert len(found) == len(atoms)
    assert np.linalg.norm(sources.nearest(found)[0], axis=1).max() < 0.05


def test_a_field_that_leads_nowhere_has_no_atom():
    space = Space(np.eye(3) * 4.0)

    assert find_atoms(lambda x: np.full_like(x, 1.0), space, FlowSpec(steps=3)).shape == (0, 3)
    assert len(find_atoms(lambda x: np.zeros_like(x), space, FlowSpec(fewest=10_000))) == 0


def test_the_flow_ends_when_nothing_moves():
    atoms = some_crystals()[1]
    sources = Sources(atoms.positions, torus(atoms))
    start = particle_grid(torus(atoms), FlowSpec())

    ways = trajectory(lambda x: sources.nearest(x)[0], start, torus(atoms), FlowSpec())

    assert len(ways) == 3, "the start, the atoms, and the step that moves nothing"


def test_open_space_needs_a_box():
    with pytest.raises(SpecError, match="box"):
        particle_grid(open_space, FlowSpec())
    with pytest.raises(SpecError, match="positive"):
        FlowSpec(radius=0)


@given(st.integers(0, 10_000))
def test_lattices_survive_as_six_numbers(seed):
    atoms = random_crystal(np.random.default_rng(seed), 1)
    cell, lengths = np.array(atoms.cell[:]), atoms.cell.cellpar()

    for back in (cell_of_gram(log_gram(cell)), cell_of_lengths(lengths_and_angles(cell))):
        assert_allclose(lengths_and_angles(back)[:3], lengths[:3], rtol=1e-8)
        assert_allclose(np.degrees(lengths_and_angles(back)[3:]), lengths[3:], rtol=1e-6)
        assert np.linalg.det(back) > 0


@pytest.mark.parametrize("wrong", [[4, 4, 4, 0.1, 3.0, 0.1], [4, 4, -1, 1.5, 1.5, 1.5], [4, 4, 4, 1.5, 1.5, np.nan]])
def test_six_numbers_that_are_no_lattice(wrong):
    assert cell_of_lengths(np.array(wrong)) is None


def test_a_cell_is_turned_to_another(rng):
    atoms = random_crystal(rng, 1)
    turned = atoms.copy()
    turned.rotate(50, (1, 2, 3), rotate_cell=True)

    assert_allclose(turned_to(np.array(atoms.cell[:]), np.array(turned.cell[:])), turned.cell[:], atol=1e-10)
