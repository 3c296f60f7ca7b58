"""A training on crystals that can be learned in seconds, and what the command makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write
from numpy.testing import assert_allclose

from ase_voxpot.cli import main
from ase_voxpot.errors import ConfigError, DataError
from tests.crystals.latent.structure_field.crystals import random_crystal, some_crystals
from voxpot_crystals.latent.decoded import Decoded
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.structure_field.codec import load_codec
from voxpot_training.kinds import train

CONFIG = """
kind = "structure_field"
name = "small"
train = "some.extxyz"
validation = "some.extxyz"
[model]
kind = "{kind}"
latent = 16
{model}
[queries]
species = 0.1
[flow]
steps = 16
[prior.velocity]
width = 32
blocks = 2
[prior.schedule]
epochs = 300
validate_every = 100
[schedule]
epochs = {epochs}
rate = 5e-3
batch = 4
averaging = 0.9
validate_every = 5
"""
SMALL = "width = 64\nlayers = 3\nstate = 32\npooled = 32"


def write_config(folder, kind="periodic", model=SMALL, epochs=150):
    made = []
    for edge in (3.7, 3.8, 3.9, 4.0):
        made += [bulk("KCl", "cesiumchloride", a=edge), bulk("NaCl", "cesiumchloride", a=edge)]
    write(folder / "some.extxyz", made)
    path = folder / "small.toml"
    path.write_text(CONFIG.format(kind=kind, model=model, epochs=epochs))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("field")
    return train(write_config(folder), out=folder / "run")


def test_a_training_learns_what_there_is_to_learn(trained):
    scores = json.loads(trained.with_suffix(".json").read_text())

    assert scores["wrong_count"] == 0
    assert scores["position_actual"] < 0.1
    assert scores["species_actual"] == 0
    assert scores["length"] < 0.1
    names = {p.name for p in trained.parent.iterdir()}
    assert {"small.md", "learning.png", "reconstructions.png", "field.png", "log.csv"} <= names
    assert load_codec(trained).card["validation"] == scores


def test_reconstruct_writes_frames_with_their_index(trained, tmp_path, capsys):
    crystals = [bulk("KCl", "cesiumchloride", a=3.85), bulk("NaCl", "cesiumchloride", a=3.95)]
    crystals[1].translate([0.7, 1.9, -0.4])
    write(tmp_path / "in.extxyz", crystals)

    arguments = ["reconstruct", tmp_path / "in.extxyz", "-m", trained, "-o", tmp_path / "out.extxyz"]
    status = main([str(a) for a in [*arguments, "--json", tmp_path / "scores.json", "--plot", tmp_path / "p.png"]])

    assert status == 0
    back = read(tmp_path / "out.extxyz", ":")
    assert [a.info["source_index"] for a in back] == [0, 1]
    assert (tmp_path / "p.png").is_file()
    assert json.loads((tmp_path / "scores.json").read_text())["crystals"] == 2
    assert "2 of 2 crystals" in capsys.readouterr().out
    again = score_reconstructions(crystals, [Decoded(a) for a in back])
    assert again.position_actual < 0.15, "the origin is that of the input"
    assert again.wrong_count == 0


def test_failed_decodes_have_no_frame_and_are_counted(trained, tmp_path, capsys, monkeypatch):
    from voxpot_crystals.latent.structure_field.codec import Codec

    whole = Codec.decode
    calls = []

    def decode(self, latent, **options):
        calls.append(1)
        return Decoded(None, "no atom") if len(calls) == 1 else whole(self, latent, **options)

    monkeypatch.setattr(Codec, "decode", decode)
    write(tmp_path / "in.extxyz", [bulk("KCl", "cesiumchloride", a=3.85)] * 2)

    assert main(["reconstruct", str(tmp_path / "in.extxyz"), "-m", str(trained), "-o", str(tmp_path / "o.extxyz")]) == 0

    assert [a.info["source_index"] for a in read(tmp_path / "o.extxyz", ":")] == [1]
    assert "1 of 2 crystals; 1 could not be decoded" in capsys.readouterr().out


def test_a_training_leaves_out_what_is_no_crystal_and_counts_it(tmp_path, capsys):
    config = write_config(tmp_path, epochs=2)
    crystals = read(tmp_path / "some.extxyz", ":")
    crystals[2].pbc = False
    write(tmp_path / "some.extxyz", crystals)

    train(config, out=tmp_path / "run", quick=True)

    result = " ".join(capsys.readouterr().out.split())
    assert result.count("1 crystals of some.extxyz left out, the first as frame 2: expected a crystal") == 2
    assert "7 crystals to train on" in result


def test_crystals_that_it_cannot_take_are_named_and_have_no_frame(trained, tmp_path, capsys):
    write(tmp_path / "in.extxyz", [bulk("W", cubic=True), bulk("KCl", "cesiumchloride", a=3.85)])
    words = ["reconstruct", str(tmp_path / "in.extxyz"), "-m", str(trained), "-o", str(tmp_path / "o.extxyz")]

    assert main([*words, "--strict"]) == 2
    assert "frame 0" in capsys.readouterr().err
    assert not (tmp_path / "o.extxyz").exists()

    assert main([*words, "--json", str(tmp_path / "o.json")]) == 1
    result = capsys.readouterr()
    assert "voxpot: 1 of 2 frames were not reconstructed" in result.err
    assert "1 of 1 crystals" in result.out
    assert [a.info["source_index"] for a in read(tmp_path / "o.extxyz", ":")] == [1]
    assert list(json.loads((tmp_path / "o.json").read_text())["refused"]) == ["0"]


def test_a_file_of_nothing_that_it_can_take_is_refused(trained, tmp_path, capsys):
    write(tmp_path / "in.extxyz", bulk("W", cubic=True))

    assert main(["reconstruct", str(tmp_path / "in.extxyz"), "-m", str(trained), "-o", str(tmp_path / "o.extxyz")]) == 2

    assert "frame 0" in capsys.readouterr().err
    assert not (tmp_path / "o.extxyz").exists()


def test_a_picture_needs_the_suffix_of_one(trained, tmp_path, capsys):
    write(tmp_path / "in.extxyz", bulk("KCl", "cesiumchloride", a=3.85))
    words = ["reconstruct", str(tmp_path / "in.extxyz"), "-m", str(trained), "-o", str(tmp_path / "o.extxyz")]

    assert main([*words, "--plot", str(tmp_path / "beside")]) == 2

    assert "ends in .png, .pdf, .svg" in capsys.readouterr().err
    assert not (tmp_path / "o.extxyz").exists()


def test_the_published_model_trains_and_decodes(tmp_path):
    model = train(write_config(tmp_path, kind="published", model="", epochs=3), out=tmp_path / "run", quick=True)

    codec = load_codec(model)
    assert codec.spec.model.species == ("Na", "Cl", "K")
    assert len(codec.spec.model.box) == 3


def test_perfect_reconstructions_have_no_error(rng):
    crystals = [*some_crystals(), random_crystal(rng)]

    scores = score_reconstructions(crystals, [Decoded(a.copy()) for a in crystals])

    assert scores.wrong_count == scores.failed == 0
    for value in (scores.position_actual, scores.position_detected, scores.one_to_one, scores.length, scores.angle):
        assert value == pytest.approx(0, abs=1e-5)
    assert scores.species_actual == 0
    assert scores.matched in (None, 1.0)


def test_errors_are_those_that_were_made():
    original = bulk("KCl", "cesiumchloride", a=4.0)
    moved, swapped, short = original.copy(), original.copy(), original[:1]
    moved.positions[1] += [0.3, 0, 0]
    swapped.symbols = ["Cl", "K"]

    assert score_reconstructions([original], [Decoded(moved)]).position_actual == pytest.approx(0.15)
    assert score_reconstructions([original], [Decoded(moved)]).one_to_one == pytest.approx(0.3 / np.sqrt(2))
    assert score_reconstructions([original], [Decoded(swapped)]).species_actual == 1
    short_scores = score_reconstructions([original], [Decoded(short)])
    assert short_scores.wrong_count == 1
    assert_allclose(short_scores.position_actual, 2 * np.sqrt(3) / 2)
    assert short_scores.position_detected == pytest.approx(0)
    failed = score_reconstructions([original], [Decoded(None, "no atom")])
    assert (failed.failed, failed.wrong_count, failed.position_actual) == (1, 1, None)


def test_one_crystal_or_none_to_validate_with_is_refused(tmp_path):
    path = write_config(tmp_path)
    write(tmp_path / "one.extxyz", bulk("KCl", "cesiumchloride", a=4.0))
    write(tmp_path / "other.extxyz", bulk("CsI", "cesiumchloride", a=4.5))
    text = path.read_text()
    for key, name, sentence in (("train", "one", "got 1 and"), ("validation", "other", "and 0 of 1")):
        path.write_text(text.replace(f'{key} = "some.extxyz"', f'{key} = "{name}.extxyz"'))
        with pytest.raises(DataError, match=sentence):
            train(path, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_wrong_configs_are_refused(tmp_path):
    path = write_config(tmp_path)
    path.write_text(path.read_text() + "\nepoch = 3")
    with pytest.raises(ConfigError, match="'epoch'"):
        train(path)
