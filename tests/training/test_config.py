"""What a configuration says has to make sense before anything is spent on it."""

from __future__ import annotations

import pytest

from ase_voxpot.errors import ConfigError
from ase_voxpot.spec import decode
from voxpot_crystals.latent.structure_field.config import FieldConfig
from voxpot_crystals.latent.voxel_vae.config import GeneratorConfig, GeneratorSchedule
from voxpot_crystals.regression.config import CrystalSource, CrystalSplit, RegressionConfig
from voxpot_crystals.schedules import CrystalSchedule
from voxpot_training.config import LossConfig, PotentialSchedule, Source, SplitConfig, TrainConfig
from voxpot_training.teacher.config import TeacherConfig
from voxpot_training.wholecell.config import FrameSchedule, WholeCellConfig

POTENTIAL = {
    "name": "x",
    "data": [],
    "model": {"species": ["W"], "descriptor": {"kind": "density", "cutoff": 4.0, "radial": 2}},
}
REGRESSION = {"name": "x", "target": {"key": "a", "unit": "Å"}, "data": [{"file": "x"}]}
FIELD = {"name": "x", "train": "x", "validation": "x"}
TEACHER = {"teacher": {"factory": "m:f"}, "lattice": {"W": 3.19}, "kinds": {"solution": 1.0}}
GENERATOR = {"name": "x", "data": "x"}
CONFIGS = [
    (TrainConfig, POTENTIAL),
    (RegressionConfig, REGRESSION),
    (FieldConfig, FIELD),
    (GeneratorConfig, GENERATOR),
    (WholeCellConfig, {}),
]


@pytest.mark.parametrize("kind", [PotentialSchedule, CrystalSchedule, GeneratorSchedule, FrameSchedule])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("minutes", 0.0),
        ("minutes", -1.0),
        ("rate", 0.0),
        ("rate", float("inf")),
        ("final_rate", -1e-5),
        ("warmup", 1.0),
        ("clip", 0.0),
        ("decay", -0.1),
        ("averaging", 1.0),
        ("averaging", float("nan")),
        ("validate_every", 0),
    ],
)
def test_schedules_that_lead_nowhere_are_refused(kind, key, value):
    with pytest.raises(ConfigError, match=rf"{key}: expected .*, got"):
        decode(kind, {key: value}, where="schedule")


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (PotentialSchedule, "batch_atoms"),
        (CrystalSchedule, "batch"),
        (GeneratorSchedule, "batch"),
        (FrameSchedule, "batch"),
    ],
)
def test_a_batch_holds_something(kind, key):
    with pytest.raises(ConfigError, match=f"schedule.{key}: expected a whole number from .*, got 0"):
        decode(kind, {key: 0})


def test_a_batch_of_one_cannot_be_normalised():
    with pytest.raises(ConfigError, match=r"schedule.batch: .* got 1"):
        decode(CrystalSchedule, {"batch": 1})


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        (PotentialSchedule, {"support": 1.5}, "schedule.support: expected a share"),
        (LossConfig, {"energy": 0.0}, "loss.energy: expected more than 0"),
        (LossConfig, {"force": -1.0}, "loss.force: expected 0 or more"),
        (LossConfig, {"virial_delta": 0.0}, "loss.virial_delta: expected more than 0"),
        (SplitConfig, {"gap": -1}, "split.gap: expected 0 or more"),
        (SplitConfig, {"seed": -1}, "split.seed"),
        (CrystalSplit, {"seed": -1}, "split.seed"),
        (Source, {"file": "x", "offsets": {"Xx": 1.0}}, "data.offsets of x: expected chemical symbols, got 'Xx'"),
        (Source, {"file": "x", "offsets": {"W": float("nan")}}, "offsets.W: expected a finite number, got nan"),
        (TrainConfig, POTENTIAL | {"lattice": {"bcc": {"W": -3.0}}}, "lattice.bcc.W: expected a length"),
        (CrystalSource, {"file": "x", "factor": 0.0}, "data.factor of x"),
        (TeacherConfig, TEACHER | {"frames": 0}, "frames: expected a whole number from 1"),
        (TeacherConfig, TEACHER | {"timestep": 0.0}, "timestep: expected more than 0"),
        (TeacherConfig, TEACHER | {"seed": -1}, "seed: expected 0 or more"),
        (TeacherConfig, TEACHER | {"lattice": {}}, "lattice: expected some elements"),
        (TeacherConfig, TEACHER | {"lattice": {"Xx": 3.0}}, "lattice.Xx: expected an element"),
        (TeacherConfig, TEACHER | {"kinds": {"solution": 0.0}}, "kinds: expected shares"),
        (RegressionConfig, REGRESSION | {"members": 1}, "members: expected 2"),
        (RegressionConfig, REGRESSION | {"loss_delta": 0.0}, "loss_delta: expected more than 0"),
    ],
)
def test_values_out_of_range_are_refused(kind, values, sentence):
    with pytest.raises(ConfigError, match=sentence):
        decode(kind, values)


@pytest.mark.parametrize(("kind", "values"), CONFIGS)
@pytest.mark.parametrize(
    ("key", "value"), [("name", ""), ("name", ".."), ("name", "../x"), ("name", "/x"), ("seed", -1), ("seed", 2**63)]
)
def test_names_and_seeds_are_those_of_files_and_of_random_numbers(kind, values, key, value):
    decode(kind, values)

    with pytest.raises(ConfigError, match=f"{key}: expected"):
        decode(kind, values | {key: value})
