from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError
from ase_voxpot.md.trajectories import (
    diffusion_coefficient,
    mean_squared_displacement,
    shells,
    unwrap,
    velocities,
    velocity_autocorrelation,
    vibrational_density,
    without_drift,
)


def cells(cell, frames):
    return np.repeat(np.asarray(cell, float)[None], frames, axis=0)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_wrapped_paths_are_found_again(seed):
    rng = np.random.default_rng(seed)
    cell = 6 * np.eye(3) + rng.normal(scale=0.7, size=(3, 3))
    path = np.cumsum(rng.uniform(-0.7, 0.7, size=(60, 5, 3)), axis=0)
    wrapped = (path @ np.linalg.inv(cell) % 1.0) @ cell

    found = unwrap(wrapped, cells(cell, 60))

    assert_allclose(found - found[:1], path - path[:1], atol=1e-9)


def test_jumps_by_whole_cells_are_nothing(rng):
    positions = np.repeat(rng.uniform(size=(1, 4, 3)), 20, axis=0)
    jumps = 5 * rng.integers(-3, 4, size=positions.shape)
    assert_allclose(unwrap(positions + jumps, cells(5 * np.eye(3), 20)) - (positions + jumps)[:1], 0, atol=1e-12)


def test_a_breathing_cell_carries_no_atom_along():
    size = 5 + np.sin(np.arange(30.0))
    breathing = size[:, None, None] * np.eye(3)
    positions = np.array([[[0.1, 0.5, 0.9]]]) @ breathing
    assert_allclose(unwrap(positions, breathing), np.repeat(positions[:1], 30, axis=0), atol=1e-12)


def test_a_step_of_half_a_cell_is_refused():
    positions = np.zeros((3, 1, 3))
    positions[2, 0, 0] = 2.4
    with pytest.raises(DataError, match="frame 2: an atom moved by 0.48 of the cell"):
        unwrap(positions, cells(5 * np.eye(3), 3))


def test_the_centre_of_mass_stays(rng):
    path, masses = rng.normal(size=(9, 4, 3)), np.array([1.0, 2.0, 3.0, 4.0])
    left = without_drift(path + np.arange(9.0)[:, None, None], masses)
    assert_allclose(np.einsum("fai,a->fi", left, masses), np.repeat([path[0].T @ masses], 9, axis=0))


def test_msd_of_uniform_motion_is_a_parabola():
    time = np.arange(50.0)
    path = time[:, None, None] * np.array([[[1.0, 2.0, 2.0], [0.0, 3.0, 0.0]]])
    assert_allclose(mean_squared_displacement(path), 9 * time**2, atol=1e-8)


def test_msd_is_the_mean_over_all_origins(rng):
    path = np.cumsum(rng.normal(size=(17, 3, 3)), axis=0)
    plain = [((path[lag:] - path[: 17 - lag]) ** 2).sum(axis=2).mean() for lag in range(17)]
    assert_allclose(mean_squared_displacement(path), plain, atol=1e-10)


def test_a_random_walk_diffuses_as_einstein_says(rng):
    # steps of variance s² per component every 2 fs: D = s² / (2 Δt)
    path = np.cumsum(rng.normal(scale=0.1, size=(500, 3000, 3)), axis=0)
    rate = diffusion_coefficient(mean_squared_displacement(path), interval=2.0)
    assert_allclose(rate, 0.1**2 / (2 * 0.002), rtol=0.03)


def test_too_short_a_curve_has_no_diffusion():
    with pytest.raises(DataError, match="at least 20 frames"):
        diffusion_coefficient(np.arange(19.0), interval=1.0)


def oscillator(frequency, frames=4000, interval=2.0):
    """Three atoms, out of phase, at ``frequency`` THz."""
    angle = 2 * np.pi * frequency * np.arange(frames) * interval / 1000
    return 0.1 * np.cos(angle[:, None, None] + np.array([0.0, 1.0, 2.0])[None, :, None] * np.ones(3))


def test_the_velocity_of_an_oscillator_is_correlated_as_a_cosine():
    speed = velocities(oscillator(5.0), interval=2.0)
    found = velocity_autocorrelation(speed, np.ones(3))
    assert_allclose(found[:400], np.cos(2 * np.pi * 5.0 * np.arange(400) * 0.002), atol=2e-3)


