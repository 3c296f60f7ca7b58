"""From a config to a model file to numbers, through the smallest member of the family."""

from __future__ import annotations

import csv
import json
from importlib import import_module
from shutil import rmtree

import numpy as np
import pytest
from ase.io import read, write
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.cli import main
from ase_voxpot.errors import ChecksumError, ConfigError, DivergenceError, SchemaError, WeightsError
from ase_voxpot.weights import find_model
from tests.cifs import cif
from tests.crystals.regression.conftest import all_perovskites, perovskite, write_config
from voxpot_crystals import models
from voxpot_crystals.regression.predict import load_predictor
from voxpot_training.artifacts import load_artifact, read_card
from voxpot_training.kinds import train

SMALL = "width = 8\nconvolutions = 1\nhidden = 8\ngaussians = 9\ncutoff = 4.0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    config = write_config(folder, all_perovskites(), split='also = ["pair"]', model=SMALL)
    return train(config, out=folder / "run")


def test_a_training_leaves_model_card_figures_and_pictures(trained):
    folder = trained.parent
    names = {p.name for p in folder.iterdir()}

    assert {"edges.safetensors", "edges.md", "edges.json", "edges.png", "learning.png", "holdout.extxyz"} <= names
    figures = json.loads((folder / "edges.json").read_text())["splits"]
    assert set(figures) == {"row", "pair"}
    for found in figures.values():
        assert set(found) == {"edges", "composition, ridge", "composition, boosted trees", "sums of radii"}
        assert found["sums of radii"]["r2"] > 0.4
    card = read_card(trained)
    assert card["splits"] == figures
    assert card["crystals"]["held out"] == len(read(folder / "holdout.extxyz", ":"))
    assert "voxpot train training/configs/edges.toml" in (folder / "edges.md").read_text()


def test_the_card_can_be_measured_again(trained, tmp_path, capsys):
    output = tmp_path / "predicted.csv"

    status = main(["predict", str(trained.parent / "holdout.extxyz"), "-m", str(trained), "-o", str(output)])

    assert status == 0
    with output.open() as file:
        rows = list(csv.DictReader(file))
    held = read(trained.with_name("holdout.extxyz"), ":")
    assert [row["id"] for row in rows] == [str(k) for k in range(len(held))]
    errors = [abs(float(row["prediction"]) - a.info["a"]) for row, a in zip(rows, held, strict=True)]
    assert np.mean(errors) == pytest.approx(read_card(trained)["splits"]["row"]["edges"]["mae"], rel=1e-4)
    assert all(float(row["uncertainty"]) > 0 for row in rows)
    assert "MAE" in capsys.readouterr().out


def test_workers_give_the_predictions_of_one_process(trained, tmp_path, monkeypatch, capsys):
    """One of the second portion has no cell."""
    monkeypatch.setattr(import_module("voxpot_crystals.verbs.predict"), "PORTION", 3)
    crystals = read(trained.with_name("holdout.extxyz"), ":")[:5]
    lost = crystals[0].copy()
    lost.pbc = False
    write(tmp_path / "all.extxyz", [*crystals[:4], lost, crystals[4]])
    command = ["predict", str(tmp_path / "all.extxyz"), "-m", str(trained)]

    found = {}
    for workers in (1, 2):
        assert main([*command, "-o", str(tmp_path / "p.csv"), "--workers", str(workers)]) == 1
        found[workers] = (tmp_path / "p.csv").read_text(), capsys.readouterr().err

    assert found[1] == found[2]
    assert found[1][0].splitlines()[5].startswith("4,,,")
    assert main([*command, "--strict", "--workers", "2"]) == 2
    assert "frame 4: " in capsys.readouterr().err


def test_a_training_is_taken_up_where_it_stopped(config, tmp_path):
    """The second of two members is missing, as if the training had been killed."""
    path = config(model=SMALL)
    whole = load_artifact(train(path, out=tmp_path / "run"), kinds=["cgcnn"])
    rmtree(tmp_path / "run" / "row" / "member-1")
    first = (tmp_path / "run" / "row" / "member-0" / "log.csv").read_bytes()

    again = load_artifact(train(path, out=tmp_path / "run", resume=True), kinds=["cgcnn"])

    assert (tmp_path / "run" / "row" / "member-0" / "log.csv").read_bytes() == first
    assert whole.tensors.keys() == again.tensors.keys()
    for name, tensor in whole.tensors.items():
        assert_array_equal(tensor.numpy(), again.tensors[name].numpy(), err_msg=name)


