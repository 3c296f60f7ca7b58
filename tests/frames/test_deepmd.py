"""Systems of DeePMD-kit: energies, forces and stress as they were labelled; what does not fit is refused by name."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from ase import Atoms
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError, MissingLabelsError
from ase_voxpot.frames.deepmd import is_system, read_system
from ase_voxpot.frames.labelled import read_labelled
from ase_voxpot.frames.labels import LabelKeys, read_frames
from tests.frames.deepmd import save, strained


@pytest.fixture
def system(tmp_path):
    return save(tmp_path / "system", strained())


def refused(system, match, kind=DataError):
    with pytest.raises(kind, match=match):
        read_labelled(system)


@pytest.mark.parametrize("dtype", [float, np.float32, ">f8"])
def test_labels_are_those_that_were_written(tmp_path, dtype):
    frames = strained()

    found = read_labelled(save(tmp_path / "system", frames, dtype=dtype))

    tolerance = {"rtol": 2e-6, "atol": 1e-6}
    for atoms, mine, label in zip(frames, found.frames, found.labels, strict=True):
        assert mine.get_chemical_symbols() == atoms.get_chemical_symbols()
        assert mine.pbc.all()
        assert_allclose(mine.positions, atoms.positions, **tolerance)
        assert_allclose(mine.cell, atoms.cell, **tolerance)
        assert_allclose(label.energy, atoms.get_potential_energy(), **tolerance)
        assert_allclose(label.forces, atoms.get_forces(), **tolerance)
        assert_allclose(label.stress, atoms.get_stress(), **tolerance)
    assert found.notes == []
    assert found.origins == [
        "Energy: energy stored with the frames",
        "Stress: -virial/volume; virial = -volume × stress, as GAP, GPUMD, nequip and DeePMD-kit have it "
        "(--virial-sign 1 for the opposite)",
    ]


def test_a_virial_of_the_other_sign_can_be_asked_for(system):
    plain, turned = read_labelled(system), read_labelled(system, LabelKeys(virial_sign=1))

    assert_allclose(turned.labels[0].stress, -plain.labels[0].stress)


def test_a_set_without_virials_has_no_stress_and_is_counted(system):
    (system / "set.001" / "virial.npy").unlink()

    found = read_labelled(system)

    assert [label.stress is None for label in found.labels] == [False, False, True, True]
    assert "-virial/volume (2 of 4 frames)" in found.origins[1]


@pytest.mark.parametrize("name", ["energy", "force"])
def test_missing_labels_are_counted(system, name):
    (system / "set.001" / f"{name}.npy").unlink()

    refused(system, r"2 of 4 frames \(first: frame 2\) lack them", MissingLabelsError)


def test_arrays_that_are_not_used_are_named(system):
    np.save(system / "set.000" / "fparam.npy", np.ones((2, 1)))

    assert read_labelled(system).notes == ["system: fparam.npy not used"]


def test_clusters_have_no_cell_and_no_stress(system):
    (system / "nopbc").touch()
    (system / "set.000" / "box.npy").unlink()

    found = read_labelled(system)

    assert not any(atoms.pbc.any() or atoms.cell.any() for atoms in found.frames)
    assert "virial is not used, as there is no cell" in found.origins


def test_frames_of_the_mixed_format_have_atoms_of_their_own(system):
    kinds = {"set.000": [[0, 1, 1, 1], [1, 1, 0, -1]], "set.001": [[0, 0, 0, 0], [1, 0, 1, 0]]}
    for name, rows in kinds.items():
        np.save(system / name / "real_atom_types.npy", np.array(rows))
    force = np.load(system / "set.000" / "force.npy")

    found = read_labelled(system)

    assert ["".join(atoms.get_chemical_symbols()) for atoms in found.frames] == [
        "AuCuCuCu", "CuCuAu", "AuAuAuAu", "CuAuCuAu",
    ]  # fmt: skip
    assert_allclose(found.labels[1].forces, force[1].reshape(4, 3)[:3])


def test_structures_alone_are_read_too(system):
    assert len(read_frames(system)) == 4
    assert len(read_frames(system, "-1:")) == 1
    assert is_system(system)


def test_a_folder_of_systems_names_the_pattern(system):
    refused(system.parent, r"got a folder of systems of DeePMD-kit; name these, for example by the pattern '.*/\*'")
    assert not is_system(system.parent)


class Trap:
    """Unpickled, it would write a file."""

    def __reduce__(self):
        return open, ("trap", "w")


@pytest.mark.parametrize("name", ["coord", "box", "energy", "real_atom_types"])
def test_pickles_are_not_opened(system, name, monkeypatch):
    monkeypatch.chdir(system.parent)
    file = system / "set.000" / f"{name}.npy"
    np.save(file, np.array([Trap()], object), allow_pickle=True)
    refused(system, f"{name}.npy: expected an array of real numbers as numpy.save writes it")
    file.write_bytes(pickle.dumps(Trap()))
    refused(system, f"{name}.npy: expected an array of real numbers as numpy.save writes it")
    np.savez(system / "zip", np.ones(3))
    (system / "zip.npz").rename(file)
    refused(system, f"{name}.npy: .*got not real numbers")

    assert not (system.parent / "trap").exists()


def test_a_header_that_promises_more_than_the_file_has(system):
    file = system / "set.000" / "coord.npy"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"(2, 12), }", b"(2**9, 9)}"))
    refused(system, "coord.npy: expected an array of real numbers")
    file.write_bytes(data.replace(b"(2, 12), }        ", b"(200000000, 12), }"))
    refused(system, "coord.npy: expected an array of real numbers")
    file.write_bytes(data[:-8])
    refused(system, "coord.npy: expected an array of real numbers")
    file.write_bytes(b"")
    refused(system, "coord.npy: expected an array of real numbers")


DAMAGE = {
    "no element": ("type_map.raw", "Au\nwater\n", "expected chemical symbols, one for each type, got 'water'"),
    "no types": ("type_map.raw", None, r"type_map.raw: expected the chemical symbol of each type .* got no file"),
    "a type too many": ("type.raw", "0 1 1 2", "expected whole numbers from 0 to 1, one for each atom, got others"),
    "words": ("type.raw", "Au Cu Cu Cu", "expected whole numbers from 0 to 1"),
    "a very long number": ("type.raw", "0 1 1 " + "9" * 5000, "expected whole numbers from 0 to 1"),
    "nothing": ("type.raw", "", "expected whole numbers from 0 to 1"),
    "other atoms": ("type.raw", "0 1 1", r"coord.npy: expected 9 numbers for each frame, got .* shape \(2, 12\)"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_text_files_are_refused_by_name(system, damage):
    name, text, match = DAMAGE[damage]
    (system / name).unlink() if text is None else (system / name).write_text(text)

    refused(system, match)


ARRAYS = {
    "frames": ("energy", np.ones(3), r"energy.npy: expected 1 numbers for each of 2 frames, as coord.npy has them"),
    "a number": ("coord", np.array(1.0), "coord.npy: expected 12 numbers for each frame"),
    "no frames": ("coord", np.ones((0, 12)), "coord.npy: expected 12 numbers for each frame"),
    "NaN": ("force", np.full((2, 12), np.nan), r"NaN or infinity in 2 of 2 frames \(first: frame 0\)"),
    "complex": ("virial", np.ones((2, 9), complex), "virial.npy: expected an array of real numbers"),
    "texts": ("virial", np.full((2, 9), "1"), "virial.npy: expected an array of real numbers"),
    "flat": ("box", np.ones((2, 9)), "box.npy: expected cells with a volume, got none in frame 0"),
    "cells": ("box", None, "box.npy: expected the cells of a periodic system, got no file; mark clusters by a file"),
    "places": ("coord", None, "coord.npy: expected the positions of the atoms in Å, got no file"),
    "kinds": ("real_atom_types", np.full((2, 4), 2), "expected types from 0 to 1, and -1 for no atom"),
    "no atoms": ("real_atom_types", np.full((2, 4), -1), "expected types from 0 to 1, and -1 for no atom"),
}


@pytest.mark.parametrize("damage", ARRAYS)
def test_arrays_that_do_not_fit_are_refused_by_name(system, damage):
    name, values, match = ARRAYS[damage]
    file = system / "set.000" / f"{name}.npy"
    file.unlink() if values is None else np.save(file, values)

    refused(system, match)


def test_text_files_alone_are_refused_with_the_way_out(tmp_path):
    (tmp_path / "type.raw").write_text("0")
    (tmp_path / "type_map.raw").write_text("Au")

    refused(tmp_path, r"expected folders set.000, set.001 ... of arrays, got none; convert text files")


def test_systems_of_dpdata_mean_the_same(tmp_path):
    dpdata = pytest.importorskip("dpdata", reason="needs dpdata (pip install dpdata)")
    frames = strained(3)
    systems = dpdata.MultiSystems(*(dpdata.LabeledSystem(a, fmt="ase/structure") for a in frames))
    systems.to("deepmd/npy", str(tmp_path / "plain"))
    systems.to("deepmd/npy/mixed", str(tmp_path / "mixed"))

    for folder in ("plain", "mixed"):
        found = read_labelled(tmp_path / folder / "*")
        for atoms, mine, label in zip(frames, found.frames, found.labels, strict=True):
            order = np.argsort([np.abs(mine.positions - place).sum(axis=1).argmin() for place in atoms.positions])
            assert mine[order].get_chemical_symbols() == atoms.get_chemical_symbols()
            assert_allclose(label.energy, atoms.get_potential_energy(), rtol=1e-6)
            assert_allclose(label.forces[order], atoms.get_forces(), atol=1e-5)
            assert_allclose(label.stress, atoms.get_stress(), atol=1e-6)


def test_frames_without_labels_are_structures(system):
    for file in system.glob("set.*/*.npy"):
        if file.stem in ("energy", "force", "virial"):
            file.unlink()

    assert all(isinstance(atoms, Atoms) and atoms.calc is None for atoms in read_system(system)[0])
