"""nesf-lcs6a: crystals to latent vectors and back, and new ones."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_voxpot.errors import StructureError, UnknownElementError
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.structure_field.generation import load_generator
from voxpot_crystals.regression.hirshfeld.views import perovskite
from voxpot_crystals.structures.checks import check_crystal


@pytest.fixture(scope="module")
def generator():
    return load_generator("nesf-lcs6a")


def crystals() -> list[Atoms]:
    return [
        bulk("Ni", "fcc", a=3.52, cubic=True),
        bulk("NaCl", "rocksalt", a=5.64, cubic=True),
        bulk("CsCl", "cesiumchloride", a=4.12),
        bulk("NiAl", "cesiumchloride", a=2.9) * (1, 1, 1),
        perovskite("Sr", "Ti", "O", 3.91),
        perovskite("K", "Mg", "F", 3.99),
    ]


def test_crystals_that_everybody_knows_come_back_wherever_they_begin(generator):
    originals = crystals()
    for k, atoms in enumerate(originals):
        atoms.positions += np.random.default_rng(k).random(3)
        atoms.wrap()
    scores = score_reconstructions(originals, generator.codec.reconstruct(originals))
    assert scores.failed == scores.wrong_count == 0
    assert scores.position_actual < 0.06
    assert scores.species_actual < 0.1


def test_draws_are_crystals(generator):
    found = generator.sample(8, rng=np.random.default_rng(0))
    made = [d.atoms for d in found if d.atoms is not None]
    assert len(made) >= 4
    for atoms in made:
        check_crystal(atoms)
    assert all(d.failure for d in found if d.atoms is None)


def test_what_it_was_not_taught_is_refused(generator):
    with pytest.raises(StructureError, match="up to 28 atoms"):
        generator.codec.see([bulk("Ni", "fcc", a=3.52, cubic=True) * (2, 2, 2)])
    with pytest.raises(UnknownElementError, match="got Xe"):
        generator.codec.see([bulk("Xe", "fcc", a=6.2)])
