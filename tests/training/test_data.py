"""Sources of frames: where they are found, brought in line, weighed."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch
from ase.io import write
from ase.units import GPa

from ase_voxpot.errors import ConfigError, DataError, OccupancyError
from ase_voxpot.spec import BaselineSpec, Density, PotentialSpec, SteerableSpec
from ase_voxpot.weights import read_header
from tests.frames.deepmd import save, strained
from tests.vasp.files import END, computed, energy_of, head
from voxpot_training.config import LossConfig, Source
from voxpot_training.data import find_file, load_frames
from voxpot_training.potential.batches import Prediction, collate, make_example
from voxpot_training.potential.losses import potential_loss
from voxpot_training.potential.train import run, share_of

SPEC = PotentialSpec(
    species=("Mo", "W"),
    descriptor=Density(cutoff=4.0, radial=2),
    network=SteerableSpec(degree=1, channels=2, products=0, hidden=(4,)),
    baseline=BaselineSpec(reference=(0.0, 0.0)),
)


def test_files_are_found_beside_the_config_and_below_the_data_folder(tmp_path, frames, monkeypatch):
    write(tmp_path / "a.extxyz", frames[:2])
    (tmp_path / "sets").mkdir()
    write(tmp_path / "sets" / "b.extxyz", frames[2:5])
    monkeypatch.setenv("VOXPOT_DATA", str(tmp_path / "sets"))
    sources = (Source(file="a.extxyz"), Source(file="b.extxyz", weight=0.5, support=True))

    found = load_frames(sources, ("Mo", "W"), tmp_path)

    assert len(found.atoms) == 5
    assert found.weights == [1.0, 1.0, 0.5, 0.5, 0.5]
    assert found.support == [False, False, True, True, True]


def test_an_absent_file_names_the_places_looked_at(tmp_path, monkeypatch):
    monkeypatch.delenv("VOXPOT_DATA", raising=False)

    with pytest.raises(DataError, match="found it at none of .*; set VOXPOT_DATA"):
        load_frames((Source(file="a.extxyz"),), ("W",), tmp_path)


def test_frames_with_partially_occupied_sites_are_refused_by_number(tmp_path, frames):
    some = [atoms.copy() for atoms in frames[:3]]
    some[1].info["occupancy"] = {"0": {"Mo": 0.5, "W": 0.5}, "1": {"W": 0.9}}
    write(tmp_path / "a.extxyz", some)

    with pytest.raises(OccupancyError, match="a.extxyz: frame 1: .*partially occupied"):
        load_frames((Source(file="a.extxyz"),), ("Mo", "W"), tmp_path)


def test_offsets_are_added_per_atom_of_the_element(tmp_path, frames):
    write(tmp_path / "a.extxyz", frames[:3])
    plain, shifted = (
        load_frames((Source(file="a.extxyz", offsets=offsets),), ("Mo", "W"), tmp_path)
        for offsets in ({}, {"Mo": 0.5, "W": -0.25})
    )

    for a, p, s in zip(plain.atoms, plain.labels, shifted.labels, strict=True):
        count = a.symbols.formula.count()
        assert s.energy - p.energy == pytest.approx(0.5 * count.get("Mo", 0) - 0.25 * count.get("W", 0))


def test_pressures_lower_energies_by_pressure_times_volume_and_act_on_the_stress(tmp_path, frames):
    write(tmp_path / "a.extxyz", frames[:3])
    plain, shifted = (
        load_frames((Source(file="a.extxyz", pressures=pressures),), ("Mo", "W"), tmp_path)
        for pressures in ({}, {"Mo": 3.0, "W": 1.0})
    )

    for a, p, s in zip(plain.atoms, plain.labels, shifted.labels, strict=True):
        pressure = (3.0 * (a.symbols == "Mo").mean() + 1.0 * (a.symbols == "W").mean()) * GPa
        assert s.energy == pytest.approx(p.energy - pressure * a.get_volume())
        assert s.stress == pytest.approx(p.stress - pressure * np.array([1, 1, 1, 0, 0, 0]))
        assert (s.forces == p.forces).all()


def test_a_mixing_pressure_acts_on_alloys_alone(tmp_path, frames):
    pure = frames[0].copy()
    pure.symbols[:] = "W"
    write(tmp_path / "a.extxyz", [pure, *frames[:3]])
    keys = {"mixing_pressure": -2.0, "volumes": {"Mo": 15.0, "W": 16.0}}
    plain, shifted = (load_frames((Source(file="a.extxyz", **k),), ("Mo", "W"), tmp_path) for k in ({}, keys))

    assert shifted.labels[0].energy == plain.labels[0].energy
    for a, p, s in zip(plain.atoms[1:], plain.labels[1:], shifted.labels[1:], strict=True):
        x = (a.symbols == "Mo").mean()
        pressure = -2.0 * GPa * 2 * x * (1 - x)
        larger = a.get_volume() - len(a) * (15.0 * x + 16.0 * (1 - x))
        assert x * (1 - x) > 0
        assert s.energy == pytest.approx(p.energy - pressure * larger)
        assert s.stress == pytest.approx(p.stress - pressure * np.array([1, 1, 1, 0, 0, 0]))

    keys = keys | {"volumes": {"W": 16.0}}
    with pytest.raises(
        DataError, match="a.extxyz: data.volumes: expected those of all elements of an alloy, got none of Mo"
    ):
        load_frames((Source(file="a.extxyz", **keys),), ("Mo", "W"), tmp_path)


def test_pressures_of_molecules_are_refused(tmp_path, frames):
    alone = frames[0].copy()
    alone.pbc = False
    alone.info |= {"REF_energy": 1.0}
    alone.arrays["REF_forces"] = np.zeros((len(alone), 3))
    write(tmp_path / "a.extxyz", alone)

    with pytest.raises(DataError, match="a.extxyz: data.pressures expect periodic structures, got .* with pbc"):
        load_frames((Source(file="a.extxyz", pressures={"Mo": 1.0, "W": 1.0}),), ("Mo", "W"), tmp_path)


def test_a_weight_of_energies_leaves_that_of_forces(frames, tmp_path):
    write(tmp_path / "a.extxyz", frames[:2])
    found = load_frames((Source(file="a.extxyz", energy_weight=0.5),), ("Mo", "W"), tmp_path)
    like = torch.zeros(0, dtype=torch.float64)

    def loss(energy_weight: float, *, energy: float, force: float) -> float:
        rows = zip(found.atoms, found.labels, strict=True)
        batch = collate([make_example(a, label, SPEC, energy_weight=energy_weight) for a, label in rows], like)
        off = Prediction(batch.energy + energy, batch.forces + force, batch.virial)
        return float(potential_loss(off, batch, LossConfig(), 0.5))

    assert found.energy_weights == [0.5, 0.5]
    assert loss(0.5, energy=0.1, force=0.0) == pytest.approx(0.5 * loss(1.0, energy=0.1, force=0.0))
    assert loss(0.5, energy=0.0, force=0.1) == loss(1.0, energy=0.0, force=0.1)
    assert loss(0.0, energy=0.1, force=0.0) == 0.0


def test_a_weight_scales_the_share_of_its_frame_in_the_loss(frames, tmp_path):
    write(tmp_path / "a.extxyz", frames[:2])
    found = load_frames((Source(file="a.extxyz"),), ("Mo", "W"), tmp_path)
    like = torch.zeros(0, dtype=torch.float64)

    def loss(*weights: float) -> float:
        rows = zip(found.atoms, found.labels, weights, strict=True)
        batch = collate([make_example(a, label, SPEC, weight=w) for a, label, w in rows], like)
        wrong = Prediction(batch.energy + 0.01, batch.forces + 0.1, batch.virial + 0.02)
        return float(potential_loss(wrong, batch, LossConfig(), 0.5))

    assert loss(1.0, 1.0) == pytest.approx(loss(1.0, 0.0) + loss(0.0, 1.0))
    assert loss(3.0, 3.0) == pytest.approx(3 * loss(1.0, 1.0))


def test_labels_are_those_of_scoring_and_said(tmp_path):
    counts = {1: 5, 2: 60, 3: 6}
    (tmp_path / "OUTCAR").write_text(head() + "".join(computed(n, c, "") for n, c in counts.items()) + END)

    found, every = (
        load_frames((Source(file="OUTCAR", unconverged=asked),), ("W",), tmp_path) for asked in (False, True)
    )

    assert [label.energy for label in found.labels] == pytest.approx([energy_of(1), energy_of(3)])
    assert found.notes[0] == "OUTCAR: Energy: free_energy stored with the frames, which the forces belong to"
    assert found.notes[-1].endswith("1 of 3 ionic steps did not converge and are left out; --unconverged counts them")
    assert len(every.atoms) == 3


def test_virials_are_taken_and_their_sign_said(tmp_path, frames):
    chosen = [a.copy() for a in frames[:2]]
    for atoms in chosen:
        atoms.info.pop("REF_stress")
        atoms.info["mine"] = atoms.get_volume() * np.eye(3)
    write(tmp_path / "a.extxyz", chosen)

    found = load_frames((Source(file="a.extxyz", virial_key="mine", virial_sign=1),), ("Mo", "W"), tmp_path)

    np.testing.assert_allclose(found.labels[1].stress, [1, 1, 1, 0, 0, 0])
    assert "a.extxyz: Stress: mine/volume; virial = volume × stress, as asked for (--virial-sign)" in found.notes
    with pytest.raises(ConfigError, match="virial_sign of a.extxyz: expected -1 or 1, got 0"):
        Source(file="a.extxyz", virial_sign=0)


def test_a_card_says_which_labels_were_taken(write_config, tmp_path):
    model = run(write_config(epochs=1), out=tmp_path / "run")

    result = read_header(model)["card"]["labels"]
    assert any("Energy: " in sentence for sentence in result)
    assert f"- labels: {result[0]}" in model.with_suffix(".md").read_text()


def test_emphasis_is_kept_apart_from_what_is_believed(tmp_path, frames):
    for k, atoms in enumerate(frames[:4]):
        atoms.info["config_type"], atoms.info["note"] = (
            ("W_Elastic", "strain 0.01"),
            ("W_AIMD", "300 K"),
            ("Mo_Elastic", "strain 0.10"),
            ("Mo_AIMD", "300 K"),
        )[k]
    write(tmp_path / "a.extxyz", frames[:4])
    source = Source(file="a.extxyz", weight=0.5, emphasis={"_Elastic .*0.01": 4.0, "^Mo_": 3.0})

    found = load_frames((source,), ("Mo", "W"), tmp_path)

    assert found.weights == [0.5] * 4
    assert found.emphasis == [4.0, 1.0, 3.0, 3.0]


def test_emphasis_on_nothing_is_refused(tmp_path, frames):
    write(tmp_path / "a.extxyz", frames[:2])

    with pytest.raises(DataError, match="names '_Slab', which no frame has; one has '"):
        load_frames((Source(file="a.extxyz", emphasis={"_Slab": 4.0}),), ("Mo", "W"), tmp_path)


@pytest.mark.parametrize(
    ("emphasis", "sentence"),
    [({"a": 0.0}, "must be positive, got 0.0 for 'a'"), ({"(": 2.0}, "'\\(' is no regular expression")],
)
def test_emphasis_that_makes_no_sense_is_refused(emphasis, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Source(file="a.extxyz", emphasis=emphasis)


def test_frames_in_support_are_trained_on_but_never_held_out(write_config, tmp_path, frames):
    config = write_config(epochs=1)
    write(tmp_path / "more.extxyz", frames[:4])
    config.write_text(config.read_text() + '\n[[data]]\nfile = "more.extxyz"\nsupport = true\n')

    run(config, out=tmp_path / "run")

    import json

    split = json.loads((tmp_path / "run" / "splits.json").read_text())
    assert {60, 61, 62, 63} <= set(split["train"])
    assert max(split["holdout"] + split["validation"]) < 60
    np.testing.assert_array_equal(sorted(sum(split.values(), [])), range(64))


def test_weights_must_be_positive():
    with pytest.raises(ConfigError, match="data.weight must be positive"):
        Source(file="a.extxyz", weight=0.0)


SETS = {
    "alloy/motaw_dft": 2973,
    "alloy/nb_containing_dft": 2307,
    "alloy/mo_extra_dft": 236,
    "alloy/w_defects_dft": 649,
    "alloy/teacher": 9400,
    "alloy/motaw_gpaw_squeezed": 54,
    "alloy/motaw_gpaw_vacancies": 8,
    "alloy/motaw_gpaw_dimers": 108,
    "alloy/motaw_dimer_curves": 600,
    "alloy/teacher_close": 1202,
    "alloy/teacher_squeezed": 1317,
    "alloy/teacher_gas": 683,
    "alloy/teacher_nb": 2400,
    "alloy/teacher_nb_close": 1201,
    "alloy/teacher_nb_pairs": 300,
    "alloy/teacher_nb_hot": 3600,
    "crystal/lcs6a_train": 5418,
    "crystal/lcs6a_val": 286,
    "crystal/icsg3d_val": 342,
    "crystal/ybco13": 100,
    "crystal/perov5_val": 3787,
    "crystal/bcc_compounds": 2500,
}


@pytest.mark.parametrize("name", SETS)
def test_data_of_the_repository_are_found_without_being_named(name, monkeypatch, tmp_path):
    monkeypatch.delenv("VOXPOT_DATA", raising=False)

    path = find_file(f"{name}.extxyz.gz", tmp_path)

    with gzip.open(path, "rt") as file:
        assert sum("Lattice=" in line for line in file) == SETS[name]
    assert f"{SETS[name]:,}" in (path.parents[1] / "README.md").read_text()


class TestSeveralFiles:
    def test_a_pattern_is_one_source(self, tmp_path, frames, monkeypatch):
        """Looked up as one file is: beside the config, then in the folder of the data, never in both."""
        monkeypatch.setenv("VOXPOT_DATA", str(tmp_path / "sets"))
        for folder in ("sets/a", "sets/b"):
            (tmp_path / folder).mkdir(parents=True)
            write(tmp_path / folder / "x.extxyz", frames[:2])

        found = load_frames((Source(file="*/x.extxyz", weight=2.0),), ("Mo", "W"), tmp_path)
        assert found.weights == [2.0] * 4
        assert found.names[2] == f"{tmp_path / 'sets' / 'b' / 'x.extxyz'}: frame 0"
        (tmp_path / "c").mkdir()
        write(tmp_path / "c" / "x.extxyz", frames[:1])
        assert len(load_frames((Source(file="*/x.extxyz"),), ("Mo", "W"), tmp_path).atoms) == 1

    def test_a_remark_that_many_files_share_is_made_once(self, tmp_path, frames):
        for k in range(7):
            write(tmp_path / f"{k}.extxyz", frames[k % 2])
        sources = [Source(file=f"{k}.extxyz") for k in range(7)]

        few, many = (load_frames(sources[:n], ("Mo", "W"), tmp_path).notes for n in (5, 7))

        assert few[::2] == [f"{k}.extxyz: Energy: REF_energy" for k in range(5)]
        assert many == ["0.extxyz and 6 others: Energy: REF_energy", "0.extxyz and 6 others: Stress: REF_stress"]

    def test_a_folder_of_deepmd_is_a_source(self, tmp_path):
        save(tmp_path / "mine", strained(4))

        found = load_frames((Source(file="mine"),), ("Cu", "Au"), tmp_path)

        assert [len(atoms) for atoms in found.atoms] == [4] * 4
        assert found.notes[1].startswith("mine: Stress: -virial/volume")

    def test_a_pattern_without_files_names_the_places(self, tmp_path):
        with pytest.raises(DataError, match=r"the data file runs/\*/OUTCAR, found it at none of"):
            load_frames((Source(file="runs/*/OUTCAR"),), ("W",), tmp_path)


def test_an_epoch_draws_the_share_of_a_source(frames, tmp_path):
    write(tmp_path / "a.extxyz", frames[:2])
    write(tmp_path / "b.extxyz", frames[2:4])
    sources = (Source(file="a.extxyz", share=0.25), Source(file="b.extxyz", support=True))
    found = load_frames(sources, ("Mo", "W"), tmp_path)

    assert [share_of(found, row, 0.08) for row in range(4)] == [0.25, 0.25, 0.08, 0.08]
    with pytest.raises(ConfigError, match="a share from 0 to 1"):
        Source(file="a.extxyz", share=1.5)
