"""Pairs against ASE's own search, in every cell that people bring."""

from __future__ import annotations

import numpy as np
import pytest
import vesin
from ase import Atoms
from ase.build import bcc100, bulk, molecule
from ase.neighborlist import neighbor_list
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import (
    CellError,
    EmptyStructureError,
    OverlapError,
    PositionError,
    StructureError,
    UnknownElementError,
)
from ase_voxpot.neighbours.verlet import Pairs, VerletList, check_structure, species_indices
from ase_voxpot.neighbours.workspace import Workspace

CUTOFF = 5.0
SLAB = bcc100("W", (1, 1, 5), a=3.2, vacuum=6.0)


def random_cell(cell, count=2, pbc=True, seed=0):
    scaled = np.random.default_rng(seed).random((count, 3))
    return Atoms(f"W{count}", scaled_positions=scaled, cell=cell, pbc=pbc)


STRUCTURES = {
    "primitive": bulk("W", "bcc", a=3.2),
    "cubic": bulk("W", "bcc", a=3.2, cubic=True).repeat(3),
    "smaller than the cutoff": random_cell([1.9, 2.1, 2.0]),
    "triclinic": random_cell([[2.5, 0, 0], [1.9, 2.4, 0], [-1.8, 1.7, 2.6]]),
    "left-handed": random_cell([[0, 3, 0], [3, 0, 0], [0, 0, 3]]),
    "needle": random_cell([[1.5, 0, 0], [0, 20, 0], [0.7, 3, 11]], count=6),
    "slab": SLAB,
    "slab without a third vector": Atoms(SLAB.symbols, SLAB.positions, cell=[3.2, 3.2, 0], pbc=(1, 1, 0)),
    "slab of oblique cell": random_cell([[3, 0, 0], [1.4, 3, 0], [1, 2, 5]], count=4, pbc=(1, 1, 0)),
    "wire": random_cell([2.5, 9, 9], pbc=(1, 0, 0)),
    "wire along z": random_cell([[9, 0, 0], [0, 9, 0], [1, 1, 2.7]], count=3, pbc=(0, 0, 1)),
    "wire without other vectors": Atoms("W2", [[0, 0, 0], [1, 1, 1.5]], cell=[2.5, 0, 0], pbc=(1, 0, 0)),
    "molecule": molecule("C6H6"),
    "molecule in a cell that is not periodic": random_cell([3, 3, 3], count=4, pbc=False),
    "one atom": Atoms("W"),
    "atoms outside the cell": Atoms("W2", [[50, -40, 0], [1, 1, 1.5]], cell=np.eye(3) * 3, pbc=True),
    "atoms far above a slab": Atoms("W2", [[0, 0, 0], [31, 2, -4]], cell=[3, 3, 10], pbc=(1, 1, 0)),
}


def canonical(i, j, offset):
    """Pairs in an order that does not depend on who found them."""
    order = np.lexsort((*np.round(offset.T, 6), j, i))
    return np.asarray(i)[order], np.asarray(j)[order], offset[order]


def assert_same_pairs(pairs: Pairs, atoms: Atoms, cutoff: float = CUTOFF) -> None:
    actual = canonical(pairs.centre, pairs.neighbour, pairs.offset)
    expected = canonical(*neighbor_list("ijD", atoms, cutoff))
    assert_array_equal(actual[0], expected[0])
    assert_array_equal(actual[1], expected[1])
    assert_allclose(actual[2], expected[2], atol=1e-9)


@pytest.mark.parametrize("name", STRUCTURES)
def test_pairs_are_those_of_ase(name):
    atoms = STRUCTURES[name]

    assert_same_pairs(VerletList(CUTOFF).update(atoms), atoms)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 6),
    pbc=st.tuples(*3 * [st.booleans()]),
    cutoff=st.floats(1.0, 6.0),
)
def test_pairs_are_those_of_ase_in_any_cell(seed, count, pbc, cutoff):
    rng = np.random.default_rng(seed)
    cell = rng.normal(scale=3, size=(3, 3))
    if abs(np.linalg.det(cell)) < 8:
        cell += 4 * np.eye(3)
    if abs(np.linalg.det(cell)) < 8:
        cell = 4 * np.eye(3)
    atoms = Atoms(f"W{count}", rng.normal(scale=6, size=(count, 3)), cell=cell, pbc=pbc)

    assert_same_pairs(VerletList(cutoff).update(atoms), atoms, cutoff)


