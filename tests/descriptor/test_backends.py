"""Two implementations of the coefficients under every law, and equal to the sum over voxels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from ase_voxpot.descriptor import Expansion, autograd as gpu, cpu
from ase_voxpot.descriptor.harmonics import solid_harmonics
from ase_voxpot.descriptor.radial import radial_functions
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import cpu as voxels
from ase_voxpot.voxelize.limit import filter_bank
from tests import laws
from tests.painters import density_painters, first_pairs, random_pairs

EXPANSIONS = {
    "usual": Expansion(cutoff=5.0, narrowing=1.7**-2, radial=8, degree=4),
    "scalar": Expansion(cutoff=4.0, narrowing=1.2**-2, radial=1, degree=0),
    "high": Expansion(cutoff=4.5, narrowing=0.25, radial=3, degree=8),
    "without a Gaussian": Expansion(cutoff=5.0, narrowing=0.0, radial=3, degree=2),
}
NAMES = list(density_painters(EXPANSIONS["usual"]))


@pytest.fixture(params=EXPANSIONS)
def expansion(request):
    return EXPANSIONS[request.param]


@pytest.fixture(params=NAMES)
def painter(request, expansion):
    return density_painters(expansion)[request.param]


@pytest.fixture
def pairs(expansion, rng):
    return random_pairs(rng, cutoff=expansion.cutoff)


def test_gather_is_the_transpose_of_deposit_tangent(painter, pairs, rng):
    laws.gather_is_the_transpose_of_deposit_tangent(painter, pairs, rng)


def test_deposit_tangent_is_the_derivative_of_deposit(painter, pairs, rng):
    laws.deposit_tangent_is_the_derivative_of_deposit(painter, pairs, rng)


def test_order_of_neighbours_is_immaterial(painter, pairs, rng):
    laws.order_of_neighbours_is_immaterial(painter, pairs, rng)


def test_neighbours_add_up(painter, pairs):
    laws.neighbours_add_up(painter, pairs)


def test_species_keep_to_their_channels(painter, pairs, expansion):
    laws.species_keep_to_their_channels(painter, pairs, axis=2, shells=expansion.radial)


def test_nothing_is_painted_from_the_cutoff_on(painter, pairs, expansion):
    laws.nothing_is_painted_from_the_cutoff_on(painter, pairs, expansion.cutoff)


def test_an_empty_neighbourhood_is_empty(painter, pairs):
    laws.an_empty_neighbourhood_is_empty(painter, pairs)


def test_arguments_stay_as_they_are(painter, pairs, rng):
    laws.arguments_stay_as_they_are(painter, pairs, rng)


@pytest.mark.parametrize("name", NAMES[1:])
def test_both_spellings_agree(expansion, pairs, rng, name):
    painters = density_painters(expansion)

    laws.painters_agree(painters[name], painters["cpu"], pairs, rng)


def test_the_sum_is_its_equation(expansion, pairs):
    """Σ_j f_q(r) exp(-r²/2τ²) S_lm(d/r_c), in NumPy."""
    r = np.linalg.norm(pairs.offset, axis=1)
    f = radial_functions(r, expansion.cutoff, expansion.radial)[0] * np.exp(-expansion.narrowing * r**2 / 2)[:, None]
    y = solid_harmonics(pairs.offset / expansion.cutoff, expansion.degree)
    expected = np.zeros((pairs.atoms, pairs.species, expansion.harmonics, expansion.radial))
    np.add.at(expected, (pairs.centre, pairs.channel), y[:, :, None] * f[:, None, :])

    actual = cpu.deposit(pairs.offset, first_pairs(pairs), pairs.channel, species=3, expansion=expansion)

    laws.close(actual, expected.transpose(2, 0, 1, 3).reshape(actual.shape), laws.STRICT.same)


def test_degrees_rotate_within_themselves(painter, pairs, expansion, rng):
    """Σ_m A_lm² is the same for turned and for mirrored neighbours."""
    matrix = -Rotation.random(rng=rng).as_matrix()
    turned = laws.replace(pairs, offset=pairs.offset @ matrix.T)
    before, after = painter.deposit(pairs) ** 2, painter.deposit(turned) ** 2

    for l in range(expansion.degree + 1):
        block = slice(l * l, (l + 1) ** 2)
        laws.close(after[:, block].sum(axis=1), before[:, block].sum(axis=1), laws.STRICT.equal)


def test_single_precision_stays_single(expansion, pairs):
    first = first_pairs(pairs)
    exact = cpu.deposit(pairs.offset, first, pairs.channel, species=3, expansion=expansion)
    field = np.random.default_rng(3).normal(size=exact.shape)
    slopes = cpu.gather(field, pairs.offset, first, pairs.channel, expansion=expansion)

    single = cpu.deposit(pairs.offset, first, pairs.channel, species=3, expansion=expansion, dtype=np.float32)
    single_slopes = cpu.gather(field.astype(np.float32), pairs.offset, first, pairs.channel, expansion=expansion)

    assert single.dtype == single_slopes.dtype == np.float32
    laws.close(single, exact, laws.TOLERANCES["float32"].same)
    laws.close(single_slopes, slopes, laws.TOLERANCES["float32"].equal)


def test_harmonics_in_torch_are_those_in_numba(rng):
    points = rng.normal(size=(20, 3))

    assert_allclose(
        gpu.solid_harmonics(torch.from_numpy(points), 8), solid_harmonics(points, 8), rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize("lift", [None, 2.2, math.sqrt(1.4**2 + 1.0**2)])
def test_folding_is_exact_to_the_aliasing_of_the_grid(rng, lift):
    """The sum over the voxels of the usual grid approaches the closed form; aliasing grows with the degree."""
    grid = Cubes(n=16, spacing=0.75, width=1.4, cutoff=5.0, radial=8, lift=lift)
    window = grid.width**2 + 1.0**2
    rate = 1 / window - (1 / lift**2 if lift else 0)
    expansion = Expansion(cutoff=5.0, narrowing=rate, radial=8, degree=4)
    pairs = random_pairs(rng, cutoff=5.0, atoms=6, count=300)
    cube = voxels.deposit(pairs.offset, pairs.centre, pairs.channel, shape=(6, 3), grid=grid)

    seen = np.einsum("acv,vm->mac", cube.reshape(6, 24, -1), filter_bank(grid, 4, 1.0))

    folded = cpu.deposit(pairs.offset, first_pairs(pairs), pairs.channel, species=3, expansion=expansion)
    for l in range(5):
        block = slice(l * l, (l + 1) ** 2)
        error = np.sqrt(((seen - folded)[block] ** 2).mean() / (folded[block] ** 2).mean())
        assert error < 3e-10 * 12**l


def test_a_coarse_grid_does_not_fold(rng):
    """The identity is a property of a good grid, not of the code: a sharp Gaussian aliases."""
    grid = Cubes(n=12, spacing=1.0, width=0.45, cutoff=5.0)
    expansion = Expansion(cutoff=5.0, narrowing=1 / (0.45**2 + 0.6**2), radial=1, degree=2)
    pairs = random_pairs(rng, cutoff=5.0)
    cube = voxels.deposit(pairs.offset, pairs.centre, pairs.channel, shape=(4, 3), grid=grid)
    seen = np.einsum("acv,vm->mac", cube.reshape(4, 3, -1), filter_bank(grid, 2, 0.6))

    folded = cpu.deposit(pairs.offset, first_pairs(pairs), pairs.channel, species=3, expansion=expansion)

    assert np.abs(seen - folded).max() > 1e-3 * np.abs(folded).max()
