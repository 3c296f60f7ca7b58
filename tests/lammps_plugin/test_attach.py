"""``python attach`` with ``fix external`` in a LAMMPS that has its PYTHON package.

``VOXPOT_LAMMPS_PYTHON`` names such a program, ready to import this package.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.lammps_plugin.test_pair_style import PAIR, START

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
RUNS = {
    "nve": "fix i all nve\nrun 8\n",
    "npt": "fix i all npt temp 600 600 0.1 tri 0 0 1\nrun 8\n",
    "minimize": "min_style cg\nminimize 0 1e-3 10 60\n",
}


@pytest.fixture
def embedded(tmp_path):
    program = os.environ.get("VOXPOT_LAMMPS_PYTHON")
    if not program:
        pytest.skip("needs VOXPOT_LAMMPS_PYTHON, a lmp with the PYTHON package")

    def run(deck):
        path = tmp_path / "attach.in"
        path.write_text(deck)
        command = [program, "-in", str(path), "-log", str(tmp_path / "attach.log")]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path)

    return run


def rows(path):
    """Numbers of the last thermo output; old releases call the columns otherwise."""
    block = re.findall(r"\s*Step .*?\n(.*?)Loop time", Path(path).read_text(), re.DOTALL)[-1]
    return np.array([line.split() for line in block.splitlines()], float)


@pytest.mark.parametrize("name", RUNS)
def test_the_fix_gives_the_numbers_of_the_pair_style(embedded, lmp, write_data, alloy, tmp_path, name):
    head = START.format(boundary="p p p", data=write_data(alloy))

    done = embedded(head + ATTACH.format(before="") + THERMO + RUNS[name])
    lmp.commands_string(head + PAIR + THERMO + RUNS[name])

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
