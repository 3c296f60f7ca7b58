"""A potential on the frames of whole-cell networks: the same rows, nothing else, and figures that are its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import ConfigError, SpecError
from ase_voxpot.spec import Density, SteerableSpec
from ase_voxpot.weights import read_header
from voxpot_training.config import PotentialSchedule
from voxpot_training.potential.train import PotentialTask
from voxpot_training.wholecell.assess import baselines, potential_errors, shift_scan, symmetry_errors
from voxpot_training.wholecell.atom_centred import ask, train_potential
from voxpot_training.wholecell.baselines import fit_harmonic, harmonic_energies
from voxpot_training.wholecell.config import AtomCentred, WholeCellConfig
from voxpot_training.wholecell.findings import findings
from voxpot_training.wholecell.prose import energy_cell, force_cell
from voxpot_training.wholecell.splits import Split, split_frames, spread

SMALL = AtomCentred(
    descriptor=Density(cutoff=3.4, radial=3),
    network=SteerableSpec(degree=1, channels=4, products=0, hidden=(8,)),
    schedule=PotentialSchedule(epochs=2, batch_atoms=320, rate=1e-2, validate_every=1, averaging=0.5),
)


def weights(potential):
    return [p.detach().numpy() for p in potential.network.parameters()]


def test_a_potential_is_trained_once_and_read_again(frames, tmp_path):
    split = split_frames(frames, "random")
    first = train_potential(frames, split, SMALL, tmp_path / "p", quiet=True)
    other = replace(frames, forces=0 * frames.forces)

    again = train_potential(other, split, SMALL, tmp_path / "p", quiet=True)

    for a, b in zip(weights(first), weights(again), strict=True):
        assert_array_equal(a, b)
    assert read_header(tmp_path / "p" / "model.safetensors")["card"]["frames"] == {"made": "by a test"}


def test_an_interrupted_training_goes_on_as_if_it_had_not_stopped(frames, tmp_path, monkeypatch):
    split = split_frames(frames, "block")
    whole = train_potential(frames, split, SMALL, tmp_path / "whole", quiet=True)
    batches = PotentialTask.batches

    def stop(self, epoch):
        if epoch == 1:
            raise KeyboardInterrupt
        return batches(self, epoch)

    monkeypatch.setattr(PotentialTask, "batches", stop)
    with pytest.raises(KeyboardInterrupt):
        train_potential(frames, split, SMALL, tmp_path / "broken", quiet=True)
    monkeypatch.setattr(PotentialTask, "batches", batches)
    found = train_potential(frames, split, SMALL, tmp_path / "broken", quiet=True)

    for a, b in zip(weights(whole), weights(found), strict=True):
        assert_array_equal(a, b)


def test_nothing_is_learned_from_rows_that_are_asked_about(frames, tmp_path):
    split = split_frames(frames, "temperature")
    once = replace(SMALL, schedule=replace(SMALL.schedule, epochs=1))  # so that validation has nothing to choose
    spoilt = replace(frames, forces=frames.forces.copy(), energies=frames.energies.copy())
    spoilt.forces[split.validation] = 9.0
    spoilt.energies[split.validation] = -99.0

    clean, other = (
        train_potential(f, split, once, tmp_path / n, quiet=True) for n, f in (("a", frames), ("b", spoilt))
    )

    for a, b in zip(weights(clean), weights(other), strict=True):
        assert_array_equal(a, b)
    assert clean.spec.baseline == other.spec.baseline
    assert clean.spec.baseline.reference[0] == pytest.approx(frames.energies[split.train].mean() / 16)


def test_its_forces_are_the_slope_of_its_energy_and_know_no_grid(frames, tmp_path):
    split = split_frames(frames, "random")
    potential = train_potential(frames, split, SMALL, tmp_path / "p", quiet=True)
    start = frames.positions[0].astype(float)
    step = np.random.default_rng(0).normal(scale=2e-2, size=start.shape)

    energies, _ = ask(potential, frames, np.array([start + step, start - step]))
    _, forces = ask(potential, frames, np.array([start]))
    assert_allclose(energies[1] - energies[0], 2 * (forces[0] * step).sum(), rtol=2e-2, atol=2e-4)

    forces_at = lambda positions: ask(potential, frames, positions)[1]  # noqa: E731
    rows = split.validation[:5]
    moved = shift_scan({"it": forces_at}, frames, rows, (0.0, 0.37))["it"]
    told = symmetry_errors(forces_at, frames, rows, force_scale=1.0, shift=0.4)
    assert moved[1] == pytest.approx(moved[0], abs=1e-4)
    assert told["two atoms of one element exchanged"].mae == pytest.approx(told["as in training"].mae, rel=1e-4)
    assert told["moved by half a voxel along x"].mae == pytest.approx(told["as in training"].mae, rel=1e-4)


def test_errors_are_those_of_all_validation_frames(frames, tmp_path):
    split = split_frames(frames, "random")
    potential = train_potential(frames, split, SMALL, tmp_path / "p", quiet=True)

    found = potential_errors(potential, frames, split)

    result = [potential.evaluate(frames.atoms(int(k))) for k in split.validation]
    wrong = np.array([r.energy for r in result]) - frames.energies[split.validation]
    assert found.energy_mae == pytest.approx(1000 * np.abs(wrong).mean() / 16, rel=1e-4)
    assert found.energy_rmse == pytest.approx(1000 * (wrong**2).mean() ** 0.5 / 16, rel=1e-4)
    off = np.array([r.forces for r in result]) - frames.forces[split.validation]
    assert found.mae == pytest.approx(1000 * np.abs(off).mean(), rel=1e-4)


def test_springs_have_the_energy_of_springs(frames):
    split = split_frames(frames, "random")
    line = fit_harmonic(frames.positions, frames.forces, split.train)

    rest = frames.energies - harmonic_energies(line, frames.positions)
    assert np.ptp(rest) < 1e-3 * np.ptp(frames.energies)

    # voxels are not needed for what is asked here, but for the straight line through them
    found = baselines(frames, frames.positions, split)
    spread_of = np.abs(frames.energies[split.validation] - frames.energies[split.train].mean()).mean() / 16
    assert found["force constants"].energy_mae < 0.1
    assert found["zero forces"].energy_mae == pytest.approx(1000 * spread_of)
    assert found["straight line through the voxels"].energy_mae is None


def test_springs_that_are_not_symmetric_count_by_their_symmetric_part(frames, rng):
    line = fit_harmonic(frames.positions, frames.forces, np.arange(100))
    tilted = replace(line, slope=line.slope + rng.normal(size=line.slope.shape), offset=rng.normal(size=48))
    half = -(tilted.scale[:, None] * tilted.slope)
    symmetric = (half + half.T) / 2
    at, step = frames.positions[3].astype(float), 1e-3 * rng.normal(size=(16, 3))

    there, back = harmonic_energies(tilted, np.array([at + step, at - step]))

    wanted = tilted.offset - symmetric @ (at.ravel() - tilted.centre)
    assert (back - there) / 2 == pytest.approx(wanted @ step.ravel(), rel=1e-6)


@pytest.mark.parametrize(("rows", "most", "left"), [(10, 4, 4), (3, 4, 3), (1, 4, 1), (5, 1, 1)])
def test_rows_are_spread_evenly(rows, most, left):
    found = spread(np.arange(rows) * 2, most)

    assert len(found) == left
    assert found[0] == 0
    assert most == 1 or found[-1] == 2 * (rows - 1)


def test_no_frames_to_learn_from_are_refused():
    with pytest.raises(ConfigError, match="potential.frames: expected a whole number from 1 on, got 0"):
        AtomCentred(frames=0)


def test_a_descriptor_that_does_not_fit_the_baseline_is_refused_at_once():
    with pytest.raises(SpecError, match="must not exceed descriptor.cutoff"):
        AtomCentred(descriptor=replace(AtomCentred().descriptor, cutoff=2.0))


def force_row(mae, explained, energy=None):
    return {"mae": mae, "rmse": mae, "loss": 0.1, "explained": explained, "energy_mae": energy, "energy_rmse": energy}


@pytest.fixture
def found():
    """Figures of a study that is easily judged."""
    order = {"validation": {"obb CNN": 0.02, "dense": 0.03, "ibb CNN": 0.05}, "holds": True}
    order["others"] = {"zero forces": 0.04, "force constants": 0.001, "atom-centred potential": 0.0001}
    errors = {
        "zero forces": force_row(700.0, 0.0, 50.0),
        "force constants": force_row(100.0, 0.97, 4.0),
        "CNN, obb-8, γ 2": force_row(600.0, 0.1),
        "dense, obb-8, γ 0.05": force_row(200.0, 0.9),
        "atom-centred potential": force_row(20.0, 0.999, 0.25),
        "motaw-fast, not of these frames": force_row(30.0, 0.998, 0.6),
    }
    labels = [f"{gamma}, {split} split" for gamma in ("γ of the paper", "narrow γ") for split in ("random", "block")]
    return {
        "losses": {"γ of the paper": {"obb-8": {"best": 0.03}, "dense": {"best": 0.035}}},
        "others": order["others"],
        "ordering": {label: order | {"holds": label == labels[0]} for label in labels}
        | {f"{gamma}, temperature split": order | {"holds": False} for gamma in ("γ of the paper", "narrow γ")},
        "errors": {"random": errors, "block": errors},
        "dynamics": {"CNN": {"largest_meV_per_atom": 4500.4}},
        "loop_work_meV": {"CNN": 90.0, "shadow": 0.0},
    }


def test_findings_are_those_of_the_figures(found):
    text = "\n".join(findings(WholeCellConfig(), {"calculator": "motaw"}, found))

    assert "obb-8, has 0.750 of the loss of zero forces" in text
    assert "0.500 of it behind a gap in time" in text
    assert "holds in 1 of 6 cases: γ of the paper, random split." in text
    assert "200 meV/Å on the block split (dense, obb-8, γ 0.05; 90 % explained)" in text
    assert "in 40 epochs, errs by 20 / 20 meV/Å and 0.25 / 0.25 meV/atom: 10.0 / 10.0 times less" in text
    assert "meV/atom: CNN 4,500" in text
    assert "CNN 90; shadow less than 0.01" in text
    assert "trained on other data" not in text
    assert "labels are those of motaw" in text
    assert "narrower than the paper's" not in text  # 500 epochs
    assert "labels are those" not in "\n".join(findings(WholeCellConfig().shortened(), {"calculator": "a.py:f"}, found))


def test_a_potential_of_other_data_is_named_where_it_is_better(found):
    found["errors"]["block"] = found["errors"]["block"] | {"motaw-fast, not of these frames": force_row(15.0, 1.0, 0.6)}

    text = "\n".join(findings(WholeCellConfig(), {}, found))

    assert "On the block split motaw-fast, trained on other data, errs less (15 meV/Å)" in text


def test_cells_of_tables():
    assert force_cell(force_row(37.2, 0.99961)) == "37 / 37 (0.9996)"
    assert force_cell(force_row(717.0, -0.00001)) == "717 / 717 (0.0000)"
    assert energy_cell(force_row(37.0, 0.9, 0.2345)) == "0.23 / 0.23"


def test_a_split_without_frames_to_choose_by_is_no_surprise(frames, tmp_path):
    split = Split(np.arange(100), np.arange(119, 120))

    assert train_potential(frames, split, SMALL, tmp_path / "p", quiet=True).spec.species == ("Mo", "Ta", "W")
