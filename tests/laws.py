"""Laws that every painter, potential and calculator must keep, as functions to apply to each.

A *painter* spreads pairs over what atoms see (``voxelize``, ``descriptor``); a *model* is
anything that turns ``Atoms`` into an object with ``energy``, ``forces`` and
``stress``.  A law takes one of them with a structure and fails with the numbers that
break it; ``TOLERANCES`` says, once, how far numbers may be apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

__all__ = ["TOLERANCES", "Model", "PairSet", "Painter", "Tolerance", "turn"]


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be apart, relative to the largest of their kind."""

    same: float  # the same sum in another order
    equal: float  # the same quantity through another computation
    slope: float  # against central differences


TOLERANCES = {
    "float32": Tolerance(same=5e-6, equal=2e-5, slope=2e-3),
    "float64": Tolerance(same=1e-12, equal=1e-10, slope=1e-6),
}
STRICT = TOLERANCES["float64"]


def close(actual: Any, expected: Any, tolerance: float, *, floor: float = 1e-12) -> None:
    """Compare arrays on the scale of the largest expected number."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    scale = max(float(np.abs(expected).max(initial=0.0)), floor)
    assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def difference(f: Callable[[float], Any], step: float) -> Any:
    """Derivative of ``f`` at 0 by central differences of fourth order."""
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


# painters


@dataclass(frozen=True)
class PairSet:
    """Pairs sorted by centre, as every painter takes them."""

    offset: np.ndarray  # pair, 3
    centre: np.ndarray  # pair
    channel: np.ndarray  # pair
    atoms: int
    species: int


@dataclass(frozen=True)
class Painter:
    """The three functions of one backend, NumPy in and NumPy out."""

    name: str
    deposit: Callable[[PairSet], np.ndarray]
    gather: Callable[[np.ndarray, PairSet], np.ndarray]
    deposit_tangent: Callable[[np.ndarray, PairSet], np.ndarray]


def gather_is_the_transpose_of_deposit_tangent(painter: Painter, pairs: PairSet, rng: np.random.Generator) -> None:
    """⟨deposit_tangent(t), field⟩ = ⟨t, gather(field)⟩."""
    tangent = rng.normal(size=pairs.offset.shape)
    change = painter.deposit_tangent(tangent, pairs)
    field = rng.normal(size=change.shape)

    product = np.vdot(change, field)

    assert abs(product) > 1e-3
    assert_allclose(np.vdot(tangent, painter.gather(field, pairs)), product, rtol=STRICT.same)


def deposit_tangent_is_the_derivative_of_deposit(painter: Painter, pairs: PairSet, rng: np.random.Generator) -> None:
    """Central differences along a random direction of all neighbours."""
    tangent = rng.normal(size=pairs.offset.shape)

    numeric = difference(lambda h: painter.deposit(replace(pairs, offset=pairs.offset + h * tangent)), 1e-3)

    close(painter.deposit_tangent(tangent, pairs), numeric, 1e-8)


def order_of_neighbours_is_immaterial(painter: Painter, pairs: PairSet, rng: np.random.Generator) -> None:
    """Pairs of one atom may come in any order."""
    order = rng.permutation(len(pairs.centre))
    order = order[np.argsort(pairs.centre[order], kind="stable")]
    shuffled = replace(pairs, offset=pairs.offset[order], centre=pairs.centre[order], channel=pairs.channel[order])
    field = rng.normal(size=painter.deposit(pairs).shape)

    close(painter.deposit(shuffled), painter.deposit(pairs), STRICT.same)
    close(painter.gather(field, shuffled), painter.gather(field, pairs)[order], STRICT.same)


def neighbours_add_up(painter: Painter, pairs: PairSet) -> None:
    """The density of all neighbours is the sum of the densities of each."""
    total = np.zeros_like(painter.deposit(pairs))
    for p in range(len(pairs.centre)):
        row = slice(p, p + 1)
        one = replace(pairs, offset=pairs.offset[row], centre=pairs.centre[row], channel=pairs.channel[row])
        total += painter.deposit(one)

    close(painter.deposit(pairs), total, STRICT.same)


def species_keep_to_their_channels(painter: Painter, pairs: PairSet, *, axis: int, shells: int) -> None:
    """A neighbour shows in the channels of its species, and nowhere else."""
    first = painter.deposit(replace(pairs, channel=np.zeros_like(pairs.channel)))
    last = painter.deposit(replace(pairs, channel=np.full_like(pairs.channel, pairs.species - 1)))

    close(np.take(last, range(-shells, 0), axis), np.take(first, range(shells), axis), STRICT.same)
    assert_array_equal(np.take(first, range(shells, first.shape[axis]), axis), 0)
    assert_array_equal(np.take(last, range(first.shape[axis] - shells), axis), 0)


def nothing_is_painted_from_the_cutoff_on(painter: Painter, pairs: PairSet, cutoff: float) -> None:
    """At the cutoff a neighbour, its slope and its curvature have faded out: as (r_c - r)³."""
    direction = np.array([[0.48, 0.6, 0.64]])
    one = PairSet(direction, np.zeros(1, np.int32), np.zeros(1, np.int32), 1, pairs.species)

    def height(r: float) -> float:
        return float(np.abs(painter.deposit(replace(one, offset=r * direction))).max())

    assert height(cutoff - 1e-2) > 0
    assert_allclose(height(cutoff - 1e-3) / height(cutoff - 2e-3), 1 / 8, rtol=1e-2)
    assert height(cutoff) < 1e-30
    assert height(1.1 * cutoff) == 0
    outside = replace(one, offset=1.1 * cutoff * direction)
    assert_array_equal(painter.gather(np.ones_like(painter.deposit(outside)), outside), 0)
    assert_array_equal(painter.deposit_tangent(np.ones((1, 3)), outside), 0)


def an_empty_neighbourhood_is_empty(painter: Painter, pairs: PairSet) -> None:
    """Atoms without neighbours see nothing, whether others have some or not."""
    nobody = replace(pairs, offset=np.empty((0, 3)), centre=pairs.centre[:0], channel=pairs.channel[:0])
    lonely = replace(pairs, atoms=pairs.atoms + 1)

    empty = painter.deposit(nobody)

    assert len(empty) == pairs.atoms
    assert_array_equal(empty, 0)
    assert painter.gather(empty, nobody).shape == (0, 3)
    assert_array_equal(painter.deposit(lonely)[-1], 0)
    close(painter.deposit(lonely)[:-1], painter.deposit(pairs), STRICT.same)


def arguments_stay_as_they_are(painter: Painter, pairs: PairSet, rng: np.random.Generator) -> None:
    """No function writes to what it is given."""
    tangent = rng.normal(size=pairs.offset.shape)
    field = rng.normal(size=painter.deposit(pairs).shape)
    given = [pairs.offset, pairs.centre, pairs.channel, tangent, field]
    before = [a.copy() for a in given]

    painter.deposit(pairs)
    painter.gather(field, pairs)
    painter.deposit_tangent(tangent, pairs)

    for array, copy in zip(given, before, strict=True):
        assert_array_equal(array, copy)


def painters_agree(
    painter: Painter, other: Painter, pairs: PairSet, rng: np.random.Generator, tolerance: float = STRICT.same
) -> None:
    """Two spellings of one equation give the same numbers."""
    tangent = rng.normal(size=pairs.offset.shape)
    expected = other.deposit(pairs)
    field = rng.normal(size=expected.shape)

    close(painter.deposit(pairs), expected, tolerance)
    close(painter.gather(field, pairs), other.gather(field, pairs), tolerance)
    close(painter.deposit_tangent(tangent, pairs), other.deposit_tangent(tangent, pairs), tolerance)


# models


class Answer(Protocol):
    """What a model says of a structure."""

    energy: float
    forces: np.ndarray
    stress: np.ndarray


Model = Callable[[Atoms], Answer]


def same_answer(actual: Answer, expected: Answer, tolerance: float) -> None:
    """Energies, forces and stresses of two answers; energies on the scale of eV per atom."""
    assert_allclose(actual.energy, expected.energy, rtol=tolerance)
    close(actual.forces, expected.forces, tolerance)
    close(actual.stress, expected.stress, tolerance)


def turn(atoms: Atoms, rotation: np.ndarray) -> Atoms:
    """Structure and cell turned by the orthogonal matrix ``rotation``."""
    turned = atoms.copy()
    turned.set_cell(atoms.cell[:] @ rotation.T)
    turned.positions = atoms.positions @ rotation.T
    return turned


def translation_changes_nothing(model: Model, atoms: Atoms, tolerance: Tolerance = STRICT) -> None:
    """A shift of all atoms is no change."""
    moved = atoms.copy()
    moved.positions += (0.37, -1.21, 2.05)

    same_answer(model(moved), model(atoms), tolerance.equal)


def order_of_atoms_is_immaterial(
    model: Model, atoms: Atoms, rng: np.random.Generator, tolerance: Tolerance = STRICT
) -> None:
    """Renumbered atoms keep their forces."""
    order = rng.permutation(len(atoms))
    expected, actual = model(atoms), model(atoms[order])

    assert_allclose(actual.energy, expected.energy, rtol=tolerance.equal)
    close(actual.forces, expected.forces[order], tolerance.equal)
    close(actual.stress, expected.stress, tolerance.equal)


def lattice_vectors_wrap(model: Model, atoms: Atoms, rng: np.random.Generator, tolerance: Tolerance = STRICT) -> None:
    """Atoms moved by periodic lattice vectors are where they were."""
    moved = atoms.copy()
    moved.positions += (rng.integers(-3, 4, size=(len(atoms), 3)) * np.asarray(atoms.pbc)) @ atoms.cell[:]

    same_answer(model(moved), model(atoms), tolerance.equal)


def supercells_are_multiples(model: Model, atoms: Atoms, tolerance: Tolerance = STRICT) -> None:
    """Twice the cell, twice the energy; the same forces and stress."""
    repeats = [2 if periodic else 1 for periodic in atoms.pbc]
    expected, actual = model(atoms), model(atoms.repeat(repeats))
    count = int(np.prod(repeats))

    assert count > 1
    assert_allclose(actual.energy, count * expected.energy, rtol=tolerance.equal)
    close(actual.forces, np.tile(expected.forces, (count, 1)), tolerance.equal)
    close(actual.stress, expected.stress, tolerance.equal)


def rotation_turns_forces_and_stress(
    model: Model, atoms: Atoms, rng: np.random.Generator, tolerance: Tolerance = STRICT, *, improper: bool = False
) -> None:
    """Energies stay, forces and stress turn with the structure, mirrored or not."""
    matrix = Rotation.random(rng=rng).as_matrix() * (-1 if improper else 1)
    expected, actual = model(atoms), model(turn(atoms, matrix))

    assert_allclose(actual.energy, expected.energy, rtol=tolerance.equal)
    close(actual.forces, expected.forces @ matrix.T, tolerance.equal)
    full = matrix @ voigt_6_to_full_3x3_stress(expected.stress) @ matrix.T
    close(actual.stress, full_3x3_to_voigt_6_stress(full), tolerance.equal)


def forces_are_the_slope_of_the_energy(
    model: Model, atoms: Atoms, rng: np.random.Generator, tolerance: Tolerance = STRICT, *, step: float = 1e-3
) -> None:
    """One random direction of all atoms, then a few single coordinates."""
    forces = model(atoms).forces
    directions = [rng.normal(size=forces.shape)]
    for i in rng.choice(len(atoms), size=min(2, len(atoms)), replace=False):
        directions.append(np.zeros_like(forces))
        directions[-1][i, rng.integers(3)] = 1.0

    for direction in directions:

        def energy(h: float, direction: np.ndarray = direction) -> float:
            moved = atoms.copy()
            moved.positions += h * direction
            return model(moved).energy

        size = np.abs(forces).max() * np.linalg.norm(direction)
        assert_allclose(difference(energy, step), -np.vdot(forces, direction), rtol=0, atol=tolerance.slope * size)


def stress_is_the_slope_by_strain(
    model: Model, atoms: Atoms, tolerance: Tolerance = STRICT, *, step: float = 3e-4
) -> None:
    """All six strains, in ASE's Voigt order and with its sign."""
    stress = model(atoms).stress
    voigt = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    numeric = []
    for i, j in voigt:

        def energy(h: float, i: int = i, j: int = j) -> float:
            strain = np.eye(3)
            strain[i, j] += h / 2
            strain[j, i] += h / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell[:] @ strain, scale_atoms=False)
            moved.positions = atoms.positions @ strain
            return model(moved).energy

        numeric.append(difference(energy, step) / atoms.get_volume())

    close(stress, numeric, tolerance.slope)


