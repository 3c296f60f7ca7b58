"""Methods are sent to processes in other folders."""

from __future__ import annotations

import pickle

import pytest
from ase.build import bulk

from ase_voxpot.errors import ConfigError, WeightsError
from ase_voxpot.methods import Method
from tests.saved import save_tiny

PEER = "from ase.calculators.lj import LennardJones\n\n\ndef make(size):\n    return LennardJones(sigma=float(size))\n"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two folders; a model and a peer are in the first, where the process is."""
    here, there = tmp_path / "here=there", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    save_tiny(here)
    (here / "peers.py").write_text(PEER)
    monkeypatch.chdir(here)
    return here, there


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (Method(text="tiny.safetensors", device="cpu", dtype="float64"), "tiny"),
        (Method(text="motaw-fast", device="cpu"), "motaw-fast"),
        (Method(text="peers.py:make:2.5", own=False), "2.5"),
        (Method(text="soft=peers.py:make:2.5", own=False), "soft"),
        (Method(text="ase.calculators.lj:LennardJones", own=False), "LennardJones"),
    ],
    ids=lambda value: value.text if isinstance(value, Method) else value,
)
def test_a_copy_elsewhere_makes_the_same_calculator(places, monkeypatch, method, name):
    energies = []
    _ = method.name, method.card  # what is remembered is not sent
    sent = pickle.dumps(method)
    for place, made in zip(places, (lambda: method, lambda: pickle.loads(sent)), strict=True):
        monkeypatch.chdir(place)
        atoms = bulk("W", "bcc", a=3.2, cubic=True)
        atoms.calc = made().make()
        energies.append((made().name, atoms.get_potential_energy()))

    assert energies[0] == energies[1]
    assert energies[0][0] == name


def test_what_is_not_there_is_refused_when_it_is_asked_for():
    with pytest.raises(WeightsError, match="nothing"):
        _ = Method(text="nothing.safetensors").card
    with pytest.raises(ConfigError, match="expected to find make in nowhere"):
        _ = Method(text="nowhere:make", own=False).name
