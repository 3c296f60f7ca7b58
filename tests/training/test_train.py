"""A training from config to model file, on data made here."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.io import read, write

from ase_voxpot.errors import (
    ArchitectureError,
    ConfigError,
    DataError,
    DivergenceError,
    MissingLabelsError,
    SchemaError,
    UnknownElementError,
)
from ase_voxpot.simd.threads import set_threads
from ase_voxpot.weights import load_potential, read_header
from voxpot_training.learning import POINTS, curve
from voxpot_training.potential.card import learning_table
from voxpot_training.potential.train import _mean_of_most, run


def column(folder, name):
    with (folder / "log.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def weights_of(model):
    network = load_potential(model, device="cpu").network
    return {k: v.numpy() for k, v in network.state_dict().items()}


def test_a_training_learns_and_leaves_model_card_and_pictures(write_config, tmp_path, frames):
    model = run(write_config(epochs=60), out=tmp_path / "run")

    errors = column(tmp_path / "run", "valid_force")
    assert errors[-1] < 0.5 * errors[0]
    potential = load_potential(model, device="cpu")
    held = json.loads((tmp_path / "run" / "splits.json").read_text())["holdout"]
    wrong = [potential.evaluate(frames[k]).forces - frames[k].arrays["REF_forces"] for k in held]
    naive = [frames[k].arrays["REF_forces"] for k in held]
    assert np.abs(np.concatenate(wrong)).mean() < 0.5 * np.abs(np.concatenate(naive)).mean()
    card = read_header(model)["card"]
    assert card["holdout"]["frames"] == len(held)
    assert card["holdout"]["force_mae"] == pytest.approx(1e3 * np.abs(np.concatenate(wrong)).mean(), rel=1e-3)
    for picture in ("loss.png", "holdout.png"):
        assert (tmp_path / "run" / picture).stat().st_size > 5000


@pytest.mark.parametrize("kind", ["plain", "dense"])
def test_the_other_networks_train_with_random_rotations(kind, write_config, tmp_path):
    model = run(write_config(kind, epochs=4, schedule="rotate = true"), out=tmp_path / "run")

    assert load_potential(model, device="cpu").spec.network.kind == kind
    losses = column(tmp_path / "run", "loss")
    assert losses[-1] < losses[0]


def test_a_few_hopeless_frames_do_not_choose_the_weights():
    errors = torch.cat([torch.full((95,), 2.0), torch.full((5,), 1000.0)])

    assert _mean_of_most(errors) == pytest.approx(2.0)
    assert _mean_of_most(errors[:10]) == pytest.approx(2.0)


def test_a_loss_that_is_not_finite_names_the_frame_and_keeps_the_checkpoint(write_config, tmp_path, monkeypatch):
    import voxpot_training.potential.train as training

    made = training.make_example

    def spoilt(atoms, labels, spec, **options):
        found = made(atoms, labels, spec, **options)
        return replace(found, energy=np.nan) if options.get("name") == worst else found

    config = write_config(epochs=2)
    run(config, out=tmp_path / "run")
    splits = json.loads((tmp_path / "run" / "splits.json").read_text())
    worst = f"frame {splits['train'][3] + 1} of frames.extxyz"
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    monkeypatch.setattr(training, "make_example", spoilt)

    with pytest.raises(DivergenceError, match=f"epoch 2: the labels of {worst} are not"):
        run(write_config(epochs=4), out=tmp_path / "run", resume=True)

    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_the_number_of_threads_changes_no_bit(write_config, tmp_path):
    config = write_config(epochs=2, schedule="batch_atoms = 256").read_text().replace("batch_atoms = 32\n", "")
    path = tmp_path / "threads.toml"
    path.write_text(config)
    found = []
    try:
        for count in (1, 2):
            set_threads(count)
            torch.set_num_threads(count)
            found.append(weights_of(run(path, out=tmp_path / str(count))))
    finally:
        set_threads(1)
        torch.set_num_threads(1)

    for name, value in found[0].items():
        np.testing.assert_array_equal(found[1][name], value, err_msg=name)


def test_a_training_taken_up_again_ends_where_an_unbroken_one_does(write_config, tmp_path, monkeypatch):
    config = write_config(epochs=4)
    whole = weights_of(run(config, out=tmp_path / "whole"))

    import voxpot_training.loop as loop

    def stop_after_two(path, *arguments):
        save(path, *arguments)
        if arguments[-1]["epoch"] == 2 and path.name == "checkpoint.safetensors":
            raise KeyboardInterrupt

    save = loop.save_checkpoint
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            run(config, out=tmp_path / "broken")
    resumed = weights_of(run(config, out=tmp_path / "broken", resume=True))

    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    assert column(tmp_path / "broken", "loss") == column(tmp_path / "whole", "loss")


def test_the_same_seed_gives_the_same_weights(write_config, tmp_path):
    config = write_config(epochs=1)

    first, again = (weights_of(run(config, out=tmp_path / name)) for name in ("a", "b"))

    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_a_model_can_be_the_start_of_another(write_config, tmp_path):
    first = run(write_config(epochs=8), out=tmp_path / "first")
    config = write_config(epochs=1, schedule="final_rate = 1e-9\n")
    config.write_text(f'start = "{first}"\n' + config.read_text().replace("rate = 1e-2", "rate = 1e-9"))

    second = run(config, out=tmp_path / "second")

    for name, value in weights_of(first).items():
        np.testing.assert_allclose(weights_of(second)[name], value, atol=1e-6, err_msg=name)


def test_tables_in_a_pipe_are_not_cut(write_config, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")  # of a window that is not looked at
    run(write_config(epochs=1), out=tmp_path / "run")

    assert "…" not in capsys.readouterr().out.split("small on its hold-out")[1]


def test_frames_without_labels_are_counted_and_the_keys_named(write_config, tmp_path):
    config = write_config()
    data = tmp_path / "frames.extxyz"
    frames = read(data, ":")
    for atoms in frames[:7]:
        atoms.info["dft_energy"] = atoms.info.pop("REF_energy")
    write(data, frames)

    with pytest.raises(MissingLabelsError, match=r"7 of 60 .*dft_energy"):
        run(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("old", "new", "error", "sentence"),
    [
        ("rate = 1e-2", "rat = 1e-2", ConfigError, r"schedule: unknown key 'rat'; known are epochs"),
        ("rate = 1e-2", "rate = 'fast'", ConfigError, r"schedule.rate: expected float, got 'fast'"),
        ('species = ["Mo", "W"]', 'species = ["Mo"]', UnknownElementError, r"hold W, but model.species names Mo"),
        ("frames.extxyz", "absent.extxyz", DataError, r"expected the data file absent.extxyz"),
        ("[schedule]", "[schedule", ConfigError, r"expected TOML"),
    ],
)
def test_a_wrong_config_is_refused_in_a_sentence(old, new, error, sentence, write_config, tmp_path):
    config = write_config()
    config.write_text(config.read_text().replace(old, new))

    with pytest.raises(error, match=sentence):
        run(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_network_is_refused(write_config, tmp_path):
    run(write_config(epochs=1), out=tmp_path / "run")

    with pytest.raises(ArchitectureError, match="checkpoint of another network"):
        run(write_config("dense", epochs=1), out=tmp_path / "run", resume=True)


def test_a_foreign_checkpoint_is_refused(write_config, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"\x80\x04not a checkpoint")

    with pytest.raises(SchemaError, match="expected a training checkpoint"):
        run(write_config(epochs=1), out=tmp_path / "run", resume=True)


class TestCurve:
    @pytest.fixture
    def log(self, tmp_path):
        rows = [f"{k},{60 * k},{'' if k % 2 else 100 - k},{'' if k % 2 else 200 - k}" for k in range(41)]
        (tmp_path / "log.csv").write_text("\n".join(["epoch,seconds,valid_energy,valid_force", *rows]))
        return tmp_path / "log.csv"

    def test_a_curve_has_few_points_and_the_last_of_them(self, log):
        found = curve(log, ("energy", "force"))

        assert len(found) == POINTS
        assert found[0] == {"minutes": 0, "energy": 100, "force": 200}
        assert found[-1] == {"minutes": 40, "energy": 60, "force": 160}

    def test_a_second_stage_goes_on_with_the_first(self, log):
        first = curve(log, ("energy", "force"))

        both = curve(log, ("energy", "force"), before=first)

        assert both[:POINTS] == first
        assert [row["minutes"] for row in both] == sorted(row["minutes"] for row in both)
        assert both[-1]["minutes"] == 80
        assert len(learning_table(both)) == 5 + len(both)

    def test_a_training_without_validation_has_no_curve(self, log):
        log.write_text("epoch,seconds,valid_energy,valid_force\n0,1,,")

        assert curve(log, ("energy", "force")) == []
        assert learning_table([]) == []