def test_pairs_are_sorted_and_counted(crystal):
    pairs = VerletList(CUTOFF).update(crystal)

    assert (np.diff(pairs.centre) >= 0).all()
    assert pairs.atoms == 8
    assert len(pairs) == pairs.first[-1] == len(pairs.offset)
    for i in range(8):
        assert (pairs.centre[pairs.first[i] : pairs.first[i + 1]] == i).all()


def test_offsets_point_from_the_centre_to_the_neighbour():
    pairs = VerletList(CUTOFF).update(Atoms("W2", [[0, 0, 0], [1, 2, 3]]))

    assert_array_equal(pairs.offset[pairs.centre == 0], [[1, 2, 3]])


def test_a_part_of_the_pairs_counts_from_zero(crystal):
    pairs = VerletList(CUTOFF).update(crystal)

    part = pairs.of(3, 6)

    assert part.atoms == 3
    assert_array_equal(np.unique(part.centre), [0, 1, 2])
    assert_array_equal(part.neighbour, pairs.neighbour[pairs.first[3] : pairs.first[6]])
    assert_array_equal(part.offset, pairs.offset[pairs.first[3] : pairs.first[6]])
    assert_array_equal(part.first, pairs.first[3:7] - pairs.first[3])


def test_atoms_without_neighbours_have_empty_rows():
    pairs = VerletList(2.0).update(Atoms("W3", [[0, 0, 0], [9, 0, 0], [1, 0, 0]]))

    assert_array_equal(pairs.first, [0, 1, 1, 2])


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("W3", [[0, 0, 0], [2, 0, 0], [1e6, 0, 0]]),
        Atoms("W3", [[0, 0, 0], [3000, 3000, 3], [3000, 3000, 5]]),
        Atoms("W3", [[0, 0, 0], [0, 0, 2], [0, 0, 1e8]], cell=[3, 3, 0], pbc=[True, True, False]),
        Atoms("W3", [[0, 0, 0], [3, 2e5, -3e5], [1, 2e5, -3e5]], cell=[[0, 0, 0], [0, 4, 3], [0, 0, 0]], pbc=[0, 1, 0]),
    ],
    ids=["gone", "plate", "slab", "wire"],
)
def test_an_atom_far_away_is_no_neighbour_and_harms_nobody(atoms):
    assert_same_pairs(VerletList(CUTOFF).update(atoms), atoms)


