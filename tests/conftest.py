"""What tests share: seeded randomness, one thread, structures and small potentials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from hypothesis import settings

from ase_voxpot.potential import Potential
from tests.models import seeded, specification

CRYSTALS = Path(__file__).parent / "crystals"

# a machine that is busy is no reason to fail
settings.register_profile("unhurried", deadline=None, max_examples=40)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with them at the end.

    Models of crystals are tested without coverage: of what is measured they use little, which has tests of its
    own, and tracing costs half as much again.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        if item.path.is_relative_to(CRYSTALS):
            item.add_marker("no_cover")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small problems gain nothing from threads, and several workers may share the cores."""
    numba.set_num_threads(1)
    torch.set_num_threads(1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20180401)


@pytest.fixture
def crystal() -> Atoms:
    """Eight atoms of a distorted, triclinic, disordered alloy, two of them close enough to feel ZBL."""
    rng = np.random.default_rng(5)
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat((2, 2, 1))
    atoms.rattle(0.15, rng=rng)
    atoms.positions[1] += 0.3 * (atoms.positions[0] - atoms.positions[1])
    atoms.set_cell(atoms.cell[:] @ (np.eye(3) + rng.normal(scale=0.05, size=(3, 3))), scale_atoms=True)
    atoms.symbols = ["Mo", "Ta", "W", "W", "Ta", "Mo", "W", "Ta"]
    return atoms


@pytest.fixture(scope="session")
def potential_of() -> Callable[..., Potential]:
    """Potentials by kind and options, each built once."""
    made: dict[tuple[Any, ...], Potential] = {}

    def get(kind: str, dtype: str = "float64", route: str | None = None) -> Potential:
        key = (kind, dtype, route)
        if key not in made:
            made[key] = seeded(specification(kind), dtype=dtype, route=route)
        return made[key]

    return get
