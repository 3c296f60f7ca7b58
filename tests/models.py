"""Small potentials with random weights, one for each kind of network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ase_voxpot.potential import Potential
from ase_voxpot.spec import BaselineSpec, Cubes, DenseSpec, Density, PlainSpec, PotentialSpec, SteerableSpec
from ase_voxpot.uncertainty import Calibration, Uncertainty

__all__ = ["CALIBRATION", "DESCRIPTORS", "NETWORKS", "REFERENCE", "SPECIES", "made_certain", "seeded", "specification"]

CALIBRATION = Calibration(
    energy_limit=0.02, atom_limit=0.3, force_scale=0.1, force_power=0.5, noise=0.001, factor=2.0, ridge=1e-6
)

SPECIES = ("Mo", "Ta", "W")
REFERENCE = (-4.5, -3.5, -4.25)  # exact in binary
DESCRIPTORS = {
    "steerable": Density(cutoff=5.0, radial=8, narrowing=1 / (1.4**2 + 1.0**2)),
    "plain": Cubes(n=7, spacing=1.0, width=0.8, cutoff=4.0, radial=1),
    "dense": Cubes(n=5, spacing=1.2, width=1.0, cutoff=4.0, radial=2),
}
NETWORKS = {
    "steerable": SteerableSpec(channels=8, products=6, hidden=(16,)),
    "plain": PlainSpec(channels=(6, 8), hidden=(16,)),
    "dense": DenseSpec(hidden=(16,)),
}


def specification(kind: str, **changes: Any) -> PotentialSpec:
    parts = {"descriptor": DESCRIPTORS[kind], "network": NETWORKS[kind], "baseline": BaselineSpec(reference=REFERENCE)}
    return PotentialSpec(species=SPECIES, **(parts | changes))


def seeded(spec: PotentialSpec, seed: int = 1, **options: Any) -> Potential:
    """A potential with random weights whose answers are of the size of real ones."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        potential = Potential(spec, device="cpu", **options)
        state = potential.network.state_dict()
        for name, size in (("scale", 30.0), ("mean", 0.01)):
            if name in state:
                state[name] = size * (0.5 + torch.rand_like(state[name]))
        if "scale" not in state:
            state = {k: 3 * v for k, v in state.items()}
        state |= {k: 0.3 * torch.randn_like(v) for k, v in state.items() if "biases" in k}
        potential.network.load_state_dict(state)
    return potential


def made_certain(potential: Potential, *, seed: int = 2) -> Potential:
    """Give a potential an uncertainty of random matrices, of the size of real ones; returns it."""
    rng = np.random.default_rng(seed)
    species, width = len(potential.spec.species), potential.width + 1
    root = 0.01 * rng.normal(size=(species * width, species * width))
    local = rng.normal(size=(species, width, width))
    potential.uncertainty = Uncertainty(root, local, CALIBRATION)
    return potential
