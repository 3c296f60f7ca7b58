"""A crystal is found again from the latent vector that an encoder gives it, whatever its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import bulk

from voxpot_crystals.latent.decoded import Decoded
from voxpot_crystals.latent.structure_field import load_codec
from voxpot_crystals.latent.structure_field.inversion import SOLVED, Inversion, Stage, trial_of
from voxpot_crystals.latent.structure_field.search import find_crystal, other_elements, with_better_elements
from voxpot_crystals.latent.trust import latent_gaps
from voxpot_crystals.regression.hirshfeld.views import perovskite


@pytest.fixture(scope="module")
def codec():
    return load_codec("nesf-lcs6a")


def seen_as_trial(codec, atoms):
    """The crystal as a trial, and its latent vector."""
    (seen,) = codec.see([atoms])
    return trial_of(seen.positions, seen.kinds, seen.cell, seen.lattice), codec.encode([seen])[0]


def off(trial, rng, atoms=0.03, lattice=0.01):
    shaken = rng.normal(scale=atoms, size=trial.fractions.shape) @ np.linalg.inv(trial.cell)
    shaken[0] = 0
    return replace(trial, fractions=trial.fractions + shaken, lattice=trial.lattice + rng.normal(scale=lattice, size=6))


def test_the_encoded_crystal_itself_has_no_gap(codec):
    trial, latent = seen_as_trial(codec, perovskite("Sr", "Ti", "O", 3.91))
    assert Inversion(codec.network, latent).gap(trial) < 1e-5


def test_descents_come_back_to_the_encoded_crystal(codec, rng):
    for atoms in (perovskite("Sr", "Ti", "O", 3.91), bulk("NaCl", "rocksalt", a=5.64, cubic=True)):
        trial, latent = seen_as_trial(codec, atoms)
        gap, found = Inversion(codec.network, latent).refine(off(trial, rng))
        assert gap < SOLVED
        assert np.abs((found.fractions - trial.fractions) @ trial.cell).max() < 2e-3
        assert np.abs(found.lattice - trial.lattice).max() < 1e-3


def test_a_descent_never_raises_the_gap(codec, rng):
    trial, latent = seen_as_trial(codec, perovskite("K", "Mg", "F", 3.99))
    inversion, start = Inversion(codec.network, latent), off(trial, rng, atoms=0.1)
    before = inversion._remainders(
        start.fractions[None], start.kinds[None], start.lattice[None], inversion._shells(start, 0.9), 0.15
    )
    after = inversion.descend(start, Stage(steps=1, margin=0.9, width=0.15))
    remainder = inversion._remainders(
        after.fractions[None], after.kinds[None], after.lattice[None], inversion._shells(after, 0.9), 0.15
    )
    assert np.abs(remainder).mean() < np.abs(before).mean()


def test_exchanged_elements_are_put_right(codec):
    trial, latent = seen_as_trial(codec, perovskite("Sr", "Ti", "O", 3.91))
    inversion, kinds = Inversion(codec.network, latent), trial.kinds.copy()
    kinds[[0, 4]] = kinds[[4, 0]]
    palette = np.unique(kinds).tolist()
    assert with_better_elements(inversion, replace(trial, kinds=kinds), palette).kinds.tolist() == trial.kinds.tolist()
    gap, found = find_crystal(inversion, [replace(trial, kinds=kinds)], palette, 80)
    assert gap < SOLVED
    assert found.kinds.tolist() == trial.kinds.tolist()


def test_what_the_encoder_refuses_has_an_infinite_gap(codec):
    trial, latent = seen_as_trial(codec, perovskite("Sr", "Ti", "O", 3.91))
    fractions = trial.fractions.copy()
    fractions[1] = 0.05
    assert np.isinf(Inversion(codec.network, latent).gap(replace(trial, fractions=fractions)))


def test_a_latent_vector_of_no_crystal_still_ends(codec, rng):
    found = codec.decode(rng.normal(size=192))
    assert found.atoms is not None or found.failure


def test_one_atom_has_nothing_to_exchange():
    assert other_elements(np.array([2]), [2]).shape == (0, 1)


def test_weights_of_one_count_every_neighbour_in_full(codec):
    (seen,) = codec.see([perovskite("Sr", "Ti", "O", 3.91)])
    network = codec.network
    inputs = (
        torch.from_numpy(codec.view.coordinates(seen.positions, seen.cell)).float(),
        torch.from_numpy(seen.kinds),
        torch.zeros(5, dtype=torch.long),
        torch.from_numpy(seen.lattice[None]).float(),
        (torch.from_numpy(seen.centre), torch.from_numpy(seen.neighbour), torch.from_numpy(seen.distance).float()),
    )
    with torch.no_grad():
        assert torch.allclose(network.encode(*inputs), network.encode(*inputs, torch.ones(len(seen.centre))), atol=1e-5)


def test_the_order_of_like_atoms_does_not_make_a_crystal_doubtful(codec):
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.positions[1] += 0.1
    latent = codec.encode(codec.see([atoms]))
    assert len(codec.aspects(atoms)) == 4
    for order in (slice(None), slice(None, None, -1), [3, 2, 7, 0, 1, 5, 6, 4]):
        assert latent_gaps(codec, latent, [Decoded(atoms[order])])[0] < 1e-5
