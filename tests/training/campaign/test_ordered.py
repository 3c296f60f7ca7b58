"""Enumeration of ordered structures against counts in the literature, and compounds with a name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms

from voxpot_training.campaign.ordered import distinct_forms, fingerprint, ordered, primitive_cell, shell_radii, shells

PAIR = ("Mo", "W")


def mark(atoms: Atoms, symbols: list[str]) -> str:
    return fingerprint(symbols, shells(atoms, shell_radii("bcc")))


@pytest.mark.parametrize("lattice", ["bcc", "fcc"])
def test_lattices_of_supercells_are_as_many_as_published(lattice):
    """G. Hart and R. Forcade, Phys. Rev. B 77, 224115 (2008)."""
    counts = [len(distinct_forms(primitive_cell(lattice), size)) for size in (1, 2, 3, 4, 5, 6)]

    assert counts == [1, 2, 3, 7, 5, 10]


@pytest.mark.parametrize(("size", "published"), [(2, 2), (3, 3), (4, 12), (5, 14)])
def test_structures_of_two_elements_are_as_many_as_published(size, published):
    """The same, where structures that differ in which element is which count once."""
    other = dict(zip(PAIR, PAIR[::-1], strict=True))
    found = list(ordered(PAIR, size))
    pairs = {min(name, mark(a, [other[s] for s in a.symbols])) for name, a in found}

    assert len(pairs) == published
    assert len({name for name, _ in found}) == len(found)


def test_b2_and_heusler_compounds_are_among_them():
    b2 = Atoms("X2", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=np.eye(3), pbc=True)
    diagonal = np.outer([0, 0.5, 1, 1.5], [1, 1, 1])
    heusler = Atoms("X4", positions=diagonal, cell=np.ones((3, 3)) - np.eye(3), pbc=True)

    assert mark(b2, ["Mo", "W"]) in {name for name, _ in ordered(PAIR, 2)}
    names = {name for name, _ in ordered(("Mo", "Ta", "W"), 4, kinds=3)}
    for order in itertools.permutations(("Mo", "Mo", "Ta", "W")):
        assert mark(heusler, list(order)) in names
