"""Labelled frames from files of VASP and others, and the notes about them."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError, MissingLabelsError
from ase_voxpot.frames.labelled import read_labelled
from ase_voxpot.frames.labels import LabelKeys, labels_of, read_each, read_frames
from ase_voxpot.validation.reading import read_run
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
    place,
    stress,
    structure,
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
    result = _frames(tmp_path, {"calc": {"free_energy": 0.5}}, {}, {})

    assert result == [
        "Energy: free_energy stored with the frames (1 of 3 frames), energy stored with the frames (2 of 3 frames): "
        "frames with and without a free energy are mixed, which may differ by the entropy of smearing"
    ]


def test_the_sign_of_a_virial_is_said(tmp_path):
    one = {"REF_virial": -np.eye(3)}
    result = _frames(tmp_path, one, dict(one), {})

    assert result[1].startswith("Stress: -REF_virial/volume (2 of 3 frames); virial = -volume × stress, as GAP, GPUMD")


def test_a_stress_that_disagrees_is_counted(tmp_path):
    result = _frames(tmp_path, {"REF_stress": np.eye(3), "virial": 125 * np.eye(3)}, {"REF_stress": np.eye(3)})

    assert result[1:] == [
        "Stress: REF_stress",
        "-virial/volume has the opposite sign and is not used (1 of 2 frames)",
    ]


def test_a_virial_that_nothing_names_is_said(tmp_path):
    assert _frames(tmp_path, {"dft_virial": np.eye(3)})[1:] == ["dft_virial is not used, as nothing names it"]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="got none"):
        read_labelled(tmp_path / "OUTCAR")


# ---- the same files as structures


@pytest.mark.parametrize("name", ["OUTCAR", "vasprun.xml"])
def test_structures_of_vasp_are_read_the_same(tmp_path, name):
    steps = {
        "OUTCAR": head() + "".join(loops(n) + energies(n) + stress(n) + lattice() + table(n) for n in (1, 2, 3)) + END,
        "vasprun.xml": xml_head() + xml_computed(1) + xml_learned(7) + xml_computed(2) + xml_computed(3) + XML_END,
    }
    (tmp_path / name).write_text(steps[name])

    frames = read_frames(tmp_path / name)

    assert [x.energy for x in labels_of(frames)] == pytest.approx([energy_of(n) for n in (1, 2, 3)])
    assert_allclose([a.positions[1, 0] for a in frames], [place(n) for n in (1, 2, 3)], atol=1e-5)
    (last,) = read_frames(tmp_path / name, "-1:")
    assert_allclose(last.positions[1, 0], place(3), atol=1e-5)


def test_structures_without_convergence_are_marked_also_in_other_files(tmp_path):
    (tmp_path / "OUTCAR").write_text(head() + computed(1) + computed(2, 60, "missed") + END)

    frames = read_frames(tmp_path / "OUTCAR")
    write(tmp_path / "frames.extxyz", frames)
    found = read_labelled(tmp_path / "frames.extxyz")

    assert [a.info.get("unconverged", False) for a in frames] == [False, True]
    assert len(found.frames) == 1
    assert found.notes == ["1 of 2 ionic steps did not converge and are left out; --unconverged counts them"]
    assert read_run([tmp_path / "frames.extxyz"]).unconverged == (1,)


def test_a_structure_with_stars_is_an_error_in_its_place(tmp_path):
    (tmp_path / "OUTCAR").write_text(
        head() + computed(1) + computed(2).replace(f"{place(2):13.5f}", 13 * "*") + computed(3) + END
    )

    one, two, three = read_each(tmp_path / "OUTCAR")

    assert_allclose([one.positions[1, 0], three.positions[1, 0]], [place(1), place(3)], atol=1e-5)
    assert str(two) == "expected numbers, got stars, too large for their columns (step 2: positions or forces)"
    with pytest.raises(DataError, match=r"OUTCAR: frame 1: expected numbers, got stars"):
        read_frames(tmp_path / "OUTCAR")
    assert len(read_frames(tmp_path / "OUTCAR", "-1:")) == 1


def test_positions_of_an_xdatcar_as_fortran_writes_them(tmp_path):
    rows = "  0.00000000  0.00000000  0.00000000\n -0.00000001-0.11227753  0.50000000\n"
    (tmp_path / "XDATCAR").write_text(
        f"W\n 1.0\n 3.2 0 0\n 0 3.2 0\n 0 0 3.2\n W\n 2\nDirect configuration=     1\n{rows}\n"
        f"Direct configuration=     2\n{rows}"
    )

    frames = read_frames(tmp_path / "XDATCAR")

    assert len(frames) == 2
    assert_allclose(frames[1].positions[1] / 3.2, [-1e-8, -0.11227753, 0.5], atol=1e-9)


def test_constraints_are_those_that_ase_reads(tmp_path):
    flags = '  <varray type="logical" name="selective" >\n   <v type="logical"> F F F </v>\n' + (
        '   <v type="logical"> T F T </v>\n  </varray>\n'
    )
    initial = (
        structure(1)
        .replace("<structure>", '<structure name="initialpos" >')
        .replace("</structure>", flags + "</structure>")
    )
    text = xml_head() + initial + xml_computed(1) + XML_END
    (tmp_path / "vasprun.xml").write_text(text)
    (tmp_path / "OUTCAR").write_text(head() + computed(1) + END)
    (tmp_path / "POSCAR").write_text(
        "W\n1\n3.2 0 0\n0 3.2 0\n0 0 3.2\nW\n2\nSelective\nDirect\n0 0 0 F F F\n.5 .5 .5 T T T\n"
    )

    (mine,) = read_frames(tmp_path / "vasprun.xml")
    (other,) = read_frames(tmp_path / "OUTCAR")

    whole, part = mine.constraints
    assert whole.index.tolist() == [0]
    assert (part.index.tolist(), part.mask.tolist()) == ([1], [False, True, False])
    assert [c.index.tolist() for c in other.constraints] == [[0]]
    (tmp_path / "POSCAR").write_text("nothing")
    assert read_frames(tmp_path / "OUTCAR")[0].constraints == []


def test_a_file_without_a_step_is_named_once(tmp_path):
    (tmp_path / "OUTCAR").write_text(head() + learned(1) + END)

    with pytest.raises(DataError, match="all of a machine-learned force field") as caught:
        read_frames(tmp_path / "OUTCAR")
    assert str(caught.value).count("OUTCAR") == 1


def labelled(energy, **info):
    atoms = Atoms("W2", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 5], pbc=True)
    atoms.info.update(info)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.full((2, 3), energy), stress=np.full(6, energy))
    return atoms


class TestSeveral:
    def runs(self, folder, **cutoffs):
        for name, cutoff in cutoffs.items():
            (folder / name).mkdir(parents=True)
            steps = computed(1, 60, "") + computed(2, 6, "")
            (folder / name / "OUTCAR").write_text(head(ENCUT=cutoff) + steps + END)
        return folder / "*" / "OUTCAR"

    def test_files_that_a_pattern_matches_are_read_in_order(self, tmp_path):
        found = read_labelled(self.runs(tmp_path, b=520.0, a=520.0))

        assert [x.energy for x in found.labels] == pytest.approx([energy_of(2)] * 2)
        assert found.places == [f"{tmp_path / name / 'OUTCAR'}: frame 1" for name in "ab"]
        assert [n for n in found.notes if "ended at NELM" in n] == [
            f"{tmp_path / name / 'OUTCAR'}: the electronic loop of 1 of 2 ionic steps (1) ended at NELM = 60 without "
            "converging"
            for name in "ab"
        ]
        assert found.notes[-1] == "2 of 4 ionic steps did not converge and are left out; --unconverged counts them"

    def test_settings_that_differ_are_named(self, tmp_path):
        notes = read_labelled(self.runs(tmp_path, a=400.0, b=520.0, c=520.0)).notes

        assert (
            "runs of VASP differ in ENCUT: 520 (2 of 3), 400 (1 of 3); their energies may be shifted against each other"
            in notes
        )

    def test_a_pattern_without_files_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"\*/OUTCAR: expected files or folders that match this pattern, got none"):
            read_labelled(tmp_path / "*" / "OUTCAR")

    def test_a_file_is_itself_whatever_its_name(self, tmp_path):
        write(tmp_path / "a[1].extxyz", labelled(1.0))
        write(tmp_path / "a1.extxyz", labelled(2.0))

        assert [x.energy for x in read_labelled(tmp_path / "a[1].extxyz").labels] == [1.0]

    def test_a_damaged_file_among_them_is_named(self, tmp_path):
        write(tmp_path / "a.extxyz", labelled(1.0))
        write(tmp_path / "b.extxyz", [labelled(1.0), Atoms("W")])
        with pytest.raises(MissingLabelsError, match=r"1 of 3 frames \(first: .*b.extxyz: frame 1\) lack them"):
            read_labelled(tmp_path / "*.extxyz")
        (tmp_path / "b.extxyz").write_text("no frames")
        with pytest.raises(DataError, match=r"b.extxyz: expected a structure file that ASE can read"):
            read_labelled(tmp_path / "*.extxyz")


class TestDatabases:
    def test_rows_have_the_labels_of_their_calculator(self, tmp_path):
        with connect(tmp_path / "frames.db") as rows:
            for energy in (1.0, 2.0):
                rows.write(labelled(energy), config_type="a")

        found = read_labelled(tmp_path / "frames.db")

        assert [(x.energy, x.forces[1, 2], x.stress[5], x.group) for x in found.labels] == [
            (1.0, 1.0, 1.0, "a"), (2.0, 2.0, 2.0, "a"),
        ]  # fmt: skip
        assert found.origins == ["Energy: energy stored with the frames", "Stress: stress stored with the frames"]

    def test_labels_among_keys_and_data_have_their_names(self, tmp_path):
        data = {"REF_forces": np.full((2, 3), 7.0), "REF_virial": -125 * np.eye(3)}
        with connect(tmp_path / "frames.db") as rows:
            rows.write(labelled(1.0), REF_energy=5.0, data=data)

        (label,) = read_labelled(tmp_path / "frames.db").labels

        assert (label.energy, label.forces[0, 0], label.stress[0]) == pytest.approx((5.0, 7.0, 1.0))

    def test_rows_without_labels_are_counted(self, tmp_path):
        with connect(tmp_path / "frames.db") as rows:
            rows.write(labelled(1.0))
            rows.write(Atoms("W"))

        with pytest.raises(MissingLabelsError, match=r"1 of 2 frames \(first: frame 1\) lack them"):
            read_labelled(tmp_path / "frames.db")

    def test_databases_of_others_are_refused_and_stay_as_they_are(self, tmp_path):
        with closing(sqlite3.connect(tmp_path / "bank.db")) as file:
            file.execute("CREATE TABLE accounts (number)")
            file.commit()
        before = (tmp_path / "bank.db").read_bytes()

        with pytest.raises(DataError, match="expected a database of ase.db, .* got one with the tables accounts"):
            read_labelled(tmp_path / "bank.db")

        assert (tmp_path / "bank.db").read_bytes() == before
