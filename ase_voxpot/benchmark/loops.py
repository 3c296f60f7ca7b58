"""Painting voxels: the compiled kernel against the same loops in plain Python."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.benchmark.machine import measure_peaks
from ase_voxpot.benchmark.orders import Painting
from ase_voxpot.benchmark.systems import make_system
from ase_voxpot.descriptor.radial import radial_functions
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import cpu
from ase_voxpot.voxelize.limit import cubes_of
from ase_voxpot.voxelize.reference import axis_points
from ase_voxpot.weights import find_model, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jaxtyping import Float, Int

    from ase_voxpot.benchmark.orders import Order
    from ase_voxpot.neighbours.verlet import Pairs

__all__ = ["paint_in_loops", "run_voxelizer"]

FEW = 1
"""Atoms of the loops in plain Python."""
COARSE = 8
"""Voxels along the edge of the second cube."""


def paint_in_loops(
    offset: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    channel: Int[np.ndarray, " pair"],
    *,
    shape: tuple[int, int],
    grid: Cubes,
) -> Float[np.ndarray, "atom channel n n n"]:
    """As ``voxelize.cpu.deposit``, loop by loop, without NumPy inside them."""
    axis, n, shells = axis_points(grid).tolist(), grid.n, grid.radial
    weights = radial_functions(np.linalg.norm(offset, axis=1), grid.cutoff, shells, grid.lift)[0].tolist()
    width = grid.width
    cubes = [
        [[[[0.0] * n for _ in range(n)] for _ in range(n)] for _ in range(shape[1] * shells)] for _ in range(shape[0])
    ]
    for p, d in enumerate(offset.tolist()):
        gauss = [[math.exp(-(((x - d[k]) / width) ** 2) / 2) for x in axis] for k in range(3)]
        for q in range(shells):
            cube = cubes[centre[p]][channel[p] * shells + q]
            for a in range(n):
                for b in range(n):
                    height = weights[p][q] * gauss[0][a] * gauss[1][b]
                    row, last = cube[a][b], gauss[2]
                    for c in range(n):
                        row[c] += height * last[c]
    return np.array(cubes)


def run_voxelizer(order: Order, observe: Callable[[str], None]) -> Iterator[Painting]:
    """The cubes of the first model, and one colour on a coarse grid of the same reach."""
    header = read_header(find_model(order.models[0]))
    spec = header["spec"]
    observe("peaks")
    bandwidth = measure_peaks("cpu", np.float64).bandwidth
    atoms = make_system(54, spec.species, seed=order.seed, card=header["card"]).whole()
    pairs = VerletList(spec.cutoff).update(atoms)
    channel = species_indices(atoms.get_chemical_symbols(), spec.species)[pairs.neighbour]
    cubes = spec.descriptor if isinstance(spec.descriptor, Cubes) else cubes_of(spec.descriptor)
    coarse = Cubes(
        n=COARSE,
        spacing=2 * spec.cutoff / COARSE,
        width=2 * spec.cutoff / COARSE,
        cutoff=spec.cutoff,
    )
    for what, grid in ((f"the cubes of {order.models[0]}", cubes), ("one colour", coarse)):
        observe(f"{what}, {grid.n}³")
        yield _compare(what, grid, pairs, channel, len(spec.species), bandwidth, order.threads)


def _compare(
    what: str,
    grid: Cubes,
    pairs: Pairs,
    channel: Int[np.ndarray, " pair"],
    species: int,
    bandwidth: float,
    threads: int,
) -> Painting:
    few = pairs.of(0, FEW)
    start = time.perf_counter()
    plain = paint_in_loops(few.offset, few.centre, channel[: len(few)], shape=(FEW, species), grid=grid)
    loops = (time.perf_counter() - start) / FEW
    shape = (pairs.atoms, species)
    cubes = cpu.deposit(pairs.offset, pairs.centre, channel, shape=shape, grid=grid)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        cubes = cpu.deposit(pairs.offset, pairs.centre, channel, shape=shape, grid=grid)
        times.append((time.perf_counter() - start) / pairs.atoms)
    return Painting(
        what=what,
        voxels=grid.n,
        atoms=pairs.atoms,
        compiled=min(times),
        loops=loops,
        difference=float(np.abs(cubes[:FEW] - plain).max() / np.abs(plain).max()),
        floor=cubes[0].nbytes / bandwidth,
        threads=threads,
    )
