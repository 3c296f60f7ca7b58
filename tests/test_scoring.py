from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import DataError, UnknownElementError
from ase_voxpot.frames.labels import Labels
from ase_voxpot.scoring import Prediction, predict, predict_with, score
from tests.models import seeded, specification


def case(symbols, *, energy_error, force_error=0.0, stress_error=None, group="default"):
    atoms = Atoms(symbols, positions=np.arange(3 * len(symbols)).reshape(-1, 3), cell=[9, 9, 9], pbc=True)
    forces = np.ones((len(atoms), 3))
    stress = None if stress_error is None else np.zeros(6)
    label = Labels(energy=1.0, forces=forces, stress=stress, group=group)
    result = Prediction(energy=1.0 + energy_error, forces=forces + force_error, stress=np.full(6, stress_error or 0.0))
    return atoms, label, result


def scored(*cases):
    return score(*zip(*cases, strict=True))


def test_energies_count_per_atom_and_frame():
    total = scored(case(["W"], energy_error=0.002), case(["W"] * 4, energy_error=-0.016)).total

    assert_allclose(total.energy_mae, 3.0)
    assert_allclose(total.energy_rmse, np.sqrt((2**2 + 4**2) / 2))
    assert (total.frames, total.atoms) == (2, 5)


def test_forces_count_per_component():
    total = scored(
        case(["W"], energy_error=0, force_error=0.1), case(["W"] * 3, energy_error=0, force_error=-0.3)
    ).total

    assert_allclose(total.force_mae, (3 * 100 + 9 * 300) / 12)
    assert_allclose(total.force_rmse, np.sqrt((3 * 100**2 + 9 * 300**2) / 12))


def test_a_constant_per_element_is_no_error_once_it_is_taken_off():
    offset = {"Mo": 0.3, "W": -0.2}
    cases = [case(list(s), energy_error=sum(offset[x] for x in s)) for s in (["Mo"], ["W"], ["Mo", "W", "W"])]

    total = scored(*cases).total

    assert_allclose(total.energy_mae_offset, 0, atol=1e-9)
    assert total.energy_mae > 100


def test_the_constants_come_from_all_frames_not_from_each_group():
    cases = [case(["W"], energy_error=e, group=g) for e, g in ((0.001, "a"), (0.001, "a"), (0.004, "b"))]

    scores = scored(*cases)

    assert_allclose(scores.total.energy_mae_offset, (1 + 1 + 2) / 3)
    assert_allclose(scores.groups["b"].energy_mae_offset, 2)


def test_stress_counts_where_there_is_a_label():
    cases = [case(["W"], energy_error=0, stress_error=0.5 * GPa), case(["W"], energy_error=0)]

    assert_allclose(scored(*cases).total.stress_mae, 0.5)
    assert scored(cases[1]).total.stress_mae is None


def test_groups_hold_the_same_figures_and_add_up():
    scores = scored(
        case(["W"], energy_error=0.1, group="hot"),
        case(["Mo"], energy_error=0.2, group="cold"),
        case(["Mo"], energy_error=0.3, group="cold"),
    )

    data = scores.to_json(model="m")

    figures = {
        "energy_mae", "energy_mae_offset", "energy_rmse", "force_mae", "force_rmse", "stress_mae", "frames", "atoms",
    }  # fmt: skip
    assert set(data) == figures | {"groups", "model"}
    assert list(data["groups"]) == ["cold", "hot"]
    assert all(set(group) == figures for group in data["groups"].values())
    assert_allclose(data["groups"]["cold"]["energy_mae"], 250)
    assert sum(group["frames"] for group in data["groups"].values()) == data["frames"] == 3


def test_predictions_are_those_of_the_potential():
    potential = seeded(specification("steerable"))
    crystal, molecule = bulk("W", "bcc", a=3.2), Atoms("MoW", positions=[[0, 0, 0], [0, 0, 2.5]])
    slab = crystal.copy()
    slab.pbc[2] = False

    first, second, third = predict(potential, [crystal, molecule, slab])

    assert_allclose(first.energy, potential.evaluate(crystal).energy, rtol=1e-6)
    assert first.stress.shape == (6,)
    assert second.stress is None
    assert_allclose(third.stress, potential.evaluate(slab).stress, rtol=1e-5)
    expected = VoxPotCalculator(potential)
    for mine, foreign in zip((first, second, third), predict_with(expected, [crystal, molecule, slab]), strict=True):
        assert (mine.stress is None) == (foreign.stress is None)


class Smeared(Calculator):
    """A calculator whose energy is that of sigma -> 0, as those of DFT have it."""

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 1.5, "free_energy": 1.0, "forces": np.zeros((len(atoms), 3))}


def test_of_any_calculator_the_free_energy_is_compared():
    (result,) = predict_with(Smeared(), [bulk("W", "bcc", a=3.2)])

    assert result.energy == 1.0


def test_a_frame_without_energy_is_named():
    potential = seeded(specification("steerable"))

    with pytest.raises(UnknownElementError, match="frame 1: .*Xe"):
        list(predict(potential, [Atoms("W"), Atoms("Xe")]))


def test_a_model_that_answers_nan_is_refused(monkeypatch):
    potential = seeded(specification("steerable"))
    state = {k: v * np.nan for k, v in potential.network.state_dict().items()}
    potential.network.load_state_dict(state)

    with pytest.raises(DataError, match="frame 0: expected finite"):
        list(predict(potential, [bulk("W", "bcc", a=3.2)]))
