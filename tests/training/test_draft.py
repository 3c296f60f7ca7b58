"""``voxpot train FRAMES``: a configuration from the frames, and a potential from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from ase_voxpot import VoxPotCalculator
from ase_voxpot.cli import main
from ase_voxpot.errors import ConfigError
from ase_voxpot.structures import random_alloy
from tests.frames.deepmd import save, strained
from voxpot_training.config import load_config
from voxpot_training.data import load_frames
from voxpot_training.potential.draft import draft_config, name_of


def labelled(atoms):
    atoms.calc = EMT()
    energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
    return atoms


def alloys(count, *, formulas=("fcc:CuAu", "fcc:Cu3Au"), seed=1):
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(count):
        atoms = random_alloy(formulas[k % len(formulas)], repeat=1, rng=rng)
        atoms.rattle(rng.uniform(0.02, 0.2), rng=rng)
        frames.append(labelled(atoms))
    return frames


def run_of_md(count):
    """One crystal whose atoms move a little from frame to frame."""
    rng, atoms = np.random.default_rng(3), bulk("Cu", cubic=True) * 2
    frames = []
    for _ in range(count):
        atoms.positions += rng.normal(scale=0.02, size=atoms.positions.shape)
        frames.append(labelled(atoms.copy()))
    return frames


@pytest.fixture
def file(tmp_path):
    def make(frames, name="frames.extxyz"):
        write(tmp_path / name, frames)
        return tmp_path / name

    return make


def read(tmp_path, paths, **options):
    config = tmp_path / "made.toml"
    config.write_text(draft_config(paths, **({"name": "made", "minutes": 1.0} | options)), encoding="utf-8")
    return load_config(config)


def test_everything_follows_from_the_frames(file, tmp_path):
    frames = alloys(20)
    config = read(tmp_path, [file(frames)], minutes=2.5, seed=7)

    assert config.model.species == ("Cu", "Au")
    assert (config.schedule.minutes, config.seed, config.split.consecutive) == (2.5, 7, 1)
    assert 4.5 <= config.model.descriptor.cutoff <= 6.0
    assert config.model.zbl_outer < 2.2  # shorter than every bond
    energies = [sum(config.model.reference[s] for s in a.symbols) - a.get_potential_energy() for a in frames]
    assert abs(np.mean(energies)) / len(frames[0]) < 0.01


def test_one_composition_is_enough(file, tmp_path):
    """Least squares have no single solution then; the shortest is taken."""
    config = read(tmp_path, [file(alloys(12, formulas=("fcc:CuAu",)))])

    assert set(config.model.reference) == {"Cu", "Au"}


def test_time_decides_on_the_network(file, tmp_path):
    path = file(alloys(12))

    assert read(tmp_path, [path], minutes=5).model.network.products == 0
    assert read(tmp_path, [path], minutes=60).model.network.products > 0


def test_frames_of_a_run_stay_together(file, tmp_path):
    assert read(tmp_path, [file(run_of_md(60))]).split.consecutive == 3


def test_several_files_are_one_data_set(file, tmp_path):
    paths = [file(alloys(8), "a.extxyz"), file(alloys(8, formulas=("fcc:Ag",), seed=2), "b.extxyz")]
    config = read(tmp_path, paths)

    assert [source.file for source in config.data] == [str(p) for p in paths]
    assert config.model.species == ("Cu", "Ag", "Au")
    assert name_of(paths) == "cuagau"


def test_a_pattern_or_a_folder_of_deepmd_is_one_source(file, tmp_path, monkeypatch):
    folder = tmp_path / "x[1]"
    folder.mkdir()
    file(alloys(8), "x[1]/a.extxyz")
    file(alloys(8, seed=2), "x[1]/b.extxyz")
    save(folder / "system", strained(4))
    monkeypatch.chdir(folder)

    config = read(tmp_path, [Path("*.extxyz"), Path("system")])

    assert [source.file for source in config.data] == [f"{tmp_path}/x[[]1]/*.extxyz", str(folder / "system")]
    assert len(load_frames(config.data, config.model.species, tmp_path).atoms) == 20


def test_too_few_frames_are_refused(file, tmp_path):
    with pytest.raises(ConfigError, match="expected at least 10 frames to train on and to score with, got 9"):
        read(tmp_path, [file(alloys(9))])


def test_frames_without_neighbours_are_refused(file, tmp_path):
    lone = [labelled(bulk("Cu", cubic=True)[:1]) for _ in range(10)]
    for atoms in lone:
        atoms.set_cell(20 * np.eye(3))
    with pytest.raises(ConfigError, match="expected frames in which atoms have neighbours within 6 Å, got none"):
        read(tmp_path, [file(lone)])


def test_one_line_trains_and_can_be_taken_up(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frames = alloys(16)
    path = file(frames)

    assert main(["train", str(path), "--quick", "--name", "mine"]) == 0

    assert "wrote runs/mine/mine.toml" in capsys.readouterr().out
    atoms = frames[0].copy()
    atoms.calc = VoxPotCalculator(tmp_path / "runs/mine/mine.safetensors")
    assert np.isfinite(atoms.get_potential_energy())
    assert main(["train", str(path), "--quick", "--name", "mine", "--resume"]) == 0
    assert main(["train", "runs/mine/mine.toml", "--quick", "--output", "again"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.extxyz"], "nothing.extxyz: expected a configuration or a file of frames, got none"),
        (["a.toml", "a.toml"], "expected one configuration, or files of frames alone, got 2 files"),
        (["a.toml", "--minutes", "3"], "--minutes: expected with frames alone"),
        (["frames.extxyz", "--resume"], "expected the configuration of a training to resume, found none"),
    ],
)
def test_what_does_not_fit_is_refused(file, tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    file(alloys(12))
    (tmp_path / "a.toml").write_text("")

    assert main(["train", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_odd_names_of_files_are_written_as_they_are(file, tmp_path):
    odd = tmp_path / 'it\'s "Cu-Au" é 🙂'
    odd.mkdir()
    path = file(alloys(12), f"{odd.name}/frames.extxyz")

    assert read(tmp_path, [path]).data[0].file == str(path)
