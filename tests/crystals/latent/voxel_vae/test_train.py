"""From a config to a model that reconstructs, and what is refused on the way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.io import write
from typer.testing import CliRunner

from ase_voxpot.errors import ConfigError, SchemaError, UnknownElementError, WeightsError
from tests.crystals.latent.voxel_vae.perovskites import some_perovskites
from voxpot_crystals.latent.voxel_vae.codec import load_codec
from voxpot_crystals.latent.voxel_vae.config import GeneratorConfig, GeneratorSplit
from voxpot_crystals.latent.voxel_vae.generation import load_generator
from voxpot_crystals.latent.voxel_vae.train import run, sides
from voxpot_training.artifacts import save_artifact
from voxpot_training.kinds import train

CONFIG = """
kind = "generative"
name = "tiny"
data = "perovskites.extxyz"

[maps]
voxels = 8
width = 0.5
codes = 4

[vae]
channels = [8]
latent = 12
hidden = 8

[labels]
channels = [8, 8]

[label_schedule]
epochs = 2
batch = 8

[schedule]
epochs = 2
batch = 8
validate_every = 1

[prior.schedule]
epochs = 3
validate_every = 1

[property]
key = "heat_ref"
unit = "eV/atom"

[split]
by = "row"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("generative")
    write(place / "perovskites.extxyz", some_perovskites(30))
    (place / "tiny.toml").write_text(CONFIG)
    train(place / "tiny.toml", out=place / "run")
    return place


def test_a_training_leaves_a_model_its_card_and_pictures(folder):
    codec = load_codec(folder / "run" / "tiny.safetensors")
    assert codec.card["test"]["crystals"] == 6
    assert codec.card["training"]["vae"]["epochs"] == 2
    for name in ("tiny.md", "tiny.json", "learning.png", "slices.png", "latent.png", "generated.png", "test.extxyz"):
        assert (folder / "run" / name).stat().st_size > 0, name
    assert "| StructureMatcher |" in (folder / "run" / "tiny.md").read_text()


def test_reconstruction_is_the_same_twice_in_batches_and_leaves_its_input_alone(folder):
    codec = load_codec(folder / "run" / "tiny.safetensors")
    crystals = some_perovskites(5, seed=3)
    before = [a.copy() for a in crystals]
    latent = codec.encode(codec.see(crystals))
    singles = np.concatenate([codec.encode(codec.see([a])) for a in crystals])
    assert np.abs(latent - singles).max() < 1e-4
    first, second = codec.reconstruct(crystals), codec.reconstruct(crystals)
    assert all(a == b for a, b in zip(crystals, before, strict=True))
    for a, b in zip(first, second, strict=True):
        assert a.failure == b.failure
        assert a.atoms == b.atoms


def test_a_latent_vector_knows_neither_origin_nor_order(folder):
    codec = load_codec(folder / "run" / "tiny.safetensors")
    (atoms,) = some_perovskites(1, seed=4)
    moved = atoms[[3, 1, 4, 0, 2]]
    moved.positions += (0.3, -1.7, 0.9)
    moved.wrap()
    first, second = codec.encode(codec.see([atoms, moved]))
    assert np.abs(first - second).max() < 1e-4


def test_an_interrupted_training_goes_on(folder, tmp_path):
    write(tmp_path / "perovskites.extxyz", some_perovskites(30))
    (tmp_path / "tiny.toml").write_text(CONFIG.replace("epochs = 2", "epochs = 1", 1))
    run(tmp_path / "tiny.toml", out=tmp_path / "run")
    (tmp_path / "tiny.toml").write_text(CONFIG)
    run(tmp_path / "tiny.toml", out=tmp_path / "run", resume=True)
    log = (tmp_path / "run" / "labels" / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in log] == ["epoch", "0", "1"]


def test_compositions_stay_on_one_side_and_sides_are_always_the_same():
    crystals = some_perovskites(200)
    config = GeneratorConfig(name="x", data="y", split=GeneratorSplit(by="formula"))
    parts = sides(crystals, config)
    assert sum(map(len, parts)) == len(crystals)
    formulas = [{a.symbols.formula.reduce()[0].format("hill") for a in part} for part in parts]
    assert not (formulas[0] & formulas[1])
    assert not (formulas[0] & formulas[2])
    assert not (formulas[1] & formulas[2])
    again = sides(crystals, config)
    assert all(a == b for one, two in zip(parts, again, strict=True) for a, b in zip(one, two, strict=True))


