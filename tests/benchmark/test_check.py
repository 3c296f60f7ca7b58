"""The reference reaches the same answer in another way, and wrong answers are seen."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.benchmark.check import LEAST_STRESS, TOLERANCE, deviation, reference
from ase_voxpot.errors import ConfigError, DivergenceError
from tests import laws


@pytest.mark.parametrize("kind", ["steerable", "plain", "dense"])
def test_the_reference_is_the_potential_in_another_way(potential_of, crystal, kind):
    potential = potential_of(kind)

    expected = reference(potential, crystal)

    laws.same_answer(potential.evaluate(crystal), expected, laws.STRICT.equal)


def test_the_reference_is_double_precision(potential_of, crystal):
    with pytest.raises(ConfigError, match=r"the reference needs float64 on the CPU, got float32 on cpu"):
        reference(potential_of("steerable", "float32"), crystal)


def answer(potential, atoms):
    result = potential.evaluate(atoms)
    return result.energy, result.forces, result.stress


def test_a_supercell_is_checked_by_its_tile(potential_of, crystal):
    potential = potential_of("steerable")

    found = deviation(*answer(potential, crystal.repeat(2)), reference(potential, crystal), copies=8)

    assert found.worst < 1e-10
    assert found.acceptable


@pytest.mark.parametrize("which", ["energy", "forces", "stress"])
def test_a_small_error_anywhere_is_seen(potential_of, crystal, which):
    potential = potential_of("steerable")
    energy, forces, stress = answer(potential, crystal.repeat((2, 2, 1)))
    if which == "energy":
        energy *= 1 + 2 * TOLERANCE
    elif which == "forces":
        forces[-1] += 2 * TOLERANCE * np.abs(forces).max()
    else:
        stress[5] += 2 * TOLERANCE * max(np.abs(stress).max(), LEAST_STRESS)

    found = deviation(energy, forces, stress, reference(potential, crystal), copies=4)

    assert not found.acceptable
    assert_allclose(getattr(found, which), 2 * TOLERANCE, rtol=1e-2)


def test_an_answer_that_is_no_number_is_refused(potential_of, crystal):
    potential = potential_of("dense")
    energy, forces, stress = answer(potential, crystal)
    forces[3, 1] = np.nan

    with pytest.raises(DivergenceError, match="expected finite energy, forces and stress"):
        deviation(energy, forces, stress, reference(potential, crystal))
