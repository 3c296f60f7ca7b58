from __future__ import annotations

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from ase.units import GPa

from tests.cli.conftest import SPRINGS


def test_any_calculator_and_a_file(voxpot, springs, here, files):
    outcome = voxpot("elastic", "cell.extxyz", "-c", SPRINGS, "--json", "out.json")

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    unit = 0.5 / GPa
    for name, value in (("c11", 2 * unit), ("c12", unit), ("c44", unit)):
        assert answer["figures"][name]["value"] == pytest.approx(value, rel=2e-3)
        assert answer["figures"][name]["error"] is None
    assert np.shape(answer["tensor"]) == (6, 6)
    assert answer["cubic"] is True
    assert {"elastic.png", "out.json"} <= files()


def test_a_random_alloy_comes_with_errors(voxpot, springs, here):
    options = ("--lattice", 4.0, "--repeat", 2, "-n", 2, "--plot", "alloy.png", "--json", "out.json")
    outcome = voxpot("elastic", "fcc:CuNi", "-c", SPRINGS, *options)

    assert outcome.status == 0
    assert "mean of 2 decorations ± standard error" in outcome.out
    answer = json.loads((here / "out.json").read_text())
    assert answer["decorations"] == 2
    assert answer["figures"]["c11"]["error"] < 0.1
    assert (here / "alloy.png").stat().st_size > 10_000


def test_workers_give_the_numbers_of_one_process(voxpot, springs, here):
    options = ("fcc:CuNi", "-c", SPRINGS, "--lattice", 4.0, "--repeat", 2, "-n", 3)
    assert voxpot("elastic", *options, "--json", "one.json").status == 0

    outcome = voxpot("elastic", *options, "--workers", 2, "--json", "two.json")

    assert outcome.status == 0, outcome.err
    assert (here / "two.json").read_text() == (here / "one.json").read_text()


@pytest.mark.parametrize("more", [(), ("--finite-strain",)])
def test_workers_share_the_strained_cells_of_one_crystal(voxpot, here, more):
    """Of a model, whose neighbour lists depend on what was computed before; to the last bit."""
    options = ("bcc:W", "-m", "motaw-fast", "--device", "cpu", *more)
    assert voxpot("elastic", *options, "--json", "one.json").status == 0

    outcome = voxpot("elastic", *options, "--workers", 2, "--json", "two.json")

    assert outcome.status == 0, outcome.err
    assert (here / "two.json").read_text() == (here / "one.json").read_text()
    assert json.loads((here / "one.json").read_text())["figures"]["c11"]["value"] == pytest.approx(526, rel=0.1)


def test_an_error_of_a_worker_is_one_sentence(voxpot, springs, files):
    options = ("-c", "springs.py:fragile", "--lattice", 4.0, "--repeat", 2, "-n", 2, "--workers", 2)

    assert "calculator given: RuntimeError (tired)" in voxpot("elastic", "fcc:CuNi", *options).sentence
    assert "elastic.png" not in files()


def test_a_line_through_large_strains_of_a_random_alloy_is_near_the_slopes_at_rest(voxpot, here):
    options = ("bcc:MoTaW", "-m", "motaw-fast", "--device", "cpu", "-n", 1)
    assert voxpot("elastic", *options, "--finite-strain", "--json", "large.json").status == 0
    assert voxpot("elastic", *options, "--json", "rest.json").status == 0

    large, rest = (json.loads((here / f"{name}.json").read_text())["figures"] for name in ("large", "rest"))
    assert large["c11"]["value"] != rest["c11"]["value"]
    for name in ("c11", "c12", "c44"):
        assert large[name]["value"] == pytest.approx(rest[name]["value"], rel=0.2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("bcc:Qq",), "expected a chemical formula"),
        (("nothing.cif",), "nothing.cif"),
        (("fcc:Cu", "--lattice", 4, "-n", 3), "1 unless the structure is a random alloy"),
        (("fcc:CuNi", "--lattice", 4, "-n", 0), "from 1 on, and 1 unless"),
        (("fcc:Cu", "--lattice", 4, "--plot", "picture.txt"), "expected a name that ends in .png"),
        (("fcc:Cu", "--lattice", 4, "--json", "."), "got a folder"),
        (("fcc:Cu", "--lattice", 4, "--seed", -1), "seed: expected"),
        (("fcc:Cu", "--lattice", 4, "-c", "springs.py:lazy"), "lazy without stress"),
        (("fcc:Cu", "--lattice", 4, "-c", "springs.py:broken"), "has no energy with the calculator given"),
        (("fcc:Cu", "--lattice", 4, "-c", "nowhere:make"), "expected to find make in nowhere"),
        (("fcc:Cu", "--lattice", 9), "no volume without pressure"),
        (("fcc:CuNi", "--lattice", 9, "--repeat", 1), "a strain makes no stress"),
        (("fcc:Cu", "--lattice", 4, "--repeat", 0), "repeat: expected"),
        (("fcc:Cu", "--lattice", 4, "--workers", 0), "workers: expected a whole number from 1 on, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    known = () if "-c" in arguments else ("-c", SPRINGS)

    assert sentence in voxpot("elastic", *arguments, *known).sentence
    assert not {f for f in files() if f.endswith((".png", ".json"))}


def test_a_molecule_is_no_crystal(voxpot, springs, here):
    atoms = bulk("Cu", "fcc", a=4.0, cubic=True)
    atoms.pbc = False
    write(here / "drop.xyz", atoms)

    assert "periodic in three directions" in voxpot("elastic", "drop.xyz", "-c", SPRINGS).sentence


def test_an_element_that_the_model_does_not_know_is_named(voxpot):
    assert "Cu" in voxpot("elastic", "fcc:Cu", "--model", "tiny.safetensors").sentence
