"""CPU time of the features of a crystal, and their change under rotation.

    python -m voxpot_crystals.regression.voxelnet.bench

CPU times are minima over many calls, for one crystal on one core, from ``Atoms`` to voxels.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase import Atoms

from voxpot_crystals.regression.voxelnet.grids import Window, voxels_of
from voxpot_crystals.regression.voxelnet.reciprocal import coefficients, half_lattice, spectrum_of
from voxpot_crystals.regression.voxelnet.shells import powder_of
from voxpot_crystals.regression.voxelnet.turning import rotation_error

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main", "milliseconds", "perovskite"]

SHAPES: tuple[Literal["cartesian", "spherical"], ...] = ("cartesian", "spherical")
FIELDS: tuple[Literal["moduli", "cross"], ...] = ("moduli", "cross")
BINNINGS: tuple[Literal["floor", "soft"], ...] = ("floor", "soft")
WINDOWS = [
    Window(shape=shape, field=field, binning=binning) for shape, field, binning in product(SHAPES, FIELDS, BINNINGS)
]


def perovskite(edge: float = 3.905) -> Atoms:
    """Cubic SrTiO3."""
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Atoms("SrTiO3", scaled_positions=sites, cell=[edge] * 3, pbc=True)


def milliseconds(work: Callable[[], object], repeats: int = 30) -> float:
    """Processor time of one call, the least of some after a first one that compiles."""
    work()
    found = []
    for _ in range(repeats):
        began = time.thread_time()
        work()
        found.append(time.thread_time() - began)
    return 1e3 * min(found)


def plainly(atoms: Atoms, window: Window) -> list[np.ndarray]:
    """The coefficients by their equation, in NumPy: the reference of the compiled loops."""
    cell = atoms.cell[:]
    g = half_lattice(cell, window.radius) @ (2 * np.pi * np.linalg.inv(cell).T)
    return [coefficients(cell, atoms.positions[atoms.numbers == z], g, window.width) for z in np.unique(atoms.numbers)]


def works() -> dict[str, Callable[[Atoms], object]]:
    """What is timed, by name."""
    one = Window()
    found: dict[str, Callable[[Atoms], object]] = {
        "coefficients, NumPy": lambda a: plainly(a, one),
        "coefficients, compiled": lambda a: spectrum_of(a, radius=one.radius, width=one.width),
    }
    for window in WINDOWS:
        found[named(window)] = partial(_paint, window=window)
    for degree in (0, 6):
        found[f"32 shells, degree {degree}"] = partial(_scatter, degree=degree, reach=one.reach)
    return found


def named(window: Window) -> str:
    """A window in a few words."""
    return f"{window.n}³ {window.shape}, {window.field}, {window.binning}"


def _paint(atoms: Atoms, window: Window) -> object:
    return voxels_of(spectrum_of(atoms, radius=window.radius, width=window.width), window)


def _scatter(atoms: Atoms, degree: int, reach: float) -> object:
    spectrum = spectrum_of(atoms, radius=reach * (1 + 1 / 32), width=0.1)
    return powder_of(spectrum, shells=32, reach=reach, degree=degree)


def main() -> None:
    """Print two tables."""
    from rich.table import Table

    from ase_voxpot.plotting.screen import console

    small, large = perovskite(), perovskite().repeat((3, 3, 3))
    large.rattle(0.05, seed=0)
    times = Table("", title="reciprocal descriptors, CPU time of one core, ms")
    for name in ("5 atoms", "135 atoms, rattled"):
        times.add_column(name, justify="right")
    for name, work in works().items():
        found = [milliseconds(partial(work, a), n) for a, n in ((small, 30), (large, 5))]
        times.add_row(name, *(f"{t:.3f}" for t in found))
    turns = Table("", title="SrTiO3 under 20 random turns: change of what ought to stay")
    for name in ("l = 0", "l = 4"):
        turns.add_column(name, justify="right")
    for window in WINDOWS:
        spectrum = spectrum_of(small, radius=window.radius, width=window.width)
        errors = [rotation_error(spectrum, window, np.random.default_rng(0), degree=l) for l in (0, 4)]
        turns.add_row(named(window), *(f"{100 * e:.1f} %" for e in errors))
    console().print(times, turns)


if __name__ == "__main__":
    main()