def forces_sum_to_nothing(model: Model, atoms: Atoms, tolerance: Tolerance = STRICT) -> None:
    """No structure pulls itself along."""
    forces = model(atoms).forces

    assert np.abs(forces).max() > 1e-3
    assert_allclose(forces.sum(axis=0), 0, atol=tolerance.equal * np.abs(forces).max() * len(atoms))


def a_neighbour_leaves_smoothly(model: Model, symbols: tuple[str, str], cutoff: float) -> None:
    """Where a dimer parts its energy goes to that of two atoms as the third power of the distance left."""

    def bond(r: float) -> float:
        dimer = Atoms(symbols, positions=[[0, 0, 0], [0.48 * r, 0.6 * r, 0.64 * r]])
        return model(dimer).energy - alone

    alone = sum(model(Atoms(s)).energy for s in symbols)
    assert_allclose(bond(cutoff - 2e-2) / bond(cutoff - 1e-2), 8, rtol=5e-2)
    assert abs(bond(cutoff)) < 1e-9
    assert bond(cutoff + 0.1) == 0


def free_atoms_cost_their_reference(model: Model, references: dict[str, float], tolerance: Tolerance = STRICT) -> None:
    """An atom alone: the energy it was given, and no force; in a large box or in none."""
    for symbol, energy in references.items():
        for atoms in (Atoms(symbol), Atoms(symbol, cell=[30, 31, 32], pbc=True)):
            answer = model(atoms)

            assert_allclose(answer.energy, energy, rtol=tolerance.same)
            assert_array_equal(answer.forces, 0)
        assert_array_equal(answer.stress, 0)


