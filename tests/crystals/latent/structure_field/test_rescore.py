"""A model can be scored again, its weights as they are."""

from __future__ import annotations

import numpy as np
from ase.build import bulk

from voxpot_crystals.latent.structure_field import load_codec
from voxpot_crystals.latent.structure_field.rescore import rescore
from voxpot_crystals.regression.hirshfeld.views import perovskite


def test_a_rescored_model_has_new_figures_and_its_weights(tmp_path):
    crystals = [perovskite("Sr", "Ti", "O", 3.91), bulk("Xe", "fcc", a=5.0), bulk("CsCl", "cesiumchloride", a=4.12)]
    before = load_codec("nesf-lcs6a")
    after = load_codec(rescore("nesf-lcs6a", tmp_path, crystals))
    assert after.card["validation"]["crystals"] == 2
    assert after.card["training"] == before.card["training"]
    assert after.card["priors"] == before.card["priors"]
    seen = before.see(crystals[:1])
    assert np.array_equal(after.encode(seen), before.encode(seen))
    assert "Reconstruction of the 2 validation crystals" in (tmp_path / "nesf-lcs6a.md").read_text()
