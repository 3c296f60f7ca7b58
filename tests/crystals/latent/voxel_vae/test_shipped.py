"""icsg3d-perov: perovskites of all kinds to latent vectors and back, and new ones."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from tests.crystals.latent.voxel_vae.perovskites import SITES
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.voxel_vae.generation import load_generator
from voxpot_crystals.latent.voxel_vae.validity import validity


@pytest.fixture(scope="module")
def generator():
    return load_generator("icsg3d-perov")


def crystals(species, count: int) -> list[Atoms]:
    """Any five elements on the sites of a perovskite, moved and turned at will."""
    rng = np.random.default_rng(0)
    metals = [s for s in species if s not in ("N", "O", "F", "S")]
    made = []
    for _ in range(count):
        symbols = [*rng.choice(metals, 2, replace=False), *rng.choice(["N", "O", "F", "S"], 3)]
        edge = rng.uniform(3.9, 4.8)
        atoms = Atoms(symbols, scaled_positions=(SITES + rng.random(3)) % 1, cell=np.eye(3) * edge, pbc=True)
        atoms.rotate(rng.uniform(0, 180), rng.normal(size=3), rotate_cell=True)
        made.append(atoms[rng.permutation(5)])
    return made


def test_perovskites_that_nobody_has_seen_come_back(generator):
    originals = crystals(generator.codec.spec.species, 40)
    before = [a.copy() for a in originals]
    scores = score_reconstructions(originals, generator.codec.reconstruct(originals))
    assert originals == before
    assert scores.failed == scores.wrong_count == 0
    assert scores.position_actual < 0.03
    assert scores.species_actual < 0.03
    assert scores.length < 0.03


def test_draws_are_perovskites_of_charges_that_can_balance(generator):
    found = generator.sample(30, rng=np.random.default_rng(1))
    made = [d.atoms for d in found if d.atoms is not None]
    assert len(made) >= 29
    good = validity(made)
    assert good.structure == 1
    assert good.composition > 0.85
    assert sum(len(a) == 5 for a in made) >= 28


def test_draws_heed_what_is_asked_for(generator):
    asked = generator.conditions.parse(["contains=Sr,O"])
    found = generator.sample(20, condition=asked, rng=np.random.default_rng(2))
    made = [d.atoms for d in found if d.atoms is not None]
    share = generator.conditions.kept(asked, made)["contains"]["share"]
    blind = generator.conditions.kept(
        asked, [d.atoms for d in generator.sample(20, rng=np.random.default_rng(2)) if d.atoms is not None]
    )["contains"]["share"]
    assert share > 0.5 > blind


def test_the_card_says_what_was_measured(generator):
    card = generator.codec.card
    assert card["test"]["matched"] > 0.98
    assert card["test"]["species_actual"] < 0.01
    assert set(card["priors"]) == {"training", "gaussian", "flow"}
