"""Three spellings of one equation, each under every law, and all of them equal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from ase_voxpot.descriptor.radial import radial_functions
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import cpu, gpu, reference
from tests import laws
from tests.painters import random_pairs, voxel_painters

GRIDS = {
    "even, one shell": Cubes(n=4, spacing=1.2, width=0.9, cutoff=4.0),
    "odd, three shells": Cubes(n=5, spacing=1.0, width=0.8, cutoff=4.5, radial=3),
    "lifted": Cubes(n=4, spacing=1.3, width=1.1, cutoff=4.0, radial=2, lift=1.7),
}
NAMES = list(voxel_painters(GRIDS["lifted"]))


@pytest.fixture(params=GRIDS)
def grid(request):
    return GRIDS[request.param]


@pytest.fixture(params=NAMES)
def painter(request, grid):
    return voxel_painters(grid)[request.param]


@pytest.fixture
def pairs(grid, rng):
    return random_pairs(rng, cutoff=grid.cutoff)


def test_gather_is_the_transpose_of_deposit_tangent(painter, pairs, rng):
    laws.gather_is_the_transpose_of_deposit_tangent(painter, pairs, rng)


def test_deposit_tangent_is_the_derivative_of_deposit(painter, pairs, rng):
    laws.deposit_tangent_is_the_derivative_of_deposit(painter, pairs, rng)


def test_order_of_neighbours_is_immaterial(painter, pairs, rng):
    laws.order_of_neighbours_is_immaterial(painter, pairs, rng)


def test_neighbours_add_up(painter, pairs):
    laws.neighbours_add_up(painter, pairs)


def test_species_keep_to_their_channels(painter, pairs, grid):
    laws.species_keep_to_their_channels(painter, pairs, axis=1, shells=grid.radial)


def test_nothing_is_painted_from_the_cutoff_on(painter, pairs, grid):
    laws.nothing_is_painted_from_the_cutoff_on(painter, pairs, grid.cutoff)


def test_an_empty_neighbourhood_is_empty(painter, pairs):
    laws.an_empty_neighbourhood_is_empty(painter, pairs)


def test_arguments_stay_as_they_are(painter, pairs, rng):
    laws.arguments_stay_as_they_are(painter, pairs, rng)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "reference"])
def test_all_spellings_agree_with_the_reference(grid, pairs, rng, name):
    painters = voxel_painters(grid)

    laws.painters_agree(painters[name], painters["reference"], pairs, rng)


def test_one_neighbour_is_one_gaussian_in_each_shell():
    """The equation, worked out at one voxel by hand."""
    grid = Cubes(n=3, spacing=0.5, width=0.4, cutoff=2.0, radial=2)
    d = np.array([[0.3, -0.4, 1.2]])  # 1.3 Å away
    one = np.zeros(1, np.int32)

    density = reference.deposit(d, one, one, shape=(1, 1), grid=grid)

    fade = (1 - (1.3 / 2) ** 2) ** 3
    gauss = np.exp(-(0.2**2 + 0.4**2 + 0.7**2) / (2 * 0.4**2))  # seen from the voxel (0.5, 0, 0.5)
    assert density.shape == (1, 2, 3, 3, 3)
    assert_allclose(density[0, :, 2, 1, 2], [fade * gauss, fade * gauss * np.cos(np.pi * 1.3 / 2)], rtol=1e-14)


def test_the_sum_over_voxels_is_the_integral_of_a_gaussian():
    """Spectral accuracy: h³ Σ ρ = (2πσ²)^{3/2} f_q(r), wherever between the voxels the neighbour sits."""
    grid = Cubes(n=24, spacing=0.5, width=0.5, cutoff=6.0, radial=3)
    d = np.array([[0.13, -1.07, 0.41]])
    one = np.zeros(1, np.int32)

    total = cpu.deposit(d, one, one, shape=(1, 1), grid=grid).sum(axis=(2, 3, 4))[0] * grid.spacing**3

    weight = radial_functions(np.linalg.norm(d, axis=1), grid.cutoff, grid.radial)[0][0]
    assert_allclose(total, (2 * np.pi * grid.width**2) ** 1.5 * weight, rtol=1e-7)


def test_voxels_sit_symmetrically_about_the_atom():
    for n in (4, 5):
        grid = Cubes(n=n, spacing=0.7, width=0.5, cutoff=4.0)
        axis = reference.axis_points(grid)

        assert_allclose(axis, -axis[::-1], atol=1e-15)
        assert_allclose(np.diff(axis), 0.7)
        assert_allclose(axis[-1], grid.reach)
        assert_allclose(reference.voxel_points(grid)[1, 2, 3], axis[[1, 2, 3]])


def test_single_precision_stays_single(pairs, grid):
    arguments = (pairs.centre, pairs.channel)
    exact = reference.deposit(pairs.offset, *arguments, shape=(4, 3), grid=grid)
    tensors = [torch.from_numpy(a).long() for a in arguments]
    offset = pairs.offset.astype(np.float32)

    for density in (
        cpu.deposit(offset, *arguments, shape=(4, 3), grid=grid),
        gpu.deposit(torch.from_numpy(offset), *tensors, shape=(4, 3), grid=grid).numpy(),
    ):
        assert density.dtype == np.float32
        laws.close(density, exact, laws.TOLERANCES["float32"].same)


def test_unsorted_pairs_are_refused(pairs, grid):
    with pytest.raises(ValueError, match="expected pairs sorted by centre, got them out of order"):
        cpu.deposit(pairs.offset, pairs.centre[::-1].copy(), pairs.channel, shape=(4, 3), grid=grid)
