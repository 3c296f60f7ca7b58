"""Molecular dynamics with checkpoints, exact restarts and detection of divergence.

A run is a sequence of segments, ``checkpoint`` steps each.  A segment depends only on the
``State`` that it starts from: positions, momenta, cell, momentum of the piston, random
numbers.  A run continued from its checkpoint is therefore the same to the last bit as
one that was never stopped, if the calculator gives the same forces for the same atoms;
``VoxPotCalculator`` does, as its neighbour lists are rebuilt for every segment.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase import units

from ase_voxpot.errors import ConfigError, DivergenceError, ExtrapolationError, StructureError
from ase_voxpot.md.integrators import BUILD, PISTONS, Plan, freedom
from ase_voxpot.md.records import Sample, State
from ase_voxpot.peers import stress_or_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from ase_voxpot.md.guard import Guard
    from ase_voxpot.md.records import Records

__all__ = ["Plan", "Summary", "reload", "run", "summarise"]

HOTTEST = 20_000.0
"""K, beyond which (or ten times the target) a run counts as diverged."""
LONGEST = 1.0
"""Å, step of an atom beyond which a run counts as diverged."""
SWELLING = 4.0
"""Factor of the volume, either way, beyond which a run counts as diverged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Averages over the second half of a run."""

    temperature: float  # K
    potential: float  # eV/atom
    pressure: float | None  # GPa
    volume: float | None  # Å³/atom
    drift: float  # meV/atom/ps, slope of the total energy over the whole run; an error only in nve


def run(
    atoms: Atoms,
    plan: Plan,
    records: Records,
    *,
    start: Literal["anew", "checkpoint"] = "anew",
    observe: Callable[[Sample], None] = lambda sample: None,
    guard: Guard | None = None,
) -> list[Sample]:
    """Run ``plan`` and write ``md.records``; all samples, those before a restart included.

    Args:
        atoms: with a calculator; changed in place.  Momenta are kept if there are any, else
            drawn for the temperature, with a total of zero.
        plan: what to run.
        records: where to write.
        start: ``checkpoint`` continues the run of ``md.records`` up to ``plan.steps``.
        observe: called with every new sample.
        guard: checks every step; requires a calculator with uncertainty.

    Raises:
        ConfigError: files of another run exist, or of another plan.
        DataError: nothing to continue from.
        StructureError: the structure has no energy, or no volume for npt.
        DivergenceError: positions, temperature or volume diverge; the records end there.
        ExtrapolationError: the guard stops the run; the records end with that step.
    """
    _refuse_unfit(atoms, plan)
    if start == "checkpoint":
        state = _continued(records.load(), atoms, plan)
        samples = records.resume(state.step, interval=plan.interval, atoms=len(atoms))
        _restore(atoms, state)
    else:
        atoms.get_potential_energy()  # raises before any file is made if the structure has no energy
        records.begin()
        state = _fresh(atoms, plan)
        samples = [_sample(atoms, plan, 0)]
        records.add(samples[0], _frame(atoms, samples[0]))
        records.save(state)
    volume = samples[0].volume

    def keep(step: int) -> None:
        samples.append(_sample(atoms, plan, step))
        records.add(samples[-1], _frame(atoms, samples[-1]))
        observe(samples[-1])

    def take(step: int) -> None:
        _watch(atoms, plan, step, volume)
        if step % plan.interval == 0:
            keep(step)
        _look(guard, atoms, step, lambda: None if step % plan.interval == 0 else keep(step))

    while state.step < plan.steps:
        stop = min(plan.steps, (state.step // plan.checkpoint + 1) * plan.checkpoint)
        state = _segment(atoms, plan, state, stop, take)
        records.save(state)
    return samples


def reload(atoms: Atoms, plan: Plan, records: Records) -> list[Sample] | None:
    """The samples of a completed run, with ``atoms`` set to its last frame; None if it is not complete.

    Args:
        atoms: the initial structure.
        plan: of the run.
        records: where it was written to.

    Raises:
        ConfigError: it was started with other atoms or another plan.
        DataError: its files are damaged.
    """
    if not records.checkpoint.is_file():
        return None
    state = records.load()
    _refuse_other(state, atoms, plan)
    if state.step < plan.steps:
        return None
    samples = records.resume(state.step, interval=plan.interval, atoms=len(atoms))
    _restore(atoms, state)
    return samples


def _refuse_unfit(atoms: Atoms, plan: Plan) -> None:
    if plan.ensemble not in PISTONS:
        return
    if not atoms.pbc.all():
        raise StructureError(f"{plan.ensemble} needs a cell periodic in three directions; use nvt, or set cell and pbc")
    if atoms.constraints:
        raise StructureError(f"{plan.ensemble} cannot keep constraints while the cell changes; use nvt, or remove them")


def _fresh(atoms: Atoms, plan: Plan) -> State:
    """The state at step 0, with momenta."""
    rng = np.random.default_rng(plan.seed)
    if not atoms.get_momenta().any():
        masses = atoms.get_masses()[:, None]
        momenta = rng.normal(size=(len(atoms), 3)) * np.sqrt(masses * units.kB * plan.temperature)
        if len(atoms) > 1:
            momenta -= masses * momenta.sum(axis=0) / masses.sum()
        atoms.set_momenta(momenta)
        if atoms.get_kinetic_energy() > 0:
            atoms.set_momenta(atoms.get_momenta() * np.sqrt(plan.temperature / _temperature(atoms, plan)))
    return _state(atoms, plan, step=0, rng=rng, barostat=0.0)


def _state(atoms: Atoms, plan: Plan, *, step: int, rng: np.random.Generator, barostat: float) -> State:
    return State(
        step=step,
        numbers=atoms.numbers.copy(),
        positions=atoms.positions.copy(),
        momenta=atoms.get_momenta(),
        cell=atoms.cell.array.copy(),
        barostat=barostat,
        generator=dict(rng.bit_generator.state),
        plan=asdict(plan),
    )


def _continued(state: State, atoms: Atoms, plan: Plan) -> State:
    """The state of a checkpoint, if it belongs to the structure and the plan at hand, and is not the last."""
    _refuse_other(state, atoms, plan)
    if state.step >= plan.steps:
        raise ConfigError(f"restart: the run has {state.step} steps already; ask for more than that")
    return state


def _refuse_other(state: State, atoms: Atoms, plan: Plan) -> None:
    if not np.array_equal(state.numbers, atoms.numbers):
        raise ConfigError("restart: the checkpoint holds other atoms than the structure; give the one it began with")
    now, then = asdict(plan), dict(state.plan)
    changed = [name for name in now if name != "steps" and now[name] != then.get(name)]
    if changed:
        name = changed[0]
        raise ConfigError(
            f"restart: the run was begun with {name} {then.get(name)}, got {now[name]}; "
            "keep it, or begin a new run from the last frame"
        )


def _restore(atoms: Atoms, state: State) -> None:
    atoms.set_cell(state.cell)
    atoms.set_positions(state.positions, apply_constraint=False)
    atoms.set_momenta(state.momenta, apply_constraint=False)


def _segment(atoms: Atoms, plan: Plan, state: State, stop: int, take: Callable[[int], None]) -> State:
    """One segment, from a state to the next."""
    rng = np.random.default_rng()
    rng.bit_generator.state = state.generator
    forget: Any = getattr(atoms.calc, "forget", lambda: None)
    forget()
    dynamics: Any = BUILD[plan.ensemble](atoms, plan, rng, state.barostat)
    for step in range(state.step + 1, stop + 1):
        try:
            dynamics.step()
        except StructureError as error:
            raise _diverged(plan, step, str(error)) from None
        take(step)
    return _state(atoms, plan, step=stop, rng=rng, barostat=float(getattr(dynamics, "p_eps", 0.0)))


def _look(guard: Guard | None, atoms: Atoms, step: int, keep: Callable[[], None]) -> None:
    """Apply the guard; the structure is stored before it ends the run."""
    try:
        if guard is not None:
            guard.look(atoms, step)
    except ExtrapolationError:
        keep()
        raise


def _watch(atoms: Atoms, plan: Plan, step: int, volume: float | None) -> None:
    """Raise DivergenceError if temperature, volume or positions diverge."""
    moved = np.abs(atoms.get_velocities()).max() * plan.timestep * units.fs
    if not (np.isfinite(atoms.positions).all() and np.isfinite(moved)):
        raise _diverged(plan, step, "positions or momenta are not finite")
    limit = max(HOTTEST, 10 * plan.temperature)
    if atoms.get_temperature() > limit:
        raise _diverged(plan, step, f"the temperature passed {limit:.0f} K")
    if moved > LONGEST:
        raise _diverged(plan, step, f"an atom moved {moved:.1f} Å in one step")
    if volume is not None and not 1 / SWELLING < atoms.get_volume() / volume < SWELLING:
        raise _diverged(plan, step, f"the volume changed by more than a factor of {SWELLING:g}")


def _diverged(plan: Plan, step: int, reason: str) -> DivergenceError:
    return DivergenceError(
        f"the run diverged at step {step} ({reason}); try a shorter timestep than {plan.timestep:g} fs, "
        "a relaxed structure or another model"
    )


def _sample(atoms: Atoms, plan: Plan, step: int) -> Sample:
    potential, kinetic = float(atoms.get_potential_energy()), float(atoms.get_kinetic_energy())
    pressure = volume = None
    if atoms.pbc.all():
        volume = float(atoms.get_volume())
        pressure = float(-atoms.get_stress(include_ideal_gas=True)[:3].mean() / units.GPa)
    result = getattr(atoms.calc, "results", {})
    return Sample(
        step=step,
        time=step * plan.timestep,
        temperature=_temperature(atoms, plan),
        potential=potential,
        kinetic=kinetic,
        total=potential + kinetic,
        pressure=pressure,
        volume=volume,
        uncertainty=result.get("energy_uncertainty"),
        extrapolation=result.get("extrapolation"),
    )


def _temperature(atoms: Atoms, plan: Plan) -> float:
    """K, over the thermal degrees of freedom of the ensemble."""
    if plan.ensemble != "svr":
        return float(atoms.get_temperature())
    return float(2 * atoms.get_kinetic_energy() / (units.kB * freedom(atoms, plan)))


def _frame(atoms: Atoms, sample: Sample) -> Atoms:
    """A copy with its results, for trajectories; with energies of atoms and uncertainties, if they were computed."""
    from ase.calculators.singlepoint import SinglePointCalculator

    moment = {"step": sample.step, "time": sample.time}
    if sample.extrapolation is not None:
        frame: Atoms = atoms.calc.frozen(atoms)
        known = ("energy_uncertainty", "extrapolation")
        frame.info = moment | {name: frame.info[name] for name in known}
        return frame
    frame = atoms.copy()
    results = {"energy": sample.potential, "forces": atoms.get_forces(apply_constraint=False)}
    frame.calc = SinglePointCalculator(frame, **results, stress=stress_or_none(atoms, apply_constraint=False))
    frame.info = moment
    return frame


def summarise(samples: list[Sample], atoms: int) -> Summary:
    """Averages over the second half of the samples of ``atoms`` atoms, and the drift."""
    half = samples[len(samples) // 2 :]

    def mean(name: str) -> float:
        return float(np.mean([getattr(s, name) for s in half]))

    periodic = half[0].pressure is not None
    drift = 0.0
    if len(samples) > 1:
        time = np.array([s.time for s in samples]) / 1000
        drift = 1000 * float(np.polyfit(time, [s.total / atoms for s in samples], 1)[0])
    return Summary(
        temperature=mean("temperature"),
        potential=mean("potential") / atoms,
        pressure=mean("pressure") if periodic else None,
        volume=mean("volume") / atoms if periodic else None,
        drift=drift,
    )
