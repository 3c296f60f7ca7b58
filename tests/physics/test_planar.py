"""Stacking faults, boundaries and the stiffness of one atom: what symmetry and a spring say of them."""

from __future__ import annotations

import numpy as np
import pytest

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import ConfigError
from ase_voxpot.physics import planar
from ase_voxpot.physics.planar import stacking_fault, tilt_boundary
from ase_voxpot.physics.stiffness import self_force_constant
from ase_voxpot.properties.cells import at_rest, element


@pytest.fixture(scope="module")
def calculator():
    return VoxPotCalculator("motaw-fast", device="cpu")


@pytest.fixture(scope="module")
def tungsten(calculator):
    return at_rest(element("W"), calculator)


def test_a_fault_begins_and_ends_with_the_perfect_crystal(tungsten, calculator):
    found = stacking_fault(tungsten, calculator, "110", points=5)

    assert found.energy[[0, -1]] == pytest.approx(0, abs=1e-3)
    assert found.energy[1] == pytest.approx(found.energy[3], rel=1e-2)  # a mirror plane lies across the shift
    assert found.unstable == found.energy[2] > found.energy[1] > 0


def test_shears_in_and_against_the_sense_of_twins_differ(tungsten, calculator):
    found = stacking_fault(tungsten, calculator, "112", points=5)

    assert found.energy[[0, -1]] == pytest.approx(0, abs=1e-3)
    assert abs(found.energy[1] - found.energy[3]) > 0.01


def test_a_twin_costs_less_than_a_boundary_of_large_angle(tungsten, calculator):
    twin, large = (tilt_boundary(tungsten, calculator, name, translations=(1, 2)) for name in ("S3_112", "S5_310"))

    assert 0 < twin < large


@pytest.mark.parametrize("model", ["motaw", "motaw-fast", "nbmotaw"])
def test_boundaries_of_tantalum_cost_what_the_teacher_says(model):
    """0.38 and 1.48 J/m²: the NEP of Liu et al. (2024).  Where a model has a hole, atoms at a boundary fall into it."""
    calculator = VoxPotCalculator(model, device="cpu")
    tantalum = at_rest(element("Ta"), calculator)

    twin, large = (tilt_boundary(tantalum, calculator, name) for name in ("S3_112", "S5_310"))

    assert twin == pytest.approx(0.38, abs=0.06)
    assert large == pytest.approx(1.48, abs=0.2)


def test_a_plane_of_symmetry_is_no_boundary(tungsten, calculator, monkeypatch):
    monkeypatch.setitem(planar.BOUNDARIES, "S1_100", ((0, 1, 0), (0, 0, 1), (1, 0, 0)))

    assert tilt_boundary(tungsten, calculator, "S1_100", translations=(1, 1)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("work", [stacking_fault, tilt_boundary])
def test_what_is_unknown_is_refused(work, tungsten, calculator):
    with pytest.raises(ConfigError, match=r"expected the cubic bcc cell of two atoms and one of .*, got 2 atoms"):
        work(tungsten, calculator, "123")
    with pytest.raises(ConfigError, match="got 16 atoms"):
        work(tungsten.repeat(2), calculator, "110")


def test_a_spring_is_as_stiff_as_the_neighbours_make_it(fcc, springs):
    crystal = fcc.repeat(2)

    found = self_force_constant(crystal, springs, 1e-4)

    # 12 springs of stiffness k along unit vectors n: Σ k n_x² = 4 k
    assert found == pytest.approx(4 * springs.stiffness, rel=1e-5)


def test_a_displacement_of_nothing_is_refused(fcc, springs):
    with pytest.raises(ConfigError, match="expected a positive length"):
        self_force_constant(fcc, springs, 0.0)


def test_a_fault_of_a_crystal_of_another_kind_is_refused(fcc, springs):
    with pytest.raises(ConfigError, match="got 4 atoms"):
        stacking_fault(fcc, springs, "110")


def test_atoms_move_along_the_normal_only(tungsten, calculator):
    rigid = stacking_fault(tungsten, calculator, "110", points=3, fmax=50.0)
    free = stacking_fault(tungsten, calculator, "110", points=3)

    assert free.unstable < rigid.unstable
    assert np.isfinite(free.energy).all()
