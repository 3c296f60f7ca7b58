from __future__ import annotations

import json

import pytest
from ase.units import GPa

from tests.cli.conftest import SPRINGS


def test_any_calculator_and_a_file(voxpot, springs, here, files):
    outcome = voxpot("eos", "cell.extxyz", "-c", SPRINGS, "--json", "out.json", "--points", 7)

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    assert answer["volume"] == pytest.approx(16, rel=1e-3)
    assert answer["bulk_modulus"] == pytest.approx(2 / 3 / GPa, rel=1e-2)
    assert len(answer["volumes"]) == len(answer["pressures"]) == 7
    assert "B0 " in outcome.out
    assert {"eos.png", "out.json"} <= files()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fcc:Cu", "--lattice", 4, "--points", 3), "at least five volumes"),
        (("fcc:Cu", "--lattice", 4, "--span", 50), "within 30 %"),
        (("fcc:Cu", "--lattice", 4, "--plot", "curve"), "expected a name that ends in .png"),
        (("fcc:Cu", "--lattice", 9), "no volume without pressure"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("eos", *arguments, "-c", SPRINGS).sentence
    assert "eos.png" not in files()
