"""The posterior of the last layer on problems whose answer is known, and the command on a small model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError, SpecError
from ase_voxpot.potential import Potential
from ase_voxpot.spec import DenseSpec
from ase_voxpot.uncertainty import Uncertainty
from ase_voxpot.weights import load_potential, read_header
from tests.models import CALIBRATION, specification
from voxpot_training.data import Frames
from voxpot_training.potential.posterior import _bent_power_law, posterior_of
from voxpot_training.potential.probes import probes
from voxpot_training.potential.reliability import binned, coverage, measure, summary
from voxpot_training.potential.train import run
from voxpot_training.potential.trials import Trial, sum_by_species
from voxpot_training.potential.uncertainty import TRUST, _thinned, add_uncertainty, app

WIDTH = 5
RIDGE = 1e-6


def synthetic(count, rng, *, spread=1.0, support=False, group="a"):
    """Frames of 4 atoms of two species; features are noise around a common mean."""
    trials = []
    for _ in range(count):
        features = 1 + spread * rng.normal(size=(4, WIDTH))
        inputs = np.concatenate([features, np.ones((4, 1))], axis=1).astype(np.float32)
        trials.append(
            Trial(inputs, rng.integers(0, 2, 4), 0.0, np.zeros((4, 3)), np.ones(4, bool), group, support=support)
        )
    return trials


def fitted(train, others, rng, *, noise):
    """Least squares on noisy energies of a linear truth; the same frames with the errors that the fit makes."""
    truth = rng.normal(size=2 * (WIDTH + 1))
    rows = np.stack([sum_by_species(t, 2) for t in train])
    labels = rows @ truth + noise * rng.normal(size=len(rows))
    weights = np.linalg.lstsq(rows, labels, rcond=None)[0]

    def judged(trials, wanted):
        out = []
        for t, label in zip(trials, wanted, strict=True):
            row = sum_by_species(t, 2)
            u = np.linalg.norm(t.inputs[:, :-1] - 1, axis=1)
            forces = 0.1 * u[:, None] * rng.normal(size=(4, 3))
            out.append(Trial(t.inputs, t.species, float(row @ weights - label), forces, t.free, t.group))
        return out

    return judged(train, labels), *(judged(o, np.stack([sum_by_species(t, 2) for t in o]) @ truth) for o in others)


@pytest.fixture(scope="module")
def solved():
    rng = np.random.default_rng(5)
    train = synthetic(60, rng)
    others = [[*synthetic(150, rng, spread=1.5), *synthetic(150, rng, spread=6.0, group="far")] for _ in range(2)]
    train, valid, held = fitted(train, others, rng, noise=0.02)
    return train, valid, held, posterior_of(train, valid, species=2)


def test_errors_are_as_large_as_predicted(solved):
    _, _, held, uncertainty = solved
    result = summary(measure(held, uncertainty))

    for part in (result, *result["groups"].values()):
        assert part["energy"]["rms_error"] == pytest.approx(part["energy"]["sigma"], rel=0.35)
        assert 0.5 < part["energy"]["within_68"] < 0.85
        assert part["energy"]["within_95"] > 0.88
    assert result["energy"]["spearman"] > 0.3
    assert result["groups"]["far"]["energy"]["sigma"] > 2 * result["groups"]["a"]["energy"]["sigma"]


def test_a_posterior_that_spreads_too_widely_is_drawn_in():
    """Errors that grow as the root of what the last layer leaves open, as those of real networks do."""
    rng = np.random.default_rng(8)
    train, valid, held = (synthetic(n, rng, spread=s) for n, s in ((60, 1.0), (300, 1.5), (300, 1.5)))
    train, valid, held = fitted(train, [valid, held], rng, noise=0.02)
    linear = posterior_of(train, valid, species=2)
    linear = Uncertainty(linear.root, linear.local, replace(linear.calibration, energy_scale=1.0, energy_power=1.0))

    def erring(trials):
        sigma = measure(trials, linear).sigma / 1000
        return [
            replace(t, energy=float(e))
            for t, e in zip(trials, 0.01 * np.sqrt(sigma) * rng.normal(size=len(sigma)), strict=True)
        ]

    valid, held = erring(valid), erring(held)
    uncertainty = posterior_of(train, valid, species=2)
    result = summary(measure(held, uncertainty))["energy"]

    assert uncertainty.calibration.energy_power == pytest.approx(0.5, abs=0.15)
    assert result["rms_error"] == pytest.approx(result["sigma"], rel=0.2)
    assert result["within_68"] == pytest.approx(0.68, abs=0.07)


def test_errors_that_grow_steeply_are_not_extrapolated(solved):
    train, valid, _, linear = solved
    known = Uncertainty(linear.root, linear.local, replace(linear.calibration, energy_scale=1.0, energy_power=1.0))
    sigma = measure(valid, known).sigma / 1000
    valid = [replace(t, energy=float(e)) for t, e in zip(valid, sigma**2, strict=True)]

    assert posterior_of(train, valid, species=2).calibration.energy_power == pytest.approx(1.0)


def test_energies_that_were_not_learned_tell_nothing(solved):
    """Frames of a large weight in forces, whose energies stand on another zero and count nothing."""
    train, valid, _, uncertainty = solved
    others = [replace(t, energy=5.0, weight=100.0, energy_weight=0.0) for t in train]

    assert_allclose(posterior_of([*train, *others], valid, species=2).covariance, uncertainty.covariance, rtol=1e-9)


def test_without_learned_energies_there_is_no_posterior(solved):
    train, valid, *_ = solved

    with pytest.raises(DataError, match="forces alone"):
        posterior_of([replace(t, energy_weight=0.0) for t in train], valid, species=2)


def test_support_is_little_evidence_whatever_it_weighs_in_the_loss():
    """Weights make up for small cells; those of the frames that count are kept."""
    weights, support = [1.0, 0.5, 100.0, 0.01, 2.0], [False, False, True, True, True]
    frames = Frames([None] * 5, [], weights, [], support, shares=[None, None, 1.0, 0.5, None])
    config = SimpleNamespace(seed=0, schedule=SimpleNamespace(support=0.01))

    found = dict(zip(*_thinned(frames, SimpleNamespace(train=range(5)), config), strict=True))

    assert found == pytest.approx({0: 1.0, 1: 0.5, 2: TRUST, 3: 0.005, 4: 0.02})


def test_forces_are_calibrated_too(solved):
    _, _, held, uncertainty = solved
    result = summary(measure(held, uncertainty))["forces"]

    assert result["rms_error"] == pytest.approx(result["sigma"], rel=0.3)
    assert result["spearman"] > 0.3


def test_no_validation_frame_is_beyond_the_limits(solved):
    _, valid, _, uncertainty = solved
    found = measure(valid, uncertainty)

    assert found.extrapolation.max() == pytest.approx(1.0)
    known = uncertainty.calibration
    assert found.sigma.max() == pytest.approx(1000 * known.energy_scale * known.energy_limit**known.energy_power)


def test_what_no_frame_shows_is_uncertain(solved):
    train, _, _, uncertainty = solved
    known = uncertainty.of_features(train[0].inputs[:, :-1], train[0].species)
    strange = uncertainty.of_features(300 * np.ones((4, WIDTH)) * [1, -1, 1, -1, 1], train[0].species)

    assert strange.extrapolation > 10
    assert strange.energy > 20 * known.energy


def test_an_element_that_no_frame_holds_is_uncertain(solved):
    train, valid, _, uncertainty = solved
    width = WIDTH + 1
    three = posterior_of(train, valid, species=3)

    features = train[0].inputs[:, :-1]
    assert three.of_features(features, np.full(4, 2)).extrapolation > 3
    assert_allclose(three.covariance[: 2 * width, : 2 * width], uncertainty.covariance, rtol=1e-3, atol=1e-9)


def test_support_that_fits_badly_says_little():
    rng = np.random.default_rng(1)
    train, valid = synthetic(40, rng), synthetic(40, rng)
    train, valid = fitted(train, [valid], rng, noise=0.02)
    support = [
        Trial(t.inputs, t.species, float(rng.normal()), t.forces, t.free, t.group, 1.0, True)
        for t in synthetic(400, rng)
    ]

    alone, both = (posterior_of(frames, valid, species=2) for frames in (train, train + support))

    sigma = [measure(valid, u).sigma for u in (alone, both)]
    assert_allclose(sigma[1], sigma[0], rtol=0.2)


def test_nothing_to_calibrate_with_is_refused(solved):
    train, valid, *_ = solved
    with pytest.raises(DataError, match="to validate with, got 60 and 0"):
        posterior_of(train, [], species=2)
    broken = [Trial(t.inputs, t.species, np.nan, t.forces, t.free, t.group) for t in valid]
    with pytest.raises(DataError, match="expected finite errors on all frames"):
        posterior_of(train, broken, species=2)


def test_a_normal_error_is_covered_as_it_should_be(rng):
    assert_allclose(coverage(rng.normal(size=20_000)), [0.25, 0.5, 0.683, 0.8, 0.9, 0.954], atol=0.015)


def test_bins_are_root_mean_squares():
    sigma, error = binned(np.array([3.0, 1, 2, 4]), np.array([0.0, 1, -1, 2]), 2)

    assert_allclose(sigma, np.sqrt([2.5, 12.5]))
    assert_allclose(error, np.sqrt([1, 2]))


def test_probes_are_far_from_solids(rng):
    made = probes(("Mo", "W"), {"lattice": {"bcc": {"Mo": 3.17, "W": 3.19}}}, rng)

    volume = {name: [a.get_volume() / len(a) for a in structures if a.pbc.all()] for name, structures in made.items()}
    assert volume["elements in fcc"] == pytest.approx([3.17**3 / 2, 3.19**3 / 2])
    assert volume["elements in hcp"] == pytest.approx([3.17**3 / 2, 3.19**3 / 2])
    assert volume["volume of 60 %"][0] == pytest.approx(0.6 * 3.17**3 / 2)
    assert volume["free atoms"] == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory, frames):
    from ase.io import write

    from tests.training.conftest import CONFIG, DESCRIPTORS, NETWORKS

    folder = tmp_path_factory.mktemp("trained")
    write(folder / "frames.extxyz", frames)
    config = folder / "small.toml"
    config.write_text(
        CONFIG.format(
            kind="steerable", descriptor=DESCRIPTORS["steerable"], network=NETWORKS["steerable"], epochs=3, schedule=""
        )
    )
    return config, run(config, out=folder / "run")


class TestCommand:
    def test_a_training_ends_with_an_uncertainty(self, trained, frames):
        _, model = trained
        potential = load_potential(model, device="cpu")

        assert potential.evaluate(frames[0], uncertainty=True).uncertainty.energy > 0
        report = json.loads(model.with_name("small.uncertainty.json").read_text())
        card = read_header(model)["card"]
        assert card["uncertainty"]["energy"]["rms_error"] == pytest.approx(report["energy"]["rms_error"], abs=1e-3)
        assert report["energy"]["rms_error"] == pytest.approx(card["holdout"]["energy_rmse"], rel=1e-3)
        assert re.search(r"\| energy, meV/atom \| [\d.e+]+ \|", model.with_suffix(".md").read_text())
        assert model.with_name("small.uncertainty.png").stat().st_size > 20_000
        assert min(report["far"]["gas at the density of the solid"]["extrapolation"]) > 2

    def test_it_can_be_added_later_and_judged_again(self, trained, tmp_path, monkeypatch):
        config, model = trained
        before = load_potential(model, device="cpu")
        monkeypatch.setenv("VOXPOT_DATA", str(config.parent))

        app([str(model), "--out", str(tmp_path / "again.safetensors")], standalone_mode=False)
        app([str(model), "--check", "--config", str(config), "-o", str(tmp_path / "look")], standalone_mode=False)

        again = load_potential(tmp_path / "again.safetensors", device="cpu").uncertainty
        assert_allclose(again.covariance, before.uncertainty.covariance, rtol=1e-3, atol=1e-9)
        first, look = (
            json.loads((folder / name).read_text())["energy"]
            for folder, name in ((tmp_path, "again.uncertainty.json"), (tmp_path, "look.uncertainty.json"))
        )
        assert look == pytest.approx(first, rel=1e-3)

    def test_a_model_without_a_config_is_refused(self, capsys, tmp_path):
        from tests.saved import save_tiny

        with pytest.raises(SystemExit) as stop:
            app([str(save_tiny(tmp_path))])
        assert stop.value.code == 2
        assert "give --config" in capsys.readouterr().err

    def test_a_layer_that_is_too_wide_is_refused(self, monkeypatch):
        monkeypatch.setattr("voxpot_training.potential.uncertainty.WIDEST", 100)
        wide = Potential(specification("dense", network=DenseSpec(hidden=())), device="cpu")

        with pytest.raises(SpecError, match="at most 100 features before the last layer, got 750"):
            add_uncertainty(wide, None, None, None)


def test_a_bend_is_found_where_there_is_one(rng):
    unusual = 10 ** rng.uniform(-3, -1, 5000)

    def squares(sigma):
        return (sigma[None] ** 2 * rng.normal(size=(3, 5000)) ** 2).mean(axis=0)

    straight = _bent_power_law(unusual, squares(2 * unusual**0.8))
    bent = _bent_power_law(
        unusual, squares(2 * np.minimum(unusual, 0.01) ** 0.8 * np.maximum(unusual / 0.01, 1) ** 0.1)
    )

    assert straight[2] is None
    assert straight[:2] == pytest.approx((2, 0.8), rel=0.1)
    assert bent[:3] == pytest.approx((2, 0.8, 0.01), rel=0.15)
    assert bent[3] == pytest.approx(0.1, abs=0.11)


def test_the_relation_is_continuous_at_its_bend():
    known = replace(CALIBRATION, force_scale=3.0, force_power=0.9, force_bend=0.01, force_beyond=0.3)

    below, at, above = known.force_sigma(np.array([0.01 - 1e-9, 0.01, 0.01 + 1e-9]))

    assert below == pytest.approx(at, rel=1e-6)
    assert above == pytest.approx(at, rel=1e-6)
    assert known.force_sigma(np.array([0.1]))[0] == pytest.approx(3 * 0.01**0.9 * 10**0.3)
    assert CALIBRATION.force_sigma(np.array([0.1]))[0] == pytest.approx(0.1 * 0.1**0.5), "without a bend, a power"
