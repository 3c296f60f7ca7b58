"""Compile all functions that models need and store them in the cache, as in containers and on clusters.

>>> for done in warm_up("motaw", "float32"):  # doctest: +SKIP
...     print(done)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from ase_voxpot.compiled import places, store
from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from ase_voxpot.potential import Potential

__all__ = ["Done", "choose_place", "contents", "warm_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Compiled and loaded functions of one use of a model."""

    name: str
    seconds: float
    compiled: int  # number of functions compiled
    loaded: int  # number of functions loaded from the cache


def choose_place(*, shared: bool = False) -> Path:
    """The folder to fill: that of this user, or with ``shared`` the one beside the package, for all its users.

    Raises:
        ConfigError: it cannot be written to.
    """
    place = places.package() if shared else places.own()
    if place is None:
        raise ConfigError("expected a home folder for what is compiled, got none; set VOXPOT_CACHE or use --shared")
    try:
        places.make(place)
    except OSError as error:
        remedy = "run this as the owner of the installation" if shared else "use --shared"
        raise ConfigError(
            f"{place}: expected a folder that can be written to, got {error.strerror}; set VOXPOT_CACHE or {remedy}"
        ) from None
    if shared:
        places.keep_only_in(place)
    return place


def contents(place: Path) -> tuple[int, int]:
    """How many functions a folder holds, and how many bytes."""
    sizes = [path.stat().st_size for path in place.glob("*.kernel")]
    return len(sizes), sum(sizes)


def warm_up(model: str | Path, dtype: Literal["float32", "float64"]) -> Iterator[Done]:
    """Run every use of a model on the CPU, each with a few atoms.

    Raises:
        VoxPotError: there is no such model.
    """
    from ase_voxpot.weights import load_potential

    potential = load_potential(model, device="cpu", dtype=dtype)
    for name, work in WAYS.items():
        before, start = dict(store.counts), time.perf_counter()
        work(potential)
        made = {key: store.counts[key] - before[key] for key in before}
        yield Done(name=name, seconds=time.perf_counter() - start, **made)


def _crystal(potential: Potential) -> Atoms:
    species = potential.spec.species
    cell = 3.2 * np.eye(3)
    return Atoms([species[0], species[-1]], [[0, 0, 0], [1.6, 1.5, 1.6]], cell=cell, pbc=True)


def _step(potential: Potential) -> None:
    from ase_voxpot.calculator import VoxPotCalculator

    atoms = _crystal(potential)
    atoms.calc = VoxPotCalculator(potential)
    for _ in range(2):  # the second time with the neighbours of the first
        atoms.get_forces()
        atoms.positions[1] += 0.01
    atoms.positions[1] = atoms.positions[0]  # atoms that overlap are reported by functions of their own
    try:
        atoms.get_forces()
    except ValueError:
        return


def _evaluate_many(potential: Potential) -> None:
    potential.evaluate([_crystal(potential), _crystal(potential)])


def _call_from_lammps(potential: Potential) -> None:
    from ase_voxpot.engines.cpu.cfunction import NativePass
    from ase_voxpot.engines.cpu.engine import CpuEngine

    if isinstance(potential.engine, CpuEngine):
        NativePass(potential.engine, potential.baseline)


def _exchange(potential: Potential) -> None:
    from ase_voxpot.montecarlo.ensembles import Canonical
    from ase_voxpot.montecarlo.local import local_walker
    from ase_voxpot.montecarlo.walkers import Tally, terms_of

    if len(potential.spec.species) < 2:
        return
    walker = local_walker(_crystal(potential), potential)
    terms = terms_of(Canonical(), walker.elements, walker.species)
    walker.walk(1, 1000.0, terms, np.random.default_rng(0), Tally.of(len(walker.elements)))


WAYS = {
    "calculator, dynamics": _step,
    "many structures": _evaluate_many,
    "LAMMPS": _call_from_lammps,
    "Monte Carlo": _exchange,
}
"""Uses of a model, and the function that compiles all code for each."""