def test_velocities_are_smaller_by_the_known_factor():
    speed, omega = velocities(oscillator(5.0), interval=2.0), 2 * np.pi * 5e-3
    factor = np.sin(omega * 2.0) / (omega * 2.0)
    assert_allclose(speed.max(), 0.1 * omega * factor, rtol=1e-3)


@pytest.mark.parametrize("frequency", [3.0, 7.5])
def test_the_density_of_states_of_an_oscillator_is_one_peak_of_unit_area(frequency):
    found = velocity_autocorrelation(velocities(oscillator(frequency), interval=2.0), np.ones(3))
    where, density = vibrational_density(found, interval=2.0)
    assert_allclose(where[density.argmax()], frequency, atol=0.05)
    assert_allclose(np.trapezoid(density, where), 1.0)
    assert density[np.abs(where - frequency) > 2.5].max() < 0.02 * density.max()


def test_an_ideal_gas_has_no_structure(rng):
    positions = rng.uniform(0, 20, size=(20, 400, 3))
    found = shells(positions, cells(20 * np.eye(3), 20), ["Mo"] * 300 + ["W"] * 100, width=0.5)
    beyond = found.radius > 2
    for pair, atoms in (("all", 400), ("Mo-Mo", 300), ("Mo-W", np.inf), ("W-W", 100)):
        # an atom is no neighbour of itself
        assert_allclose(found.rdf[pair][beyond], 1 - 1 / atoms, atol=0.06)
    assert_allclose(found.rdf["all"][beyond].mean(), 1 - 1 / 400, atol=5e-3)


def test_the_shells_of_bcc():
    atoms = bulk("W", "bcc", a=3.0, cubic=True).repeat(2)
    found = shells(atoms.positions[None], atoms.cell[None], ["W"] * 16, cutoff=5.5, width=0.02)
    filled = np.flatnonzero(found.rdf["all"])
    volume = 4 / 3 * np.pi * ((filled + 1) ** 3 - filled**3) * 0.02**3
    neighbours = found.rdf["all"][filled] * volume * 16 / atoms.get_volume()
    assert_allclose(found.radius[filled], 3 * np.sqrt([0.75, 1, 2, 2.75, 3]), atol=0.011)
    assert_allclose(neighbours, [8, 6, 12, 24, 8])


def test_bonds_and_angles_of_bcc():
    atoms = bulk("W", "bcc", a=3.0, cubic=True).repeat(2)
    found = shells(atoms.positions[None], atoms.cell[None], ["W"] * 16, bond=2.8)
    assert found.coordination == 8
    # eight bonds to the corners of a cube: 12 pairs along edges, 12 across faces, 4 through the body
    seen = np.flatnonzero(found.angles)
    assert_allclose(found.angle[seen], np.degrees(np.arccos([1 / 3, -1 / 3, -1])), atol=0.6)
    assert_allclose(found.angles[seen], np.array([12, 12, 4]) / 28)


def test_the_first_minimum_lies_between_the_shells_of_fcc(rng):
    atoms = bulk("Al", "fcc", a=4.0, cubic=True).repeat(3)
    positions = atoms.positions + rng.normal(scale=0.08, size=(5, len(atoms), 3))
    found = shells(positions, cells(atoms.cell, 5), ["Al"] * len(atoms))
    assert 3.1 < found.bond < 3.8
    assert_allclose(found.coordination, 12, atol=0.05)


def test_the_order_of_elements_does_not_matter(rng):
    positions = rng.uniform(0, 6, size=(3, 20, 3))
    kinds = np.array(["Mo"] * 12 + ["W"] * 8)
    order = rng.permutation(20)
    one = shells(positions, cells(6 * np.eye(3), 3), list(kinds))
    two = shells(positions[:, order], cells(6 * np.eye(3), 3), list(kinds[order]))
    assert list(one.rdf) == ["all", "Mo-Mo", "Mo-W", "W-W"]
    for pair, curve in one.rdf.items():
        assert_allclose(two.rdf[pair], curve)
