from __future__ import annotations

import subprocess
import sys

import pytest

from ase_voxpot.cli import warming as warmup
from ase_voxpot.compiled import places


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A cache of this test's own."""
    monkeypatch.setenv("VOXPOT_CACHE", str(tmp_path / "cache"))
    places.writable.cache_clear()
    yield tmp_path / "cache" / places.name_of_machine()
    places.writable.cache_clear()
    places.keep_only_in(None)


@pytest.fixture
def light(monkeypatch):
    """The verb without its work."""
    monkeypatch.setattr(warmup, "WAYS", {"nothing": lambda potential: None})


@pytest.mark.usefixtures("light")
def test_what_was_done_is_said_and_where_it_lies(voxpot, cache):
    outcome = voxpot("warmup", "--model", "tiny.safetensors")

    assert outcome.status == 0
    assert [line.split() for line in outcome.out.splitlines() if "nothing" in line] == [["nothing", "0", "0", "0.0"]]
    assert f"0 functions, 0.0 MB, in {cache} after 0.0 s" in outcome.out
    assert cache.is_dir()


@pytest.mark.usefixtures("light")
def test_a_cache_for_all_users_lies_beside_the_package(voxpot, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "package", lambda: tmp_path / "beside")

    outcome = voxpot("warmup", "--shared", "--dtype", "float64", "--model", "tiny.safetensors")

    assert f"in {tmp_path / 'beside'} after" in outcome.out
    assert "tiny.safetensors in float64" in outcome.out
    assert places.readable() == [places.writable()] == [tmp_path / "beside"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--model", "nothing"), "expected the name of a shipped model"),
        (("--model", "tiny.safetensors", "--dtype", "float16"), "dtype must be 'float32' or 'float64'"),
    ],
)
def test_what_cannot_be_done_is_refused(voxpot, arguments, sentence):
    assert sentence in voxpot("warmup", *arguments).sentence


def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(voxpot, monkeypatch):
    monkeypatch.setattr(places, "package", lambda: places.Path("/proc/nowhere"))
    assert "run this as the owner" in voxpot("warmup", "--shared").sentence
    monkeypatch.setenv("VOXPOT_CACHE", "/proc/nowhere")
    assert "expected a folder that can be written to, got No such file" in voxpot("warmup").sentence
    monkeypatch.setattr(places, "own", lambda: None)
    assert "expected a home folder" in voxpot("warmup").sentence


@pytest.mark.slow
def test_afterwards_nothing_is_compiled_any_more(tiny_model, monkeypatch):
    """In a process of its own, as this one may have compiled before; in the cache of the user, which may be warm."""
    monkeypatch.delenv("VOXPOT_CACHE")
    use = f"""
import numpy as np
from ase.build import bulk
from ase_voxpot import VoxPotCalculator
from ase_voxpot.compiled import store
from ase_voxpot.engines.cpu.cfunction import NativePass
from ase_voxpot.montecarlo.ensembles import Canonical
from ase_voxpot.montecarlo.local import local_walker
from ase_voxpot.montecarlo.walkers import Tally, terms_of

atoms = bulk("W", "bcc", a=3.2, cubic=True) * (3, 2, 2)
atoms.symbols[::2] = "Mo"
calculator = atoms.calc = VoxPotCalculator({str(tiny_model)!r}, device="cpu")
for _ in range(3):
    atoms.rattle(0.05)
    atoms.get_stress()
calculator.potential.evaluate([atoms, atoms[:3]])
NativePass(calculator.potential.engine, calculator.potential.baseline)
walker = local_walker(atoms, calculator.potential)
terms = terms_of(Canonical(), walker.elements, walker.species)
walker.walk(9, 1000.0, terms, np.random.default_rng(0), Tally.of(3))
print(store.counts["compiled"], store.counts["loaded"] > 4)
"""
    fill = f"from ase_voxpot.cli import main; main(['warmup', '--model', {str(tiny_model)!r}])"

    def run(code):
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    run(fill)
    assert run(use) == "0 True\n"
