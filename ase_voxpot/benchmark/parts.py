"""The stages of an evaluation of one block of atoms, from positions to forces, one by one.

The names are those of ``counts``.  Each stage is the very function that inference calls, on
arrays that inference has filled, repeated in compiled code: a call from Python takes longer
than a stage.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.compiled import njit
from ase_voxpot.descriptor import expansion_of
from ase_voxpot.descriptor.blocks import deposit_block, gather_block, sort_neighbours
from ase_voxpot.engines.cpu.blocks import (
    asinh_block,
    power_spectrum_adjoint_block,
    power_spectrum_block,
    products_adjoint_block,
    products_block,
)
from ase_voxpot.engines.cpu.engine import CpuEngine
from ase_voxpot.engines.cpu.passes import dense, from_sphere, mix, mix_back, to_sphere
from ase_voxpot.engines.cpu.step import add_forces_block, add_repulsion_block, neighbour_block, zero_sums
from ase_voxpot.simd import LANES

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Int

    from ase_voxpot.neighbours.verlet import Candidates
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.potential import Potential

__all__ = ["parts"]

TIMES = 16
"""Blocks per call."""
LINEAR = ("deposit", "mixtures", "squares", "dense", "squares, adjoint", "mixtures, adjoint", "gather")
ENDS = ("neighbours", "forces")
SPHERE = ("fields", "sphere", "products", "products, adjoint", "sphere, adjoint", "fields, adjoint")


@njit(nogil=True)
def _prepare(atoms, candidates, species, cutoff, block, pair_buffers, sums):  # pragma: no cover - compiled
    neighbour_block(atoms, candidates, cutoff, block, sums.closest)
    sort_neighbours(block.lanes[: len(atoms)], block.first, block.neighbour, species, pair_buffers)


@njit(nogil=True)
def _linear(
    stage, atoms, species, offset, weights, pair_buffers, buffers, result, slopes
):  # pragma: no cover - compiled
    natural, nothing = np.arange(buffers.u.shape[0]), np.empty((0, 0), buffers.h.dtype)
    for _ in range(TIMES):
        if stage == 0:
            deposit_block(offset, pair_buffers, buffers.coefficients)
        elif stage == 1:
            mix(buffers.coefficients, weights.power, natural, buffers.u)
        elif stage == 2:
            power_spectrum_block(buffers.u, weights.degree, buffers.h)
        elif stage == 3:
            asinh_block(weights.mean, weights.scale, buffers.h, buffers.derivative)
            dense(atoms, species, weights, buffers, True, result, nothing)
        elif stage == 4:
            power_spectrum_adjoint_block(buffers.u, weights.degree, buffers.gh, buffers.gu)
        elif stage == 5:
            mix_back(buffers.gu, weights.power_back, natural, buffers.adjoint, False)
        else:
            gather_block(buffers.adjoint, offset, pair_buffers, slopes)


@njit(nogil=True)
def _ends(stage, atoms, candidates, species, cutoff, baseline, block, energies, sums):  # pragma: no cover - compiled
    for _ in range(TIMES):
        if stage == 0:
            neighbour_block(atoms, candidates, cutoff, block, sums.closest)
        else:
            add_repulsion_block(atoms, species, baseline, block, energies)
            add_forces_block(atoms, block, sums.forces, sums.virial)


@njit(nogil=True)
def _sphere(stage, weights, buffers):  # pragma: no cover - compiled
    start = 2 * (weights.degree + 1) * buffers.u.shape[1]
    for _ in range(TIMES):
        if stage == 0:
            mix(buffers.coefficients, weights.fields, weights.place, buffers.mixed)
        elif stage == 1:
            to_sphere(weights, buffers.mixed, buffers.f)
        elif stage == 2:
            products_block(buffers.f, weights.point, buffers.h, start)
        elif stage == 3:
            products_adjoint_block(buffers.f, buffers.gh, start, buffers.gf)
        elif stage == 4:
            from_sphere(weights, buffers.gf, buffers.mixed)
        else:
            mix_back(buffers.mixed, weights.fields_back, weights.place, buffers.adjoint, True)


def parts(
    potential: Potential, network: SteerableNetwork, candidates: Candidates, species: Int[np.ndarray, " all"]
) -> dict[str, tuple[Callable[[], object], int]]:
    """The stages by name, each as something to call and the number of atoms that a call is for.

    Args:
        potential: on the CPU.
        network: that of the potential.
        candidates: of some structure.
        species: of its atoms.
    """
    atoms, cutoff, baseline = np.argsort(species, kind="stable")[:LANES], potential.cutoff, potential.baseline.arrays
    by_hand = CpuEngine.of_network(network, expansion_of(potential.spec))
    by_hand.step(candidates, species, cutoff, baseline)
    weights, (pair_buffers, buffers, block) = by_hand.workplace()
    result, sums = np.empty(len(species)), zero_sums(np.empty((len(species), 3)))
    _prepare(atoms, candidates, species, cutoff, block, pair_buffers, sums)
    arguments = (atoms, species, block.offset, weights, pair_buffers, buffers, result, block.slope)
    out: dict[str, Callable[[], object]] = {name: partial(_linear, k, *arguments) for k, name in enumerate(LINEAR)}
    ends = (atoms, candidates, species, cutoff, baseline, block, result, sums)
    out |= {name: partial(_ends, k, *ends) for k, name in enumerate(ENDS)}
    if len(weights.point):
        out |= {name: partial(_sphere, k, weights, buffers) for k, name in enumerate(SPHERE)}
    return {name: (run, TIMES * len(atoms)) for name, run in out.items()}