def test_predictions_do_not_depend_on_the_company_and_leave_the_input_alone(trained, perovskites):
    predictor = load_predictor(trained)
    before = [a.copy() for a in perovskites]

    value, sigma = predictor.predict(perovskites)
    one, its_sigma = predictor.predict([perovskites[5]])

    assert_allclose(one, value[5], rtol=1e-5)
    assert_allclose(its_sigma, sigma[5], rtol=1e-4)
    for a, b in zip(perovskites, before, strict=True):
        assert a == b


def test_every_prediction_has_an_uncertainty_in_the_unit_of_the_target(trained):
    value, sigma = load_predictor(trained).predict([perovskite("Cs", "Pb", "I", 5.0)])

    assert 1 < value[0] < 10
    assert 0 < sigma[0] < 10


def test_without_output_the_table_goes_to_the_screen(trained, tmp_path, perovskites, capsys):
    write(tmp_path / "some.extxyz", perovskites[:2])

    assert main(["predict", str(tmp_path / "some.extxyz"), "-m", str(trained)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id,prediction,uncertainty"
    assert len(lines) == 3


def test_crystals_without_their_truth_are_not_scored(trained, tmp_path, perovskites, capsys):
    for atoms in perovskites:
        atoms.info.clear()
    write(tmp_path / "some.extxyz", perovskites[:3])

    assert main(["predict", str(tmp_path / "some.extxyz"), "-m", str(trained), "-o", str(tmp_path / "x.csv")]) == 0

    assert "MAE" not in capsys.readouterr().out


def test_a_truth_that_was_named_has_to_be_there(trained, tmp_path, perovskites, capsys):
    perovskites[0].info["mine"] = 4.0
    perovskites[1].info["mine"] = "large"
    write(tmp_path / "some.extxyz", perovskites[:3])
    write(tmp_path / "text.extxyz", perovskites[:2])
    words = ["-m", str(trained), "-o", str(tmp_path / "x.csv"), "--key", "mine"]

    assert main(["predict", str(tmp_path / "some.extxyz"), *words]) == 2
    assert "1 of 3 frames (first: frame 2) lack it" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "text.extxyz"), *words]) == 2
    assert "under 'mine', got 'large'" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


@pytest.fixture
def mixed(tmp_path, perovskites):
    """Four crystals, of which the second is shared by two elements and the third is none."""
    perovskites[1].info["occupancy"] = {"0": {"Ca": 0.5, "Sr": 0.5}}
    perovskites[2].pbc = False
    write(tmp_path / "some.extxyz", perovskites[:4])
    return str(tmp_path / "some.extxyz")


def test_crystals_that_cannot_be_taken_are_named_and_cost_no_other_its_prediction(trained, mixed, tmp_path, capsys):
    output = tmp_path / "x.csv"

    status = main(["predict", mixed, "-m", str(trained), "-o", str(output)])

    assert status == 1
    predicted = capsys.readouterr()
    assert "2 predictions of lattice parameter" in predicted.out
    assert "MAE" in predicted.out
    assert "voxpot: frame 1: expected an ordered crystal, one whole atom on every site" in predicted.err
    assert "voxpot: 2 of 4 frames were not predicted" in predicted.err
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3"]
    assert [bool(row["prediction"]) for row in rows] == [True, False, False, True]
    assert [bool(row["reason"]) for row in rows] == [False, True, True, False]
    assert "periodic in three directions" in rows[2]["reason"]
    whole, _ = load_predictor(trained).predict([read(mixed, 0), read(mixed, 3)])
    assert_allclose([float(rows[k]["prediction"]) for k in (0, 3)], whole, rtol=1e-5)


