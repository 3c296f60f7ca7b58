from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import StructureError
from voxpot_crystals.regression.voxelnet.reciprocal import coefficients, half_lattice, spectrum_of

RADIUS, WIDTH = 9.0, 0.1


def products_of(atoms):
    """Vectors, and Re(h_a h_b*) of all pairs there: what a translation leaves alone."""
    spectrum = spectrum_of(atoms, radius=RADIUS, width=WIDTH)
    return spectrum.g, np.einsum("ag,bg->gab", spectrum.h, spectrum.h.conj()).real


def assert_same_crystal(one, other):
    """Both say the same at the same vectors, of which either may have kept g or -g."""
    (g, predicted), (g_other, other_result) = products_of(one), products_of(other)
    assert len(g) == len(g_other)
    both, both_found = np.vstack([g_other, -g_other]), np.concatenate([other_result, other_result])
    distance = np.linalg.norm(g[:, None] - both[None], axis=2)
    nearest = distance.argmin(1)
    assert distance.min(1).max() < 1e-9
    assert_allclose(predicted, both_found[nearest], rtol=0, atol=1e-13)


def test_the_kernel_says_what_the_equation_says(triclinic):
    spectrum = spectrum_of(triclinic, radius=RADIUS, width=WIDTH)

    g = half_lattice(triclinic.cell[:], RADIUS) @ (2 * np.pi * np.linalg.inv(triclinic.cell[:]).T)

    assert_allclose(spectrum.g, g, atol=1e-12)
    for z, h in zip(spectrum.numbers, spectrum.h, strict=True):
        expected = coefficients(triclinic.cell[:], triclinic.positions[triclinic.numbers == z], g, WIDTH)
        assert_allclose(h, expected, rtol=0, atol=1e-14)


def test_the_coefficients_are_those_of_gaussians_in_real_space():
    """Against a Fourier sum over a fine grid of one periodic Gaussian per atom."""
    atoms = bulk("Al", "sc", a=2.5)
    atoms.positions += [0.3, 0.1, -0.2]
    width, n = 0.25, 40
    axis = np.arange(n) * 2.5 / n
    profile = [
        sum(np.exp(-((axis - x + 2.5 * k) ** 2) / (2 * width**2)) for k in range(-3, 4)) / (np.sqrt(2 * np.pi) * width)
        for x in atoms.positions[0]
    ]
    field = np.einsum("i,j,k->ijk", *profile)
    m = half_lattice(atoms.cell[:], 6.0)

    h = coefficients(atoms.cell[:], atoms.positions, m * 2 * np.pi / 2.5, width)

    transform = np.fft.fftn(field) / n**3
    assert_allclose(h, transform[tuple(m.T % n)], rtol=0, atol=1e-12)


def test_zero_comes_first_and_holds_the_densities(perovskite):
    spectrum = spectrum_of(perovskite, radius=RADIUS, width=WIDTH)

    assert spectrum.numbers.tolist() == [8, 22, 38]
    assert_allclose(spectrum.g[0], 0)
    assert_allclose(spectrum.density, np.array([3, 1, 1]) / 3.9**3)


def test_the_enumeration_finds_every_vector_of_a_skewed_cell(triclinic):
    cell = np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ triclinic.cell[:]

    m = half_lattice(cell, 5.0)

    most = np.abs(m).max(0) + 3
    every = np.stack(np.meshgrid(*[np.arange(-k, k + 1) for k in most], indexing="ij"), -1).reshape(-1, 3)
    inside = np.linalg.norm(every @ (2 * np.pi * np.linalg.inv(cell).T), axis=1) <= 5.0
    assert 2 * len(m) - 1 == inside.sum()
    assert not set(map(tuple, m[1:].tolist())) & set(map(tuple, (-m[1:]).tolist()))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3))
def test_translation_turns_phases_and_leaves_products(shift):
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    moved = atoms.copy()
    moved.positions += shift

    before = spectrum_of(atoms, radius=RADIUS, width=WIDTH)
    after = spectrum_of(moved, radius=RADIUS, width=WIDTH)

    turn = np.exp(-1j * before.g @ np.array(shift))
    assert_allclose(after.h, before.h * turn, rtol=0, atol=1e-12)
    assert_same_crystal(atoms, moved)


def test_primitive_and_conventional_cell_are_one_crystal():
    assert_same_crystal(bulk("NaCl", "rocksalt", a=5.6), bulk("NaCl", "rocksalt", a=5.6, cubic=True))


def test_another_basis_of_the_same_lattice_changes_nothing(triclinic):
    other = make_supercell(triclinic, [[1, 1, 0], [0, 1, -2], [0, 0, 1]], wrap=False)
    assert_same_crystal(triclinic, other)


def test_a_left_handed_cell_is_as_good(triclinic):
    other = triclinic.copy()
    other.set_cell(triclinic.cell[:][[1, 0, 2]])
    assert_same_crystal(triclinic, other)


@settings(max_examples=8, deadline=None)
@given(st.tuples(*[st.integers(1, 3)] * 3))
def test_supercells_add_nothing(repeats):
    atoms = bulk("ZnS", "zincblende", a=5.4)
    assert_same_crystal(atoms, atoms.repeat(repeats))


def test_the_order_of_the_atoms_is_immaterial(triclinic, rng):
    assert_same_crystal(triclinic, triclinic[rng.permutation(7)])


def test_a_rotated_crystal_has_rotated_vectors(triclinic):
    turned = triclinic.copy()
    turned.rotate(70, (1, 2, 3), rotate_cell=True)

    before = spectrum_of(triclinic, radius=RADIUS, width=WIDTH)
    after = spectrum_of(turned, radius=RADIUS, width=WIDTH)

    rotation = np.linalg.solve(triclinic.cell[:], turned.cell[:])
    assert_allclose(after.g, before.g @ rotation, atol=1e-10)
    assert_allclose(after.h, before.h, atol=1e-13)


def test_a_huge_cell_is_refused():
    atoms = bulk("Al", "fcc", a=4.0)
    atoms.set_cell(np.eye(3) * 2000)
    with pytest.raises(StructureError, match="reduced primitive cell"):
        spectrum_of(atoms, radius=RADIUS, width=WIDTH)


def test_the_crystal_is_left_as_it_was(triclinic):
    before = triclinic.copy()
    spectrum_of(triclinic, radius=RADIUS, width=WIDTH)
    assert triclinic == before
