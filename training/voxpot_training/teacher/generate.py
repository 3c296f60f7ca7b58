"""Molecular dynamics from many starts, with labels where the teachers agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from ase import units
from ase.calculators.calculator import all_changes
from ase.md.langevin import Langevin

from ase_voxpot.errors import ConfigError
from voxpot_training.teacher.structures import KINDS, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from ase.calculators.calculator import Calculator

    from voxpot_training.teacher.config import TeacherConfig, TeacherSpec

__all__ = ["Teachers", "frames_of_start", "make_teacher"]


def make_teacher(spec: TeacherSpec) -> Calculator:
    """Call the factory of an ASE calculator.

    Raises:
        ConfigError: it cannot be imported or called.
    """
    module, _, factory = spec.factory.partition(":")
    try:
        calculator: Calculator = getattr(import_module(module), factory)(**spec.arguments)
    except (ImportError, AttributeError, TypeError, OSError) as error:
        raise ConfigError(
            f"teacher {spec.factory!r}: expected module:factory of an ASE calculator that takes "
            f"{dict(spec.arguments)}, got {type(error).__name__} ({error})"
        ) from None
    return calculator


@dataclass(frozen=True, slots=True)
class Teachers:
    """The calculators that label, those that check forces, and the one that moves the atoms."""

    teacher: Calculator
    judges: tuple[Calculator, ...]
    driver: Calculator | None = None  # the teacher, if there is none
    energies: Calculator | None = None  # the teacher, if there is none

    def labels(self, atoms: Atoms) -> tuple[float, np.ndarray, np.ndarray, list[np.ndarray]]:
        """Energy, forces and stress, and the forces of the judges."""
        forces = []
        for judge in self.judges:
            judge.calculate(atoms, ["forces"], all_changes)
            forces.append(np.array(judge.results["forces"]))
        self.teacher.calculate(atoms, ["energy", "forces", "stress"], all_changes)
        found = self.teacher.results
        energy = found["energy"]
        if self.energies is not None:
            self.energies.calculate(atoms, ["energy"], all_changes)
            energy = self.energies.results["energy"]
        return float(energy), np.array(found["forces"]), np.array(found["stress"]), forces


def _verdict(forces: np.ndarray, judged: Sequence[np.ndarray], config: TeacherConfig) -> str:
    """``kept``, or the reason of the refusal."""
    if not np.isfinite(forces).all():
        return "diverged"
    if np.abs(forces).max() > config.force_limit:
        return "forces too large"
    size = np.sqrt((forces**2).mean()) + config.force_floor
    for other in judged:
        if not np.isfinite(other).all() or np.sqrt(((forces - other) ** 2).mean()) > config.force_disagreement * size:
            return "teachers disagree"
    return "kept"


def frames_of_start(number: int, config: TeacherConfig, teachers: Teachers, fate: Counter[str]) -> Iterator[Atoms]:
    """The labelled frames of start ``number``; always the same for the same number and seed.

    Args:
        number: of the start.
        config: kinds, temperatures, limits.
        teachers: calculators that label, check and move.
        fate: counts frames by result.
    """
    rng = np.random.default_rng([config.seed, number])
    names = sorted(config.kinds)
    shares = np.array([config.kinds[name] for name in names])
    kind = str(rng.choice(names, p=shares / shares.sum()))
    begin = start(kind, config.lattice, rng)
    temperature = max(rng.uniform(config.temperature[0], config.temperature[1]) * begin.factor, begin.least)
    atoms = begin.atoms
    atoms.calc = teachers.driver or teachers.teacher
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * spread[:, None])
    dynamics = Langevin(
        atoms, config.timestep * units.fs, temperature_K=temperature, friction=0.02 / units.fs, rng=rng, fixcm=False
    )
    first = 0 if begin.still else min(config.settle, 5) if begin.soon else config.settle
    for sample in range(1 if begin.still else config.samples):
        dynamics.run(config.stride if sample else first)
        frame = atoms.copy()
        frame.arrays.pop("momenta", None)
        volume = frame.get_volume() / sum(config.lattice[s] ** 3 / 2 for s in frame.symbols)
        if volume < config.least_volume:
            fate["squeezed too far"] += 1
            return
        if config.no_alloys[0] < volume < config.no_alloys[1] and len(set(frame.symbols)) > 1:
            fate["alloys of that volume"] += 1
            return
        energy, forces, stress, judged = teachers.labels(frame)
        verdict = _verdict(forces, judged, config)
        fate[verdict] += 1
        if verdict in ("diverged", "forces too large"):
            return
        if verdict != "kept":
            continue
        frame.calc = None
        frame.info = {
            "config_type": f"teacher_{kind}",
            "note": f"{number}",
            "temperature": round(temperature, 1),
            "REF_energy": energy,
            "REF_stress": stress,
        }
        frame.arrays["REF_forces"] = forces
        yield frame


def check_kinds(config: TeacherConfig) -> None:
    """Refuse kinds of starts that do not exist.

    Raises:
        ConfigError: naming them and the known ones.
    """
    unknown = sorted(set(config.kinds) - set(KINDS))
    if unknown:
        raise ConfigError(f"kinds: unknown {', '.join(unknown)}; known are {', '.join(KINDS)}")
