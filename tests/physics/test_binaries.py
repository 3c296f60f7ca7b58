from __future__ import annotations

import gzip
import io

import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write

from ase_voxpot.physics import binaries
from ase_voxpot.physics.binaries import FILE, find_frames


def labelled(atoms: Atoms, group: str, energy: float) -> Atoms:
    atoms.info.update(config_type=group, REF_energy=energy)
    atoms.arrays["REF_forces"] = 0 * atoms.positions
    return atoms


@pytest.fixture
def data(tmp_path, monkeypatch):
    frames = [
        labelled(bulk("Mo", cubic=True), "Mo_Elastic", -21.6),
        labelled(bulk("Mo", cubic=True), "Mo_Elastic", -21.7),
        labelled(bulk("Ta", cubic=True), "Ta_Elastic", -23.7),
        labelled(Atoms("MoTa", positions=[[0, 0, 0], [1.6, 1.6, 1.6]], cell=[3.2] * 3, pbc=True), "MoTa_SS", -22.9),
        labelled(bulk("Mo", cubic=True), "Mo_AIMD", -30.0),
    ]
    text = io.StringIO()
    write(text, frames, format="extxyz")
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_bytes(gzip.compress(text.getvalue().encode()))
    monkeypatch.setenv("VOXPOT_DATA", str(tmp_path))


@pytest.mark.usefixtures("data")
def test_binaries_and_the_lowest_energies_of_the_elements_are_found():
    found = find_frames()

    assert found.elements == {"Mo": pytest.approx(-10.85), "Ta": pytest.approx(-11.85)}
    assert list(found.pairs) == ["MoTa"]
    assert found.pairs["MoTa"][1] == [pytest.approx(-22.9)]


@pytest.mark.parametrize("folder", ["", "/no/such/folder"])
def test_a_checkout_has_data_of_its_own(monkeypatch, folder):
    monkeypatch.setenv("VOXPOT_DATA", folder)

    assert set(find_frames().elements) == {"Mo", "Ta", "W"}


def test_without_data_there_is_nothing(monkeypatch):
    monkeypatch.setattr(binaries, "data_folders", list)

    assert find_frames() is None
