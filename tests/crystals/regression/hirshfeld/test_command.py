"""Surfaces from the command line, and their pictures."""

import json
import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from tests.crystals.regression.hirshfeld.crystals import perovskite
from voxpot_crystals.regression.hirshfeld.__main__ import main
from voxpot_crystals.regression.hirshfeld.bench import measure
from voxpot_crystals.regression.hirshfeld.pictures import draw_residuals


@pytest.fixture
def ask(monkeypatch, capsys):
    def answer(*words):
        monkeypatch.setattr(sys, "argv", ["hirshfeld", *map(str, words)])
        main()
        return capsys.readouterr().out

    return answer


@pytest.fixture
def crystal(tmp_path):
    path = tmp_path / "crystal.cif"
    write(path, perovskite("Ba", "Ti", "O", 4.0))
    return path


def test_sites_are_listed(ask, crystal, tmp_path):
    printed = ask(crystal, "--rays", 100, "--json", tmp_path / "sites.json")
    predicted = json.loads((tmp_path / "sites.json").read_text())

    assert predicted["formula"] == "BaO3Ti"
    assert [row["atoms"] for row in predicted["sites"]] == [1, 1, 3]
    assert predicted["swallowed"] == []
    assert predicted["beyond_bins"] == 0
    assert "d_i" in printed


def test_pictures_and_arrays_are_written(ask, crystal, tmp_path):
    ask(crystal, "--rays", 100, "--output", tmp_path / "found" / "BaTiO3")

    with np.load(tmp_path / "found" / "BaTiO3.npz") as stored:
        assert stored["fingerprint"].shape == (50, 50)
        assert stored["sites"].shape == (3, 50, 50)
    assert all(
        (tmp_path / "found" / f"BaTiO3-{name}.png").stat().st_size > 10_000 for name in ("surfaces", "fingerprint")
    )


def test_a_disordered_cif_is_one_sentence_and_status_2(ask, tmp_path, capsys):
    """As ASE reads it: sites that two elements share, or that are partly empty."""
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    path = tmp_path / "disordered.cif"
    write(path, atoms)
    text = path.read_text()
    assert "1.0000" in text
    path.write_text(text.replace("1.0000", "0.5000", 1))

    with pytest.raises(SystemExit) as stop:
        ask(path)

    assert stop.value.code == 2
    sentence = capsys.readouterr().err
    assert "disordered.cif: frame 0: expected" in sentence
    assert "--decorate" in sentence


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--low", "3"), "from a lower to a higher"),
        (("--index", "4"), "--index"),
        (("--rays", "3"), "at least 50"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_status_2(ask, crystal, capsys, words, says):
    with pytest.raises(SystemExit) as stop:
        ask(crystal, *words)

    assert stop.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_errors_by_element_are_drawn(tmp_path):
    draw_residuals(tmp_path / "errors.png", [("Sr", "Ti"), ("Ba", "Ti"), ("Sr", "Zr")], np.array([0.1, -0.1, 0.02]))

    assert (tmp_path / "errors.png").stat().st_size > 10_000


def test_the_bench_measures():
    row = measure(4.0, rays=100, repeats=2)

    assert row["seconds"] > 0
    assert row["traced"] < 100