def test_crystals_of_other_elements_are_refused_by_frame(folder):
    codec = load_codec(folder / "run" / "tiny.safetensors")
    crystals = some_perovskites(3)
    crystals[1].symbols[0] = "U"
    with pytest.raises(UnknownElementError, match="frame 1: expected the elements .* got U"):
        codec.reconstruct(crystals)


def test_crystals_that_cannot_be_shown_are_left_out_and_counted(tmp_path, capsys):
    crystals = some_perovskites(30)
    crystals[4].set_cell(crystals[4].cell * 3, scale_atoms=True)
    write(tmp_path / "perovskites.extxyz", crystals)
    (tmp_path / "tiny.toml").write_text(CONFIG)
    run(tmp_path / "tiny.toml", out=tmp_path / "run", quick=True)
    answer = " ".join(capsys.readouterr().out.split())
    assert "1 crystals of perovskites.extxyz left out, the first as frame 4: expected edges of up to 5.0 Å" in answer


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("voxels = 8", "voxels = 9", "8, 16, 32 or 64"),
        ("latent = 12", "latents = 12", "latents"),
        ("[split]\n", "[split]\ntest = 0.9\n", "shares between 0 and 0.5"),
        ("perovskites.extxyz", "nothing.extxyz", "nothing.extxyz"),
    ],
)
def test_a_wrong_config_is_refused_in_a_sentence(old, new, sentence, folder, tmp_path):
    (tmp_path / "perovskites.extxyz").write_bytes((folder / "perovskites.extxyz").read_bytes())
    (tmp_path / "wrong.toml").write_text(CONFIG.replace(old, new))
    with pytest.raises(Exception, match=sentence) as caught:
        run(tmp_path / "wrong.toml", out=tmp_path / "run")
    assert type(caught.value).__module__ == "ase_voxpot.errors"


def test_weights_of_another_version_are_refused(folder, tmp_path):
    with pytest.raises(WeightsError, match="expected a file or the name of a shipped model|expected"):
        load_codec(tmp_path / "none.safetensors")
    codec = load_codec(folder / "run" / "tiny.safetensors")
    save_artifact(tmp_path / "odd.safetensors", kind="generative", spec={"species": 3}, card={}, tensors={})
    with pytest.raises(SchemaError, match="cannot be used"):
        load_codec(tmp_path / "odd.safetensors")
    assert codec.spec.species


def test_the_command_line_reconstructs_and_counts(folder, tmp_path):
    from ase_voxpot.cli import app

    write(tmp_path / "some.extxyz", some_perovskites(4))
    words = ["reconstruct", str(tmp_path / "some.extxyz"), "-m", str(folder / "run" / "tiny.safetensors")]
    words += ["-o", str(tmp_path / "back.extxyz"), "--json", str(tmp_path / "errors.json")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "of 4 crystals" in result.output
    assert json.loads((tmp_path / "errors.json").read_text())["crystals"] == 4


def test_the_command_line_generates_what_is_asked_for_and_screens_it(folder, tmp_path):
    from ase_voxpot.cli import app

    words = ["generate", "-m", str(folder / "run" / "tiny.safetensors"), "-n", "3", "-o", str(tmp_path / "new.extxyz")]
    words += ["-c", "contains=O", "-c", "heat_ref=0.1", "--json", str(tmp_path / "figures.json"), "--seed", "3"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["kept"]["heat_ref"]["asked"] == 0.1
    assert figures["made"] + sum(figures["failed"].values()) == figures["tried"]
    assert sum(figures["screened"].values()) == figures["made"]
    first = (tmp_path / "new.extxyz").read_text()
    CliRunner().invoke(app, words)
    assert (tmp_path / "new.extxyz").read_text() == first


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [("heat_ref=99", "the range of the training crystals; got 99"), ("elements=Xe,O", "got Xe"), ("odd=1", "odd=1")],
)
def test_what_the_training_crystals_do_not_reach_is_refused(asked, sentence, folder):
    with pytest.raises(ConfigError, match=sentence):
        load_generator(folder / "run" / "tiny.safetensors").conditions.parse([asked])


def test_a_kind_that_is_not_there_is_named(tmp_path):
    (tmp_path / "odd.toml").write_text('kind = "odd"\n')
    with pytest.raises(ConfigError, match="'generative'"):
        train(tmp_path / "odd.toml")
