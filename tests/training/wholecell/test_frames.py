"""Folders of frames: whole, the right ones, or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from numpy.testing import assert_array_equal

from ase_voxpot.errors import DataError, MissingLabelsError
from voxpot_training.wholecell.frames import ARRAYS, create, from_atoms, load, save
from voxpot_training.wholecell.splits import SPLITS, split_frames


def as_runs(frames, count=4):
    """The first frames of every run as ASE has them."""
    runs = []
    for run in range(len(frames.temperatures)):
        runs.append([frames.atoms(run * frames.per_run + k) for k in range(count)])
        for k, atoms in enumerate(runs[-1]):
            row = run * frames.per_run + k
            atoms.calc = SinglePointCalculator(atoms, energy=frames.energies[row], forces=frames.forces[row])
    return runs


def test_frames_come_back_as_they_were(frames, tmp_path):
    save(frames, tmp_path / "frames")
    found = load(tmp_path / "frames")

    for name in ARRAYS:
        assert_array_equal(getattr(found, name), getattr(frames, name))
    assert_array_equal(found.numbers, frames.numbers)
    assert found.temperatures == frames.temperatures
    assert found.per_run == 40
    assert_array_equal(np.bincount(found.run), [40, 40, 40])


def test_nothing_in_a_folder_needs_a_pickle(frames, tmp_path):
    save(frames, tmp_path / "frames")

    assert {p.suffix for p in (tmp_path / "frames").iterdir()} == {".npy", ".json"}
    np.save(tmp_path / "frames" / "energies.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"energies\.npy: expected an array of numbers"):
        load(tmp_path / "frames")


def test_frames_that_were_not_made_yet_are_missed(frames, tmp_path):
    buffers = create(tmp_path / "f", frames.numbers, frames.cell, frames.temperatures, 40, {})
    buffers.positions[:50], buffers.forces[:50], buffers.energies[:50] = (
        frames.positions[:50],
        frames.forces[:50],
        frames.energies[:50],
    )

    with pytest.raises(DataError, match="NaN or infinity from frame 50 on in 70 frames"):
        load(tmp_path / "f")


def test_a_folder_of_other_frames_is_left_alone(frames, tmp_path):
    save(frames, tmp_path / "f")

    with pytest.raises(DataError, match="made with other frames_per_run"):
        create(tmp_path / "f", frames.numbers, frames.cell, frames.temperatures, 41, frames.about)


def test_files_that_do_not_fit_are_refused(frames, tmp_path):
    with pytest.raises(DataError, match="header.json, found none"):
        load(tmp_path / "nothing")
    save(frames, tmp_path / "f")
    np.save(tmp_path / "f" / "forces.npy", frames.forces[:7])
    with pytest.raises(
        DataError, match=r"expected float32 \(120, 16, 3\) as the header says, got float32 \(7, 16, 3\)"
    ):
        load(tmp_path / "f")
    (tmp_path / "f" / "header.json").write_text(json.dumps({"format": "something"}))
    with pytest.raises(DataError, match="of schema 1, got something else"):
        load(tmp_path / "f")
    (tmp_path / "f" / "header.json").write_text("{")
    with pytest.raises(DataError, match="expected JSON"):
        load(tmp_path / "f")


def test_frames_made_elsewhere_are_taken(frames):
    found = from_atoms(as_runs(frames), frames.temperatures)

    assert_array_equal(found.positions, frames.positions.reshape(3, 40, 16, 3)[:, :4].reshape(12, 16, 3))
    assert_array_equal(found.forces, frames.forces.reshape(3, 40, 16, 3)[:, :4].reshape(12, 16, 3))


def swapped(atoms):
    other = atoms[[1, 0, *range(2, 16)]]
    if other.numbers[0] == atoms.numbers[0]:
        other.numbers[:2] = [42, 73]
    other.calc = atoms.calc
    return other


def with_no_position(atoms):
    atoms.positions[3, 1] = np.nan
    return atoms


def wider(atoms):
    atoms.cell *= 1.01
    return atoms


def with_infinite_forces(atoms):
    atoms.calc.results["forces"] = np.full((16, 3), np.inf)
    return atoms


def unlabelled(atoms):
    atoms.calc = None
    return atoms


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda atoms: atoms[:15], DataError, "expected 16 atoms as in the first frame, got 15"),
        (swapped, DataError, "in the same order, got .* sort them by their ids"),
        (with_no_position, DataError, "positions that are numbers"),
        (wider, DataError, "the cell of the first frame"),
        (with_infinite_forces, DataError, "energies and forces that are numbers"),
        (unlabelled, MissingLabelsError, "an energy and forces, got none"),
    ],
)
def test_frames_that_do_not_belong_together_are_refused(frames, change, error, sentence):
    runs = as_runs(frames)
    runs[1][2] = change(runs[1][2])

    with pytest.raises(error, match=f"frame 2 of run 1: .*{sentence}"):
        from_atoms(runs, frames.temperatures)


def test_every_run_needs_a_temperature(frames):
    with pytest.raises(DataError, match="a temperature for each"):
        from_atoms(as_runs(frames), [300.0])


@pytest.mark.parametrize("kind", SPLITS)
def test_no_frame_is_on_both_sides(frames, kind):
    split = split_frames(frames, kind)

    assert len(set(split.train) & set(split.validation)) == 0
    assert len(split.train) + len(split.validation) <= len(frames)


def test_blocks_keep_a_distance_in_time_and_runs_their_temperature(frames):
    block, hot = (split_frames(frames, kind, validation=0.25) for kind in ("block", "temperature"))

    for run in range(3):
        learned = block.train[frames.run[block.train] == run]
        asked = block.validation[frames.run[block.validation] == run]
        assert len(asked) == 10
        assert asked.min() - learned.max() > 1
    assert set(frames.run[hot.train]) == {0, 1}
    assert set(frames.run[hot.validation]) == {2}


def test_thinned_frames_are_those_of_every_run(frames):
    thin = frames.thinned(3)

    assert thin.per_run == 13
    assert_array_equal(thin.energies[:13], frames.energies[:39:3])
    assert_array_equal(thin.energies[13:26], frames.energies[40:79:3])
