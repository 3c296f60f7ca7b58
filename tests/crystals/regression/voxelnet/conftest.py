"""Crystals whose reciprocal space is known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk


@pytest.fixture
def perovskite() -> Atoms:
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Atoms("SrTiO3", scaled_positions=sites, cell=[3.9] * 3, pbc=True)


@pytest.fixture
def triclinic() -> Atoms:
    """Seven atoms of three elements without any symmetry."""
    rng = np.random.default_rng(8)
    cell = np.diag([3.9, 4.4, 5.1]) + rng.normal(scale=0.4, size=(3, 3))
    return Atoms("Mo2O4Sr", scaled_positions=rng.random((7, 3)), cell=cell, pbc=True)


@pytest.fixture
def twins() -> tuple[Atoms, Atoms]:
    """Rocksalt and zincblende of the same elements and edge: the same two lattices, shifted differently."""
    return bulk("MgO", "rocksalt", a=4.2), bulk("MgO", "zincblende", a=4.2)
