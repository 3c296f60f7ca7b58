"""Energies of configurations from a potential with a cutoff: only atoms near a changed site are evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from ase.units import kB

from ase_voxpot.baseline.energies import zbl
from ase_voxpot.engines.cpu.engine import CpuEngine
from ase_voxpot.errors import DivergenceError
from ase_voxpot.montecarlo.kernels import Geometry, State, batch_buffers, refresh, walk
from ase_voxpot.montecarlo.walkers import Walker
from ase_voxpot.neighbours.loops import close as near
from ase_voxpot.neighbours.verlet import Pairs, VerletList, species_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float, Int

    from ase_voxpot.montecarlo.walkers import Tally, Terms
    from ase_voxpot.potential import Potential

__all__ = ["CompiledWalker", "LocalWalker", "local_walker"]


def local_walker(atoms: Atoms, potential: Potential) -> LocalWalker:
    """The fastest walker that ``potential`` allows.

    Raises:
        StructureError: one of its kinds, if the structure has no energy.
    """
    compiled = isinstance(potential.engine, CpuEngine)
    return (CompiledWalker if compiled else LocalWalker)(atoms, potential)


class LocalWalker(Walker):
    """A walker that evaluates the atoms within the cutoff of a changed site, by any potential on any device."""

    def __init__(self, atoms: Atoms, potential: Potential) -> None:
        """Begin at ``atoms``; arguments and errors as ``local_walker``."""
        self.potential, self.elements = potential, potential.spec.species
        self.renew(atoms)

    def renew(self, atoms: Atoms) -> None:
        """Look for neighbours and compute all energies anew."""
        self._atoms = atoms.copy()
        self._atoms.calc = None
        self.species = species_indices(atoms.get_chemical_symbols(), self.elements)
        self.pairs = VerletList(self.potential.cutoff).update(self._atoms)
        self.energies = np.empty(len(atoms))
        self._evaluate_all()

    def _evaluate_all(self) -> None:
        self.energies[:] = self.potential.of_pairs(self.pairs, self.species, forces=False)[0]

    @property
    def energy(self) -> float:
        """eV, the sum over the atoms."""
        return float(self.energies.sum())

    def atoms(self) -> Atoms:
        """The structure with the present species."""
        out = self._atoms.copy()
        out.symbols = [self.elements[k] for k in self.species]
        return out

    def change(self, sites: Sequence[int], kinds: Sequence[int]) -> float:
        """eV, over the atoms within the cutoff of one of the sites."""
        self._before = [(i, int(self.species[i])) for i in sites]
        self.species[list(sites)] = kinds
        self._touched = self._seeing(sites)
        self._fresh = self._of(self._touched)
        return float((self._fresh - self.energies[self._touched]).sum())

    def settle(self, accept: bool) -> None:
        """Keep the energies, or restore the species."""
        if accept:
            self.energies[self._touched] = self._fresh
            return
        for i, kind in self._before:
            self.species[i] = kind

    def _seeing(self, sites: Sequence[int]) -> Int[np.ndarray, " touched"]:
        first, neighbour = self.pairs.first, self.pairs.neighbour
        return np.unique(np.concatenate([[i, *neighbour[first[i] : first[i + 1]]] for i in sites]))

    def _of(self, some: Int[np.ndarray, " touched"]) -> Float[np.ndarray, " touched"]:
        """Energies of some atoms, which come first; all others follow as their neighbours."""
        first = self.pairs.first
        rows = np.concatenate([np.arange(first[i], first[i + 1]) for i in some])
        centre = np.repeat(np.arange(len(some), dtype=np.int32), np.diff(first)[some])
        neighbour = self.pairs.neighbour[rows] + np.int32(len(some))
        pairs = Pairs(centre, neighbour, self.pairs.offset[rows], len(some))
        species = np.concatenate([self.species[some], self.species])
        return self.potential.of_pairs(pairs, species, forces=False)[0]


class CompiledWalker(LocalWalker):
    """The same for steerable potentials on the CPU, with the whole walk compiled."""

    def renew(self, atoms: Atoms) -> None:
        """Look for neighbours and compute all energies anew."""
        self._geometry: Geometry | None = None
        super().renew(atoms)

    def _evaluate_all(self) -> None:
        self._prepare()
        self.energies[:] = self._of(np.arange(len(self.species)))

    def _prepare(self) -> None:
        pairs, potential = self.pairs, self.potential
        engine = cast("CpuEngine", potential.engine)
        most = int(np.diff(pairs.first).max(initial=1))
        if self._geometry is None:
            self._geometry = _geometry(pairs, potential)
            self._batch = batch_buffers(pairs.atoms, most)
        weights, pair_buffers, buffers = engine.parts(most)
        self._place = (pair_buffers, weights, buffers)
        self._nothing = np.empty((0, 0), weights.mean.dtype)

    def _of(self, some: Int[np.ndarray, " touched"]) -> Float[np.ndarray, " touched"]:
        order = some[np.argsort(self.species[some], kind="stable")]
        fresh = self._batch.fresh
        refresh(order, self.species, self._geometry, self._place, self._nothing, fresh)
        return fresh[some]

    def walk(self, trials: int, temperature: float, terms: Terms, rng: np.random.Generator, tally: Tally) -> None:
        """The steps of the reference, compiled; arguments and errors as there."""
        state = State(self.species, self.energies, self.counts(terms))
        sound = walk(
            rng,
            trials,
            terms.flips,
            1 / (kB * temperature),
            terms.bias,
            terms.kinds,
            terms.sites,
            self._geometry,
            state,
            self._batch,
            self._place,
            self._nothing,
            (tally.trials, tally.accepted),
        )
        if not sound:
            raise DivergenceError("the energy of a trial is not a number; check the structure and the model")


def _geometry(pairs: Pairs, potential: Potential) -> Geometry:
    """The pairs, and the ZBL energies of close pairs for any two species."""
    baseline = potential.baseline
    close = near(pairs.offset, baseline.outer)
    r = np.linalg.norm(pairs.offset[close], axis=1)
    kinds = len(baseline.charge)
    value = np.empty((len(close), kinds, kinds))
    for a in range(kinds):
        for b in range(kinds):
            za, zb = (np.full(len(close), baseline.charge[k]) for k in (a, b))
            value[:, a, b] = 0.5 * zbl(r, za, zb, inner=baseline.inner, outer=baseline.outer)[0]
    counts = np.bincount(pairs.centre[close], minlength=pairs.atoms)
    first = np.concatenate([[0], np.cumsum(counts)])
    neighbour = pairs.neighbour[close]
    return Geometry(pairs.first, pairs.neighbour, pairs.offset, first, neighbour, value, baseline.reference)
