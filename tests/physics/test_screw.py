"""Screw dislocations: what the field of a dipole is, and what symmetry says of cores and paths."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import ConfigError
from ase_voxpot.physics import screw
from ase_voxpot.properties.cells import at_rest, element

EDGE = 3.2
BURGERS = EDGE * np.sqrt(3) / 2


@pytest.fixture(scope="module")
def crystal():
    return bulk("W", "bcc", a=EDGE, cubic=True)


@pytest.fixture(scope="module")
def calculator():
    return VoxPotCalculator("motaw-fast", device="cpu")


@pytest.fixture(scope="module")
def found(calculator):
    return screw.screw_dislocation(at_rest(element("W"), calculator), calculator)


def circuit(atoms, perfect, centre):
    """Sum of the displacements between neighbouring strings on a loop around a point, of whole bonds of the crystal."""
    where = perfect.positions[:, :2] - [centre.real, centre.imag]
    ring = np.flatnonzero(np.hypot(*where.T) < 1.9 * EDGE)
    ring = ring[np.hypot(*where[ring].T) > 1.2 * EDGE]
    ring = ring[np.argsort(np.arctan2(*where[ring].T))]
    moved = (atoms.positions - perfect.positions)[ring, 2]
    steps = np.diff(moved, append=moved[0])
    return float((steps - BURGERS * np.round(steps / BURGERS)).sum())


@pytest.mark.parametrize("hard", [False, True])
def test_around_a_core_the_crystal_is_a_burgers_vector_off(crystal, hard):
    perfect, edge = screw._perfect(crystal)
    atoms = screw.dipole(crystal, hard=hard)

    first, second = (circuit(atoms, perfect, core) for core in screw._cores(edge))

    assert first == pytest.approx(-second, abs=1e-9)
    assert abs(first) == pytest.approx(BURGERS)
    assert circuit(atoms, perfect, screw._cores(edge)[0] + 3 * edge) == pytest.approx(0, abs=1e-9)


def test_the_cell_continues_the_field_of_its_images(crystal):
    atoms = screw.dipole(crystal)

    centre, distance = neighbor_list("id", atoms, 1.12 * BURGERS)

    assert len(atoms) == screw.COLUMNS * screw.ROWS
    assert distance.min() > 0.9 * BURGERS
    cores = np.array(screw._cores(EDGE * np.sqrt(6) / 3))
    strained = atoms[np.bincount(centre) != 8].positions @ [1, 1j, 0]
    places = cores[:, None] + [0, *(atoms.cell[:2] @ [1, 1j, 0]), *(-atoms.cell[:2] @ [1, 1j, 0])]
    assert 0 < len(strained) < 40
    assert abs(strained[:, None, None] - places).min((1, 2)).max() < 7  # of no seam


def test_a_valley_is_as_deep_as_the_next(found):
    assert found.path[[0, -1]] == pytest.approx(0, abs=5e-4)
    assert found.path == pytest.approx(found.path[::-1], abs=2e-3)
    assert found.barrier == found.path[3]  # one hump, half way


def test_tungsten_has_a_compact_core(found):
    """PBE: a barrier of 80 to 100 meV per Burgers vector, no polarity."""
    assert 0.06 < found.barrier < 0.12
    assert found.hard > 0.05
    assert found.shift < 0.02


def test_a_core_that_is_pushed_along_itself_has_a_polarity(crystal):
    """So that a core without one after relaxation has lost it."""
    for step in (0, 1):
        pushed = screw._pushed(crystal, step).positions - screw.dipole(crystal, step=step).positions

        assert np.count_nonzero(pushed) == 6
        assert pushed.max() == pytest.approx(screw.PUSH * BURGERS)
    assert screw._shift(crystal, screw._pushed(crystal, 0)) > 0.9 * screw.PUSH


def test_cores_of_both_kinds_have_one_far_field(crystal):
    easy, hard = (screw.dipole(crystal, hard=hard).positions[:, 2] for hard in (False, True))
    perfect, _ = screw._perfect(crystal)

    assert easy - perfect.positions[:, 2] == pytest.approx(perfect.positions[:, 2] - hard)


@pytest.mark.parametrize(
    ("crystal", "named"),
    [(bulk("W", "bcc", a=EDGE), "W with"), (bulk("NaCl", "cesiumchloride", a=EDGE), "ClNa"), (bulk("W") * 2, "W8")],
)
def test_other_cells_are_refused(crystal, named):
    with pytest.raises(ConfigError, match=f"expected the cubic bcc cell of two atoms of one element, got {named}"):
        screw.dipole(crystal)
