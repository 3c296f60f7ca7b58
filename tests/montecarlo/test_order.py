from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import StructureError
from ase_voxpot.montecarlo.order import (
    Lattice,
    local_order,
    long_range_order,
    structure_factor,
    superlattice_peaks,
    warren_cowley,
)


def bcc(repeat, symbols=("W", "W")):
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    atoms.symbols = list(symbols)
    return atoms.repeat(repeat)


def test_bcc_has_its_shells():
    lattice = Lattice(bcc(3))

    assert [len(s.centre) / 54 for s in lattice.shells] == [8, 6, 12, 24]
    assert_allclose([s.distance / 3.2 for s in lattice.shells], [0.75**0.5, 1, 2**0.5, 2.75**0.5])


@pytest.mark.parametrize("repeat", [1, 2, (3, 1, 2)])
def test_shells_are_those_of_the_crystal_in_cells_of_any_size(repeat):
    atoms = bcc(repeat)
    assert [len(s.centre) / len(atoms) for s in Lattice(atoms).shells] == [8, 6, 12, 24]


def test_b2_has_the_order_that_the_book_says():
    """Every first neighbour is unlike, every second alike."""
    atoms = bcc(3, ("Mo", "Ta"))
    lattice, species = Lattice(atoms), (atoms.symbols == "Ta").astype(int)

    for shell, alpha in zip(lattice.shells, (-1, 1, 1, -1), strict=True):
        assert_allclose(warren_cowley(species, 2, shell), [[-alpha, alpha], [alpha, -alpha]])
    assert_allclose(long_range_order(species, 2, lattice.sublattice), [1, -1])


def test_the_order_of_b2_with_half_of_one_species_elsewhere():
    species = np.array([0, 1] * 8)
    sublattice = species == 1
    species[[0, 2]] = 2  # two of A's eight sites

    assert_allclose(long_range_order(species, 3, sublattice), [1, -1, 1])
    species[1] = 0  # and one of B's: A holds 6 of its 8, B one
    assert_allclose(long_range_order(species, 3, sublattice), [5 / 7, -1, 1])


def test_a_random_alloy_has_no_order(rng):
    atoms = bcc(8)
    lattice, species = Lattice(atoms), rng.integers(0, 3, len(atoms))
    # of N z / 2 pairs each is i-j by chance: σ(α) ≈ sqrt(2 (1 - c) / (N z)) / c
    for shell, z in zip(lattice.shells, (8, 6, 12, 24), strict=True):
        assert np.abs(warren_cowley(species, 3, shell)).max() < 5 * np.sqrt(2 * 2 / (len(atoms) * z)) * 1.5
    assert np.abs(long_range_order(species, 3, lattice.sublattice)).max() < 0.25


def test_alpha_sums_to_nothing(rng):
    """Σ_j c_j α_ij = 0, whatever sits where."""
    atoms = bcc(3)
    species = rng.choice(3, len(atoms), p=[0.6, 0.3, 0.1])
    c = np.bincount(species, minlength=3) / len(atoms)
    for shell in Lattice(atoms).shells:
        assert_allclose(warren_cowley(species, 3, shell) @ c, 0, atol=1e-12)


def test_the_order_around_sites_averages_to_that_of_their_species(rng):
    """For two species the mean over the sites of one is its α with the other."""
    atoms = bcc(3)
    species = rng.choice(2, len(atoms), p=[0.7, 0.3])
    c = np.bincount(species, minlength=2) / len(atoms)
    for shell in Lattice(atoms).shells:
        found, alpha = local_order(species, 2, shell), warren_cowley(species, 2, shell)
        for k in range(2):
            assert found[species == k].mean() == pytest.approx(alpha[k, 1 - k])
        assert c[0] * alpha[0, 1] + c[1] * alpha[1, 0] == pytest.approx(found.mean())


def test_the_order_around_sites_of_b2_and_of_one_species():
    atoms = bcc(2, ("Mo", "Ta"))
    lattice, species = Lattice(atoms), (atoms.symbols == "Ta").astype(int)

    assert_allclose(local_order(species, 2, lattice.shells[0]), -1)
    assert_allclose(local_order(species, 2, lattice.shells[1]), 1)
    assert_allclose(local_order(np.zeros(16, int), 2, lattice.shells[0]), 0)


def test_an_absent_species_has_no_order():
    lattice = Lattice(bcc(2))
    alpha = warren_cowley(np.zeros(16, int), 2, lattice.shells[0])
    assert np.isnan(alpha[0, 1])
    assert np.isnan(long_range_order(np.zeros(16, int), 2, lattice.sublattice)[1])


def test_fcc_has_no_two_sublattices():
    lattice = Lattice(bulk("Cu", "fcc", a=3.6, cubic=True).repeat(2))
    assert lattice.sublattice is None
    assert len(lattice.shells[0].centre) == 32 * 12


def test_b2_scatters_at_100():
    atoms = bcc(4, ("Mo", "Ta"))
    lattice, species = Lattice(atoms), (atoms.symbols == "Ta").astype(int)

    peaks = superlattice_peaks(lattice, species, 1, repeats=(4, 4, 4), count=5)

    odd = {(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)}
    assert {hkl for hkl, _ in peaks[:4]} == odd
    assert_allclose([s for _, s in peaks], [128, 128, 128, 128, 0], atol=1e-9)


def test_a_random_alloy_scatters_one_on_average(rng):
    atoms = bcc(4)
    species = rng.integers(0, 2, len(atoms))
    q = 2 * np.pi / atoms.cell[0, 0] * rng.integers(-8, 9, (400, 3))
    s = structure_factor(species, 1, atoms.positions, q[(q**2).sum(1) > 0])

    assert abs(s.mean() - 1) < 0.2


def test_a_species_on_all_sites_or_none_scatters_nothing():
    assert structure_factor(np.zeros(4, int), 0, np.zeros((4, 3)), np.ones((1, 3))) == 0


def test_sites_that_are_no_lattice_are_refused():
    atoms = bcc(3)
    atoms.rattle(0.2, seed=1)
    with pytest.raises(StructureError, match=r"start from the crystal|expected a crystal"):
        Lattice(atoms)


def test_two_atoms_without_a_crystal_are_refused():
    atoms = bcc(1)
    atoms.pbc = False
    with pytest.raises(StructureError, match="expected a crystal with 4 shells"):
        Lattice(atoms)
