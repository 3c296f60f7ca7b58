"""Every backend that paints, behind one face: NumPy pairs in, NumPy arrays out."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch

from ase_voxpot.descriptor import Expansion, autograd as density_torch, cpu as density_cpu
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import cpu as voxel_cpu, gpu as voxel_gpu, reference as voxel_reference
from tests.laws import Painter, PairSet

__all__ = ["first_pairs", "density_painters", "random_pairs", "voxel_painters"]


def random_pairs(
    rng: np.random.Generator, *, cutoff: float, atoms: int = 4, count: int = 30, species: int = 3
) -> PairSet:
    """Pairs of all lengths from half an Ångström to beyond the cutoff; atom 1 has none."""
    direction = rng.normal(size=(count, 3))
    length = rng.uniform(0.5, 1.05 * cutoff, size=(count, 1))
    centre = np.sort(rng.choice([i for i in range(atoms) if i != 1], size=count)).astype(np.int32)
    channel = rng.integers(species, size=count).astype(np.int32)
    return PairSet(
        length * direction / np.linalg.norm(direction, axis=1, keepdims=True), centre, channel, atoms, species
    )


def first_pairs(pairs: PairSet) -> np.ndarray:
    """Where the pairs of each atom begin."""
    return np.searchsorted(pairs.centre, np.arange(pairs.atoms + 1))


def _numpy_voxels(module: ModuleType, grid: Cubes) -> Painter:
    def deposit(p: PairSet) -> np.ndarray:
        return module.deposit(p.offset, p.centre, p.channel, shape=(p.atoms, p.species), grid=grid)

    def gather(field: np.ndarray, p: PairSet) -> np.ndarray:
        return module.gather(field, p.offset, p.centre, p.channel, grid=grid)

    def deposit_tangent(tangent: np.ndarray, p: PairSet) -> np.ndarray:
        return module.deposit_tangent(tangent, p.offset, p.centre, p.channel, shape=(p.atoms, p.species), grid=grid)

    return Painter(module.__name__.rpartition(".")[2], deposit, gather, deposit_tangent)


def _tensors(p: PairSet, device: str) -> tuple[torch.Tensor, ...]:
    return (
        torch.from_numpy(p.offset).to(device),
        torch.from_numpy(p.centre).to(device, torch.long),
        torch.from_numpy(p.channel).to(device, torch.long),
    )


def _torch(module: ModuleType, device: str, **options: Cubes | Expansion) -> Painter:
    def deposit(p: PairSet) -> np.ndarray:
        return module.deposit(*_tensors(p, device), shape=(p.atoms, p.species), **options).cpu().numpy()

    def gather(field: np.ndarray, p: PairSet) -> np.ndarray:
        return module.gather(torch.from_numpy(field).to(device), *_tensors(p, device), **options).cpu().numpy()

    def deposit_tangent(tangent: np.ndarray, p: PairSet) -> np.ndarray:
        moved = torch.from_numpy(tangent).to(device)
        out = module.deposit_tangent(moved, *_tensors(p, device), shape=(p.atoms, p.species), **options)
        return out.cpu().numpy()

    return Painter(f"gpu on {device}", deposit, gather, deposit_tangent)


def voxel_painters(grid: Cubes) -> dict[str, Painter]:
    """The three spellings of the voxel density, and the last one on a GPU where there is one."""
    painters = [_numpy_voxels(voxel_reference, grid), _numpy_voxels(voxel_cpu, grid)]
    painters += [_torch(voxel_gpu, device, grid=grid) for device in _devices()]
    return {p.name: p for p in painters}


def density_painters(expansion: Expansion) -> dict[str, Painter]:
    """The two implementations of the coefficients, likewise."""

    def deposit(p: PairSet) -> np.ndarray:
        return density_cpu.deposit(p.offset, first_pairs(p), p.channel, species=p.species, expansion=expansion)

    def gather(field: np.ndarray, p: PairSet) -> np.ndarray:
        return density_cpu.gather(field, p.offset, first_pairs(p), p.channel, expansion=expansion)

    def deposit_tangent(tangent: np.ndarray, p: PairSet) -> np.ndarray:
        return density_cpu.deposit_tangent(
            tangent, p.offset, first_pairs(p), p.channel, species=p.species, expansion=expansion
        )

    painters = [Painter("cpu", deposit, gather, deposit_tangent)]
    painters += [_torch(density_torch, device, expansion=expansion) for device in _devices()]
    return {p.name: _atoms_first(p) for p in painters}


def _atoms_first(painter: Painter) -> Painter:
    """Coefficients have the harmonic as first axis; laws need the atom first."""

    def swapped(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array.swapaxes(0, 1))

    return Painter(
        painter.name,
        lambda p: swapped(painter.deposit(p)),
        lambda field, p: painter.gather(swapped(field), p),
        lambda tangent, p: swapped(painter.deposit_tangent(tangent, p)),
    )


def _devices() -> list[str]:
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
