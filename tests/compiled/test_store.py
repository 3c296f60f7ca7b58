"""What is kept of a compiled function: found again by other processes, and by nobody who should not."""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ase_voxpot
from ase_voxpot.compiled import places, store

KERNEL = """
import sys
import numpy as np
from ase_voxpot.compiled import njit, store

@njit(nogil=True)
def inner(x):
    return x + x.dtype.type(1)

@njit(nogil=True)
def total(x):
    return inner(x).sum()

def main(kind="float64"):
    print(total(np.arange(4, dtype=kind)), store.counts["compiled"], store.counts["loaded"])
"""
"""Prints 10.0, and how many functions were compiled and loaded: the outer one brings the inner one with it."""
COLD, WARM = "10.0 2 0", "10.0 0 1"
SLOW = KERNEL.replace("def inner(x):", "def inner(x):\n    x = np.sort(np.sort(x)[::-1])  # takes long to compile")

NO_SPACE = (
    "from ase_voxpot.compiled import places; exec('def no(place): raise OSError(30, \"Read-only\")', vars(places)); "
)
NO_SPACE += "places.make = places.no"
"""No folder can be written to."""


@pytest.fixture
def start(tmp_path):
    """A program that keeps what it compiles in a folder of this test."""

    def begin(*, kernel=KERNEL, before="", kind="float64", code="import kernel; kernel.main({kind!r})", **env):
        (tmp_path / "kernel.py").write_text(kernel)
        path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        env = {**os.environ, "VOXPOT_CACHE": str(tmp_path / "cache"), "PYTHONPATH": path, **env}
        program = [sys.executable, "-P", "-c", f"{before}\n{code.format(kind=kind)}"]
        return subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return begin


@pytest.fixture
def run(start):
    """What it prints, without a word on stderr."""

    def finish(**options):
        out, err = start(**options).communicate()
        assert err == ""
        return out.strip()

    return finish


@pytest.fixture
def anew(tmp_path, monkeypatch, capsys):
    """What ``run`` prints, in this process: the program is imported anew, with functions that know of no other.

    The start of a process costs more than most of what is tested here.
    """
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("VOXPOT_CACHE", str(tmp_path / "cache"))
    places.keep_only_in(None)  # the folders of this environment, not of the last

    def finish(*, kernel=KERNEL, kind="float64"):
        (tmp_path / "kernel.py").write_text(kernel)
        importlib.invalidate_caches()
        store._stamp.cache_clear()
        monkeypatch.delitem(sys.modules, "kernel", raising=False)
        monkeypatch.setattr(store, "counts", dict.fromkeys(store.counts, 0))
        importlib.import_module("kernel").main(kind)
        out, err = capsys.readouterr()
        assert err == ""
        return out.strip()

    yield finish
    monkeypatch.undo()
    places.keep_only_in(None)
    store._stamp.cache_clear()
    sys.modules.pop("kernel", None)


@pytest.fixture
def kept(tmp_path):
    """The files there are."""
    return lambda suffix="kernel": sorted((tmp_path / "cache").glob(f"*/*{suffix}"))


def test_another_process_finds_what_one_has_compiled(run, kept):
    assert [run(), run()] == [COLD, WARM]
    assert [path.name.rpartition("-")[0] for path in kept()] == ["kernel.inner", "kernel.total"]
    assert kept("") == kept()  # neither locks nor drafts are left


def test_types_of_arguments_are_told_apart(anew, kept):
    assert [anew(), anew(kind="float32")] == [COLD, COLD]
    assert [anew(), anew(kind="float32")] == [WARM, WARM]
    assert len(kept()) == 4


def test_another_body_is_another_function_and_so_are_those_that_call_it(anew):
    assert anew() == COLD
    assert anew(kernel=KERNEL.replace("x + x.dtype.type(1)", "x * x.dtype.type(2)")) == "12.0 2 0"
    assert anew() == WARM


def test_functions_without_a_source_are_not_kept(run, kept):
    """Nobody could tell whether those that they call are the same."""
    code = f"{KERNEL}\nmain()".replace("{", "{{").replace("}", "}}")

    assert [run(code=code), run(code=code)] == [COLD, COLD]
    assert kept() == []


@pytest.mark.parametrize("spoil", ["cut", "flip", "empty", "swap", "noise"])
def test_a_damaged_file_is_compiled_again(anew, kept, spoil):
    anew()
    contents = [path.read_bytes() for path in kept()]
    for path, mine, other in zip(kept(), contents, contents[::-1], strict=True):
        middle = len(mine) // 2
        path.write_bytes(
            {
                "cut": mine[:middle],
                "flip": mine[:middle] + bytes([mine[middle] ^ 1]) + mine[middle + 1 :],
                "empty": b"",
                "swap": other,
                "noise": bytes(range(256)) * 9,
            }[spoil]
        )

    assert [anew(), anew()] == [COLD, WARM]


def test_of_those_that_want_the_same_one_compiles_and_the_others_wait(start):
    programs = [start(kernel=SLOW) for _ in range(3)]

    printed = [program.communicate() for program in programs]

    assert [err for _, err in printed] == ["", "", ""]
    assert sum(int(out.split()[1]) for out, _ in printed) == 2
    assert [out.split()[0] for out, _ in printed] == ["10.0"] * 3


