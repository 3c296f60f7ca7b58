"""Labelled frames from files of VASP and others, and what is said of them."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError, MissingLabelsError
from ase_voxpot.labelled import read_labelled
from ase_voxpot.labels import LabelKeys
from tests.vasp.files import (
    END,
    XML_END,
    computed,
    energies,
    energy_of,
    head,
    lattice,
    learned,
    loops,
    stress,
    table,
    xml_computed,
    xml_head,
    xml_learned,
)

FILES = {
    "OUTCAR": lambda loops_: head() + "".join(computed(n, c, "") for n, c in loops_.items()) + END,
    "vasprun.xml": lambda loops_: xml_head() + "".join(xml_computed(n, c) for n, c in loops_.items()) + XML_END,
}


@pytest.mark.parametrize("name", FILES)
def test_frames_of_vasp_have_their_free_energy_forces_and_stress(tmp_path, name):
    (tmp_path / name).write_text(FILES[name]({1: 5, 2: 6}))

    found = read_labelled(tmp_path / name)

    assert [x.energy for x in found.labels] == pytest.approx([energy_of(1), energy_of(2)])
    assert_allclose(found.labels[1].forces[0], [0.2, 0, 0])
    assert_allclose(found.labels[1].stress[:3] / GPa, [-2, -2, -3])
    assert found.notes == []
    assert found.origins == [
        "Energy: free_energy stored with the frames, which the forces belong to",
        "Stress: stress stored with the frames",
    ]
    asked = read_labelled(tmp_path / name, LabelKeys(energy="energy"))
    assert [x.energy for x in asked.labels] == pytest.approx([energy_of(1) + 0.5, energy_of(2) + 0.5])
    assert asked.origins[0] == "Energy: energy stored with the frames"


@pytest.mark.parametrize("name", FILES)
def test_unconverged_steps_are_left_out_unless_asked_for(tmp_path, name):
    (tmp_path / name).write_text(FILES[name]({1: 60, 2: 6, 3: 7, 4: 60}))

    found, every = (read_labelled(tmp_path / name, unconverged=u) for u in (False, True))

    assert [x.energy for x in found.labels] == pytest.approx([energy_of(2), energy_of(3)])
    assert any("2 of 4 ionic steps (1, 4) ended at NELM = 60" in n for n in found.notes)
    assert found.notes[-1] == "2 of 4 ionic steps did not converge and are left out; --unconverged counts them"
    assert len(every.labels) == 4
    assert "count all the same" in every.notes[-1]


@pytest.mark.parametrize("name", FILES)
def test_nothing_converged(tmp_path, name):
    (tmp_path / name).write_text(FILES[name]({1: 60, 2: 60}))

    with pytest.raises(MissingLabelsError, match="whose electronic loop converged, got none among 2"):
        read_labelled(tmp_path / name)


def test_steps_of_a_force_field_are_no_labels(tmp_path):
    (tmp_path / "OUTCAR").write_text(
        head() + "".join(learned(n) + computed(n) * (n in (1, 4)) for n in range(1, 5)) + END
    )
    (tmp_path / "vasprun.xml.gz").write_bytes(
        gzip.compress(
            (xml_head() + xml_computed(1) + xml_learned(2) + xml_learned(3) + xml_computed(4) + XML_END).encode()
        )
    )
    for name in ("OUTCAR", "vasprun.xml.gz"):
        found = read_labelled(tmp_path / name)
        assert [x.energy for x in found.labels] == pytest.approx([energy_of(1), energy_of(4)])
        assert_allclose(found.labels[1].stress[0] / GPa, -4)
        assert any("computed with DFT are used" in n for n in found.notes)
        assert not any("equally spaced" in n for n in found.notes)  # which matters to no label


def test_old_layouts_are_read(tmp_path):
    text = "".join(loops(n) + energies(n) + stress(n) + lattice() + table(n) for n in (1, 2, 3))
    (tmp_path / "old").write_text(head("5.2.2") + text + END)

    assert [x.energy for x in read_labelled(tmp_path / "old").labels] == pytest.approx(
        [energy_of(n) for n in (1, 2, 3)]
    )


def test_frames_of_others_that_mention_vasp_are_read_by_ase(tmp_path):
    atoms = Atoms("W2", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 5], pbc=True)
    atoms.info["code"] = "vasp.6.4.3"
    atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.zeros((2, 3)))
    write(tmp_path / "frames.extxyz", atoms)

    assert read_labelled(tmp_path / "frames.extxyz").labels[0].energy == 1.0


def _frames(tmp_path, *infos, **results):
    made = []
    for info in infos:
        atoms = Atoms("W2", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 5], pbc=True)
        calc = {"energy": 1.0, "forces": np.zeros((2, 3))} | results | info.pop("calc", {})
        atoms.info.update(info)
        atoms.calc = SinglePointCalculator(atoms, **calc)
        made.append(atoms)
    write(tmp_path / "frames.traj", made)
    return read_labelled(tmp_path / "frames.traj").origins


def test_a_mixture_of_energies_is_said(tmp_path):
    said = _frames(tmp_path, {"calc": {"free_energy": 0.5}}, {}, {})

    assert said == [
        "Energy: free_energy stored with the frames (1 of 3 frames), energy stored with the frames (2 of 3 frames): "
        "frames with and without a free energy are mixed, which may differ by the entropy of smearing"
    ]


def test_the_sign_of_a_virial_is_said(tmp_path):
    one = {"REF_virial": -np.eye(3)}
    said = _frames(tmp_path, one, dict(one), {})

    assert said[1].startswith("Stress: -REF_virial/volume (2 of 3 frames); virial = -volume × stress, as GAP, GPUMD")


def test_a_stress_that_disagrees_is_counted(tmp_path):
    said = _frames(tmp_path, {"REF_stress": np.eye(3), "virial": 125 * np.eye(3)}, {"REF_stress": np.eye(3)})

    assert said[1:] == [
        "Stress: REF_stress",
        "-virial/volume has the opposite sign and is not used (1 of 2 frames)",
    ]


def test_a_virial_that_nothing_names_is_said(tmp_path):
    assert _frames(tmp_path, {"dft_virial": np.eye(3)})[1:] == ["dft_virial is not used, as nothing names it"]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="got none"):
        read_labelled(tmp_path / "OUTCAR")
