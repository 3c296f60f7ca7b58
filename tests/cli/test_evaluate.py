from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.stress import voigt_6_to_full_3x3_stress
from numpy.testing import assert_allclose

from ase_voxpot.structures import random_alloy
from ase_voxpot.weights import load_potential
from tests.vasp.files import END, computed, head

FIGURES = {
    "energy_mae", "energy_mae_offset", "energy_rmse", "force_mae", "force_rmse", "stress_mae", "frames", "atoms",
}  # fmt: skip


@pytest.fixture
def evaluate(voxpot):
    return lambda *arguments: voxpot("evaluate", *arguments, "--model", "tiny.safetensors", "--device", "cpu")


def test_figures_are_written_and_shown(evaluate, frames, here):
    outcome = evaluate(frames, "--json", "out/scores.json")

    assert outcome.status == 0
    data = json.loads((here / "out" / "scores.json").read_text())
    assert set(data) == FIGURES | {"groups", "model", "labels", "notes"}
    assert data["labels"] == ["Energy: REF_energy", "Stress: REF_stress"]
    assert data["notes"] == []
    assert "Energy: REF_energy\nStress: REF_stress\n" in outcome.out
    assert data["model"] == "tiny.safetensors"
    assert (data["frames"], data["atoms"]) == (6, 12)
    assert_allclose(data["energy_mae"], 10, rtol=1e-3)
    assert_allclose(data["energy_mae_offset"], 0, atol=1e-2)
    assert_allclose(data["force_mae"], 100, rtol=1e-3)
    assert_allclose(data["stress_mae"], 0, atol=1e-4)
    assert {name: group["frames"] for name, group in data["groups"].items()} == {"a": 3, "b": 3}
    assert all(set(group) == FIGURES for group in data["groups"].values())
    assert "total" in outcome.out
    assert "10.00" in outcome.out


def test_any_calculator_is_scored_beside_it(evaluate, frames, here):
    """The frames hold the energies of the potential plus 10 meV per atom; the peer says zero of everything."""
    (here / "mine.py").write_text(
        "from ase.calculators.lj import LennardJones\n"
        "def make(epsilon):\n    return LennardJones(epsilon=float(epsilon))\n"
    )

    outcome = evaluate(frames, "--peer", "nothing=mine.py:make:0", "--json", "scores.json")

    assert outcome.status == 0
    (peer,) = json.loads((here / "scores.json").read_text())["peers"]
    made = read(frames, ":")
    labels = [a.info["REF_energy"] / len(a) for a in made]
    forces = [np.abs(a.arrays["REF_forces"]).mean() for a in made]
    assert peer["model"] == "nothing"
    assert_allclose(peer["energy_mae"], 1000 * np.mean(np.abs(labels)))
    assert_allclose(peer["force_mae"], 1000 * np.mean(forces))
    assert "Side by side" in outcome.out


@pytest.fixture
def large(here):
    """Five frames in two batches, and a peer that is the model itself."""
    made = []
    for k in range(5):
        rng = np.random.default_rng(k)
        atoms = random_alloy("bcc:MoTaW", repeat=10, rng=rng)
        atoms.rattle(0.1, rng=rng)
        atoms.info.update(REF_energy=-11.0 * len(atoms), config_type="ab"[k % 2])
        atoms.arrays["REF_forces"] = rng.normal(size=(len(atoms), 3))
        made.append(atoms)
    write(here / "large.extxyz", made)
    (here / "twin.py").write_text(
        "from ase_voxpot import VoxPotCalculator\n\n\ndef make():\n    return VoxPotCalculator('tiny.safetensors')\n"
    )
    return made


def test_workers_give_the_scores_of_one_process(evaluate, large, here):
    """Beside a process of its own: one that has just compiled may differ in the last bits from those that load."""
    options = ("large.extxyz", "--peer", "twin.py:make")
    alone = evaluate(*options, "--json", "here.json")
    words = ["evaluate", *options, "--model", "tiny.safetensors", "--device", "cpu", "--json", "one.json"]
    subprocess.run([sys.executable, "-c", "from ase_voxpot.cli import main; main()", *words], check=True)

    outcome = evaluate(*options, "--json", "two.json", "--workers", 2)

    assert (alone.status, outcome.status) == (0, 0), outcome.err
    assert outcome.out == alone.out
    assert (here / "two.json").read_text() == (here / "one.json").read_text()
    figures = [re.findall(r"-?\d+\.\d+(?:e-?\d+)?", (here / f"{name}.json").read_text()) for name in ("here", "one")]
    assert_allclose(*(np.array(some, float) for some in figures), rtol=1e-7)


