"""Potentials on disk for the tests of all that starts from a file: calculator, scoring, commands."""

from __future__ import annotations

from pathlib import Path

from ase_voxpot.potential import Potential
from ase_voxpot.weights import save_potential
from tests.models import made_certain, seeded, specification

__all__ = ["CARD", "save_tiny", "save_tiny_and_certain"]

CARD = {"summary": "random weights, for tests", "lattice": {"bcc": {"Mo": 3.17, "Ta": 3.32, "W": 3.19}}}


def _tiny() -> Potential:
    potential = seeded(specification("steerable"))
    state = potential.network.state_dict()
    state["scale"] = 0.1 * state["scale"]
    potential.network.load_state_dict(state)
    return potential


def save_tiny(folder: Path) -> Path:
    """A small potential with random weights; gentle enough to run dynamics with."""
    return save_potential(_tiny(), folder / "tiny.safetensors", card=CARD)


def save_tiny_and_certain(folder: Path) -> Path:
    """The same with an uncertainty."""
    return save_potential(made_certain(_tiny()), folder / "certain.safetensors", card=CARD)
