"""Fresh frames of a campaign that goes on from a model, whose zero of energy is not that of the labeller."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ase_voxpot.weights import find_model, load_potential
from voxpot_training.campaign.alloys import alloy_of
from voxpot_training.campaign.assess import errors_of
from voxpot_training.campaign.config import AlloyConfig, ExploreConfig, LabellerConfig, LearnConfig, TrainingConfig
from voxpot_training.campaign.explore import write_structures
from voxpot_training.campaign.geometries import make_structures
from voxpot_training.campaign.labellers.outcome import Label
from voxpot_training.campaign.labelling import Labelled, with_label

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")  # spglib
SHIFT = {"Mo": 1.5, "W": -0.7}
"""eV per atom, from the model to the labels."""


def labelled(kind, count):
    """Structures with the energies of a model, and another zero."""
    config, rng = ExploreConfig(atoms=4), np.random.default_rng(3)
    frames = make_structures(kind, alloy_of(AlloyConfig(species=("Mo", "W"))), config, count, rng)
    answer = Labelled()
    for atoms, result in zip(frames, load_potential(find_model("motaw-fast")).stream(frames), strict=True):
        atoms.info["config_type"] = kind
        energy = result.energy + sum(SHIFT[s] for s in atoms.get_chemical_symbols())
        answer.frames.append(atoms)
        answer.labels.append(Label(energy=energy, forces=result.forces, stress=None))
    return answer


def test_errors_are_those_at_the_zero_of_energy_of_the_model(tmp_path):
    config = LearnConfig(
        alloy=AlloyConfig(species=("Mo", "W")),
        labeller=LabellerConfig(use="label.sh {input} {output}"),
        name="mow",
        train=TrainingConfig(start="motaw-fast"),
    )
    known = labelled("metals", 14)
    write_structures(tmp_path / "frames.extxyz", [with_label(*x) for x in zip(known.frames, known.labels, strict=True)])
    shutil.copy(find_model("motaw-fast"), tmp_path / "mow.safetensors")
    (tmp_path / "fresh").mkdir()

    errors = errors_of(config, tmp_path, tmp_path, labelled("rattled", 5))

    assert errors["kinds"]["rattled"].frames == errors["together"]["random alloys"].frames == 5
    assert errors["kinds"]["rattled"].energy_mae < 0.1
    assert errors["kinds"]["rattled"].force_mae < 0.01
