"""The cubes whose limit the closed form is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.descriptor import Expansion, cpu
from ase_voxpot.spec import Density
from ase_voxpot.voxelize import cpu as voxels
from ase_voxpot.voxelize.limit import cubes_of, filter_bank, filter_width
from ase_voxpot.voxelize.reference import voxel_points
from tests.painters import first_pairs, random_pairs


@pytest.mark.parametrize("narrowing", [0.0, 0.1, 1 / 1.5**2, 0.8])
@pytest.mark.parametrize("cutoff", [4.0, 5.0])
def test_the_sum_over_their_voxels_is_the_closed_form(rng, narrowing, cutoff):
    density = Density(cutoff=cutoff, radial=3, narrowing=narrowing)
    cubes = cubes_of(density)
    pairs = random_pairs(rng, cutoff=cutoff, atoms=3, count=60)
    cube = voxels.deposit(pairs.offset, pairs.centre, pairs.channel, shape=(3, 3), grid=cubes)

    seen = np.einsum("acv,vm->mac", cube.reshape(3, 9, -1), filter_bank(cubes, 3, filter_width(cubes)))

    expansion = Expansion(cutoff=cutoff, narrowing=narrowing, radial=3, degree=3)
    folded = cpu.deposit(pairs.offset, first_pairs(pairs), pairs.channel, species=3, expansion=expansion)
    for l in range(4):
        block = slice(l * l, (l + 1) ** 2)
        assert_allclose(seen[block], folded[block], atol=2e-10 * 12**l * np.abs(folded[block]).max())


@pytest.mark.parametrize("narrowing", [0.0, 0.2, 3.0])
def test_their_lengths_give_the_narrowing(narrowing):
    cubes = cubes_of(Density(cutoff=5.0, narrowing=narrowing))
    window = cubes.width**2 + filter_width(cubes) ** 2

    assert 1 / window - (0.0 if cubes.lift is None else cubes.lift**-2) == pytest.approx(narrowing, abs=1e-12)
    assert cubes.reach >= 5.0 * 0.95


def test_filters_are_harmonics_under_a_gaussian():
    cubes = cubes_of(Density())
    width = filter_width(cubes)

    filters = filter_bank(cubes, 4, width)

    assert filters.shape == (cubes.n**3, 25)
    overlap = filters.T @ filters
    scale = np.sqrt(np.outer(np.diag(overlap), np.diag(overlap)))
    assert_allclose(overlap / scale, np.eye(25), atol=1e-3)  # harmonics are orthogonal, but for the aliasing
    radius2 = (voxel_points(cubes) ** 2).sum(axis=-1).ravel()
    ratio = filters[:, 0] / np.exp(-radius2 / (2 * width**2))
    assert_allclose(ratio, ratio[0])
