from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from tests.crystals.regression.conftest import edge_of, perovskite
from voxpot_crystals.regression.calibration import Calibration
from voxpot_crystals.regression.composition import BASELINES, composition_features, fractions


def test_fractions_do_not_depend_on_the_cell():
    atoms = bulk("NaCl", "rocksalt", a=5.6)

    assert_allclose(fractions([atoms]), fractions([atoms.repeat((2, 1, 3))]), atol=1e-15)
    assert fractions([atoms])[0, 11] == 0.5


def test_coordinates_do_not_matter(perovskites, rng):
    moved = [a.copy() for a in perovskites]
    for atoms in moved:
        atoms.set_cell(atoms.cell[:] * 1.1, scale_atoms=True)

    assert_allclose(composition_features(moved), composition_features(perovskites))


def test_swapped_sites_differ_among_perovskites_alone():
    one, other = perovskite("La", "Y"), perovskite("Y", "La")

    assert not np.allclose(*composition_features([one, other]))
    one, other, _ = composition_features([one, other, bulk("W")])
    assert_allclose(one, other)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_learn_what_radii_decide(name, perovskites, rng):
    order = rng.permutation(len(perovskites))
    train, test = [perovskites[k] for k in order[:28]], [perovskites[k] for k in order[28:]]
    target = np.array([a.info["a"] for a in train])
    truth = np.array([a.info["a"] for a in test])

    predicted = BASELINES[name](train, target, test)

    assert np.abs(predicted - truth).mean() < 0.7 * np.abs(truth - target.mean()).mean()


@pytest.mark.parametrize("offset", ["mean", "composition", "radii"])
def test_a_yardstick_goes_up_and_down(offset, perovskites):
    target = np.array([edge_of(*a.get_chemical_symbols()[:2]) for a in perovskites])
    calibration = Calibration.of(perovskites, target, offset)

    down = calibration.down(perovskites, target)
    again = Calibration.from_tensors(calibration.tensors())

    assert offset == "radii" or abs(down.mean()) < 1e-6  # a robust line leaves a mean
    assert down.std() == pytest.approx(1)
    assert_allclose(again.known(perovskites) + again.spread * down, target)
    if offset == "composition":  # the edges are sums over elements
        assert calibration.spread < 0.1 * target.std()
