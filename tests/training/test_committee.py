"""Potentials of one config and several seeds, and their mean."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import ConfigError
from ase_voxpot.weights import load_potential
from voxpot_training.config import load_config
from voxpot_training.potential.committee import Committee, app, errors_by_number, member_file, train_committee
from voxpot_training.teacher.config import TeacherSpec
from voxpot_training.teacher.generate import make_teacher


@pytest.fixture
def folder(write_config, tmp_path):
    path = write_config(epochs=4)
    train_committee(load_config(path), path.parent, tmp_path / "members", 3)
    return tmp_path / "members"


def test_the_mean_is_that_of_the_members(folder, frames):
    committee = Committee(str(folder))
    members = [VoxPotCalculator(member_file(folder, k)) for k in range(3)]

    for atoms in frames[:2]:
        kept = atoms.copy()
        forces = np.array([member.get_forces(atoms) for member in members])
        energies = [member.get_potential_energy(atoms) for member in members]
        assert committee.get_potential_energy(atoms) == pytest.approx(np.mean(energies))
        np.testing.assert_allclose(committee.get_forces(atoms), forces.mean(0), atol=2e-5)
        np.testing.assert_allclose(
            committee.get_stress(atoms), np.mean([m.get_stress(atoms) for m in members], 0), atol=1e-6
        )
        spread = np.sqrt(((forces - forces.mean(0)) ** 2).mean((0, 2)))
        np.testing.assert_allclose(committee.results["forces_spread"], spread, atol=2e-5)
        assert spread.max() > 1e-4  # other seeds, other potentials
        assert atoms == kept


def test_members_of_the_folder_stay_and_a_missing_one_comes_from_its_checkpoint(folder, write_config):
    kept, missing = member_file(folder, 0).read_bytes(), load_potential(str(member_file(folder, 1))).arrays()
    member_file(folder, 1).unlink()

    path = write_config(epochs=4)
    train_committee(load_config(path), path.parent, folder, 3)

    assert member_file(folder, 0).read_bytes() == kept
    again = [load_potential(str(member_file(folder, k))) for k in range(3)]
    for name, array in again[1].arrays().items():
        np.testing.assert_array_equal(array, missing[name])
    assert len({float(p.network.pairs.sum()) for p in again}) == 3


def test_errors_are_those_of_the_mean(folder, frames):
    from ase_voxpot.frames.labels import Labels

    members = [load_potential(str(member_file(folder, k))) for k in range(3)]
    labels = [
        Labels(energy=a.info["REF_energy"], forces=a.arrays["REF_forces"], stress=None, group="") for a in frames[:5]
    ]

    found = errors_by_number(members, frames[:5], labels)

    assert list(found) == [1, 2, 3]
    off = [Committee(str(folder)).get_forces(a) - a.arrays["REF_forces"] for a in frames[:5]]
    assert found[3].force == pytest.approx(1e3 * np.abs(np.concatenate(off)).mean(), rel=1e-4)
    assert found[3].force_rms > found[3].force


def test_it_is_a_teacher(folder):
    spec = TeacherSpec(factory="voxpot_training.potential.committee:Committee", arguments={"folder": str(folder)})
    assert len(make_teacher(spec).members) == 3

    with pytest.raises(ConfigError, match="member-0.safetensors and others, got none"):
        make_teacher(TeacherSpec(factory=spec.factory, arguments={"folder": str(folder / "nothing")}))


def test_the_command_line_prints_the_table(write_config, tmp_path):
    path = write_config(epochs=1)

    result = CliRunner().invoke(app, [str(path), "--members", "2", "--output", str(tmp_path / "out")])

    assert result.exit_code == 0
    assert "Means of members of small on validation frames" in result.stdout
    assert sorted(p.name for p in (tmp_path / "out").glob("*.safetensors")) == [
        "member-0.safetensors",
        "member-1.safetensors",
    ]
    refused = CliRunner().invoke(app, [str(path), "--members", "1", "--output", str(tmp_path / "out")])
    assert refused.exit_code == 2
    assert "--members: expected a whole number from 2 on, got 1" in refused.output
