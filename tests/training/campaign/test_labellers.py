"""The labellers: what they answer, and what they say of input that they cannot use."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from voxpot_jobs import FAILING, config, frames

from ase_voxpot.errors import ConfigError, MissingPackageError
from voxpot_training.campaign.labellers import gpaw, opening
from voxpot_training.campaign.labellers.ase import AseLabeller
from voxpot_training.campaign.labellers.opening import identity_of, open_labeller
from voxpot_training.campaign.labellers.outcome import LabellerError, Waiting, label_in

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")  # spglib
JOBS = str(Path(__file__).parents[2] / "standalone" / "voxpot_jobs.py")
PROGRAM = """
import sys
lines = open(sys.argv[1]).read().splitlines()
head, rows, energy = lines[1].replace("pos:R:3", "pos:R:3:forces:R:3"), [r.split() for r in lines[2:]], 1.5
{change}
text = [str(len(rows)), f"{{head}} energy={{energy}}", *(" ".join([*r, "0.1", "0.0", "-0.2"]) for r in rows)]
open(sys.argv[2], "w").write("\\n".join(text) + "\\n")
{after}
"""


@pytest.fixture
def crystal():
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[:2] = "Au"
    atoms.rattle(0.05, seed=1)
    return atoms


@pytest.fixture
def program(tmp_path):
    """A labeller by a program with changes to it."""

    def make(change="", after="", limit=20.0):
        file = tmp_path / "program.py"
        file.write_text(PROGRAM.format(change=change, after=after))
        return open_labeller(config(use=f"{sys.executable} -S {file} {{input}} {{output}}", limit=limit))

    return make


def test_a_calculator_labels_in_a_process_of_its_own(crystal, tmp_path):
    labeller = AseLabeller("ase.calculators.emt:EMT", limit=20)
    found = labeller.label(crystal, tmp_path)
    process = labeller._process
    again = labeller.label(crystal, tmp_path)
    labeller.close()

    crystal.calc = EMT()
    assert found.energy == crystal.get_potential_energy() == again.energy
    assert np.array_equal(found.forces, crystal.get_forces())
    assert np.array_equal(found.stress, crystal.get_stress())
    assert process.poll() is not None
    assert labeller.cost(crystal) > 0


def test_a_calculator_that_prints_and_one_that_hangs(tmp_path):
    structures = frames()
    labeller = AseLabeller(f"{JOBS}:Chatty", limit=20)
    assert labeller.label(structures[2], tmp_path).stress is None
    with pytest.raises(LabellerError, match=f"RuntimeError: .*dimer {FAILING[0]} does not converge|StructureError"):
        labeller.label(structures[FAILING[0]], tmp_path)
    os.killpg(labeller._process.pid, 9)
    labeller._process.wait()
    assert labeller.label(structures[2], tmp_path).energy == -0.2, "it is started again"
    labeller.close()


def test_a_calculator_that_ends_its_process(tmp_path):
    labeller = AseLabeller(f"{JOBS}:Fatal", limit=20)
    with pytest.raises(LabellerError, match=r"the process of the calculator ended \(status 7\): out of memory"):
        labeller.label(frames()[0], tmp_path)
    labeller.close()


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (f"{JOBS}:broken", "labeller .* expected broken to make a calculator, got OSError"),
        ("no_such_module:EMT", "labeller: expected to find EMT in no_such_module"),
    ],
)
def test_a_calculator_that_cannot_be_made_is_named_before_anything_else(target, sentence):
    with pytest.raises(ConfigError, match=sentence):
        AseLabeller(target, limit=20).check()


def test_a_program_reads_and_writes_frames(program, crystal, tmp_path):
    labeller = program()
    labeller.check()
    found = labeller.label(crystal, tmp_path / "work")

    assert found.energy == 1.5
    assert found.forces.tolist() == [[0.1, 0.0, -0.2]] * 4
    assert found.stress is None
    assert found.seconds > 0
    assert "id" not in found.facts


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"change": "sys.exit('no licence')"}, r"no label \(exit status 1\): no licence"),
        ({"after": "sys.exit(3)"}, "exit status 3: it wrote nothing"),
        ({"change": "import time; time.sleep(60)", "limit": 0.4}, "no label after 0.4 s: the time limit"),
        ({"change": "rows[0][1] = '0.9'"}, "atoms are not where they were"),
        ({"change": "rows = rows[::-1]"}, "expected the atoms that were given, in their order"),
        ({"change": "head = head.replace('Lattice=\"3', 'Lattice=\"4')"}, "the cell is not the one that was given"),
        ({"change": "head += ' converged=F'"}, "did not converge"),
        ({"after": "open(sys.argv[2], 'w').write('nonsense')"}, "a label that cannot be read"),
        (
            {"change": "open(sys.argv[2].replace('extxyz', 'failed'), 'w').write('KohnSham'); sys.exit(1)"},
            "KohnSham",
        ),
    ],
)
def test_what_a_program_does_wrong_is_the_reason(program, crystal, tmp_path, options, reason):
    with pytest.raises(LabellerError, match=reason):
        program(**options).label(crystal, tmp_path / "work")


def test_atoms_may_be_wrapped(crystal):
    answer = crystal.copy()
    answer.positions[0] += answer.cell[0]
    answer.calc = SinglePointCalculator(answer, energy=1.0, forces=np.zeros((4, 3)))

    assert label_in(answer, crystal, seconds=1.0).energy == 1.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"use": "gpwa"}, "labeller: expected module:factory .* gpaw .* got 'gpwa'"),
        ({"use": "label.py {input}"}, r"expected a command with {input} and {output} .* got none with {output}"),
        ({"use": "label.py '{input} {output}"}, "expected a command line, got one with No closing quotation"),
        ({"use": "a:b", "settings": {"ENCUT": "500"}}, "labeller.settings: expected them with gpaw or vasp"),
        ({"use": "a:b", "command": "vasp"}, "labeller.command: expected it with vasp"),
    ],
)
def test_labellers_that_there_are_not_are_refused(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        open_labeller(config(**changes))


def test_a_program_that_is_not_there_is_named_before_anything_else():
    with pytest.raises(ConfigError, match="found no no-such-program; install it"):
        open_labeller(config(use="no-such-program {input} {output}")).check()


def test_without_gpaw_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setenv("VOXPOT_GPAW_PYTHON", "/nowhere/python")
    with pytest.raises(MissingPackageError, match="apt install gpaw gpaw-data, or set VOXPOT_GPAW_PYTHON"):
        open_labeller(config(use="gpaw"))


def test_gpaw_runs_the_program_of_this_project(monkeypatch, crystal):
    monkeypatch.setattr(gpaw, "_missing", lambda python: "")
    labeller = open_labeller(config(use="gpaw", settings={"density": "20"}))

    assert Path(labeller._words[1]).name == "label_with_gpaw.py"
    assert "20" in labeller._words
    assert labeller.cost(crystal) > labeller.cost(bulk("Cu")) > 0
    with pytest.raises(ConfigError, match="unknown kpts for gpaw; known are cutoff, density"):
        open_labeller(config(use="gpaw", settings={"kpts": "8"}))


@pytest.fixture
def vasp(tmp_path, monkeypatch):
    """VASP without POTCARs of its own."""
    pytest.importorskip("pymatgen")
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    return open_labeller(
        config(use="vasp", potcars=False, functional="PBE", settings={"ENCUT": "410", "LREAL": ".FALSE."})
    )


def test_folders_for_vasp_wait_and_are_read_when_results_are_there(vasp, crystal, tmp_path):
    from ase_voxpot.validation.writing import write_vasprun

    asked = crystal[[0, 2, 1, 3]]  # elements in turns, which VASP would not keep
    assert isinstance(vasp.label(asked, tmp_path), Waiting)
    assert {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec", "order.json"} <= {p.name for p in tmp_path.iterdir()}
    incar = (tmp_path / "INCAR").read_text()
    assert "ENCUT = 410" in incar
    assert "LREAL = False" in incar

    answer = asked[np.argsort(asked.numbers, kind="stable")]
    answer.calc = EMT()
    answer.info |= {"energy": answer.get_potential_energy(), "forces": answer.get_forces(), "kinetic": 0.0}
    answer.info["stress"] = answer.get_stress()
    write_vasprun(tmp_path / "vasprun.xml", [answer], timestep=1.0, temperature=1.0)
    found = vasp.label(asked, tmp_path)

    asked.calc = EMT()
    assert found.energy == pytest.approx(asked.get_potential_energy(), abs=1e-6)
    assert found.forces == pytest.approx(asked.get_forces(), abs=1e-6)
    assert found.facts["functional"] == "PBE"
    vasp._config = replace(vasp._config, functional="PBEsol")
    with pytest.raises(LabellerError, match="expected labels by PBEsol, got PBE"):
        vasp.label(asked, tmp_path)
    assert isinstance(vasp.label(asked, tmp_path), Waiting), "VASP may be run once more"
    assert (tmp_path / "vasprun.xml.refused").is_file()


def test_results_of_vasp_that_are_half_written_are_waited_for(vasp, crystal, tmp_path):
    vasp.label(crystal, tmp_path)
    (tmp_path / "vasprun.xml").write_text("<?xml version='1.0'?>\n<modeling>\n")

    assert isinstance(vasp.label(crystal, tmp_path), Waiting)
    os.utime(tmp_path / "vasprun.xml", (1, 1))
    with pytest.raises(LabellerError, match="vasprun.xml cannot be read"):
        vasp.label(crystal, tmp_path)


@pytest.mark.parametrize(("changes", "sentence"), [({"set": "MPMagicSet"}, "labeller.set"), ({}, "PMG_VASP_PSP_DIR")])
def test_vasp_without_what_it_needs_is_refused(monkeypatch, changes, sentence):
    pytest.importorskip("pymatgen")
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    with pytest.raises(ConfigError, match=sentence):
        open_labeller(config(use="vasp", **changes))


def test_limits_do_not_decide_on_the_names_of_labels():
    same = config(use="gpaw", limit=5.0, retries=3, force_limit=7.0)

    assert identity_of(same) == identity_of(config(use="gpaw"))
    assert identity_of(same) != identity_of(config(use="gpaw", settings={"cutoff": "500"}))
    assert opening.functional_of(same) == "PBE"
