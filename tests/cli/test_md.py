from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write

OUTPUT = {"md.csv", "md.extxyz", "md.checkpoint.npz", "md.png"}


@pytest.fixture
def md(voxpot):
    return lambda *arguments: voxpot(
        "md", *arguments, "--model", "tiny.safetensors", "--device", "cpu", "--interval", "2", "--timestep", "0.5"
    )


@pytest.mark.parametrize("ensemble", ["nve", "svr", "npt", "nph-z"])
def test_a_run_leaves_log_trajectory_checkpoint_and_picture(md, files, here, ensemble):
    outcome = md("bcc:MoTaW", "--repeat", "2", "--ensemble", ensemble, "--steps", "6")

    assert outcome.status == 0
    assert files() == OUTPUT
    assert len((here / "md.csv").read_text().splitlines()) == 5
    assert len(read(here / "md.extxyz", ":")) == 4
    assert "second half" in outcome.out


def test_a_binary_trajectory_and_another_name(md, files):
    assert md("bcc:W", "--steps", "2", "--format", "traj", "--output", "runs/hot").status == 0
    assert files() == {"runs"}


def test_a_run_is_continued(md, here):
    options = ("bcc:MoTaW", "--repeat", "2", "--checkpoint", "4")
    assert md(*options, "--steps", "8", "-o", "whole").status == 0
    assert md(*options, "--steps", "4", "-o", "part").status == 0

    assert md(*options, "--steps", "8", "-o", "part", "--restart").status == 0

    assert (here / "part.csv").read_text() == (here / "whole.csv").read_text()


def test_a_run_is_not_overwritten(md):
    md("bcc:W", "--steps", "2")

    assert "md.csv is there already" in md("bcc:W", "--steps", "2").sentence


def test_a_run_that_diverges_is_refused_without_a_picture(md, files, here):
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    atoms.set_momenta([[3e4, 0, 0], [-3e4, 0, 0]])
    write(here / "fast.extxyz", atoms)

    assert "the run diverged at step 1 (" in md("fast.extxyz").sentence
    assert "md.png" not in files()


def _spoiled(here, spoil):
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    spoil(atoms)
    write(here / "bad.extxyz", atoms)
    return "bad.extxyz"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda a: a.positions.__setitem__(0, np.nan), "expected finite positions"),
        (lambda a: a.positions.__setitem__(1, a.positions[0]), "at the same place"),
        (lambda a: a.set_cell([3, 3, 0]), "span a volume"),
        (lambda a: a.symbols.__setitem__(0, "Xe"), "holds Xe"),
    ],
)
def test_hostile_structures_are_refused_and_leave_nothing(md, files, here, spoil, sentence):
    path = _spoiled(here, spoil)

    assert sentence in md(path).sentence
    assert files() == {path}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--ensemble", "nvx"), "ensemble: expected one of nve, nvt, svr, npt, npt-z, nph-z, got 'nvx'"),
        (("--temperature", "-1"), "temperature"),
        (("--temperature", "nan"), "temperature"),
        (("--steps", "0"), "steps: expected"),
        (("--format", "xtc"), "format: expected one of extxyz, traj, got 'xtc'"),
        (("--lattice", "900"), "between 0.5 and 50"),
        (("--uncertainty", "halt"), "uncertainty: expected warn or stop, with a limit as in warn:3, got 'halt'"),
        (("--uncertainty", "warn"), "expected a model with an uncertainty, got one without"),
        (("--restart",), "expected the checkpoint of a run to continue, got none"),
        (("--output", "tiny.safetensors/x"), "a place to write to"),
    ],
)
def test_options_that_make_no_sense_are_refused_and_leave_nothing(md, files, arguments, sentence):
    assert sentence in md("bcc:W", *arguments).sentence
    assert files() == set()


def test_the_shipped_model_keeps_the_alloy_solid(voxpot, here):
    outcome = voxpot("md", "bcc:MoTaW", "--repeat", "2", "-T", "300", "--steps", "20", "--timestep", "2")

    assert outcome.status == 0


@pytest.fixture
def certain_md(voxpot):
    return lambda *arguments: voxpot(
        "md", "bcc:MoTaW", "--repeat", "2", "--model", "certain.safetensors", "--device", "cpu", "--timestep", "0.5",
        "--steps", "4", "--interval", "2", *arguments,
    )  # fmt: skip


def test_a_run_warns_of_what_the_model_does_not_know(certain_md, here):
    outcome = certain_md("--uncertainty", "warn:1e-6")

    assert outcome.status == 0
    (line,) = outcome.err.splitlines()
    assert line.startswith("voxpot: warning: step 1: uncertainty ")
    assert "least certain at step" in outcome.out
    assert (here / "md.csv").read_text().splitlines()[0].endswith(",uncertainty_eV,extrapolation")


def test_a_run_stops_at_what_the_model_does_not_know(certain_md, here):
    assert "the run left what the model knows at step 1: " in certain_md("--uncertainty", "stop:1e-6").sentence
    assert len(read(here / "md.extxyz", ":")) == 2


def test_a_single_row_is_not_drawn(voxpot, files):
    outcome = voxpot("md", "bcc:W", "--repeat", "1", "-T", "300", "--steps", "1", "-m", "tiny.safetensors")

    assert outcome.status == 0
    assert files() == OUTPUT - {"md.png"}
    assert "md.png" not in outcome.out
