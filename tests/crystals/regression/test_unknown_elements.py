from __future__ import annotations

import numpy as np
from ase.build import bulk
from numpy.testing import assert_allclose, assert_array_equal

from voxpot_crystals.regression.calibration import Calibration
from voxpot_crystals.regression.elements import kinship
from voxpot_crystals.regression.unknown_elements import UnknownElements

SODIUM, POTASSIUM, RUBIDIUM, CHLORINE, IRON = 11, 19, 37, 17, 26


def salt(cation: str):
    return bulk(f"{cation}Cl", "rocksalt", a=6.0)


def test_crystals_with_a_stranger_are_less_certain():
    unknown_elements = UnknownElements(UnknownElements.of([salt("Na"), salt("K")]).seen, error=0.5)
    asked = [salt("Na"), salt("Rb"), salt("K")]

    assert_array_equal(unknown_elements.among(asked), [False, True, False])
    assert_allclose(unknown_elements.widened(asked, np.array([0.1, 0.2, 0.7])), [0.1, 0.5, 0.7])
    assert_allclose(unknown_elements.widened([salt("Rb")], np.array([0.9])), [0.9])


def test_strangers_survive_a_model_file():
    unknown_elements = UnknownElements(UnknownElements.of([salt("Na")]).seen, error=0.3)
    again = UnknownElements.from_tensors(unknown_elements.tensors())

    assert_array_equal(again.seen, unknown_elements.seen)
    assert again.error == 0.3
    assert UnknownElements.from_tensors({}).seen.all()


def test_kin_have_most_in_common():
    common = kinship() @ kinship().T

    assert common[POTASSIUM, RUBIDIUM] > common[POTASSIUM, SODIUM] > common[POTASSIUM, CHLORINE]
    assert_allclose(np.diag(common), 1.3)


def test_an_element_that_was_not_there_counts_as_its_kin():
    """Energies that go down from cation to cation; rubidium was left out."""
    energy = {"Li": -1.0, "Na": -2.0, "K": -3.0, "Cs": -3.0, "Fe": 4.0, "Mn": 4.0}
    crystals = [salt(s) for s in energy for _ in range(20)]
    target = np.array([e for e in energy.values() for _ in range(20)])

    calibration = Calibration.of(crystals, target, "composition")

    rubidium, iron = calibration.known([salt("Rb"), salt("Fe")])
    assert abs(iron - 4.0) < 0.2
    assert rubidium < -1.5 < target.mean(), "its kin have -3, and a ridge draws towards the mean"
