"""Memory that ends makes chunks smaller, not answers wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from hypothesis import given, strategies as st

from ase_voxpot.engines.chunks import in_chunks
from ase_voxpot.errors import DeviceError
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from tests import laws
from tests.models import SPECIES

CPU = torch.device("cpu")


def holding(most, done):
    """Work that fails like a device with memory for ``most`` atoms."""

    def work(start, stop):
        if stop - start > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        done.extend(range(start, stop))

    return work


@given(atoms=st.integers(0, 200), size=st.integers(1, 300), most=st.integers(1, 50))
def test_every_atom_is_treated_once_and_in_order(atoms, size, most):
    done = []

    in_chunks(atoms, size, holding(most, done), device=CPU)

    assert done == list(range(atoms))


def test_no_room_for_one_atom_is_a_sentence():
    with pytest.raises(
        DeviceError, match="expected memory on cpu for one atom of 7 at a time, got too little; end what"
    ):
        in_chunks(7, 4, holding(0, []), device=CPU)


def test_other_errors_pass():
    def work(start, stop):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_chunks(3, 2, work, device=CPU)


@pytest.mark.parametrize(("kind", "route"), [("steerable", "voxels"), ("dense", None)])
def test_a_device_that_is_too_small_for_a_chunk_gives_the_same_answer(potential_of, crystal, monkeypatch, kind, route):
    potential = potential_of(kind, route=route)
    expected = potential.evaluate(crystal)
    whole = potential.representation.deposit

    def cramped(scene, like):
        if scene.pairs.atoms > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(scene, like)

    monkeypatch.setattr(potential.representation, "deposit", cramped)

    laws.same_answer(potential.evaluate(crystal), expected, laws.STRICT.equal)


def test_the_network_never_sees_more_than_a_chunk(potential_of, monkeypatch):
    """Memory beyond the pairs does not grow with the structure."""
    potential = potential_of("steerable", route="voxels")
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(4)
    species = species_indices(atoms.get_chemical_symbols(), SPECIES)
    pairs = VerletList(potential.cutoff).update(atoms)
    sizes, whole = [], potential.representation.deposit

    def watched(scene, like):
        sizes.append(scene.pairs.atoms)
        return whole(scene, like)

    monkeypatch.setattr(potential.representation, "deposit", watched)
    energies, _ = potential.of_pairs(pairs, species)

    assert sum(sizes) == len(atoms) == 128
    assert max(sizes) <= 32
    assert np.ptp(energies) < 1e-6
