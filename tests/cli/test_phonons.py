from __future__ import annotations

import json

import numpy as np
import pytest

from tests.cli.conftest import SPRINGS

SMALL = ("-c", SPRINGS, "--width", 7)


def test_any_calculator_and_a_file(voxpot, springs, here, files):
    outcome = voxpot("phonons", "cell.extxyz", *SMALL, "--json", "out.json", "-T", 600)

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    assert answer["highest"] == pytest.approx(max(answer["special"]["X"]), rel=1e-4)
    assert np.shape(answer["branches"]) == (len(answer["path"]), 3)
    assert answer["temperatures"][-1] == 600
    assert "highest frequency" in outcome.out
    assert {"phonons.png", "out.json"} <= files()


def test_phonopy_goes_on_from_its_own_files(voxpot, springs, here):
    import phonopy

    outcome = voxpot("phonons", "cell.extxyz", *SMALL, "--json", "out.json", "--phonopy", "files")

    assert outcome.status == 0, outcome.sentence
    assert "files/FORCE_SETS" in outcome.out.replace("\n", "")
    special = json.loads((here / "out.json").read_text())["special"]
    read = phonopy.load(here / "files/phonopy_params.yaml", symmetrize_fc=False, log_level=0)
    found = read.run_qpoints([[0.5, 0.5, 0.0]]).frequencies[0]
    np.testing.assert_allclose(np.sort(found), np.sort(special["X"]), rtol=1e-6)
    assert (here / "files/FORCE_SETS").read_text().split()[0] == str(len(read.supercell))


def test_quasi_harmonic(voxpot, springs, here):
    outcome = voxpot(
        "phonons", "fcc:Cu", "-c", "ase.calculators.emt:EMT", "--width", 7, "--qha", "-T", 400, "--json", "out.json"
    )

    assert outcome.status == 0
    assert "expansion" in outcome.out
    answer = json.loads((here / "out.json").read_text())["qha"]
    assert np.interp(300, answer["temperatures"], answer["expansion"]) == pytest.approx(16e-6, rel=0.4)


def test_a_random_alloy_expands(voxpot, here):
    """Between its elements: 4.8e-6 of Mo, 6.3e-6 of Ta, 4.5e-6/K of W at room temperature (CRC Handbook)."""
    options = ("-m", "motaw-fast", "--device", "cpu", "--repeat", 2, "--width", 6, "-T", 900)
    outcome = voxpot("phonons", "bcc:MoTaW", *options, "--qha", "--json", "out.json")

    assert outcome.status == 0
    assert "not stable" not in outcome.out
    answer = json.loads((here / "out.json").read_text())
    assert set(answer["partial"]) == {"Mo", "Ta", "W"}
    assert answer["path"] == []
    warm = answer["qha"]
    assert np.interp(300, warm["temperatures"], warm["expansion"]) == pytest.approx(5.2e-6, rel=0.3)
    assert (np.diff(warm["volume"]) > 0).all()
    constant = np.interp(warm["temperatures"], answer["temperatures"], answer["heat_capacity"])
    assert (np.array(warm["heat_capacity"])[2:] > constant[2:] - 0.01).all()
    assert (np.diff(warm["bulk_modulus"]) < 0).all()


def test_an_instability_is_said(voxpot, here):
    outcome = voxpot("phonons", "bcc:Cu", "-c", "ase.calculators.emt:EMT", "--width", 8)

    assert outcome.status == 0
    assert "not stable" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-T", 0), "expected a temperature between"),
        (("--width", 1), "a width between 5 and 100"),
        (("--plot", "x.gif"), "expected a name that ends in .png"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("phonons", "cell.extxyz", *SMALL, *arguments).sentence
    assert "phonons.png" not in files()
