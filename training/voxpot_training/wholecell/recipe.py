"""Parameters of the frames, and a quasi-random decoration.

The paper names neither time step nor thermostat; its alloy is near-random, 18 atoms of each element on 54 sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Recipe", "calculator_of", "decorate"]

TEMPERATURES = (100.0, 300.0, 500.0, 700.0, 900.0, 1100.0, 1500.0)
SHELLS = 3
"""Shells of the Warren-Cowley parameters that are minimised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Parameters of the frames; time step and thermostat are not given in the paper."""

    calculator: str = "motaw"  # a shipped model, a weight file, or module:factory of any ASE calculator
    structure: str = "bcc:MoTaW"
    repeat: int = 3
    lattice: float | None = None  # Å; of the model's card without it
    temperatures: tuple[float, ...] = TEMPERATURES  # K
    frames: int = 70_000  # in all
    timestep: float = 2.0  # fs
    stride: int = 5  # steps from frame to frame
    settle: int = 1500  # steps before the first
    period: float = 200.0  # fs, of the thermostat
    segment: int = 250  # frames from one saved state to the next
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("repeat", "frames", "stride", "segment"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected a whole number from 1 on, got {getattr(self, name)}")
        if not self.temperatures or not all(0 < t < 1e5 for t in self.temperatures):
            raise ConfigError(f"temperatures: expected some between 0 and 1e5 K, got {self.temperatures}")
        if self.frames < len(self.temperatures) or self.settle < 0 or self.seed < 0:
            raise ConfigError("expected at least one frame per temperature, and settle and seed from 0 on")
        if not (0 < self.timestep <= 20 and self.period > 2 * self.timestep):
            raise ConfigError(f"timestep: expected up to 20 fs and less than half of the period, got {self.timestep}")


def decorate(atoms: Atoms, rng: np.random.Generator, *, trials: int = 4000) -> tuple[Atoms, float]:
    """Exchange atoms until their Warren–Cowley parameters are minimal.

    Returns:
        The crystal, and the largest |α| of its first three shells.
    """
    from ase_voxpot.montecarlo.order import Lattice, warren_cowley

    lattice = Lattice(atoms, shells=SHELLS)
    kinds, species = np.unique(atoms.numbers, return_inverse=True)

    def order(of: np.ndarray) -> np.ndarray:
        return np.array([warren_cowley(of, len(kinds), shell) for shell in lattice.shells])

    best = float((order(species) ** 2).sum())
    for _ in range(trials):
        a, b = rng.integers(len(species), size=2)
        if species[a] == species[b]:
            continue
        trial = species.copy()
        trial[a], trial[b] = species[b], species[a]
        found = float((order(trial) ** 2).sum())
        if found <= best:  # equal values, too, so that plateaus are crossed
            species, best = trial, found
    out = atoms.copy()
    out.numbers = kinds[species]
    return out, float(np.abs(order(species)).max())


def calculator_of(name: str) -> tuple[Any, dict[str, Any], str]:
    """The calculator of a recipe, the card of its model if it has one, and its fingerprint."""
    from ase_voxpot.calculator import VoxPotCalculator
    from ase_voxpot.peers import parse_peer
    from ase_voxpot.weights import find_model, read_header

    if ":" in name:
        peer = parse_peer(name)
        return peer.make(), {}, peer.identity
    header = read_header(find_model(name))
    return VoxPotCalculator(name), header["card"], name
