from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from numpy.testing import assert_allclose

from voxpot_crystals.regression.voxelnet.reciprocal import spectrum_of
from voxpot_crystals.regression.voxelnet.shells import powder_of

REACH, SHELLS = 7.0, 20


def powder(atoms, degree=4):
    spectrum = spectrum_of(atoms, radius=REACH * 1.1, width=0.1)
    return powder_of(spectrum, shells=SHELLS, reach=REACH, degree=degree)


def power(powder):
    """Norms over m, of l = 0, 2, 4."""
    return np.stack([(part**2).sum(-1) for part in np.split(powder.scattered, [1, 6], axis=-1)])


@pytest.mark.parametrize("axis", [(0, 0, 1), (1, 2, 3)])
def test_rotations_change_nothing(triclinic, axis):
    turned = triclinic.copy()
    turned.rotate(40, axis, rotate_cell=True)

    one, other = powder(triclinic), powder(turned)

    assert_allclose(other.scattered[..., 0], one.scattered[..., 0], atol=1e-10)
    assert_allclose(power(other), power(one), atol=1e-9)
    assert np.abs(other.scattered - one.scattered).max() > 0.01  # the harmonics themselves do turn


def test_cells_and_origins_change_nothing(triclinic):
    other = make_supercell(triclinic, [[1, 1, 0], [0, 2, 0], [0, 0, 1]])
    other.positions += [0.1, 0.2, 0.3]

    one, other = powder(triclinic), powder(other)

    assert one.numbers.tolist() == other.numbers.tolist()
    assert one.volume == pytest.approx(other.volume)
    assert_allclose(other.scattered, one.scattered, atol=1e-9)


def test_rocksalt_and_zincblende_differ_by_the_cross_term_alone(twins):
    one, other = (powder(a, 0).scattered[..., 0] for a in twins)
    assert_allclose(other[[0, 2]], one[[0, 2]], atol=1e-10)
    assert np.abs(other[1] - one[1]).max() > 0.3


def test_an_ideal_gas_scatters_one_per_atom(rng):
    """Without order the structure factor per atom is 1, whatever the density: the scale of the shells is right."""
    atoms = bulk("Al", "sc", a=2.5).repeat((8, 8, 8))
    atoms.set_scaled_positions(rng.random((512, 3)))

    spectrum = spectrum_of(atoms, radius=6, width=0.0)
    found = powder_of(spectrum, shells=10, reach=6.0, degree=0).scattered[0, 2:-1, 0]

    assert_allclose(found, 1, atol=0.25)
    assert_allclose(found.mean(), 1, atol=0.05)


def test_the_shares_are_those_of_the_formula(perovskite):
    found = powder(perovskite)
    assert_allclose(found.share, [0.6, 0.2, 0.2])
    assert found.volume == pytest.approx(3.9**3 / 5)
