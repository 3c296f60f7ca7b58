"""A Monte Carlo run from a plan: samples, frames, checkpoints.

A run continued from its checkpoint is the same to the last bit as one that was never stopped, if
the calculator gives the same energy for the same atoms: energies of a ``Potential`` do not
depend on how a configuration was reached, and dynamics rebuild their neighbour lists.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.montecarlo.meters import Meter
from ase_voxpot.montecarlo.order import local_order
from ase_voxpot.montecarlo.records import State
from ase_voxpot.montecarlo.replicas import Replica, exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Int

    from ase_voxpot.montecarlo.order import Lattice
    from ase_voxpot.montecarlo.plan import Plan
    from ase_voxpot.montecarlo.records import Records, Row

__all__ = ["Outcome", "run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Results of a run."""

    rows: list[Row]  # all samples of all replicas
    replicas: list[Replica]
    meter: Meter
    exchanges: Int[np.ndarray, "2 pair"]  # tried and accepted, between neighbouring temperatures

    def report(self) -> dict[str, Any]:
        """Averages, JSON-ready; see ``Meter.report``."""
        return self.meter.report(self.rows, self.replicas, self.exchanges)


def run(
    atoms: Atoms,
    plan: Plan,
    records: Records,
    *,
    start: Literal["anew", "checkpoint"] = "anew",
    observe: Callable[[int, list[Row]], None] = lambda sample, rows: None,
) -> Outcome:
    """Run ``plan`` and write ``md.records``; a complete run that is continued is only read.

    Args:
        atoms: with a calculator; order parameters refer to its sites if these form a crystal.
        plan: what to run.
        records: where to write.
        start: ``checkpoint`` continues the run of ``md.records``.
        observe: called with every new sample, and its rows.

    Raises:
        ConfigError: files of another run or of another plan exist; nothing to exchange.
        DataError: nothing to continue from.
        StructureError: the structure has no energy.
        DivergenceError: an energy is not a number.
    """
    seeds = np.random.SeedSequence(plan.seed).spawn(len(plan.temperatures) + 1)
    *generators, common = (np.random.default_rng(s) for s in seeds)
    replicas = [Replica(atoms, plan, rng) for rng in generators]
    exchanges = np.zeros((2, max(len(replicas) - 1, 0)), np.int64)
    meter = Meter(atoms, plan, replicas[0])
    if start == "checkpoint":
        state = _continued(records.load(), atoms, plan)
        _restore(atoms, replicas, common, exchanges, state)
        frames = (state.sample // plan.frames + 1) * len(replicas)
        rows = records.resume((state.sample + 1) * len(replicas), frames, len(atoms))
        first = state.sample
    else:
        rows = [meter.row(r, k, 0, plan.at(k, 0)) for k, r in enumerate(replicas)]
        records.start_log(rows[0])
        for k, row in enumerate(rows):
            records.add(row)
            records.add_frame(_frame(replicas[k], row, meter.lattice))
        first = 0
        records.save(_state(replicas, common, exchanges, plan, 0))
    for sample in range(first, plan.samples):
        new = _to_next(replicas, plan, sample, common, exchanges, meter)
        rows += new
        for k, row in enumerate(new):
            records.add(row)
            if (sample + 1) % plan.frames == 0:
                records.add_frame(_frame(replicas[k], row, meter.lattice))
        if (sample + 1) % plan.checkpoint == 0 or sample + 1 == plan.samples:
            records.save(_state(replicas, common, exchanges, plan, sample + 1))
            for replica in replicas:  # as in a continued run
                replica.walker.renew(replica.walker.atoms())
        observe(sample + 1, new)
    return Outcome(rows, replicas, meter, exchanges)


def _to_next(
    replicas: list[Replica],
    plan: Plan,
    sample: int,
    common: np.random.Generator,
    exchanges: np.ndarray,
    meter: Meter,
) -> list[Row]:
    """From one sample to the next."""
    temperatures = [plan.at(k, sample) for k in range(len(replicas))]
    for replica, temperature in zip(replicas, temperatures, strict=True):
        sites = len(replica.terms.sites)
        trials = round((sample + 1) * plan.interval * sites) - round(sample * plan.interval * sites)
        replica.advance(trials, temperature, plan.burst)
    exchange(replicas, temperatures, sample, common, exchanges)
    return [meter.row(r, k, sample + 1, temperatures[k]) for k, r in enumerate(replicas)]


def _frame(replica: Replica, row: Row, lattice: Lattice | None) -> Atoms:
    """A configuration with its energy and the order of the first two shells around every site."""
    from ase.calculators.singlepoint import SinglePointCalculator

    frame = replica.walker.atoms()
    if lattice is not None:
        for s, shell in enumerate(lattice.shells[:2], 1):
            kinds = len(replica.walker.elements)
            frame.set_array(f"warren_cowley_{s}", local_order(replica.walker.species, kinds, shell))
    if replica.momenta.any():
        frame.set_momenta(replica.momenta)
    frame.calc = SinglePointCalculator(frame, energy=row["energy_eV"])
    frame.info = {name: row[name] for name in ("sweep", "replica", "temperature_K")}
    return frame


def _state(
    replicas: list[Replica], common: np.random.Generator, exchanges: np.ndarray, plan: Plan, sample: int
) -> State:
    structures = [r.walker.atoms() for r in replicas]
    return State(
        sample=sample,
        numbers=np.array([a.numbers for a in structures]),
        positions=np.array([a.positions for a in structures]),
        momenta=np.array([r.momenta for r in replicas]),
        cells=np.array([a.cell.array for a in structures]),
        trials=np.array([r.tally.trials for r in replicas]),
        accepted=np.array([r.tally.accepted for r in replicas]),
        exchanges=exchanges.copy(),
        barostats=[r.barostat for r in replicas],
        generators=[dict(g.bit_generator.state) for g in (*(r.rng for r in replicas), common)],
        plan=_plain(plan),
    )


def _plain(plan: Plan) -> dict[str, Any]:
    """A plan as a JSON object."""
    import json

    plain: dict[str, Any] = json.loads(json.dumps({**asdict(plan), "kind": plan.ensemble.name}))
    return plain


def _continued(state: State, atoms: Atoms, plan: Plan) -> State:
    """The state of a checkpoint, if it belongs to the structure and the plan at hand."""
    now, then = _plain(plan), dict(state.plan)
    changed = [n for n in now if n != "sweeps" and now[n] != then.get(n)]
    if changed:
        name = changed[0]
        raise ConfigError(f"restart: the run was begun with {name} {then.get(name)}, got {now[name]}; keep it")
    if plan.final_temperature is not None and now["sweeps"] != then.get("sweeps"):
        raise ConfigError("restart: an annealing cannot be made longer; begin a new run from its last frame")
    if state.numbers.shape != (len(plan.temperatures), len(atoms)):
        raise ConfigError("restart: the checkpoint holds other atoms than the structure; give the one it began with")
    if state.sample > plan.samples:
        raise ConfigError(f"restart: the run has {state.sample * plan.interval:g} sweeps already; ask for no fewer")
    return state


def _restore(
    atoms: Atoms, replicas: list[Replica], common: np.random.Generator, exchanges: np.ndarray, state: State
) -> None:
    try:
        for k, replica in enumerate(replicas):
            structure = atoms.copy()
            structure.numbers = state.numbers[k]
            structure.set_cell(state.cells[k])
            structure.set_positions(state.positions[k], apply_constraint=False)
            replica.walker.renew(structure)
            replica.momenta = state.momenta[k].copy()
            replica.barostat = float(state.barostats[k])
            replica.tally.trials[:], replica.tally.accepted[:] = state.trials[k], state.accepted[k]
            replica.rng.bit_generator.state = state.generators[k]
        common.bit_generator.state = state.generators[-1]
        exchanges[:] = state.exchanges
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DataError(f"restart: the checkpoint does not fit the structure and the model ({error})") from None
