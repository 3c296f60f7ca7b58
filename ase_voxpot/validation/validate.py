"""All comparisons of one model with one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DataError, DivergenceError
from ase_voxpot.neighbours.verlet import species_indices
from ase_voxpot.validation.comparison import (
    by_magnitude,
    compare_energies,
    compare_forces,
    compare_stress,
    predict,
    trust_in_forces,
)
from ase_voxpot.validation.sampling import conditions, sample
from ase_voxpot.validation.settings import cautions
from ase_voxpot.validation.structure import SHORTEST, describe_motion, describe_structure, distance_between
from ase_voxpot.vasp.frames import ENERGIES
from ase_voxpot.vasp.incar import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ase_voxpot.potential import Potential
    from ase_voxpot.validation.comparison import EnergyErrors, ForceErrors, Predicted, StressErrors, Trust
    from ase_voxpot.validation.sampling import Conditions, Sampled
    from ase_voxpot.validation.structure import Motion, Structure
    from ase_voxpot.vasp.frames import Run

__all__ = ["Validation", "validate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Results of a comparison; None where the run has no data."""

    model: str
    run: Run
    scored: Run  # the frames of the run that energies, forces and stress are compared on
    cautions: tuple[str, ...]
    predicted: Predicted  # for the scored frames
    energies: dict[str, EnergyErrors]  # the first is used by the verdict
    forces: ForceErrors | None
    by_element: dict[str, ForceErrors]
    by_magnitude: list[tuple[float, float, ForceErrors]]
    stress: StressErrors | None
    trust: Trust | None
    plan: Conditions | None
    sampled: Sampled | None
    structures: tuple[Structure, Structure | None]  # of the run, of the model
    motions: tuple[Motion | None, Motion | None]

    def structure_difference(self) -> tuple[float, float] | None:
        """That of g(r) between run and model, and between the halves of the run."""
        reference, mine = self.structures
        if mine is None or reference.halves is None:
            return None
        one, two = reference.halves
        return (
            distance_between(reference.whole.rdf["all"], mine.whole.rdf["all"]),
            distance_between(one.rdf["all"], two.rdf["all"]),
        )

    def vibrations_in_common(self) -> float | None:
        """Common area of both densities of states."""
        reference, mine = self.motions
        if reference is None or mine is None:
            return None
        other = np.interp(reference.frequency, mine.frequency, mine.density)
        return 1 - distance_between(reference.density, other)

    def to_json(self) -> dict[str, Any]:
        """All figures, without the arrays of frames."""
        run, plan = self.run, self.plan
        return {
            "model": self.model,
            "run": {
                "source": run.source,
                "kind": run.kind,
                "frames": len(run),
                "frames_scored": len(self.scored),
                "frames_unconverged": len(run.unconverged),
                "atoms": len(run.symbols),
                "formula": next(run.atoms()).get_chemical_formula(),
                "interval_fs": run.interval,
                "volume_A3_per_atom": float(run.volumes.mean() / len(run.symbols)),
                "stretches": len(run.starts),
                "settings": run.settings,
                "notes": list(run.notes),
            },
            "cautions": list(self.cautions),
            "energy_judged": next(iter(self.energies), None),
            "energy_meV_per_atom": {name: asdict(e) for name, e in self.energies.items()},
            "forces_meV_per_A": None if self.forces is None else asdict(self.forces),
            "forces_by_element": {s: asdict(e) for s, e in self.by_element.items()},
            "forces_by_magnitude": [{"from": a, "to": b, **asdict(e)} for a, b, e in self.by_magnitude],
            "stress_GPa": None if self.stress is None else asdict(self.stress),
            "uncertainty": None if self.trust is None else asdict(self.trust),
            "dynamics": None
            if plan is None
            else {
                "temperature_K": plan.temperature,
                "temperature_from": plan.source,
                "frames": plan.frames,
                "interval_fs": plan.interval,
                "timestep_fs": plan.timestep,
                "seed": plan.seed,
                "finished": self.sampled is not None,
            },
            "structure": [_shells(s) for s in self.structures],
            "rdf_difference": None if (d := self.structure_difference()) is None else {"model": d[0], "halves": d[1]},
            "motion": [_motion(m) for m in self.motions],
            "vibrations_in_common": self.vibrations_in_common(),
        }


def _shells(structure: Structure | None) -> dict[str, Any] | None:
    if structure is None:
        return None
    s = structure.whole
    return {
        "radius_A": s.radius.tolist(),
        "rdf": {pair: curve.tolist() for pair, curve in s.rdf.items()},
        "bond_A": s.bond,
        "coordination": s.coordination,
    }


def _motion(motion: Motion | None) -> dict[str, Any] | None:
    if motion is None:
        return None
    return {
        "interval_fs": motion.interval,
        "diffusion_A2_per_ps": motion.diffusion,
        "msd_A2": {name: curve.tolist() for name, curve in motion.displacement.items()},
        "vibrations_of_halves_differ_by": motion.noise,
        "velocity_autocorrelation": motion.correlation.tolist(),
        "frequency_THz": motion.frequency.tolist(),
        "vibrational_density_per_THz": motion.density.tolist(),
    }


