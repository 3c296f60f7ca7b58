"""A small alloy with labels that cost nothing: a Morse potential stands in for DFT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.io import write

CONFIG = """
name = "small"
seed = 3

[[data]]
file = "frames.extxyz"

[split]
holdout = 0.2
validation = 0.2

[model]
species = ["Mo", "W"]
reference = {{ Mo = 0.0, W = 0.0 }}

[model.descriptor]
{descriptor}

[model.network]
kind = "{kind}"
{network}

[loss]
energy = 1.0
energy_final = 5.0

[schedule]
epochs = {epochs}
rate = 1e-2
batch_atoms = 32
validate_every = 1
averaging = 0.9
{schedule}
"""

STEERABLE = "degree = 2\nchannels = 6\nproducts = 4\nproduct_degree = 2\nhidden = [16]"
CUBES = 'kind = "cubes"\nn = 10\nspacing = 0.9\nwidth = 1.2\ncutoff = 4.0\nradial = 4\nlift = 1.5'
DESCRIPTORS = {"steerable": 'kind = "density"\ncutoff = 4.0\nradial = 4', "plain": CUBES, "dense": CUBES}
NETWORKS = {"steerable": STEERABLE, "plain": "channels = [4]\nhidden = [8]", "dense": "hidden = [8]"}


def labelled_frames(count: int, seed: int) -> list[Atoms]:
    """Random Mo-W cells of 8 atoms with the energy, forces and stress of a Morse potential."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        atoms = bulk("W", "bcc", a=3.2 * rng.uniform(0.97, 1.03), cubic=True).repeat((2, 2, 1))
        atoms.symbols = rng.choice(["Mo", "W"], len(atoms))
        atoms.rattle(0.06, rng=rng)
        atoms.calc = MorsePotential(epsilon=0.4, r0=2.8, rho0=4.0, rcut1=3.6, rcut2=4.0)
        atoms.info["REF_energy"] = atoms.get_potential_energy()
        atoms.arrays["REF_forces"] = atoms.get_forces()
        atoms.info["REF_stress"] = atoms.get_stress()
        atoms.calc = None
        frames.append(atoms)
    return frames


@pytest.fixture(scope="session")
def frames() -> list[Atoms]:
    return labelled_frames(60, seed=11)


@pytest.fixture
def write_config(tmp_path: Path, frames: list[Atoms]):
    """Write data and a config into the test's folder; returns the path of the config."""

    def make(kind: str = "steerable", *, epochs: int = 3, schedule: str = "") -> Path:
        write(tmp_path / "frames.extxyz", frames)
        config = tmp_path / "small.toml"
        config.write_text(
            CONFIG.format(
                kind=kind, descriptor=DESCRIPTORS[kind], network=NETWORKS[kind], epochs=epochs, schedule=schedule
            )
        )
        return config

    return make
