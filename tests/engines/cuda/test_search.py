"""The search on a device finds what the search on the host finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from hypothesis import given, strategies as st

from ase_voxpot.engines.cuda.cell_list import search
from ase_voxpot.engines.cuda.tables import tabulate
from ase_voxpot.neighbours.verlet import VerletList


def pairs_on_the_host(atoms, reach):
    pairs = VerletList(reach).update(atoms)
    return np.column_stack([pairs.centre, pairs.neighbour, pairs.offset])


def pairs_on_the_device(atoms, reach, candidates):
    positions = torch.from_numpy(atoms.positions.copy())
    found = search(positions, atoms.cell[:], np.array(atoms.pbc), reach, candidates=candidates)
    offset = atoms.positions[found.neighbour] - atoms.positions[found.centre] + found.shift.numpy() @ atoms.cell[:]
    assert (found.centre.diff() >= 0).all()
    return np.column_stack([found.centre, found.neighbour, offset])


def assert_same_pairs(atoms, reach, candidates=1000):
    expected, actual = pairs_on_the_host(atoms, reach), pairs_on_the_device(atoms, reach, candidates)
    assert actual.shape == expected.shape
    # images of one pair that are equally far in some direction may come in any order
    left = {tuple(row) for row in expected.round(6) + 0.0}
    assert {tuple(row) for row in actual.round(6) + 0.0} == left


@given(
    seed=st.integers(0, 2**32 - 1),
    repeat=st.tuples(*[st.integers(1, 4)] * 3),
    pbc=st.tuples(*[st.booleans()] * 3),
    reach=st.floats(2.0, 7.0),
    strain=st.floats(0, 0.2),
)
def test_any_cell(seed, repeat, pbc, reach, strain):
    rng = np.random.default_rng(seed)
    atoms = bulk("W", "bcc", a=3.2).repeat(repeat)
    atoms.set_cell(atoms.cell[:] @ (np.eye(3) + rng.normal(scale=strain, size=(3, 3))), scale_atoms=True)
    atoms.rattle(0.2, rng=rng)
    atoms.positions += rng.normal(scale=30, size=3)  # outside of the cell
    atoms.positions[0] += 3 * atoms.cell[0] - 5 * atoms.cell[2]
    atoms.pbc = pbc
    assert_same_pairs(atoms, reach)


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("W"),
        Atoms("W2", [[0, 0, 0], [0, 0, 2]]),
        Atoms("W2", [[0, 0, 0], [0, 0, 1e5]]),
        Atoms("W", cell=[2.5, 2.5, 30], pbc=(True, True, False)),
        Atoms("W3", [[0, 0, 0], [2, 0, 0], [0, 1e4, 2]], cell=[0, 0, 3], pbc=(False, False, True)),
        Atoms("W2", [[0, 0, 0], [1.2, 1.2, 1.2]], cell=[[3, 0, 0], [0, 3, 0], [0, 0, -3]], pbc=True),
    ],
    ids=["one", "two", "far", "plate", "wire", "left-handed"],
)
def test_odd_structures(atoms):
    assert_same_pairs(atoms, 5.0)


def test_many_atoms_in_a_sparse_box():
    rng = np.random.default_rng(3)
    assert_same_pairs(Atoms("W300", rng.uniform(0, 200, (300, 3)), cell=[200] * 3, pbc=True), 20.0, candidates=5000)


def test_rows_hold_the_pairs_of_their_atoms():
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat((3, 2, 2))
    atoms.rattle(0.1, seed=1)
    found = search(torch.from_numpy(atoms.positions.copy()), atoms.cell[:], np.array(atoms.pbc), 4.0)

    table = tabulate(found, len(atoms))

    assert table.neighbour.shape[1] % 4 == 0
    assert (table.filled == torch.bincount(found.centre, minlength=len(atoms))).all()
    real = torch.arange(table.neighbour.shape[1]) < table.filled[:, None]
    assert (table.neighbour[real] == found.neighbour).all()
    assert (table.shifts[table.image[real]] == found.shift).all()


def test_atoms_many_cells_away_from_each_other():
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    atoms.positions[0] += (3e6, -2e6, 1e6) @ atoms.cell[:]
    found = search(torch.from_numpy(atoms.positions.copy()), atoms.cell[:], np.array(atoms.pbc), 4.0)

    table = tabulate(found, len(atoms))

    real = torch.arange(table.neighbour.shape[1]) < table.filled[:, None]
    assert (table.shifts[table.image[real]] == found.shift).all()
    assert len(table.shifts) < 100


def test_lonely_atoms_have_empty_rows():
    atoms = Atoms("W2", [[0, 0, 0], [0, 0, 30]])
    found = search(torch.from_numpy(atoms.positions.copy()), atoms.cell[:], np.array(atoms.pbc), 4.0)

    table = tabulate(found, 2)

    assert table.filled.tolist() == [0, 0]
    assert table.neighbour.shape == table.image.shape == (2, 4)
    assert table.shifts.shape == (1, 3)