def test_a_frame_that_fails_in_a_worker_has_its_number(evaluate, large, here, files):
    large[4].positions[7] = large[4].positions[6]
    write(here / "large.extxyz", large)

    for workers in (1, 2):
        outcome = evaluate("large.extxyz", "--json", "s.json", "--workers", workers)
        assert "frame 4: atoms 6 and 7 are at the same place" in outcome.sentence
    assert "s.json" not in files()


def test_a_calculator_that_fails_is_named_with_its_frame(evaluate, frames, here):
    (here / "mine.py").write_text(
        "from ase.calculators.calculator import Calculator\n"
        "class Lame(Calculator):\n    implemented_properties = ['energy', 'forces']\n"
        "    def calculate(self, *a, **k):\n        raise KeyError('Ta')\n"
    )

    outcome = evaluate(frames, "--peer", "mine.py:Lame")

    assert outcome.status == 2
    assert "frame 0: MoW has no energy with the calculator given: KeyError ('Ta')" in outcome.err


def test_two_of_one_name_are_refused(evaluate, frames):
    outcome = evaluate(frames, "--peer", "tiny.safetensors=ase.calculators.emt:EMT")

    assert outcome.status == 2
    assert "two are called tiny.safetensors" in outcome.err


def test_a_picture_is_drawn(evaluate, frames, files):
    assert evaluate(frames, "--plot", "parity.png").status == 0
    assert files() == {"parity.png"}


def test_compressed_frames_without_stress_are_fine(evaluate, frames, here):
    made = read(frames, ":")
    for atoms in made:
        del atoms.info["REF_stress"]
    write(here / "plain.extxyz", made)
    (here / "packed.extxyz.gz").write_bytes(gzip.compress((here / "plain.extxyz").read_bytes()))

    assert evaluate("packed.extxyz.gz", "--json", "scores.json").status == 0
    assert json.loads((here / "scores.json").read_text())["stress_mae"] is None


def test_the_free_energy_is_scored_where_there_is_one(evaluate, here, tiny_model):
    """As ASE reads VASP: energy is that of sigma -> 0, free_energy what the forces belong to."""
    potential, made = load_potential(tiny_model, device="cpu"), []
    for k in range(3):
        atoms = bulk("W", "bcc", a=3.2, cubic=True)
        atoms.rattle(0.1, seed=k)
        result = potential.evaluate(atoms)
        atoms.calc = SinglePointCalculator(
            atoms, energy=result.energy + 0.08, free_energy=result.energy, forces=result.forces
        )
        made.append(atoms)
    write(here / "dft.traj", made)

    outcome = evaluate("dft.traj", "--json", "s.json")
    asked = evaluate("dft.traj", "--energy-key", "energy", "--json", "zero.json")

    assert "Energy: free_energy stored with the frames, which the forces belong to" in outcome.out
    assert json.loads((here / "s.json").read_text())["energy_mae"] < 1e-3
    assert "Energy: energy stored with the frames" in asked.out
    assert_allclose(json.loads((here / "zero.json").read_text())["energy_mae"], 40, rtol=1e-3)


@pytest.mark.parametrize(("sign", "right"), [((), True), (("--virial-sign", 1), False)])
def test_a_virial_stands_for_a_stress_and_its_sign_is_said(evaluate, frames, here, sign, right):
    made = read(frames, ":")
    for atoms in made:
        stress = voigt_6_to_full_3x3_stress(atoms.info.pop("REF_stress"))
        atoms.info["REF_virial"] = -atoms.get_volume() * stress
    write(here / "virials.extxyz", made)

    outcome = evaluate("virials.extxyz", "--json", "s.json", *sign)

    error = json.loads((here / "s.json").read_text())["stress_mae"]
    assert error < 1e-4 if right else error > 0.01
    assert ("virial = -volume × stress" if right else "virial = volume × stress") in outcome.out


def test_steps_of_vasp_that_did_not_converge_are_left_out_and_said(evaluate, here):
    counts = {1: 5, 2: 60, 3: 7}
    (here / "OUTCAR").write_text(head() + "".join(computed(n, c, "") for n, c in counts.items()) + END)

    outcome = evaluate("OUTCAR", "--json", "s.json")
    every = evaluate("OUTCAR", "--unconverged", "--json", "every.json")

    assert json.loads((here / "s.json").read_text())["frames"] == 2
    assert "voxpot: note: 1 of 3 ionic steps did not converge and are left out" in outcome.err
    assert json.loads((here / "every.json").read_text())["frames"] == 3
    assert "count all the same" in every.err


