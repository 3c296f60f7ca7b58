"""Models that LAMMPS knows natively, in the place of ours: what the pair style serves must be the same digits.

As a program it runs decks on any number of ranks::

    mpiexec -n 2 python tests/lammps_plugin/served.py FOLDER NAME NAME …

each as ``NAME.native.in`` and as ``NAME.served.in``.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers

__all__ = ["MODELS", "EmbeddedAtom", "LennardJones", "run_decks", "write_table"]


class _Served:
    """What of ``Potential`` the service looks at."""

    spec = SimpleNamespace(species=("Mo", "Ta", "W"))
    cutoff: float


class LennardJones(_Served):
    """``pair_style lj/cut``: no shift, no switch."""

    cutoff = 5.0
    well = np.array([[0.40, 0.45, 0.42], [0.45, 0.35, 0.43], [0.42, 0.43, 0.38]])  # eV
    size = np.array([[2.50, 2.52, 2.51], [2.52, 2.56, 2.53], [2.51, 2.53, 2.54]])  # Å

    def commands(self, folder: Path) -> list[str]:
        pairs = [(i, j) for i in range(3) for j in range(i, 3)]
        return [
            f"pair_style lj/cut {self.cutoff}",
            *(f"pair_coeff {i + 1} {j + 1} {self.well[i, j]} {self.size[i, j]}" for i, j in pairs),
        ]

    def of_pairs(self, pairs: Any, species: np.ndarray, *, forces: bool = True) -> tuple[np.ndarray, np.ndarray]:
        squared = (pairs.offset**2).sum(axis=1)
        a, b = species[pairs.centre], species[pairs.neighbour]
        sixth = (self.size[a, b] ** 2 / squared) ** 3
        bond = 2 * self.well[a, b] * (sixth**2 - sixth)
        slope = -12 * self.well[a, b] * (2 * sixth**2 - sixth) / squared
        gradient = slope[:, None] * pairs.offset if forces else np.zeros((0, 3))
        return np.bincount(pairs.centre, bond, pairs.atoms), gradient


class EmbeddedAtom(_Served):
    """Many-body: an atom feels what its neighbours feel, so that ghosts get forces.

    E_i = -√ρ_i + ½ Σ V,  ρ_i = Σ_j f_b(r),  both faded out at the cutoff.
    """

    cutoff = 4.2
    bond = np.array([1.9, 1.6, 1.8])  # strength of the density of an element
    rate = np.array([0.9, 0.8, 0.85])  # 1/Å
    core = 22.0  # eV

    def _fade(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s = np.clip(1 - r / self.cutoff, 0, None)
        return s**4, -4 * s**3 / self.cutoff

    def density(self, kind: Any, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of an atom of ``kind`` at the distance r, and its derivative."""
        fade, slope = self._fade(r)
        value = 40 * self.bond[kind] * np.exp(-self.rate[kind] * r)
        return value * fade, value * (slope - self.rate[kind] * fade)

    def repulsion(self, a: Any, b: Any, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of two atoms, and its derivative."""
        fade, slope = self._fade(r)
        rate = 0.8 + 0.1 * (np.asarray(a) + np.asarray(b))
        value = self.core * np.exp(-rate * (r - 1.5))
        return value * fade, value * (slope - rate * fade)

    def commands(self, folder: Path) -> list[str]:
        path = folder / "table.eam.alloy"
        return ["pair_style eam/alloy", f"pair_coeff * * {path} Mo Ta W"]

    def of_pairs(self, pairs: Any, species: np.ndarray, *, forces: bool = True) -> tuple[np.ndarray, np.ndarray]:
        r = np.linalg.norm(pairs.offset, axis=1)
        a, b = species[pairs.centre], species[pairs.neighbour]
        density, steep = self.density(b, r)
        repulsion, slope = self.repulsion(a, b, r)
        total = np.bincount(pairs.centre, density, pairs.atoms)
        energies = -np.sqrt(total) + 0.5 * np.bincount(pairs.centre, repulsion, pairs.atoms)
        if not forces:
            return energies, np.zeros((0, 3))
        change = -0.5 / np.sqrt(total)[pairs.centre] * steep + 0.5 * slope
        return energies, (change / r)[:, None] * pairs.offset


def write_table(path: Path, *, points: int = 20_000) -> None:
    """``EmbeddedAtom`` for ``pair_style eam/alloy``, so fine that its splines do not show."""
    model = EmbeddedAtom()
    r = np.arange(points) * model.cutoff / (points - 1)
    rho = np.arange(points) * 60.0 / points
    lines = ["EmbeddedAtom", "", "", "3 Mo Ta W", f"{points} {rho[1]:.17g} {points} {r[1]:.17g} {model.cutoff}"]
    for kind, symbol in enumerate(("Mo", "Ta", "W")):
        lines.append(f"{42 + kind} {atomic_masses[atomic_numbers[symbol]]:.17g} 3.2 bcc {symbol}")
        lines += [f"{v:.17g}" for v in -np.sqrt(rho)]
        lines += [f"{v:.17g}" for v in model.density(kind, r)[0]]
    for a in range(3):
        for b in range(a + 1):
            lines += [f"{v:.17g}" for v in r * model.repulsion(a, b, r)[0]]
    path.write_text("\n".join(lines) + "\n")


@dataclass
class Faulty(_Served):
    """Lennard-Jones until ``good`` evaluations are over, on the last rank."""

    fault: str
    good: int = 5
    cutoff: float = 5.0
    calls: int = field(default=0, init=False)

    def of_pairs(self, pairs: Any, species: np.ndarray, *, forces: bool = True) -> tuple[np.ndarray, np.ndarray]:
        energies, gradient = LennardJones().of_pairs(pairs, species)
        self.calls += 1
        if self.calls > self.good:
            if self.fault == "raises":
                raise RuntimeError("the served model is broken")
            if self.fault == "nan":
                gradient[0] = np.nan
            if self.fault == "shape":
                gradient = gradient[1:]
        return energies, gradient


MODELS = {"lj": LennardJones, "eam": EmbeddedAtom}


def serve_instead(name: str) -> None:
    """Let ``pair_coeff`` find one of ours under any name.

    ``lj``, ``eam``, or a fault on one rank only: ``raises@1``, ``nan@0``.
    """
    from lammps_plugin import serve

    fault, _, rank = name.partition("@")
    if rank:
        mine = int(os.environ.get("PMI_RANK", "0"))
        model: Any = Faulty(fault) if mine == int(rank) else LennardJones()
    else:
        model = MODELS[name]()
    serve.load_potential = lambda *_, **__: model
    serve.share_threads = lambda ranks: 1


def run_decks(folder: Path, names: list[str]) -> None:
    """Each deck natively and served; logs beside the decks."""
    from lammps_plugin.runner import open_lammps, run_in

    for name in names:
        serve_instead(name.split("-")[0])
        for deck in sorted(folder.glob(f"{name}.*.in")):
            lmp = open_lammps(["-screen", "none", "-log", str(deck.with_suffix(".log"))])
            run_in(lmp, deck, compiled=True)
            lmp.close()
    lmp.finalize()


if __name__ == "__main__":
    from ase_voxpot.errors import VoxPotError

    try:
        run_decks(Path(sys.argv[1]), sys.argv[2:])
    except VoxPotError as error:
        sys.exit(str(error))
