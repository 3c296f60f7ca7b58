from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import DivergenceError
from ase_voxpot.workflows import cells


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
