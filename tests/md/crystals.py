"""What to run: a cheap crystal, one with a model, a cluster that costs next to nothing."""

from __future__ import annotations

from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from ase_voxpot.calculator import VoxPotCalculator

ENSEMBLES = ("nve", "nvt", "svr", "npt", "npt-z", "nph-z")
QUARTIC = 0.2  # eV/Å⁴
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


class Quartic:
    """QUARTIC |d|⁴ / 4 between every two atoms, without what a calculator of ASE does in each step.

    Motion in it is chaotic; the mean potential energy is a quarter of the virial, 3/4 (N - 1) k_B T.
    """

    def _both(self, x):
        away = x[:, None] - x
        square = (away**2).sum(axis=2)
        return QUARTIC / 8 * (square**2).sum(), -QUARTIC * (square[:, :, None] * away).sum(axis=1)

    def get_potential_energy(self, atoms, **_):
        return self._both(atoms.positions)[0]

    def get_forces(self, atoms):
        return self._both(atoms.positions)[1]


def cluster(size, rng):
    """Atoms of argon around one point."""
    atoms = Atoms(f"Ar{size}", positions=rng.normal(scale=0.3, size=(size, 3)))
    atoms.calc = Quartic()
    return atoms
