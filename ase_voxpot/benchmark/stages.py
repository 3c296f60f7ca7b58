"""Times of the stages of an evaluation, with their lower bounds.

Every stage runs alone, many times over, on the arrays of a real chunk of atoms; the fastest
run counts.  The time of a whole evaluation includes what lies between the stages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.benchmark.counts import count, sphere_points
from ase_voxpot.benchmark.machine import fastest, measure_peaks
from ase_voxpot.benchmark.orders import Breakdown, Stage
from ase_voxpot.benchmark.parts import parts
from ase_voxpot.benchmark.systems import make_system
from ase_voxpot.calculator import SKIN
from ase_voxpot.errors import ConfigError
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.weights import find_model, load_potential, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms

    from ase_voxpot.benchmark.orders import Order
    from ase_voxpot.potential import Potential

__all__ = ["run_breakdown"]

ENOUGH = 0.2
"""s, duration of the repeats of a stage."""
FEWEST = 5
"""Times that a stage is run."""


def run_breakdown(order: Order, observe: Callable[[str], None]) -> Iterator[Breakdown]:
    """Stages of every model on the largest of the sizes.

    Raises:
        ConfigError: a GPU, or a network whose stages are not counted.
    """
    if order.device != "cpu":
        raise ConfigError(f"breakdown: stages are measured on the CPU, got device {order.device!r}")
    for name in order.models:
        potential = load_potential(name, device="cpu", dtype=order.dtype)
        card = read_header(find_model(name))["card"]
        system = make_system(max(order.atoms), potential.spec.species, seed=order.seed, card=card)
        yield _break_down(name, potential, system.whole(), order, observe)


def _break_down(
    name: str, potential: Potential, atoms: Atoms, order: Order, observe: Callable[[str], None]
) -> Breakdown:
    network = potential.network
    if not isinstance(network, SteerableNetwork):
        raise ConfigError(f"breakdown: stages are counted for steerable networks, got {potential.spec.network.kind!r}")
    observe(f"peaks for {name}")
    peaks = measure_peaks(potential.device, potential.dtype)
    species = species_indices(atoms.get_chemical_symbols(), potential.spec.species)
    search = VerletList(potential.cutoff, skin=SKIN)
    density, points = len(search.update(atoms)) / len(atoms), sphere_points(network.spec)
    measured = {}
    for stage, (run, treated) in parts(potential, network, search.candidates(atoms), species).items():
        observe(f"{name}: {stage}")
        measured[stage] = fastest(run, enough=ENOUGH, fewest=FEWEST) / treated
    observe(f"{name}: whole")
    stages = tuple(
        Stage(
            stages=(cost.stage,),
            flops=cost.flops,
            bytes=cost.bytes,
            floor=cost.floor(peaks),
            measured=measured[cost.stage],
        )
        for cost in count(potential.spec, pairs=density, points=points, itemsize=potential.dtype.itemsize, skin=SKIN)
    )
    return Breakdown(
        name=name,
        atoms=len(atoms),
        pairs=density,
        threads=order.threads,
        dtype=order.dtype,
        peaks=peaks,
        stages=stages,
        whole=fastest(lambda: potential.evaluate(atoms, neighbours=search), enough=ENOUGH, fewest=FEWEST) / len(atoms),
    )
