from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import DivergenceError
from ase_voxpot.properties import cells


@pytest.mark.parametrize("width", [3.0, 9.0, 12.5])
def test_a_cell_is_widened_between_its_faces(width):
    thin = bulk("Cu", a=3.6)  # whose faces are nearer than its vectors are long

    wide = cells.wide(thin, width)

    heights = 1 / np.linalg.norm(wide.cell.reciprocal(), axis=1)
    assert (heights >= width - 1e-9).all()
    assert (heights < width + 1 / np.linalg.norm(thin.cell.reciprocal(), axis=1)).all()


def test_a_cell_is_widened_only_where_asked(bcc):
    assert_allclose(cells.wide(bcc, 9.0, axes=(0, 1)).cell.lengths(), [9.6, 9.6, 3.2])


@pytest.mark.parametrize("factor", [0.96, 1.0, 1.05])
def test_a_crystal_comes_to_rest_where_its_bonds_have_their_length(fcc, springs, factor):
    rest = cells.at_rest(cells.scaled(fcc, factor), springs)

    assert_allclose(rest.cell.lengths(), 4.0, atol=1e-5)
    assert len(rest) == len(fcc)


def test_without_an_equilibrium_there_is_a_sentence(fcc, springs):
    with pytest.raises(DivergenceError, match="no volume without pressure"):
        cells.at_rest(cells.scaled(fcc, 1.4), springs)


def test_a_relaxation_leaves_its_start_alone(fcc, springs):
    rattled = cells.wide(fcc)
    rattled.rattle(0.05, rng=np.random.default_rng(0))
    before = rattled.positions.copy()

    rest = cells.relaxed(rattled, springs)

    assert_allclose(rattled.positions, before)
    assert rattled.calc is None
    assert rest.get_potential_energy() == pytest.approx(-3.0 * len(rest), abs=1e-4)


def test_a_relaxation_that_does_not_end_is_an_error(fcc, springs, monkeypatch):
    monkeypatch.setattr(cells, "STEPS", 1)
    rattled = cells.wide(fcc)
    rattled.rattle(0.05, rng=np.random.default_rng(0))

    with pytest.raises(DivergenceError, match="did not relax"):
        cells.relaxed(rattled, springs)


@pytest.mark.parametrize("basis", [[1, 0, 2], [2, 1, 0]])
def test_a_left_handed_cell_becomes_right_handed_and_stays_the_same_crystal(fcc, springs, basis):
    left = cells.scaled(fcc, 1.02)
    left.set_cell(left.cell[basis])
    assert np.linalg.det(left.cell[:]) < 0

    right = cells.compact(left)

    assert np.linalg.det(right.cell[:]) > 0
    assert_allclose(right.positions, left.positions)
    assert cells.energy_per_atom(right, springs) == pytest.approx(cells.energy_per_atom(left, springs))


def test_a_skewed_cell_gets_the_shortest_vectors(fcc, springs):
    skewed = cells.scaled(fcc, 1.02)
    skewed.set_cell(np.array([[1, 0, 0], [3, 1, 0], [0, -4, 1]]) @ skewed.cell[:])

    found = cells.compact(skewed)

    assert_allclose(found.cell.lengths(), 4.08)
    assert cells.energy_per_atom(found, springs) == pytest.approx(cells.energy_per_atom(skewed, springs))


def test_an_element_on_its_sites_is_only_scaled(fcc, springs, monkeypatch):
    monkeypatch.setattr(cells, "relaxed", None)

    assert_allclose(cells.to_rest(cells.scaled(fcc, 1.03), springs).cell.lengths(), 4.0, atol=1e-5)


def test_an_element_off_its_sites_or_in_a_cell_of_another_shape_is_relaxed(fcc, springs):
    rattled, strained = cells.wide(fcc), fcc.copy()
    rattled.rattle(0.05, rng=np.random.default_rng(0))
    strained.set_cell(fcc.cell[:] @ (np.eye(3) + np.diag([0.02, -0.01, 0]) + 0.01), scale_atoms=True)

    for atoms in (rattled, strained):
        rest = cells.to_rest(atoms, springs, fmax=1e-3)
        assert cells.energy_per_atom(rest, springs) == pytest.approx(-3.0, abs=1e-4)
        metric = rest.cell[:] @ rest.cell[:].T
        assert_allclose(metric, np.diag([metric[0, 0]] * 3), atol=0.02)