def distant_parts_do_not_meet(model: Model, atoms: Atoms, cutoff: float, tolerance: Tolerance = STRICT) -> None:
    """Two copies far apart: twice the energy, the same forces on either."""
    one = atoms.copy()
    one.pbc = False
    other = one.copy()
    other.positions[:, 0] += np.ptp(one.positions[:, 0]) + 1.01 * cutoff
    alone, both = model(one), model(one + other)

    assert_allclose(both.energy, 2 * alone.energy, rtol=tolerance.equal)
    close(both.forces, np.concatenate([alone.forces, alone.forces]), tolerance.equal)


def structures_stay_as_they_are(model: Model, atoms: Atoms) -> None:
    """Inputs are not changed, and results of earlier calls stay as they were."""
    before = atoms.copy()
    first = model(atoms)
    kept = first.energy, first.forces.copy(), first.stress.copy()

    moved = atoms.copy()
    moved.positions *= 1.01
    model(moved)

    assert atoms == before
    assert atoms.info == before.info
    assert set(atoms.arrays) == set(before.arrays)
    assert first.energy == kept[0]
    assert_array_equal(first.forces, kept[1])
    assert_array_equal(first.stress, kept[2])


def answers_repeat(model: Model, atoms: Atoms) -> None:
    """The same question twice has the same answer, to the last bit."""
    first, second = model(atoms), model(atoms)

    assert first.energy == second.energy
    assert_array_equal(first.forces, second.forces)
    assert_array_equal(first.stress, second.stress)
