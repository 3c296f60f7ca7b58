"""The graph networks that come with the package, on crystals that everybody knows."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from voxpot_crystals.regression.hirshfeld.views import perovskite
from voxpot_crystals.regression.predict import load_predictor


@pytest.mark.parametrize(("a", "b", "edge"), [("Sr", "Ti", 3.94), ("Ba", "Zr", 4.25), ("K", "Nb", 4.05)])
def test_lattice_parameters_of_oxides_whatever_size_is_given(a, b, edge):
    predictor = load_predictor("cgcnn-abo3")
    predicted, sigma = predictor.predict([perovskite(a, b, "O", size) for size in (3.6, 4.4, 5.3)])
    assert np.ptp(predicted) < 1e-3
    assert predicted[0] == pytest.approx(edge, abs=0.05)
    assert 0 < sigma[0] < 0.2


@pytest.mark.parametrize(
    ("atoms", "energy"),  # eV/atom; the simplest salts and metals are at the edge of what it was trained on
    [
        (bulk("NaCl", "rocksalt", a=5.69), -2.1),
        (bulk("MgO", "rocksalt", a=4.26), -3.04),
        (bulk("W", "bcc", a=3.17), 0.0),
    ],
)
def test_formation_energies_of_salts_and_a_metal(atoms, energy):
    (predicted,), (sigma,) = load_predictor("cgcnn-formation").predict([atoms])
    assert predicted == pytest.approx(energy, abs=0.55)
    assert sigma > 0


def test_heats_of_perovskites_tell_the_stable_from_the_absurd():
    stable, absurd = perovskite("Ba", "Ti", "O", 4.07), perovskite("Hg", "Au", "N", 4.3)
    (low, high), _ = load_predictor("cgcnn-perov").predict([stable, absurd])
    assert low < 0.6
    assert high > 1.5
