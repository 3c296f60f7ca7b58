from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.lj import LennardJones
from ase.units import GPa
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from ase_voxpot.errors import DivergenceError
from ase_voxpot.frames.labels import labels_of, read_frames
from ase_voxpot.physics.binaries import FILE, STRAINED
from ase_voxpot.physics.references import REFERENCES
from ase_voxpot.properties.cells import at_rest, wide
from ase_voxpot.properties.elastic import (
    deformations,
    elastic_ensemble,
    elastic_regression,
    elastic_tensor,
    fit_tensor,
    strains,
)
from ase_voxpot.properties.moduli import elasticity, is_cubic, young
from ase_voxpot.structures import random_alloy
from tests.properties.bonds import Bonds


def test_springs_between_neighbours_have_the_constants_of_algebra(fcc, springs):
    found = elasticity(elastic_tensor(wide(fcc), springs))

    k, a = 2.0, 4.0
    assert_allclose([found.c11, found.c12, found.c44], np.array([2, 1, 1]) * k / a / GPa, rtol=2e-3)
    assert found.softest > 0


@pytest.mark.parametrize("fault", ["rattled", "strained", "left-handed", "skewed"])
def test_an_element_that_is_not_at_rest_has_the_constants_of_algebra_too(fcc, springs, fault):
    atoms = fcc.copy()
    if fault == "rattled":
        atoms.rattle(0.03, rng=np.random.default_rng(0))
    elif fault == "strained":
        atoms.set_cell([4.05, 4.0, 3.94], scale_atoms=True)
    elif fault == "left-handed":
        atoms.set_cell(fcc.cell[[1, 0, 2]])
    else:
        atoms.set_cell(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]]) @ fcc.cell[:])

    found = elastic_ensemble([atoms], springs)

    k, a = 2.0, 4.0
    assert is_cubic(found.rotations)
    assert_allclose([found.mean.c11, found.mean.c12, found.mean.c44], np.array([2, 1, 1]) * k / a / GPa, rtol=5e-3)


def test_a_turned_crystal_has_the_moduli_of_the_crystal(fcc, springs):
    turn = Rotation.from_rotvec([0.3, -0.5, 0.8]).as_matrix()
    turned = fcc.copy()
    turned.set_cell(fcc.cell[:] @ turn.T, scale_atoms=True)

    mine, theirs = (elastic_ensemble([atoms], springs) for atoms in (fcc, turned))

    assert not is_cubic(theirs.rotations)
    for name in ("bulk", "shear", "young", "universal"):
        assert getattr(theirs.mean, name) == pytest.approx(getattr(mine.mean, name), rel=2e-3)
    compliance = np.linalg.inv(theirs.mean.tensor)
    along = young(compliance, turn[:, :1].T)
    assert along == pytest.approx(young(np.linalg.inv(mine.mean.tensor), np.eye(3)[:1]), rel=2e-3)


def test_stresses_that_jump_have_no_slope(fcc):
    """Springs that change their length under the smallest strain, as ions of an unstable crystal do."""

    class Jumping(Bonds):
        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            strained = abs(self.atoms.get_volume() / len(self.atoms) - 16) > 1e-3
            self.results["stress"] = self.results["stress"] + 0.05 * strained

    with pytest.raises(DivergenceError, match="expected stresses that grow in proportion to strain"):
        elastic_tensor(wide(fcc), Jumping(4 / np.sqrt(2), stiffness=0.01))


def test_pairs_obey_the_relation_of_cauchy():
    crystal = at_rest(bulk("Ar", "fcc", a=5.2, cubic=True), LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0))

    found = elasticity(elastic_tensor(wide(crystal), LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0)))

    assert found.c12 == pytest.approx(found.c44, rel=5e-3)
    assert found.c11 > found.c12


