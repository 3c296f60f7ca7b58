from __future__ import annotations

import json

import numpy as np
import pytest

from tests.cli.conftest import SPRINGS

FACES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
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


def test_displaced_cells_of_phonopy_get_forces(voxpot, springs, here):
    import phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    cell = PhonopyAtoms(symbols=["Cu"] * 4, cell=np.eye(3) * 4.0, scaled_positions=FACES)
    model = phonopy.Phonopy(cell, supercell_matrix=np.diag([2, 2, 2]), primitive_matrix="F")
    model.generate_displacements(distance=0.01)
    model.save(here / "phonopy_disp.yaml", settings={"force_sets": False, "force_constants": False})

    outcome = voxpot("phonons", "phonopy_disp.yaml", "-c", SPRINGS)

    assert outcome.status == 0, outcome.sentence
    read = phonopy.load(here / "phonopy_disp.yaml", force_sets_filename=here / "FORCE_SETS", log_level=0)
    again = voxpot("phonons", "cell.extxyz", *SMALL, "--json", "out.json")
    assert again.status == 0
    special = json.loads((here / "out.json").read_text())["special"]
    assert max(read.run_qpoints([[0.5, 0.5, 0.0]]).frequencies[0]) == pytest.approx(max(special["X"]), rel=0.02)


def test_displaced_cells_of_phono3py_get_forces(voxpot, springs, here):
    phono3py = pytest.importorskip("phono3py")
    from phonopy.structure.atoms import PhonopyAtoms

    cell = PhonopyAtoms(symbols=["Cu"] * 4, cell=np.eye(3) * 4.0, scaled_positions=FACES)
    model = phono3py.Phono3py(cell, supercell_matrix=np.diag([2, 2, 2]), primitive_matrix="F")
    model.generate_displacements(distance=0.01, cutoff_pair_distance=3.0)
    model.save(here / "phono3py_disp.yaml")

    outcome = voxpot("phonons", "phono3py_disp.yaml", "-c", SPRINGS, "--phonopy", "third")

    assert outcome.status == 0, outcome.sentence
    read = phono3py.load(
        here / "phono3py_disp.yaml", forces_fc3_filename=here / "third/FORCES_FC3", is_symmetry=True, log_level=0
    )
    assert np.isfinite(read.fc3).all()
    assert np.abs(read.fc3).max() > 1  # eV/Å³: springs are not harmonic off their axis


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1", "expected phonopy_disp.yaml or phono3py_disp.yaml, got another file"),
        ("phonopy:\n  version: 4\n", "phonopy_disp.yaml: not readable by phonopy"),
    ],
)
def test_other_files_of_displacements_are_refused(voxpot, springs, here, text, sentence):
    (here / "phonopy_disp.yaml").write_text(text)

    assert sentence in voxpot("phonons", "phonopy_disp.yaml", "-c", SPRINGS).sentence


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
    change = np.diff(warm["bulk_modulus"])
    assert abs(change[0]) < 0.001  # GPa; from 0 K to the next temperature nothing has happened yet
    assert (change[1:] < 0).all()


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
