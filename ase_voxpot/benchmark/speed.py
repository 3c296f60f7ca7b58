"""One subprocess of ``voxpot benchmark``: sizes one after the other, calculators in turn, answers checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.benchmark.check import deviation, reference
from ase_voxpot.benchmark.counts import count, floor, sphere_points
from ase_voxpot.benchmark.machine import measure_peaks
from ase_voxpot.benchmark.memory import Growth, available
from ase_voxpot.benchmark.orders import Steps, Timing
from ase_voxpot.benchmark.systems import edges, make_system
from ase_voxpot.benchmark.timing import dynamics, in_turn, seconds
from ase_voxpot.calculator import SKIN, VoxPotCalculator
from ase_voxpot.neighbours.verlet import VerletList
from ase_voxpot.peers import Peer, parse_peer
from ase_voxpot.spec import SteerableSpec
from ase_voxpot.weights import find_model, load_potential, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ase import Atoms

    from ase_voxpot.benchmark.machine import Peaks
    from ase_voxpot.benchmark.orders import Order
    from ase_voxpot.benchmark.systems import System
    from ase_voxpot.benchmark.timing import Spread
    from ase_voxpot.potential import Potential

__all__ = ["run_speed"]

SMALL = 432
"""Largest number of atoms for which dynamics is timed."""
TELLING = 2000
"""Least number of atoms for a measurement of memory per atom."""
SHARE = 0.8
"""Share of the available memory that a structure may be expected to need."""


def run_speed(order: Order, observe: Callable[[str], None]) -> Iterator[Timing | Steps | str]:
    """Timings of every size; sizes that would not fit are left out with a sentence.

    Args:
        order: what to measure.
        observe: called with a description after every measurement.
    """
    potentials = {m: load_potential(m, device=order.device, dtype=order.dtype) for m in order.models}
    exact = {m: load_potential(m, device="cpu", dtype="float64") for m in order.models}
    peers = [parse_peer(text, patient=False) for text in order.peers]
    first = next(iter(potentials.values()))
    card = read_header(find_model(order.models[0]))["card"]
    peaks = measure_peaks(first.device, first.dtype)

    def system_of(atoms: int) -> System:
        return make_system(atoms, first.spec.species, seed=order.seed, card=card)

    _warm_up(potentials, system_of(54), observe)
    used = 0.0  # bytes per atom
    if max(order.atoms) > TELLING > min(order.atoms, default=0) or min(order.atoms) > TELLING:
        used = _probe(potentials, system_of(TELLING), observe)
    for wanted in sorted(order.atoms):
        size = 2 * edges(wanted)[0] ** 3
        left = available(first.device)
        if left is not None and used * size > SHARE * left:
            yield (
                f"{size:,} atoms are left out: about {used * size / 1e9:.1f} GB are needed, {left / 1e9:.1f} GB are "
                f"free; {int(SHARE * left / used):,} atoms would fit"
            )
            continue
        system = system_of(wanted)
        if size <= SMALL:
            yield from _steps(order, potentials, system, observe)
        for timing in _compare(order, potentials, peers, exact, system, peaks, observe):
            if size >= TELLING and timing.memory is not None:
                used = max(used, timing.memory / size)
            yield timing


def _with(calculator: Any, system: System) -> Atoms:
    atoms = system.whole()
    atoms.calc = calculator
    return atoms


def _warm_up(potentials: Mapping[str, Potential], system: System, observe: Callable[[str], None]) -> None:
    """Compile what must be compiled, outside of all measurements."""
    for name, potential in potentials.items():
        observe(f"compiling {name}")
        seconds(_with(VoxPotCalculator(potential), system))


def _probe(potentials: Mapping[str, Potential], system: System, observe: Callable[[str], None]) -> float:
    """Bytes per atom, measured on a small system."""
    found = [0.0]
    for name, potential in potentials.items():
        observe(f"memory of {name}")
        growth = Growth(potential.device)
        seconds(_with(VoxPotCalculator(potential), system))
        found.append((growth.peak() or 0) / len(system))
    return max(found)


def _steps(
    order: Order, potentials: Mapping[str, Potential], system: System, observe: Callable[[str], None]
) -> Iterator[Steps]:
    for name, potential in potentials.items():
        observe(f"dynamics of {len(system)} atoms with {name}")
        time = dynamics(_with(VoxPotCalculator(potential), system), np.random.default_rng(order.seed))
        yield Steps(name=name, atoms=len(system), threads=order.threads, device=order.device, time=time)


def _compare(
    order: Order,
    potentials: Mapping[str, Potential],
    peers: list[Peer],
    exact: Mapping[str, Potential],
    system: System,
    peaks: Peaks,
    observe: Callable[[str], None],
) -> Iterator[Timing]:
    """All calculators on one size."""
    structures: dict[str, Atoms] = {}
    memory: dict[str, int | None] = {}
    for name in (*potentials, *(peer.name for peer in peers)):
        peer = next((p for p in peers if p.name == name), None)
        calculator = VoxPotCalculator(potentials[name]) if peer is None else peer.make()  # some peers serve one size
        observe(f"{len(system):,} atoms with {name}")
        growth = Growth(potentials[order.models[0]].device if peer is None else "cpu")
        structures[name] = _with(calculator, system)
        seconds(structures[name])
        memory[name] = growth.peak()
    times = in_turn(
        system, structures, repeat=order.repeat, observe=lambda: observe(f"{len(system):,} atoms, calls in turn")
    )
    for name, atoms in structures.items():
        potential = potentials.get(name)
        yield _timing(order, name, potential, exact.get(name), atoms, system, times[name], memory[name], peaks)


def _timing(
    order: Order,
    name: str,
    potential: Potential | None,
    exact: Potential | None,
    atoms: Atoms,
    system: System,
    time: Spread,
    memory: int | None,
    peaks: Peaks,
) -> Timing:
    cutoff = 5.0 if potential is None else potential.cutoff
    pairs = len(VerletList(cutoff).update(system.tile)) / len(system.tile)
    found, least = None, None
    if potential is not None and exact is not None:
        found = deviation(
            atoms.get_potential_energy(),
            atoms.get_forces(),
            atoms.get_stress(),
            reference(exact, system.tile),
            copies=system.copies**3,
        )
        if isinstance(potential.spec.network, SteerableSpec):
            points = sphere_points(potential.spec.network)
            costs = count(potential.spec, pairs=pairs, points=points, itemsize=potential.dtype.itemsize, skin=SKIN)
            least = floor(costs, peaks)
    return Timing(
        name=name,
        peer=potential is None,
        atoms=len(system),
        pairs=pairs,
        threads=order.threads,
        device=order.device if potential is not None else "cpu",
        time=time,
        memory=memory,
        floor=least,
        deviation=found,
    )
