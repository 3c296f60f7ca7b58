"""Fingerprints: no area is lost, bins are what they say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.errors import SpecError
from tests.crystals.regression.hirshfeld.crystals import lopsided, perovskite
from voxpot_crystals.regression.hirshfeld.fingerprint import Bins, fingerprint, site_fingerprints
from voxpot_crystals.regression.hirshfeld.surface import find_surfaces


@pytest.fixture(scope="module", params=["perovskite", "lopsided"])
def surfaces(request):
    return find_surfaces(perovskite("Cs", "Pb", "I", 6.2) if request.param == "perovskite" else lopsided(), rays=1500)


@pytest.mark.parametrize("soft", [False, True])
def test_area_beyond_the_bins_is_counted(surfaces, soft):
    found = fingerprint(surfaces, Bins(soft=soft, high=1.8))
    weight = np.array([s.multiplicity for s in surfaces.sites], float)[surfaces.site]
    total = (surfaces.area * weight).sum() / sum(s.multiplicity for s in surfaces.sites)

    assert found.missed > 0
    assert_allclose(found.area, total, rtol=1e-12)


def test_hard_bins_are_those_of_a_histogram(surfaces):
    bins = Bins()
    images, _ = site_fingerprints(surfaces, bins)

    for k in range(len(surfaces.sites)):
        mine = surfaces.site == k
        expected = np.histogram2d(
            surfaces.inside[mine], surfaces.outside[mine], [bins.edges] * 2, weights=surfaces.area[mine]
        )[0]
        assert_allclose(images[k], expected, atol=1e-9)


def test_soft_bins_change_smoothly():
    """Area moves on with the crystal, bit by bit, where hard bins jump."""
    bins = Bins(soft=True)
    first, second = (
        fingerprint(find_surfaces(perovskite("Ba", "Ti", "O", a), rays=3000), bins).image for a in (4.0, 4.0004)
    )

    assert 0 < np.abs(first - second).sum() / first.sum() < 0.02


def test_soft_and_hard_bins_hold_the_same_area(surfaces):
    soft, hard = (fingerprint(surfaces, Bins(soft=s)) for s in (True, False))

    assert_allclose(soft.missed, hard.missed, rtol=1e-12)
    assert_allclose(soft.image.sum(), hard.image.sum(), rtol=1e-12)


def test_published_weighting_takes_every_kind_of_site_once(surfaces):
    images, missed = site_fingerprints(surfaces, Bins())
    found = fingerprint(surfaces, weighting="sites")

    assert_allclose(found.image, images.sum(0))
    assert_allclose(found.missed, missed.sum())


@pytest.mark.parametrize("bad", [{"low": 2.0, "high": 1.0}, {"count": 1}, {"low": -1.0}, {"high": np.inf}])
def test_bins_that_make_no_sense_are_refused(bad):
    with pytest.raises(SpecError, match="bins"):
        Bins(**bad)