def test_nothing_to_score_is_one_sentence(evaluate, here):
    (here / "OUTCAR").write_text(head() + computed(1, 60, "missed") + END)

    assert "expected ionic steps whose electronic loop converged, got none among 1" in evaluate("OUTCAR").sentence
    assert "expected -1 (virial = -volume × stress) or 1, got 3" in evaluate("OUTCAR", "--virial-sign", 3).sentence


def test_keys_of_another_name_are_taken(evaluate, frames, here):
    text = frames.read_text().replace("REF_energy", "dft_e").replace("REF_forces", "dft_f")
    (here / "other.extxyz").write_text(text)

    assert evaluate("other.extxyz", "--energy-key", "dft_e", "--forces-key", "dft_f").status == 0
    sentence = evaluate("other.extxyz", "--json", "scores.json").sentence
    assert "6 of 6 frames" in sentence
    assert "dft_e, dft_f" in sentence
    assert not (here / "scores.json").exists()


def _foreign(atoms):
    atoms.symbols[0] = "Xe"


def _without_position(atoms):
    atoms.positions[0] = np.nan


def _coincident(atoms):
    atoms.positions[1] = atoms.positions[0]


def _flat(atoms):
    atoms.set_cell([3, 3, 0])


def _unlabelled(atoms):
    atoms.info["REF_energy"] = np.nan


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_foreign, "frame 3: the model knows Mo, Ta, W, but the structure holds Xe"),
        (_without_position, "frame 3: expected finite positions"),
        (_coincident, "frame 3: atoms 0 and 1 are at the same place"),
        (_flat, "frame 3: the 3 periodic cell vectors must span a volume"),
        (_unlabelled, "frame 3: expected finite energy"),
    ],
)
def test_a_hostile_frame_is_named_and_nothing_is_written(evaluate, frames, files, spoil, sentence):
    made = read(frames, ":")
    spoil(made[3])
    write(frames, made)

    assert sentence in evaluate(frames, "--json", "s.json", "--plot", "p.png").sentence
    assert files() == set()


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100, b"2\n\nW 0 0 0\n", b"0\n\n"])
def test_a_hostile_file_is_refused(evaluate, here, content):
    (here / "bad.extxyz").write_bytes(content)

    assert "bad.extxyz" in evaluate("bad.extxyz").sentence or content == b"0\n\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--workers", "0"), "workers: expected a whole number from 1 on"),
        (("--plot", "parity.txt"), "ends in .png, .pdf, .svg"),
        (("--json", "frames.extxyz/s.json"), "a place to write to"),
        (("--dtype", "float16"), "dtype must be 'float32' or 'float64', got 'float16'"),
        (("--device", "abacus"), "expected a device such as"),
        (("--device", "cuda"), "no CUDA device"),
        (("--model", "nothing"), "got 'nothing'"),
    ],
)
def test_options_that_make_no_sense_are_refused(voxpot, frames, files, monkeypatch, options, sentence):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    assert sentence in voxpot("evaluate", frames, "--model", "tiny.safetensors", *options).sentence
    assert files() == set()


def test_a_file_that_is_not_there_is_refused(evaluate):
    assert "nothing.xyz: expected a file with atomic structures, got none" in evaluate("nothing.xyz").sentence


def test_the_shipped_model_scores(voxpot, frames):
    assert voxpot("evaluate", frames, "--device", "cpu").status == 0


def test_pairs_far_apart_have_the_energy_of_free_atoms(evaluate, here):
    atoms = bulk("W", "sc", a=30.0)
    atoms.info["REF_energy"] = -4.25
    atoms.arrays["REF_forces"] = np.zeros((1, 3))
    write(here / "free.extxyz", atoms)

    assert evaluate("free.extxyz", "--json", "s.json").status == 0
    assert json.loads((here / "s.json").read_text())["energy_mae"] < 1e-3


def test_several_files_are_scored_together(evaluate, frames, here):
    for k, part in enumerate((read(frames, ":2"), read(frames, "2:"))):
        (here / "runs" / str(k)).mkdir(parents=True)
        write(here / "runs" / str(k) / "x.extxyz", part)

    outcome = evaluate("runs/*/x.extxyz", frames, "--json", "scores.json")

    assert outcome.status == 0
    assert json.loads((here / "scores.json").read_text())["frames"] == 12


def test_frames_of_several_files_are_refused_by_file_and_number(evaluate, frames, here):
    foreign = bulk("Cu")
    foreign.info["REF_energy"], foreign.arrays["REF_forces"] = 0.0, np.zeros((1, 3))
    write(here / "b.extxyz", [*read(frames, ":1"), foreign])

    outcome = evaluate(frames, "b.extxyz", "--skip")

    assert outcome.status == 1
    assert "frame 7: b.extxyz: frame 1: the model knows" in outcome.err