@pytest.mark.parametrize("turns", [10, 10**4, 10**7])
def test_unwrapped_atoms_have_the_neighbours_of_wrapped_ones(crystal, rng, turns):
    expected = VerletList(CUTOFF).update(crystal)
    crystal.positions += rng.integers(-turns, turns, size=(len(crystal), 3)) @ crystal.cell.array

    pairs = VerletList(CUTOFF).update(crystal)

    actual, wanted = (np.sort(np.linalg.norm(p.offset, axis=1)) for p in (pairs, expected))
    assert_array_equal(pairs.first, expected.first)
    assert_allclose(actual, wanted, atol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_positions_may_be_numbers_of_any_kind(crystal, kind):
    crystal.positions = np.round(crystal.positions)
    expected = VerletList(CUTOFF).update(crystal)
    crystal.arrays["positions"] = crystal.positions.astype(kind)

    pairs = VerletList(CUTOFF).update(crystal)

    assert_array_equal(pairs.neighbour, expected.neighbour)
    assert_allclose(pairs.offset, expected.offset, atol=1e-12)


@pytest.mark.parametrize("edges", [(4000, 4000, 7), (7, 7, 700_000), (4000, 7, 4000)])
def test_thin_plates_and_long_wires_are_searched(edges, rng):
    near = rng.normal(scale=2, size=(6, 3))
    atoms = Atoms("W12", [*near, *(near + np.array(edges) / 2)], cell=edges, pbc=True)

    pairs = VerletList(CUTOFF).update(atoms)

    few = Atoms("W6", near, cell=np.minimum(edges, 50), pbc=True)
    expected = VerletList(CUTOFF).update(few)
    assert len(pairs) == 2 * len(expected) > 0
    actual, wanted = (canonical(p.centre, p.neighbour, p.offset)[2] for p in (pairs.of(0, 6), expected))
    assert_allclose(actual, wanted, atol=1e-9)


class TestSkin:
    """A list with a skin is as exact as one without, whatever happens between updates."""

    @pytest.fixture
    def atoms(self, crystal):
        return crystal

    @pytest.fixture
    def neighbours(self, atoms):
        neighbours = VerletList(CUTOFF, skin=0.8)
        neighbours.update(atoms)
        return neighbours

    @pytest.fixture
    def searches(self, monkeypatch):
        """How far every search reached."""
        reaches = []
        search = vesin.NeighborList
        monkeypatch.setattr(
            vesin, "NeighborList", lambda **options: reaches.append(options["cutoff"]) or search(**options)
        )
        return reaches

    def test_a_search_serves_many_steps(self, neighbours, atoms, rng, searches):
        """A search at every step would be right, and slow."""
        for _ in range(10):
            atoms.positions += rng.uniform(-0.02, 0.02, size=(8, 3))
            assert_same_pairs(neighbours.update(atoms), atoms)

        assert searches == []

    def test_a_cell_that_breathes_with_its_atoms_is_no_reason_to_search(self, neighbours, atoms, searches):
        for strain in (1.01, 0.99, 1.02):
            atoms.set_cell(atoms.cell[:] * strain, scale_atoms=True)
            assert_same_pairs(neighbours.update(atoms), atoms)

        assert searches == []

    def test_half_the_skin_is_the_limit(self, neighbours, atoms, searches):
        atoms.positions[3, 0] += 0.39
        neighbours.update(atoms)
        assert searches == []

        atoms.positions[3, 0] += 0.02
        neighbours.update(atoms)
        assert searches == [CUTOFF + 0.8]

    def test_without_a_skin_every_update_searches(self, atoms, searches):
        neighbours = VerletList(CUTOFF)
        for _ in range(3):
            neighbours.update(atoms)

        assert searches == 3 * [CUTOFF]

    def test_an_atom_that_got_lost_is_refused(self, neighbours, atoms):
        atoms.positions[5, 1] = np.nan

        with pytest.raises(PositionError, match="expected finite positions"):
            neighbours.update(atoms)

    def test_small_steps(self, neighbours, atoms, rng):
        for _ in range(30):
            atoms.positions += rng.normal(scale=0.05, size=(8, 3))
            assert_same_pairs(neighbours.update(atoms), atoms)

    def test_one_large_step_of_one_atom(self, neighbours, atoms):
        atoms.positions[2] += (1.1, -0.2, 2.0)

        assert_same_pairs(neighbours.update(atoms), atoms)

    @pytest.mark.parametrize("strain", [0.02, 0.2, -0.15])
    def test_strain_with_the_atoms(self, neighbours, atoms, strain):
        atoms.set_cell(atoms.cell[:] * (1 + strain), scale_atoms=True)

        assert_same_pairs(neighbours.update(atoms), atoms)

    @pytest.mark.parametrize("strain", [0.02, -0.1])
    def test_strain_of_the_cell_alone(self, neighbours, atoms, strain):
        """Atoms stay, their images move."""
        atoms.set_cell(atoms.cell[:] * (1 + strain))

        assert_same_pairs(neighbours.update(atoms), atoms)

    def test_slow_strain(self, neighbours, atoms):
        for _ in range(30):
            atoms.set_cell(atoms.cell[:] @ [[0.99, 0.002, 0], [0, 0.99, 0], [0, 0, 1.004]], scale_atoms=True)
            assert_same_pairs(neighbours.update(atoms), atoms)

    def test_slow_strain_of_the_cell_alone(self, neighbours, atoms):
        for _ in range(20):
            atoms.set_cell(atoms.cell[:] * 0.995)
            assert_same_pairs(neighbours.update(atoms), atoms)

    def test_atoms_that_jump_over_the_boundary(self, neighbours, atoms):
        atoms.positions += 0.3
        atoms.wrap()

        assert_same_pairs(neighbours.update(atoms), atoms)

    def test_another_number_of_atoms(self, neighbours, atoms):
        for other in (atoms[:5], atoms, atoms.repeat((1, 2, 1)), atoms[[0]]):
            assert_same_pairs(neighbours.update(other), other)

    def test_other_periodic_directions(self, neighbours, atoms):
        for pbc in ((True, True, False), False, (False, True, True), True):
            atoms.pbc = pbc
            assert_same_pairs(neighbours.update(atoms), atoms)

    def test_another_structure_of_the_same_size(self, neighbours):
        other = bulk("W", "bcc", a=3.1, cubic=True).repeat((1, 2, 2))

        assert_same_pairs(neighbours.update(other), other)

    def test_what_was_found_before_stays(self, neighbours, atoms):
        before = neighbours.update(atoms)
        kept = before.offset.copy(), before.centre.copy(), before.neighbour.copy()

        atoms.positions[0] += 0.1
        neighbours.update(atoms)

        assert_array_equal(before.offset, kept[0])
        assert_array_equal(before.centre, kept[1])
        assert_array_equal(before.neighbour, kept[2])


@pytest.mark.parametrize(
    ("atoms", "error", "sentence"),
    [
        (Atoms(), EmptyStructureError, "expected at least one atom, got an empty structure"),
        (
            Atoms("W3", [[0, 0, 0], [np.nan, 0, 0], [np.inf, 0, 0]]),
            PositionError,
            r"expected finite positions, got NaN or infinity for atom 1 \(2 in all\)",
        ),
        (Atoms("W", cell=[3, 3, np.nan], pbc=True), PositionError, "expected a finite cell, got NaN or infinity"),
        (Atoms("W", pbc=True), CellError, "the 3 periodic cell vectors must span a volume"),
        (Atoms("W", cell=[3, 0, 3], pbc=(1, 1, 0)), CellError, "the 2 periodic cell vectors must span a volume"),
        (
            Atoms("W", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True),
            CellError,
            "set the cell or switch pbc off",
        ),
        (Atoms("W2", [[0, 0, 0], [1e300, 0, 0]]), PositionError, "within 1e\\+09 Å, got 1.0e\\+300 Å"),
        (Atoms("W", cell=[1e200] * 3, pbc=True), PositionError, "within 1e\\+09 Å, got 1.0e\\+200 Å"),
        (Atoms("W", cell=[0.1] * 3, pbc=True), CellError, "the 3 periodic cell vectors must span a volume"),
        (Atoms("W", cell=[[3, 0, 0], [3, 1e-4, 0], [0, 0, 3]], pbc=True), CellError, "must span a volume"),
    ],
    ids=[
        "empty",
        "NaN position",
        "NaN cell",
        "no cell",
        "no second vector",
        "coplanar vectors",
        "huge position",
        "huge cell",
        "tiny cell",
        "nearly coplanar vectors",
    ],  # fmt: skip
)
def test_structures_that_have_no_pairs_are_refused(atoms, error, sentence):
    with pytest.raises(error, match=sentence):
        check_structure(atoms)
    with pytest.raises(StructureError, match=sentence):
        VerletList(CUTOFF).update(atoms)


@pytest.mark.parametrize("name", STRUCTURES)
def test_ordinary_structures_pass(name):
    check_structure(STRUCTURES[name])


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("W3", [[0, 0, 0], [1, 1, 1], [1, 1, 1 + 1e-5]]),
        Atoms("W3", [[9, 9, 9], [0, 1, 1], [3, 1, 1]], cell=[3, 30, 30], pbc=True),
    ],
    ids=["as they stand", "through the boundary"],
)
def test_atoms_at_the_same_place_are_refused(atoms):
    with pytest.raises(OverlapError, match=r"atoms 1 and 2 are at the same place \(.*Å apart\); move or remove one"):
        VerletList(CUTOFF).update(atoms)