def validate(
    potential: Potential,
    run: Run,
    *,
    model: str,
    card: Mapping[str, Any],
    energy: str | None = None,
    temperature: float | None = None,
    cap: int = 2000,
    seed: int = 0,
    dynamics: bool = True,
    unconverged: bool = False,
    observe: Callable[[str, int, int], None] = lambda task, done, total: None,
) -> Validation:
    """Compare a model with a run.

    Args:
        potential: the model.
        run: of VASP; without ``interval`` motion is not compared.
        model: its name.
        card: of the model.
        energy: which of ``frames.ENERGIES`` is used by the verdict; the free energy if it is there.
        temperature: K, instead of that of the run.
        cap: most frames of the dynamics.
        seed: of the dynamics.
        dynamics: whether to run the model.
        unconverged: whether frames whose electronic loop did not converge count in energies, forces and stress.
        observe: called with the name of a task, what is done and what there is.

    Raises:
        UnknownElementError: the model does not support an element.
        ConfigError: an energy that the run does not have, or no temperature.
        StructureError: a frame has no energy.
    """
    species_indices(run.symbols, potential.spec.species)
    names = _energy_names(run, energy)
    moving = number(run.settings, "IBRION") in (None, 0.0)
    free = dynamics and moving and not run.held
    plan = conditions(run, temperature=temperature, cap=cap, seed=seed) if free else None
    scored, notes = _scored(run, unconverged=unconverged)
    predicted = predict(potential, scored, observe=lambda done: observe("frames", done, len(scored)))
    notes += cautions(run, card)
    reference = describe_structure(run.positions, run.cells, run.symbols)
    motion = _motion_of(run, notes) if moving else None
    sampled = None if plan is None else _sampled(potential, run, plan, notes, observe)
    mine, my_motion = None, None
    if sampled is not None and plan is not None:
        cells = np.repeat(plan.cell[None], len(sampled.positions), axis=0)
        mine = describe_structure(sampled.positions, cells, run.symbols, bond=reference.whole.bond)
        if motion is not None:
            whole = [slice(0, len(cells))]
            my_motion = describe_motion(
                sampled.positions, cells, run.symbols, run.masses, interval=plan.interval, stretches=whole
            )
    kinds = np.array(run.symbols)
    groups = {s: kinds == s for s in sorted(set(run.symbols))}
    forces, stress = scored.forces, scored.stress
    return Validation(
        model=model,
        run=run,
        scored=scored,
        cautions=tuple(notes),
        predicted=predicted,
        energies={name: compare_energies(scored, predicted, name) for name in names if name in scored.energies},
        forces=None if forces is None else compare_forces(forces, predicted.forces),
        by_element={}
        if forces is None
        else {s: compare_forces(forces[:, chosen], predicted.forces[:, chosen]) for s, chosen in groups.items()},
        by_magnitude=[] if forces is None else by_magnitude(forces, predicted.forces),
        stress=None if stress is None or np.isnan(stress).all() else compare_stress(stress, predicted.stress),
        trust=trust_in_forces(scored, predicted),
        plan=plan,
        sampled=sampled,
        structures=(reference, mine),
        motions=(motion, my_motion),
    )


def _energy_names(run: Run, wanted: str | None) -> list[str]:
    """Those that the run has, the wanted one first."""
    names = [name for name in ENERGIES if name in run.energies]
    if wanted is None:
        return names
    if wanted not in names:
        raise ConfigError(
            f"energy: expected one of {', '.join(names) or 'none'}, which {run.source} has, got {wanted!r}"
        )
    return [wanted, *(n for n in names if n != wanted)]


def _scored(run: Run, *, unconverged: bool) -> tuple[Run, list[str]]:
    """The frames to be compared, and a sentence on those that are not."""
    bad, of = len(run.unconverged), len(run)
    if not bad:
        return run, []
    many = f"{bad} of {of} ionic steps ended without electronic convergence"
    if unconverged:
        return run, [f"{many}: they count in energies, forces and stress, as asked for."]
    reported = [f"{many}: they do not count in energies, forces and stress (--unconverged counts them)."]
    if bad == of:
        return replace(run, energies={}, forces=None, stress=None), reported
    return run.only(~np.isin(np.arange(of), run.unconverged)), reported


def _motion_of(run: Run, notes: list[str]) -> Motion | None:
    if run.interval is None:
        return None
    longest = max(s.stop - s.start for s in run.stretches())
    try:
        found = describe_motion(
            run.positions, run.cells, run.symbols, run.masses, interval=run.interval, stretches=run.stretches()
        )
    except DataError as error:
        notes.append(f"Motion cannot be compared: {error}.")
        return None
    if found is None and len(run.starts) > 1:
        notes.append(
            f"Motion cannot be compared: the longest stretch of equally spaced frames has {longest}, and {SHORTEST} "
            "are needed."
        )
    return found


def _sampled(
    potential: Potential, run: Run, plan: Conditions, notes: list[str], observe: Callable[[str, int, int], None]
) -> Sampled | None:
    """The dynamics of the model; divergence is a result, not an error."""
    from ase_voxpot.calculator import VoxPotCalculator

    try:
        return sample(
            run, VoxPotCalculator(potential), plan, observe=lambda done: observe("dynamics", done, plan.frames)
        )
    except DivergenceError as error:
        notes.append(f"{str(error)[:1].upper()}{str(error)[1:]}; its structure cannot be compared.")
        return None
