"""Small crystals with a number that structure and elements decide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.data import covalent_radii
from ase.io import write

CATIONS_A = ("Ca", "Sr", "Ba", "K", "La", "Y")
CATIONS_B = ("Ti", "Zr", "V", "Nb", "Al", "Fe")


def perovskite(a: str, b: str, x: str = "O", edge: float = 4.0) -> Atoms:
    sites = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    return Atoms([a, b, x, x, x], scaled_positions=sites, cell=np.eye(3) * edge, pbc=True)


def edge_of(a: str, b: str) -> float:
    """A lattice parameter that sums of radii decide."""
    numbers = Atoms([a, b]).numbers
    return float(2.0 + 0.5 * covalent_radii[numbers[0]] + 0.9 * covalent_radii[numbers[1]])


def all_perovskites() -> list[Atoms]:
    made = []
    for a in CATIONS_A:
        for b in CATIONS_B:
            atoms = perovskite(a, b, edge=edge_of(a, b))
            atoms.info = {"a": edge_of(a, b)}
            made.append(atoms)
    return made


def write_config(
    folder: Path,
    crystals: list[Atoms],
    *,
    top: str = "",
    target: str = "",
    split: str = "",
    model: str = "",
    kind: str = "cgcnn",
) -> Path:
    """Data and a config for them; ``top`` and the tables may be added to."""
    write(folder / "perovskites.extxyz", crystals)
    text = (
        f'kind = "{kind}"\nname = "edges"\nmembers = 2\n{top}\n'
        f'[target]\nkey = "a"\nunit = "Å"\nname = "lattice parameter"\n{target}\n'
        f'[[data]]\nfile = "perovskites.extxyz"\n'
        f"[split]\nholdout = 0.2\n{split}\n"
        f"[model]\n{model}\n"
        f"[schedule]\nepochs = 4\nbatch = 8\nvalidate_every = 2\n"
    )
    path = folder / "edges.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def perovskites() -> list[Atoms]:
    return all_perovskites()


@pytest.fixture
def config(tmp_path: Path, perovskites: list[Atoms]) -> Callable[..., Path]:
    """``write_config`` for the perovskites of the test."""
    return lambda **tables: write_config(tmp_path, perovskites, **tables)
