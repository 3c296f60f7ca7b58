"""Grades of the results of a validation, in sentences.

The limits are those of a potential for molecular dynamics: energies that order phases, forces
accurate enough for phonons, a structure within the noise of a run of the same length.  They
are judgements, and are printed beside the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.vasp.frames import ENERGIES

if TYPE_CHECKING:
    from ase_voxpot.validation.validate import Validation

__all__ = ["GRADES", "Finding", "findings", "overall"]

GRADES = ("good", "fair", "poor")
ENERGY = (3.0, 10.0)
"""meV/atom, RMSE after the offset: good up to the first, fair up to the second."""
FORCE = (0.15, 0.30)
"""RMSE over the RMS force."""
STRESS = (0.5, 1.5)
"""GPa, MAE."""
RDF = (0.02, 0.05)
"""Difference of g(r), unless the halves of the run differ by half as much themselves."""
VIBRATIONS = (0.10, 0.20)
"""Part of the density of states that is not shared, unless the halves of the run share less."""
BEYOND = (0.05, 0.25)
"""Fraction of the frames with an extrapolation above 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the verdict."""

    name: str
    value: str
    grade: str | None  # None: reported, not judged
    meaning: str


def _grade(value: float, limits: tuple[float, float]) -> str:
    return GRADES[sum(value > limit for limit in limits)]


def findings(v: Validation) -> list[Finding]:
    """The lines of the verdict, most important first."""
    return [f for part in (_forces, _energy, _stress, _trust, _structure, _vibrations, _diffusion) for f in part(v)]


def overall(v: Validation) -> tuple[str, str]:
    """A grade and a sentence."""
    if v.plan is not None and v.sampled is None:
        return "poor", f"{v.model} cannot run this system: its dynamics ran away."
    graded = [f for f in findings(v) if f.grade]
    if not graded:
        return "fair", "This run holds nothing that the model could be judged by."
    what = "this run" if v.forces is not None else "the structure of this run"
    worst = max(graded, key=lambda f: GRADES.index(str(f.grade)))
    weak = ", ".join(f.name.lower() for f in graded if f.grade == worst.grade)
    if worst.grade == "good":
        return "good", f"{v.model} reproduces {what}."
    if worst.grade == "fair":
        return "fair", f"{v.model} reproduces {what} with reservations: {weak}."
    return "poor", f"{v.model} does not reproduce {what}: {weak}."


def _forces(v: Validation) -> list[Finding]:
    if v.forces is None:
        return []
    f = v.forces
    return [
        Finding(
            name="Forces",
            value=f"{f.rmse:.0f} meV/Å",
            grade=_grade(f.relative, FORCE),
            meaning=f"RMSE, {100 * f.relative:.1f} % of the RMS force; MAE {f.mae:.0f} meV/Å",
        )
    ]


def _energy(v: Validation) -> list[Finding]:
    if not v.energies:
        return []
    e = next(iter(v.energies.values()))
    return [
        Finding(
            name="Energy",
            value=f"{e.rmse_offset:.2f} meV/atom",
            grade=_grade(e.rmse_offset, ENERGY),
            meaning=f"RMSE after a constant of {e.offset:+.2f} meV/atom is taken off ({e.rmse:.2f} with it); "
            f"{ENERGIES[e.name]}",
        )
    ]


def _stress(v: Validation) -> list[Finding]:
    if v.stress is None:
        return []
    s = v.stress
    return [
        Finding(
            name="Stress",
            value=f"{s.mae:.2f} GPa",
            grade=_grade(s.mae, STRESS),
            meaning=f"MAE over components; mean pressure {s.reference:.2f} GPa in the run, {s.pressure:+.2f} GPa off",
        )
    ]


def _trust(v: Validation) -> list[Finding]:
    if v.predicted.extrapolation is None:
        return []
    beyond = float((v.predicted.extrapolation > 1).mean())
    return [
        Finding(
            name="Known ground",
            value=f"{100 * (1 - beyond):.0f} % of frames",
            grade=_grade(beyond, BEYOND),
            meaning=f"no less certain than those the model was validated with; at most "
            f"{v.predicted.extrapolation.max():.2f} times as uncertain as the worst of them",
        )
    ]


def _structure(v: Validation) -> list[Finding]:
    difference = v.structure_difference()
    if difference is None:
        return []
    mine, noise = difference
    return [
        Finding(
            name="Structure",
            value=f"{100 * (1 - mine):.1f} % alike",
            grade=_grade(mine, (max(RDF[0], 2 * noise), max(RDF[1], 4 * noise))),
            meaning=f"g(r) of both dynamics; the two halves of the run are {100 * (1 - noise):.1f} % alike",
        )
    ]


def _vibrations(v: Validation) -> list[Finding]:
    common, reference = v.vibrations_in_common(), v.motions[0]
    if common is None or reference is None:
        return []
    limits = (max(VIBRATIONS[0], reference.noise), max(VIBRATIONS[1], 2 * reference.noise))
    return [
        Finding(
            name="Vibrations",
            value=f"{100 * common:.0f} % in common",
            grade=_grade(1 - common, limits),
            meaning=f"of both densities of states; the two halves of the run share {100 * (1 - reference.noise):.0f} %",
        )
    ]


def _diffusion(v: Validation) -> list[Finding]:
    reference, mine = v.motions
    if reference is None or mine is None:
        return []
    middle = min(len(reference.displacement["all"]), len(mine.displacement["all"])) // 2
    ours, theirs = (float(m.displacement["all"][middle]) for m in (mine, reference))
    return [
        Finding(
            name="Displacement",
            value=f"{ours:.3f} Å²",
            grade=None,
            meaning=f"mean square after {middle * reference.interval / 1000:.2f} ps; {theirs:.3f} Å² in the run",
        )
    ]
