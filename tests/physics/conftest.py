from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests.properties.bonds import Bonds

A = 4.0


@pytest.fixture
def fcc() -> Atoms:
    """A cubic cell whose nearest neighbours are 4/√2 Å apart."""
    return bulk("Cu", "fcc", a=A, cubic=True)


@pytest.fixture
def springs() -> Bonds:
    """Bonds of the length that the nearest neighbours of ``fcc`` have, 0.5 eV deep."""
    return Bonds(A / np.sqrt(2), stiffness=2.0, depth=0.5)


@pytest.fixture
def bcc() -> Atoms:
    return bulk("W", "bcc", a=3.2, cubic=True)


@pytest.fixture
def two_shells() -> Bonds:
    """Both shells of ``bcc`` at their length."""
    return Bonds(3.2 * np.sqrt(3) / 2, 3.2, stiffness=2.0, depth=0.5)
