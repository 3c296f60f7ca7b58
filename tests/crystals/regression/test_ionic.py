"""Ionic radii, and the lines that perovskites follow in them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, strategies as st

from ase_voxpot.errors import StructureError, UnknownElementError
from ase_voxpot.frames.labels import read_frames
from tests.crystals.regression.conftest import perovskite
from voxpot_crystals.regression.calibration import Calibration
from voxpot_crystals.regression.ionic import ANIONS, charges, ionic_radius, perovskite_radii, sums_of_radii
from voxpot_crystals.regression.perovskites import Perovskite


def radii(a: str, b: str, x: str) -> tuple[float, float, float] | None:
    return perovskite_radii(Perovskite(a, b, x, 4.0))


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (("Sr", "Ti", "O"), (1.18, 0.605, 1.40)),
        (("La", "Al", "O"), (1.032, 0.535, 1.40)),
        (("K", "Mg", "F"), (1.38, 0.72, 1.33)),
        (("Cs", "Pb", "I"), (1.67, 1.19, 2.20)),
        (("Cs", "Eu", "Cl"), (1.67, 1.17, 1.81)),  # europium is 2+ where the charges say so
        (("Eu", "Al", "O"), (0.947, 0.535, 1.40)),  # and 3+ elsewhere
        (("Na", "W", "O"), (1.02, 0.62, 1.40)),
        (("Pr", "Mn", "O"), (0.99, 0.645, 1.40)),  # not Pr 4+ and Mn 2+, which no manganite has
        (("Dy", "Mn", "O"), (0.912, 0.645, 1.40)),  # nor Dy 2+ and Mn 4+
        (("Nd", "Co", "O"), (0.983, 0.545, 1.40)),  # low spin
        (("Ba", "Tb", "O"), (1.35, 0.76, 1.40)),  # terbium is 4+ where nothing else adds up
    ],
)
def test_ions_are_those_whose_charges_add_up(who, expected):
    assert radii(*who) == pytest.approx(expected)


@given(st.sampled_from(["Sr", "Eu", "Mn", "U", "Pt"]), st.integers(-1, 9))
def test_ions_shrink_as_they_lose_electrons(symbol, charge):
    assert ionic_radius(symbol, charge) > ionic_radius(symbol, charge + 1) - 0.25
    low, high = min(charges(symbol)), max(charges(symbol))
    assert ionic_radius(symbol, low) > ionic_radius(symbol, high) or low == high


def test_elements_without_ions_are_said():
    assert charges("He") == ()
    assert radii("He", "Ti", "O") is None
    with pytest.raises(UnknownElementError, match="ionic radii, got HeTiO3"):
        sums_of_radii([perovskite("He", "Ti")])


def test_sums_of_radii_are_for_perovskites_and_the_larger_cation_is_on_a():
    with pytest.raises(StructureError, match="five atoms"):
        sums_of_radii([bulk("W")])
    assert np.allclose(sums_of_radii([perovskite("Ti", "Sr")]), sums_of_radii([perovskite("Sr", "Ti")]))


def test_every_anion_has_a_radius_of_its_charge():
    assert all(ionic_radius(x, q) > 1.3 for x, q in ANIONS.items() if x not in ("H", "P", "As", "Sb"))


def test_a_line_is_drawn_by_supporting_crystals_alone():
    """Labels of those that are asked for must not reach the line that they are measured against."""
    pairs = [(a, b) for a in ("Ba", "Sr", "Ca", "Pb") for b in ("Ti", "Zr", "Sn", "Mn")]
    crystals = [perovskite(a, b) for a, b in pairs]
    target = sums_of_radii(crystals) @ [1.3, 0.5] + 0.1
    for k, atoms in enumerate(crystals):
        atoms.info["support"] = k % 2 == 0
    wrong = np.where(np.arange(len(target)) % 2 == 0, target, target + 5.0)
    known = Calibration.of(crystals, wrong, "radii").known(crystals)
    assert np.abs(known - target).max() < 0.02


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="needs the data in VOXPOT_DATA")
def test_measured_perovskites_lie_near_the_line_of_calculated_ones():
    crystals = read_frames(Path(os.environ["VOXPOT_DATA"]) / "perovskite" / "experimental_abx3.extxyz.gz")
    line = sums_of_radii(crystals) @ [1.375, 0.399] + 0.136  # fitted to AFLOW's edges, see hirshfeld-abx3-exp
    error = line - [a.info["a"] for a in crystals]
    assert np.abs(error).mean() < 0.033
