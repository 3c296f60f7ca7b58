"""What it costs to see a crystal in reciprocal space: ``python -m voxpot_training.voxelnet.bench``.

Times are of the processor, the least of many, for one crystal on one core, from ``Atoms`` to voxels.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from voxpot_training.voxelnet.grids import Window, voxels_of
from voxpot_training.voxelnet.reciprocal import coefficients, half_lattice, spectrum_of
from voxpot_training.voxelnet.shells import powder_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main", "milliseconds", "perovskite"]


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
    """The coefficients by their equation, in NumPy: what the compiled loops replace."""
    cell = atoms.cell[:]
    g = half_lattice(cell, window.radius) @ (2 * np.pi * np.linalg.inv(cell).T)
    return [coefficients(cell, atoms.positions[atoms.numbers == z], g, window.width) for z in np.unique(atoms.numbers)]


def main() -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    small, large = perovskite(), perovskite().repeat((3, 3, 3))
    large.rattle(0.05, seed=0)
    table = Table(title="reciprocal descriptors, CPU time of one core, ms")
    for name in ("", "5 atoms", "135 atoms, rattled"):
        table.add_column(name, justify="left" if not name else "right")

    def add(name: str, work: Callable[[Atoms], object]) -> None:
        times = [milliseconds(lambda a=a: work(a), n) for a, n in ((small, 30), (large, 5))]
        table.add_row(name, *(f"{t:.3f}" for t in times))

    one = Window()
    add("coefficients, NumPy", lambda a: plainly(a, one))
    add("coefficients, compiled", lambda a: spectrum_of(a, radius=one.radius, width=one.width))
    for shape in ("cartesian", "spherical"):
        for field in ("moduli", "cross"):
            for binning in ("floor", "soft"):
                window = Window(shape=shape, field=field, binning=binning)

                def grid(a: Atoms, window: Window = window) -> object:
                    return voxels_of(spectrum_of(a, radius=window.radius, width=window.width), window)

                add(f"{window.n}³ {shape}, {field}, {binning}", grid)
    for degree in (0, 6):

        def powder(a: Atoms, degree: int = degree) -> object:
            reach = one.reach
            spectrum = spectrum_of(a, radius=reach * (1 + 1 / 32), width=one.width)
            return powder_of(spectrum, shells=32, reach=reach, degree=degree)

        add(f"32 shells, degree {degree}", powder)
    Console().print(table)


if __name__ == "__main__":
    main()