def test_what_a_killed_process_leaves_is_no_obstacle(run, start, kept):
    program = start(kernel=SLOW)
    while program.poll() is None and not kept("lock"):
        time.sleep(0.02)
    program.kill()
    program.communicate()

    assert [run(kernel=SLOW), run(kernel=SLOW)] == [COLD, WARM]


def test_patience_has_an_end(anew, kept, monkeypatch):
    anew()
    held = []
    for path in kept():
        path.unlink()
        held.append(path.with_suffix(".lock").open("w"))
        fcntl.flock(held[-1], fcntl.LOCK_EX)

    monkeypatch.setattr(store, "PATIENCE", 0.2)
    assert anew() == COLD
    for file in held:
        file.close()


@pytest.mark.parametrize("function", ["fcntl.flock", "_write"])
def test_a_file_system_without_locks_or_room_is_no_obstacle(anew, monkeypatch, function):
    def no(*_):
        raise OSError(28, "none")

    monkeypatch.setattr(f"ase_voxpot.compiled.store.{function}", no)

    assert anew() == COLD


def test_a_folder_that_is_complete_needs_not_be_written_to(start, run, kept):
    """As in a container: filled when it was built, and read-only since."""
    run()
    assert run(before=NO_SPACE) == WARM
    for path in kept():
        path.unlink()

    out, err = start(before=NO_SPACE).communicate()

    assert out.strip() == COLD
    assert err.startswith("compiled functions cannot be kept in the cache (")
    assert ": Read-only), but in memory only; set VOXPOT_CACHE" in err


def test_a_temporary_cache_serves_the_next_process(start, tmp_path):
    env = {"VOXPOT_CACHE": "", "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": "/proc/nowhere", "TMPDIR": str(tmp_path)}

    printed = [start(**env).communicate() for _ in range(2)]

    assert [out.strip() for out, _ in printed] == [COLD, WARM]
    assert f"but in {tmp_path}/ase-voxpot-{os.getuid()}/" in printed[0][1]
    assert printed[1][1] == ""


def test_numba_may_be_switched_off(run):
    assert run(NUMBA_DISABLE_JIT="1") == "10.0 0 0"


def test_installations_share_what_has_the_same_source(run, tmp_path):
    package, copy = Path(ase_voxpot.__file__).parent, tmp_path / "other" / "ase_voxpot"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("pretrained", "__pycache__"))
    code = """
import numpy as np, ase_voxpot
from ase_voxpot.compiled import store
from ase_voxpot.neighbours.loops import moved
distance, counts = moved(np.zeros((1, 3)), np.ones((1, 3)), np.eye(3)), store.counts
print(distance**2, counts["compiled"], counts["loaded"], ase_voxpot.__file__)
"""

    def counts(**env):
        square, compiled, loaded, file = run(code=code, **env).split()
        assert abs(float(square) - 3) < 1e-12
        return int(compiled), int(loaded), Path(file).parent

    env = {"PYTHONPATH": str(copy.parent)}
    assert counts(PYTHONPATH=str(package.parent)) == (1, 0, package)
    assert counts(**env) == (0, 1, copy)
    assert not list(copy.rglob("*.nb?"))
    with (copy / "engines/chunks.py").open("a") as file:
        file.write("# nothing that the function is made from\n")
    assert counts(**env) == (0, 1, copy)
    with (copy / "neighbours/loops.py").open("a") as file:
        file.write("# changed\n")
    assert counts(**env) == (1, 0, copy)


def test_a_function_is_made_from_all_that_its_module_imports():
    found = set(store.sources("ase_voxpot.engines.cpu.step"))

    assert {"ase_voxpot.simd", "ase_voxpot.simd.tiles", "ase_voxpot.simd.elementary"} <= found
    assert {"ase_voxpot.descriptor.blocks", "ase_voxpot.engines.cpu.passes", "ase_voxpot.baseline.repulsion"} <= found
    assert "ase_voxpot.neighbours.loops" not in found  # which is not imported
    assert "ase_voxpot.neighbours.verlet" not in found  # for type checkers alone
    assert all(store.sources("ase_voxpot.engines.cpu.step").values())


def test_sources_of_every_package_of_the_project_count():
    importlib.import_module("voxpot_crystals.regression.voxelnet.grids")
    found = set(store.sources("voxpot_crystals.regression.voxelnet.grids"))

    assert set(store.PACKAGES) == {"ase_voxpot", "lammps_plugin", "voxpot_training", "voxpot_crystals"}
    assert "voxpot_crystals.regression.voxelnet.kernels" in found


def test_every_compiled_function_of_the_package_is_kept_so():
    code = """
    import importlib, pkgutil
    import ase_voxpot
    from numba.core.dispatcher import Dispatcher
    from ase_voxpot.compiled.store import KernelCache
    count = 0
    for module in pkgutil.walk_packages(ase_voxpot.__path__, "ase_voxpot."):
        if ".kernels" in module.name:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Dispatcher):
                part = value.targetoptions.get("no_cpython_wrapper", False)
                assert part or isinstance(value._cache, KernelCache), (module.name, name)
                count += 1
    print(count > 50)
    """
    lines = "\n".join(line[4:] for line in code.splitlines())

    assert subprocess.run([sys.executable, "-c", lines], check=True, capture_output=True, text=True).stdout == "True\n"
