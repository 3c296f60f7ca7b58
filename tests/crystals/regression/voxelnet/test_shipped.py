"""The model that comes with the package."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import voxpot_training
from ase_voxpot.errors import UnknownElementError
from voxpot_crystals.models import find_model
from voxpot_crystals.regression.config import load_regression
from voxpot_crystals.regression.crystals import load_crystals
from voxpot_crystals.regression.grouping import held_out
from voxpot_crystals.regression.predict import load_predictor
from voxpot_training.artifacts import read_card

CONFIG = Path(voxpot_training.__file__).parents[1] / "configs" / "voxelnet-oxides.toml"


@pytest.fixture(scope="module")
def predictor():
    return load_predictor("voxelnet-oxides")


def test_it_knows_strontium_titanate_in_any_orientation_and_cell(predictor, perovskite):
    """AFLOW: -7.474 eV/atom at 3.973 Å."""
    perovskite.set_cell([3.973] * 3, scale_atoms=True)
    turned = perovskite.repeat((1, 2, 1))
    turned.rotate(50, (1, 2, 3), rotate_cell=True)

    value, sigma = predictor.predict([perovskite, turned])

    assert value[0] == pytest.approx(-7.474, abs=0.1)
    assert value[1] == pytest.approx(value[0], abs=1e-4)
    assert 0 < sigma[0] < 0.3


def test_it_is_less_certain_of_an_element_that_it_has_not_seen(predictor, perovskite):
    holmium = Atoms(
        ["Ho", "Fe", "O", "O", "O"], cell=[3.9] * 3, pbc=True, scaled_positions=perovskite.get_scaled_positions()
    )

    _, (known, unknown) = predictor.predict([perovskite, holmium])

    assert unknown >= read_card(find_model("voxelnet-oxides"))["splits"]["element"]["voxelnet-oxides"]["rmse"] > known


def test_it_refuses_elements_beyond_its_table(predictor, perovskite):
    perovskite.symbols[0] = "Lr"
    with pytest.raises(UnknownElementError, match="frame 0: .*Lr|Z = 103"):
        predictor.predict([perovskite])


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="needs the data in VOXPOT_DATA")
def test_its_card_can_be_measured_again(predictor):
    config = load_regression(CONFIG)
    crystals = load_crystals(config, CONFIG.parent)
    _, rows = held_out(crystals.atoms, "row", config.split.holdout, np.random.default_rng(config.split.seed))

    value, _ = predictor.predict([crystals.atoms[k] for k in rows])

    error = float(((value - crystals.target[rows]) ** 2).mean())
    card = read_card(find_model("voxelnet-oxides"))
    assert error == pytest.approx(card["splits"]["row"]["voxelnet-oxides"]["mse"], rel=1e-3)