def test_species_are_positions_in_the_list_of_the_model():
    indices = species_indices(["W", "Mo", "W"], ("Mo", "Ta", "W"))

    assert_array_equal(indices, [2, 0, 2])
    assert indices.dtype == np.int32


def test_foreign_elements_are_named():
    with pytest.raises(UnknownElementError, match="the model knows Mo, W, but the structure holds Fe, U; choose"):
        species_indices(["U", "Mo", "Fe", "U"], ("Mo", "W"))


def test_rows_are_counted_as_they_are_written(crystal):
    crystal.positions[3, 2] += 40  # alone, between others
    crystal.pbc = False

    pairs = VerletList(3.5).update(crystal)

    counted = Pairs(pairs.centre, pairs.neighbour, pairs.offset, pairs.atoms)
    assert_array_equal(pairs.first, counted.first)
    assert pairs.first[4] == pairs.first[3]


def test_pairs_are_kept_unless_a_scratch_takes_their_memory(crystal, rng):
    other = crystal.copy()
    other.positions += rng.normal(scale=0.05, size=other.positions.shape)
    for scratch, kept in ((None, True), (Workspace(), False)):
        search = VerletList(4.0) if scratch is None else VerletList(4.0, scratch=scratch)
        pairs = search.update(crystal)
        before = pairs.offset.copy()
        again = search.update(other)
        assert np.shares_memory(pairs.offset, again.offset) != kept
        assert np.array_equal(pairs.offset, before) == kept
        expected = VerletList(4.0).update(other)
        for name in ("centre", "neighbour", "offset", "first"):
            assert_array_equal(getattr(again, name), getattr(expected, name))
