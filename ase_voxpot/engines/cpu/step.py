"""Evaluation of blocks of atoms from positions to energies, forces and virial, compiled.

As ``passes.evaluate_blocks``, together with the selection of candidate pairs within the cutoff, the
ZBL repulsion, and the sums of forces and virial, so that the pairs of a block stay in the L1 or L2
cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.baseline.repulsion import repulsion
from ase_voxpot.compiled import njit, part
from ase_voxpot.descriptor.blocks import deposit_block, gather_block, sort_neighbours
from ase_voxpot.engines.cpu.passes import network_block
from ase_voxpot.simd import LANES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

__all__ = [
    "BlockBuffers",
    "Sums",
    "add_forces_block",
    "add_repulsion_block",
    "block_buffers",
    "neighbour_block",
    "zero_sums",
    "step_blocks",
    "total",
]


class BlockBuffers(NamedTuple):
    """The pairs of one block."""

    first: Int[np.ndarray, " lane_plus_1"]
    neighbour: Int[np.ndarray, " pair"]
    offset: Float[np.ndarray, "pair 3"]
    slope: Float[np.ndarray, "pair 3"]
    lanes: Int[np.ndarray, " lane"]


class Sums(NamedTuple):
    """Sums over a range of blocks."""

    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    virial: Float[np.ndarray, "3 3"]  # eV
    closest: Float[np.ndarray, " 1"]  # Å², the least distance


def block_buffers(most: int) -> BlockBuffers:
    """Buffers for the pairs of atoms with ``most`` candidates each, and one more."""
    buffers = most * LANES + 1
    return BlockBuffers(
        np.zeros(LANES + 1, np.int64),
        np.empty(buffers, np.int32),
        np.empty((buffers, 3)),
        np.empty((buffers, 3)),
        np.arange(LANES),
    )


def zero_sums(forces: Float[np.ndarray, "atom 3"]) -> Sums:
    """Sums that begin at zero, with an array for forces."""
    forces[:] = 0
    return Sums(forces, np.zeros((3, 3)), np.full(1, np.inf))


def total(parts: Sequence[Sums]) -> Sums:
    """The sums of all ``parts`` in this order, in new arrays."""
    forces, virial = parts[0].forces.copy(), parts[0].virial.copy()
    for one in parts[1:]:
        forces += one.forces
        virial += one.virial
    return Sums(forces, virial, np.array([min(part.closest[0] for part in parts)]))


@part(nogil=True)
def neighbour_block(atoms, candidates, cutoff, buffers, closest):  # pragma: no cover - compiled
    """The pairs of a block within the cutoff; those beyond it are overwritten by the next pair.

    Indices are unsigned, for which Numba omits the check for negative ones.
    """
    positions, images = candidates.positions, candidates.images
    first, neighbour, image = candidates.first, candidates.neighbour, candidates.image
    offset, found, least, limit = buffers.offset, buffers.neighbour, closest[0], cutoff * cutoff
    count, one, none = np.uint64(0), np.uint64(1), np.uint64(0)
    for lane in range(len(atoms)):
        i = np.uint64(atoms[lane])
        x0, y0, z0 = positions[i, 0], positions[i, 1], positions[i, 2]
        for p in range(np.uint64(first[i]), np.uint64(first[i + one])):
            j, s = np.uint64(neighbour[p]), np.uint64(image[p])
            x = positions[j, 0] - x0 + images[s, 0]
            y = positions[j, 1] - y0 + images[s, 1]
            z = positions[j, 2] - z0 + images[s, 2]
            offset[count, 0], offset[count, 1], offset[count, 2], found[count] = x, y, z, neighbour[p]
            square = x * x + y * y + z * z
            least = min(least, square)
            count += one if square < limit else none
        buffers.first[lane + 1] = count
    closest[0] = least


@part(nogil=True)
def add_repulsion_block(atoms, species, baseline, buffers, energies):  # pragma: no cover - compiled
    """Add energies of free atoms, and the ZBL repulsion of close pairs, to energies and slopes."""
    limit = baseline.outer * baseline.outer
    for lane in range(len(atoms)):
        i = atoms[lane]
        energies[i] += baseline.reference[species[i]]
        for p in range(buffers.first[lane], buffers.first[lane + 1]):
            x, y, z = buffers.offset[p, 0], buffers.offset[p, 1], buffers.offset[p, 2]
            square = x * x + y * y + z * z
            if square >= limit or square == 0:  # two atoms at one place: the caller raises
                continue
            r, za, zb = np.sqrt(square), baseline.charge[species[i]], baseline.charge[species[buffers.neighbour[p]]]
            value, slope = repulsion(r, za, zb, baseline.inner, baseline.outer)
            energies[i] += 0.5 * value
            for k in range(3):
                buffers.slope[p, k] += 0.5 * slope / r * buffers.offset[p, k]


@part(nogil=True, fastmath=True)
def add_forces_block(atoms, buffers, forces, virial):  # pragma: no cover - compiled
    """Add dE/dd of every pair to the force on its centre, subtract it from that on its neighbour; add to the virial."""
    offset, slope = buffers.offset, buffers.slope
    xx, xy, xz, yx, yy, yz, zx, zy, zz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for lane in range(len(atoms)):
        fx, fy, fz = 0.0, 0.0, 0.0
        for p in range(buffers.first[lane], buffers.first[lane + 1]):
            j = np.uint64(buffers.neighbour[p])
            x, y, z = offset[p, 0], offset[p, 1], offset[p, 2]
            a, b, c = slope[p, 0], slope[p, 1], slope[p, 2]
            fx, fy, fz = fx + a, fy + b, fz + c
            forces[j, 0] -= a
            forces[j, 1] -= b
            forces[j, 2] -= c
            xx, xy, xz = xx + x * a, xy + x * b, xz + x * c
            yx, yy, yz = yx + y * a, yy + y * b, yz + y * c
            zx, zy, zz = zx + z * a, zy + z * b, zz + z * c
        i = atoms[lane]
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz
    for i, row in enumerate(((xx, xy, xz), (yx, yy, yz), (zx, zy, zz))):
        for k in range(3):
            virial[i, k] += row[k]


@njit(nogil=True)
def step_blocks(  # pragma: no cover - compiled
    begin,
    end,
    order,
    species,
    candidates,
    cutoff,
    baseline,
    block,
    pair_buffers,
    weights,
    buffers,
    energies,
    sums,
    features,
):
    """Blocks ``begin`` to ``end`` of the atoms in ``order``, from positions to energies, forces and virial."""
    for number in range(begin, end):
        atoms = order[number * LANES : (number + 1) * LANES]
        neighbour_block(atoms, candidates, cutoff, block, sums.closest)
        sort_neighbours(block.lanes[: len(atoms)], block.first, block.neighbour, species, pair_buffers)
        deposit_block(block.offset, pair_buffers, buffers.coefficients)
        network_block(atoms, species, weights, buffers, bool(1), energies, features)
        gather_block(buffers.adjoint, block.offset, pair_buffers, block.slope)
        add_repulsion_block(atoms, species, baseline, block, energies)
        add_forces_block(atoms, block, sums.forces, sums.virial)