def test_a_regression_over_small_strains_gives_the_constants_of_algebra(fcc, springs):
    found = elasticity(elastic_regression(wide(fcc), springs, sizes=(-0.002, 0.002)))

    k, a = 2.0, 4.0
    assert_allclose([found.c11, found.c12, found.c44], np.array([2, 1, 1]) * k / a / GPa, rtol=2e-3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_line_through_stresses_is_found_with_what_the_crystal_bears_at_rest(seed):
    rng = np.random.default_rng(seed)
    tensor = rng.normal(size=(6, 6))
    tensor += tensor.T
    gradients = deformations([-0.1, 0.05, 0.1])
    green = (np.swapaxes(gradients, 1, 2) @ gradients - np.eye(3)) / 2
    voigt = np.array([[e[0, 0], e[1, 1], e[2, 2], 2 * e[1, 2], 2 * e[0, 2], 2 * e[0, 1]] for e in green])

    assert_allclose(fit_tensor(gradients, voigt @ tensor + rng.normal(size=6)), tensor, atol=1e-9)


def test_deformations_are_stretches_and_shears():
    gradients = deformations([-0.1, 0.1])

    assert_allclose(np.linalg.det(gradients), [1, 0.9, 1.1, 0.9, 1.1, 0.9, 1.1, *[1] * 6])


@pytest.fixture(scope="module")
def strained():
    """By metal: gradients, stresses in GPa and magnitudes of the strained cells of the data."""
    frames = [a for a in read_frames(Path(os.environ["VOXPOT_DATA"]) / FILE) if STRAINED in a.info["config_type"]]
    out = {}
    for symbol in ("Mo", "Ta", "W"):
        chosen = [a for a in frames if a.info["config_type"] == symbol + STRAINED]
        size = np.array([abs(float(a.info["note"].rpartition("--")[2])) for a in chosen])
        rest = chosen[int(size.argmin())].cell[:]
        gradients = np.array([np.linalg.solve(rest, a.cell[:]).T for a in chosen])
        out[symbol] = gradients, np.array([label.stress for label in labels_of(chosen)]) / GPa, size
    return out


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="VOXPOT_DATA does not name the data sets")
@pytest.mark.parametrize(("reach", "row"), [(0.1, "_finite"), (0.02, "")])
@pytest.mark.parametrize("symbol", ["Mo", "Ta", "W"])
def test_first_principles_stresses_give_the_references(strained, symbol, reach, row):
    gradients, stresses, size = strained[symbol]
    near = size < reach + 1e-6

    found = elasticity(fit_tensor(gradients[near], stresses[near]))

    for name, value in (("C11", found.c11), ("C12", found.c12), ("C44", found.c44)):
        assert value == pytest.approx(REFERENCES[symbol][name + row].value, abs=1.0)


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="VOXPOT_DATA does not name the data sets")
@pytest.mark.parametrize("symbol", ["Mo", "Ta", "W"])
def test_the_strained_cells_of_the_data_are_the_deformations_used(strained, symbol):
    gradients, _, _ = strained[symbol]

    def metrics(of):  # what remains when a cell is turned
        return (np.swapaxes(of, 1, 2) @ of).reshape(-1, 9)

    distances = np.abs(metrics(gradients)[:, None] - metrics(deformations())).max(axis=2)
    assert sorted(distances.argmin(axis=1)) == list(range(121))
    assert distances.min(axis=1).max() < 1e-3


def test_decorations_of_one_alloy_have_a_mean_and_an_error(bcc, two_shells, rng):
    alloys = [random_alloy("bcc:MoW", repeat=2, constant=3.2, rng=rng) for _ in range(3)]
    steps = []

    found = elastic_ensemble(alloys, two_shells, like=bcc, observe=lambda: steps.append(1))

    assert len(steps) == 3 * strains(None)
    assert found.mean.c11 == pytest.approx(np.mean([m.c11 for m in found.members]))
    assert found.error("c11") == pytest.approx(np.std([m.c11 for m in found.members], ddof=1) / np.sqrt(3))
    assert found.error("c11") < 0.01 * found.mean.c11  # springs do not know their atoms


def test_a_single_structure_has_no_error(fcc, springs):
    found = elastic_ensemble([fcc], springs)

    k, a = 2.0, 4.0
    assert_allclose([found.mean.c11, found.mean.c12, found.mean.c44], np.array([2, 1, 1]) * k / a / GPa, rtol=2e-3)
    assert found.error("c11") is None
    assert len(found.cells[0]) == 108
