"""The potential as a C function: the numbers of ``Potential``, without Python between."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.engines.cpu.cfunction import PROTOTYPE, NativePass
from ase_voxpot.neighbours.verlet import VerletList, species_indices


def ask(native, pairs, species, *, forces=True):
    """Call it as C does; what it returned, energies and derivatives."""
    species = np.ascontiguousarray(species, np.int32)
    channel, offset = species[pairs.neighbour], np.ascontiguousarray(pairs.offset)
    energies, gradient = np.full(pairs.atoms, np.nan), np.full((len(pairs), 3), np.nan)
    arrays = species, pairs.first, channel, offset, energies, gradient
    result = PROTOTYPE(native.address)(
        native.reserve(0), pairs.atoms, len(pairs), forces, *(a.ctypes.data for a in arrays)
    )
    return result, energies, gradient


@pytest.fixture
def scene(crystal):
    """Pairs of a crystal with two atoms inside their repulsion, and its species."""
    return lambda potential: (
        VerletList(potential.cutoff).update(crystal),
        species_indices(list(crystal.symbols), potential.spec.species),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_says_what_the_potential_says(potential_of, scene, dtype):
    potential = potential_of("steerable", dtype)
    pairs, species = scene(potential)
    energies, gradient = potential.of_pairs(pairs, species)

    result, *answer = ask(NativePass(potential.engine, potential.baseline), pairs, species)

    assert result == 0
    assert_allclose(answer[0], energies, rtol=1e-14)
    assert_allclose(answer[1], gradient, rtol=1e-14, atol=1e-14 * np.abs(gradient).max())


def test_without_forces_it_leaves_their_array_alone(potential_of, scene):
    potential = potential_of("steerable")
    pairs, species = scene(potential)
    native = NativePass(potential.engine, potential.baseline)
    expected = ask(native, pairs, species)[1]

    result, energies, gradient = ask(native, pairs, species, forces=False)

    assert result == 0
    assert_array_equal(energies, expected)
    assert np.isnan(gradient).all()


def test_atoms_with_more_neighbours_than_there_is_room_for_are_told_not_computed(potential_of, crystal):
    potential = potential_of("steerable")
    native = NativePass(potential.engine, potential.baseline)
    crystal.set_cell(crystal.cell[:] * 0.65, scale_atoms=True)
    pairs = VerletList(potential.cutoff).update(crystal)
    species = species_indices(list(crystal.symbols), potential.spec.species)

    most, energies, _ = ask(native, pairs, species)

    assert most == np.diff(pairs.first).max() > 64
    assert np.isnan(energies).all()
    native.reserve(most)
    result, energies, _ = ask(native, pairs, species)
    assert result == 0
    assert_allclose(energies, potential.of_pairs(pairs, species)[0], rtol=1e-14)