def test_without_output_the_reasons_go_to_the_screen(trained, mixed, capsys):
    assert main(["predict", mixed, "-m", str(trained)]) == 1

    assert capsys.readouterr().out.splitlines()[0] == "id,prediction,uncertainty,reason"


def test_strict_stops_at_the_first(trained, mixed, tmp_path, capsys):
    status = main(["predict", mixed, "-m", str(trained), "-o", str(tmp_path / "x.csv"), "--strict"])

    assert status == 2
    assert "frame 1" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_a_file_with_nothing_to_predict_is_refused(trained, tmp_path, perovskites, capsys):
    for atoms in perovskites[:2]:
        atoms.pbc = False
    write(tmp_path / "some.extxyz", perovskites[:2])

    status = main(["predict", str(tmp_path / "some.extxyz"), "-m", str(trained), "-o", str(tmp_path / "x.csv")])

    assert status == 2
    assert "frame 0: expected a crystal" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_a_block_of_cif_that_cannot_be_read_is_one_row(trained, tmp_path, capsys):
    good = cif("Sr1 Sr 0 0 0 1\nTi1 Ti .5 .5 .5 1\nO1 O .5 .5 0 1\n", group="P m -3 m", edge=3.9)
    (tmp_path / "x.cif").write_text(good + cif("Wat Wat 0 0 0 1\n", name="water") + good)

    assert main(["predict", str(tmp_path / "x.cif"), "-m", str(trained)]) == 1

    first, second, third = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert first["prediction"] == third["prediction"] != ""
    assert "block 'water'" in second["reason"]


def test_a_prediction_that_is_no_number_is_none(trained, perovskites, monkeypatch):
    predictor = load_predictor(trained)
    monkeypatch.setattr(type(predictor.ensemble), "predict", lambda self, items: (np.array([1.0, np.inf]), np.ones(2)))

    predicted = predictor.predict_each(perovskites[:2])

    assert list(predicted.refused) == [1]
    assert np.isnan(predicted.value[1])
    with pytest.raises(DivergenceError, match="frame 1: expected a finite prediction"):
        predictor.predict(perovskites[:2])


def test_info_lists_and_describes_it(trained, capsys, monkeypatch):
    monkeypatch.setattr(models, "SHIPPED", trained.parent)

    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "edges" in out
    assert "voxpot predict" in out
    for name in ("edges", str(trained)):
        assert main(["info", name]) == 0
        assert "lattice parameter" in capsys.readouterr().out


def test_foreign_and_damaged_files_are_refused(trained, tmp_path):
    with pytest.raises(WeightsError, match="expected the name of a shipped model"):
        models.find_model("nothing")
    with pytest.raises(SchemaError, match="of kind hirshfeld"):
        load_artifact(trained, kinds=["hirshfeld"])
    with pytest.raises(SchemaError, match="got an ase-voxpot potential"):
        load_predictor(find_model("motaw"))
    data = bytearray(trained.read_bytes())
    data[-3] ^= 1
    (tmp_path / "damaged.safetensors").write_bytes(data)
    with pytest.raises(ChecksumError, match="checksum"):
        load_predictor(tmp_path / "damaged.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    with pytest.raises(SchemaError):
        load_predictor(tmp_path / "text.safetensors")


def test_a_training_leaves_out_what_it_cannot_see_and_counts_it(config, perovskites, capsys):
    perovskites[3].info["occupancy"] = {"0": {"Ca": 0.5, "Sr": 0.5}}
    perovskites[4].symbols[0] = "No"  # an element without features
    path = config(model=SMALL)

    model = train(path, quick=True, out=path.parent / "run")

    predicted = " ".join(capsys.readouterr().out.split())
    assert "1 left out: no ordered crystals, the first perovskites.extxyz, frame 3" in predicted
    assert "1 left out: that the model cannot see, the first" in predicted
    assert sum(read_card(model)["crystals"][side] for side in ("trained on", "held out")) == len(perovskites) - 2


def test_an_unknown_kind_is_refused(config):
    path = config(kind="oracle")
    with pytest.raises(ConfigError, match="'oracle'"):
        train(path)


def test_keys_of_the_model_are_checked(config):
    with pytest.raises(ConfigError, match="widht"):
        train(config(model="widht = 8"))
