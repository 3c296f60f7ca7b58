"""From a config to numbers, for both readers; the configs that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from numpy.testing import assert_allclose

import voxpot_training
from ase_voxpot.cli import main
from ase_voxpot.spec import decode
from tests.crystals.regression.conftest import all_perovskites, perovskite, write_config
from voxpot_crystals.regression.config import load_regression
from voxpot_crystals.regression.predict import load_predictor
from voxpot_crystals.regression.voxelnet.bench import perovskite as strontium_titanate
from voxpot_crystals.regression.voxelnet.grids import Window
from voxpot_crystals.regression.voxelnet.pictures import draw_crystals
from voxpot_crystals.regression.voxelnet.reciprocal import spectrum_of
from voxpot_crystals.regression.voxelnet.spec import VoxelNetSpec
from voxpot_crystals.regression.voxelnet.turning import rotation_error
from voxpot_training.artifacts import read_card
from voxpot_training.kinds import train

CONFIGS = Path(voxpot_training.__file__).parents[1] / "configs"
SHELLS = 'reader = { kind = "shells", shells = 10, channels = 3, hidden = [8] }'
VOXELS = 'reader = { kind = "voxels", window = { n = 18, length = 7.0 }, filters = 2, hidden = [4], views = 2 }'


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    config = write_config(
        folder,
        all_perovskites(),
        kind="voxelnet",
        split='also = ["element"]',
        model=SHELLS,
        top='offset = "composition"',
    )
    return train(config, out=folder / "run")


def test_a_training_on_shells_can_be_asked_again(trained):
    predictor = load_predictor(trained)
    crystals = all_perovskites()

    value, sigma = predictor.predict(crystals)

    alone = [predictor.predict([a])[0][0] for a in crystals[:3]]
    assert_allclose(value[:3], alone, rtol=1e-5)
    assert (sigma > 0).all()
    assert np.abs(value - [a.info["a"] for a in crystals]).mean() < 0.1, "the ridge alone is better than that"


def test_elements_that_training_did_not_see_are_as_uncertain_as_the_split_by_element_says(trained):
    predictor = load_predictor(trained)
    error = read_card(trained)["splits"]["element"]["edges"]["rmse"]

    _, sigma = predictor.predict([perovskite("Rb", "Ti", edge=4.1)])

    assert sigma[0] >= error > 0
    assert predictor.unknown_elements.error == pytest.approx(error)


def test_a_training_on_voxels_averages_its_views(tmp_path):
    config = write_config(tmp_path, all_perovskites(), kind="voxelnet", model=VOXELS)
    predictor = load_predictor(train(config, out=tmp_path / "run", quick=True))

    value, _ = predictor.predict(all_perovskites()[:4])

    assert predictor.ensemble.method.views(predictor.ensemble.spec) == 2
    assert np.isfinite(value).all()


def test_a_crystal_with_an_element_without_a_channel_has_no_prediction(tmp_path, capsys):
    config = write_config(tmp_path, all_perovskites(), kind="voxelnet", model=VOXELS)
    model = train(config, out=tmp_path / "run", quick=True)
    write(tmp_path / "asked.extxyz", [all_perovskites()[0], perovskite("Cs", "Ti")])

    status = main(["predict", str(tmp_path / "asked.extxyz"), "-m", str(model)])

    assert status == 1
    assert "frame 1: expected elements that the network has a channel for" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("voxelnet-*.toml")), ids=lambda p: p.stem)
def test_configs_of_the_package_can_be_read(path):
    config = load_regression(path)
    decode(VoxelNetSpec, config.model, where="model")
    assert config.name == path.stem


def test_pictures_are_drawn(tmp_path, twins):
    draw_crystals(tmp_path / "seen.png", [*twins, strontium_titanate()], ["rocksalt", "zincblende", "perovskite"])
    assert (tmp_path / "seen.png").stat().st_size > 10_000


def test_soft_binning_halves_what_turning_does():
    errors = {}
    for shape in ("cartesian", "spherical"):
        for binning in ("floor", "soft"):
            window = Window(shape=shape, binning=binning)
            spectrum = spectrum_of(strontium_titanate(), radius=window.radius, width=window.width)
            rng = np.random.default_rng(0)
            errors[shape, binning] = [rotation_error(spectrum, window, rng, degree=l, turns=6) for l in (0, 4)]

    assert errors["cartesian", "soft"][0] < 0.6 * errors["cartesian", "floor"][0]
    assert errors["spherical", "floor"][0] < 1e-6
    assert errors["spherical", "soft"][1] < 0.3 * errors["spherical", "floor"][1]
