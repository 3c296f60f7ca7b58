"""``python attach`` with ``fix external`` in a LAMMPS that has its PYTHON package.

Debian's is found by itself; ``VOXPOT_LAMMPS_PYTHON`` names another one, ready to import this package.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from numpy.testing import assert_allclose

from tests.lammps_plugin.decks import PAIR, START

pytestmark = pytest.mark.lammps

ATTACH = """pair_style zero 5.0
pair_coeff * *
fix vox all external pf/callback 1 1
python attach input 1 SELF format p here \"\"\"
from lammps_plugin.attach import deck
attach = deck(model='motaw', elements='Mo Ta W', fix='vox', dtype='float64', device='cpu')
\"\"\"
{before}
python attach invoke
"""
THERMO = (
    "compute e all pe/atom\ncompute s all stress/atom NULL virial\ncompute sums all reduce sum c_e c_s[1] c_s[5]\n"
    "thermo_style custom step pe press pxx pyy pzz pxy pxz pyz vol c_sums[*]\n"
    "thermo_modify format float %.12g\nthermo 2\n"
)
GAS = -142.1
"""eV, chemical potential at which a box of (100 Å)³ holds some atoms of tungsten at 60000 K."""
RUNS = {
    "nve": "fix i all nve\nrun 8\n",
    "npt": "fix i all npt temp 600 600 0.1 tri 0 0 1\nrun 8\n",
    "minimize": "min_style cg\nminimize 0 1e-3 10 60\n",
}


def program_with_python():
    """A LAMMPS that is not of this environment, holds Python of our version, and has its module beside it."""
    module = Path("/usr/lib/python3/dist-packages/lammps")
    found = shutil.which("lmp", path="/usr/bin:/usr/local/bin")
    if not found or not module.is_dir():
        return None
    told = subprocess.run([found, "-h"], capture_output=True, text=True, check=False, env=os.environ | SINGLE)
    linked = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
    ours = f"libpython{sys.version_info.major}.{sys.version_info.minor}."
    return (found, module) if re.search(r"\bPYTHON\b", told.stdout) and ours in linked else None


def environment_for(module, folder):
    """What we import, with the module of that LAMMPS in the place of the Python package of the same name."""
    folder.mkdir()
    for path in Path(np.__file__).parents[1].iterdir():
        if not path.name.startswith("lammps"):
            (folder / path.name).symlink_to(path)
    (folder / "lammps").symlink_to(module)
    return folder


SINGLE = {"OMPI_MCA_ess_singleton_isolated": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@pytest.fixture
def embedded(tmp_path):
    named, found = os.environ.get("VOXPOT_LAMMPS_PYTHON"), program_with_python()
    if not (named or found):
        pytest.skip("needs a lmp with the PYTHON package: apt install lammps python3-lammps, or VOXPOT_LAMMPS_PYTHON")
    settings = os.environ | SINGLE
    if found and not named:
        own = environment_for(found[1], tmp_path / "own")
        # without this environment on the search path, or Python would take itself for a part of it
        settings |= {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{own}"}

    def run(deck):
        path = tmp_path / "attach.in"
        path.write_text(deck)
        command = [named or found[0], "-in", str(path), "-log", str(tmp_path / "attach.log")]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path, env=settings
        )

    return run


def rows(path):
    """Numbers of the last thermo output; old releases call the columns otherwise."""
    block = re.findall(r"\s*Step .*?\n(.*?)Loop time", Path(path).read_text(), re.DOTALL)[-1]
    return np.array([line.split() for line in block.splitlines()], float)


@pytest.mark.parametrize("name", RUNS)
def test_the_fix_gives_the_numbers_of_the_pair_style(embedded, lmp, write_data, alloy, tmp_path, name):
    head = START.format(boundary="p p p", data=write_data(alloy))
    # the release of Debian does not ask a fix for energies of atoms in a minimisation
    thermo = THERMO.replace("sum c_e", "sum c_s[2]") if name == "minimize" else THERMO

    done = embedded(head + ATTACH.format(before="") + thermo + RUNS[name])
    lmp.commands_string(head + PAIR + thermo + RUNS[name])

    assert done.returncode == 0, done.stdout + done.stderr
    actual, expected = rows(tmp_path / "attach.log"), rows(tmp_path / "log.lammps")
    assert len(expected) > 2
    assert_allclose(actual, expected, rtol=1e-6, atol=1e-3)


def test_swaps_see_the_energy(embedded, write_data, alloy, tmp_path):
    """Not swap by swap: the random numbers of another release are others."""
    run = "fix i all nve\nfix w all atom/swap 2 5 77 2000 types 1 2\n"
    thermo = THERMO.replace("vol c_sums[*]", "f_w[1] f_w[2] c_sums[1]")

    done = embedded(
        START.format(boundary="p p p", data=write_data(alloy)) + ATTACH.format(before="") + run + thermo + "run 8\n"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    table = rows(tmp_path / "attach.log")
    tried, accepted = table[-1, 9:11]
    assert 0 < accepted < tried
    assert_allclose(table[:, 1], table[:, 11], rtol=1e-9)


def test_atoms_come_and_go_with_the_energy_of_an_atom_alone(embedded, tmp_path, calculator):
    """Those of an ideal gas, one by one, as the random numbers are the same."""
    atom = Atoms("Mo", cell=[30, 30, 30], pbc=True)
    atom.calc = calculator
    own = atom.get_potential_energy()
    box = "units metal\natom_modify map yes\nregion b block 0 100 0 100 0 100\ncreate_box 3 b\nmass * 183.84\n"
    gas = "create_atoms 1 random 8 42 NULL\nfix g all gcmc 1 30 0 1 29494 60000 {:.17g} 0.3 full_energy\n"
    told = []
    for deck in (
        box + "pair_style zero 5.0\npair_coeff * *\n" + gas.format(GAS),
        box + ATTACH.format(before=gas.format(GAS + own)),
    ):
        done = embedded(deck + "thermo_style custom step atoms pe\nthermo 1\nrun 10\n")
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(rows(tmp_path / "attach.log"))

    assert len(set(told[0][:, 1])) > 2
    assert_allclose(told[1][:, 1], told[0][:, 1], atol=0)
    assert_allclose(told[1][:, 2], told[1][:, 1] * own, rtol=1e-4)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("neigh_modify exclude type 1 2", "hides neighbours"),
        ("group gone id 1\nneigh_modify exclude group gone all", "hides neighbours"),
        ("fix g all gcmc 1 5 0 1 7 900 -4 0.3", "fix g (gcmc) asks the pair style alone; add 'full_energy'"),
    ],
)
def test_what_the_fix_does_not_see_ends_the_process(embedded, write_data, alloy, more, sentence):
    deck = START.format(boundary="p p p", data=write_data(alloy)) + ATTACH.format(before=more)

    done = embedded(deck + "run 2\n")

    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("units metal", "units real"), "expected 'units metal'"),
        (("Mo Ta W", "Mo Ta Fe"), "the structure holds Fe"),
        (("Mo Ta W", "Mo Ta"), "expected one element for each of the 3 atom types"),
        (("fix='vox'", "fix='box'"), "expected 'fix box all external"),
        (("motaw", "nosuch"), "expected the name of a shipped model"),
    ],
)
def test_what_cannot_be_right_stops_lammps(embedded, write_data, alloy, change, sentence):
    deck = START.format(boundary="p p p", data=write_data(alloy)) + ATTACH.format(before="") + "run 2\n"

    done = embedded(deck.replace(*change))

    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_in_a_step_ends_the_process(program, tmp_path, write_data, alloy):
    """LAMMPS itself runs on after an exception in a callback, with the forces of the step before."""
    deck = tmp_path / "run.in"
    deck.write_text(START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "fix i all nve\nrun 20\n")
    script = (
        "from lammps_plugin import deck; from lammps_plugin.runner import open_lammps; "
        "from tests.lammps_plugin.served import Faulty; "
        "deck.load_potential = lambda *_, **__: Faulty('{fault}'); "
        f"deck.Deck(open_lammps(['-screen', 'none', '-log', 'none'], plugin=False)).run({str(deck)!r}); print('ran on')"
    )

    for fault, sentence in (("raises", "the served model is broken"), ("nan", "the model says NaN")):
        done = program(Path(sys.executable).name, "-c", script.format(fault=fault))

        assert done.returncode == 1
        assert sentence in done.stderr
        assert "ran on" not in done.stdout
