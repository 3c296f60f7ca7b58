"""Crystals to run, one cheap and one with a model."""

from __future__ import annotations

from ase.build import bulk
from ase.calculators.lj import LennardJones

from ase_voxpot.calculator import VoxPotCalculator

ENSEMBLES = ("nve", "nvt", "svr", "npt", "npt-z", "nph-z")
STIFF = {"sigma": 2.3, "epsilon": 0.5, "rc": 6.0, "smooth": True}


def crystal(size=2):
    """A cubic crystal of a smooth pair potential, made to be stiff and fast."""
    atoms = bulk("Cu", "fcc", a=3.62, cubic=True) * (size, size, size)
    atoms.calc = LennardJones(**STIFF)
    return atoms


def alloy(model):
    atoms = bulk("W", "bcc", a=3.2, cubic=True) * (2, 1, 1)
    atoms.symbols[:2] = ["Mo", "Ta"]
    atoms.calc = VoxPotCalculator(model, device="cpu")
    return atoms
