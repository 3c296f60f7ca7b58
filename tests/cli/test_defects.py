from __future__ import annotations

import json

import numpy as np
import pytest

from tests.cli.conftest import SPRINGS

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


def test_decorations_are_pooled_and_workers_give_the_numbers_of_one_process(voxpot, here):
    options = ("defects", "bcc:MoW", "-m", "motaw-fast", "--device", "cpu", "--repeat", 2, "--sites", 1, "--swaps", 1)
    assert voxpot(*options, "--json", "first.json").status == 0
    assert voxpot(*options, "--seed", 1, "--json", "second.json").status == 0
    alone = voxpot(*options, "--decorations", 2, "--json", "one.json")

    outcome = voxpot(*options, "--decorations", 2, "--workers", 2, "--json", "two.json")

    assert (alone.status, outcome.status) == (0, 0), outcome.err
    assert outcome.out == alone.out
    assert "16 sites, 2 decorations" in outcome.out
    assert (here / "two.json").read_text() == (here / "one.json").read_text()
    first, second, both = (json.loads((here / f"{n}.json").read_text()) for n in ("first", "second", "one"))
    assert both["decorations"] == 2
    assert both["vacancies"]["decoration"] == [0, 0, 1, 1]
    assert both["swaps"]["decoration"] == [0, 0, 1, 1]
    for name in ("elements", "alloy"):
        parts = [answer["vacancies"]["formation"][name] for answer in (first, second)]
        assert both["vacancies"]["formation"][name] == parts[0] + parts[1]
        mean = np.mean([answer["chemical_potentials"][name]["Mo"] for answer in (first, second)])
        assert both["chemical_potentials"][name]["Mo"] == pytest.approx(mean, abs=1e-12)


def test_an_error_of_a_worker_is_one_sentence(voxpot, springs, files):
    """The reference crystal of an element is much smaller than the alloy, which is found out in the workers."""
    options = ("-c", SPRINGS, "--lattice", 4.0, "--repeat", 2, "--decorations", 2, "--workers", 2)

    assert "Cu: no volume without pressure within" in voxpot("defects", "fcc:CuNi", *options).sentence
    assert "defects.png" not in files()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--sites", 0), "expected at least one site"),
        (("--swaps", -1), "no fewer than 0 swaps"),
        (("--decorations", 0), "decorations: expected a whole number from 1 on"),
        (("--workers", 0), "workers: expected a whole number from 1 on"),
        (("--plot", "a.b"), "expected a name that ends in .png"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, files, arguments, sentence):
    assert sentence in voxpot("defects", "fcc:CuAu", *EMT, *arguments).sentence
    assert "defects.png" not in files()
