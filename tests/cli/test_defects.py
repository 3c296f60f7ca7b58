from __future__ import annotations

import json

import numpy as np
import pytest

EMT = ("-c", "ase.calculators.emt:EMT", "--repeat", 2)


def test_an_alloy_has_vacancies_swaps_and_two_reservoirs(voxpot, here, files):
    outcome = voxpot("defects", "fcc:CuAu", *EMT, "--sites", 2, "--swaps", 2, "--json", "out.json")

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    assert answer["vacancies"]["species"] == ["Au", "Au", "Cu", "Cu"]
    own, other = (np.mean(answer["vacancies"]["formation"][n]) for n in ("elements", "alloy"))
    assert 0.3 < own < 2
    assert 0.3 < other < 2
    assert len(answer["swaps"]["energies"]) == 4
    assert {"defects.png", "out.json"} <= files()
    assert "neighbours" in outcome.out


def test_an_element_has_one_vacancy_and_a_barrier(voxpot, here):
    outcome = voxpot("defects", "fcc:Cu", *EMT, "--jumps", 1, "--json", "out.json")

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    assert len(answer["vacancies"]["sites"]) == 1
    assert "swaps" not in answer
    assert 0.3 < answer["barriers"]["Cu"][0] < 1.5
    assert "Cu jumps into a vacancy over" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--sites", 0), "expected at least one site"),
        (("--swaps", -1), "no fewer than 0 swaps"),
        (("--plot", "a.b"), "expected a name that ends in .png"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, files, arguments, sentence):
    assert sentence in voxpot("defects", "fcc:CuAu", *EMT, *arguments).sentence
    assert "defects.png" not in files()
