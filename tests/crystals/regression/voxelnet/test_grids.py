from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from ase_voxpot.errors import SpecError
from voxpot_crystals.regression.voxelnet.grids import Window, field_of, pairs_of, voxels_of
from voxpot_crystals.regression.voxelnet.reciprocal import spectrum_of

SHAPES = ("cartesian", "spherical")
BINNINGS = ("floor", "soft")


def seen(atoms, rotation=None, **window):
    window = Window(**window)
    return voxels_of(spectrum_of(atoms, radius=window.radius, width=window.width), window, rotation)


def turns(count):
    return Rotation.random(count, rng=np.random.default_rng(4)).as_matrix()


def test_floor_binning_of_moduli_is_the_published_loop(triclinic):
    window, (rotation,) = Window(n=20), turns(1)
    spectrum = spectrum_of(triclinic, radius=window.radius, width=window.width)
    expected = np.zeros((3, 20, 20, 20))
    for sign in (1, -1):
        for k, g in enumerate(spectrum.g[0 if sign == 1 else 1 :], start=0 if sign == 1 else 1):
            index = np.floor((sign * rotation @ g + window.reach) / (2 * np.pi / 12.8)).astype(int)
            if ((index >= 0) & (index < 20)).all():
                expected[:, *index] += np.abs(spectrum.h[:, k])

    assert_allclose(voxels_of(spectrum, window, rotation), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("binning", BINNINGS)
@pytest.mark.parametrize("field", ["moduli", "cross"])
def test_translation_and_supercell_leave_the_voxels(triclinic, shape, binning, field):
    options = {"shape": shape, "binning": binning, "field": field, "n": 18}
    (rotation,) = turns(1)  # no vector on the face of a voxel
    moved = triclinic.repeat((1, 2, 1))
    moved.positions += [0.3, -0.8, 0.1]

    expected = seen(triclinic, rotation, **options)

    assert_allclose(seen(moved, rotation, **options), expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_soft_voxels_do_not_jump_when_a_crystal_turns_a_little(triclinic, shape):
    little = Rotation.from_rotvec([1e-7, -2e-7, 1e-7]).as_matrix()
    (rotation,) = turns(1)

    before = seen(triclinic, rotation, shape=shape, binning="soft")
    after = seen(triclinic, little @ rotation, shape=shape, binning="soft")

    assert np.abs(after - before).max() < 1e-4 * np.abs(before).max()


def test_floor_voxels_do_jump(perovskite):
    """A vector of the unturned cube lies on a face as a rule: g = 0 does, and noise decides."""
    little = Rotation.from_rotvec([1e-7, -2e-7, 1e-7]).as_matrix()
    perovskite.set_cell([12.8 / 3] * 3, scale_atoms=True)  # commensurate with the voxels

    before, after = seen(perovskite), seen(perovskite, little)

    assert np.abs(after - before).max() > 0.1 * np.abs(before).max()


@pytest.mark.parametrize("binning", BINNINGS)
def test_the_ball_loses_nothing(triclinic, binning):
    window = Window(shape="spherical", binning=binning)
    spectrum = spectrum_of(triclinic, radius=window.radius * (1 - 1 / window.n), width=0.1)
    value = field_of(spectrum, window)

    painted = voxels_of(spectrum, window).sum((1, 2, 3))

    assert_allclose(painted, value[:, 0] + 2 * value[:, 1:].sum(1), rtol=1e-4)


def test_around_the_axis_the_ball_turns_by_whole_voxels(triclinic):
    options = {"shape": "spherical", "binning": "soft", "n": 24}
    quarter = Rotation.from_rotvec([0, 0, np.pi / 2]).as_matrix()
    (rotation,) = turns(1)

    expected = np.roll(seen(triclinic, rotation, **options), 6, axis=3)
    turned = seen(triclinic, quarter @ rotation, **options)

    # g = 0 has no angle; it lies in the innermost shell, alone
    assert_allclose(turned[:, 1:], expected[:, 1:], rtol=1e-4, atol=1e-5 * expected[:, 1:].max())


def test_moduli_take_rocksalt_for_zincblende_and_cross_spectra_do_not(twins):
    rocksalt, zincblende = twins
    for rotation in turns(3):
        moduli = [seen(a, rotation, field="moduli") for a in (rocksalt, zincblende)]
        cross = [seen(a, rotation, field="cross") for a in (rocksalt, zincblende)]

        assert_allclose(moduli[0], moduli[1], rtol=0, atol=1e-7)
        assert np.abs(cross[0] - cross[1]).max() > 0.3 * np.abs(cross[0]).max()
        own = (pairs_of(2)[:, 0] == pairs_of(2)[:, 1]).nonzero()[0]
        assert_allclose(cross[0][own], cross[1][own], atol=1e-4)  # each sublattice alone is the same


def test_inversion_changes_nothing(triclinic):
    (rotation,) = turns(1)
    for field in ("moduli", "cross"):
        options = {"field": field, "binning": "soft"}
        expected = seen(triclinic, rotation, **options)
        assert_allclose(seen(triclinic, -rotation, **options), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("option", "value"), [("n", 0), ("length", 0.5), ("width", -1.0)])
def test_senseless_windows_are_refused(option, value):
    with pytest.raises(SpecError, match=option):
        Window(**{option: value})
