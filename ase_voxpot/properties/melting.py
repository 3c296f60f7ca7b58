"""The melting point by coexistence of a crystal and its melt in one cell.

    crystal      the whole cell, without pressure at the guess of the temperature
    melt         half of it fixed, the other half melted at a higher temperature
    cool         the melt cooled to the guess, with the same atoms fixed
    join         all atoms free, the cell free along the normal of the interface
    coexistence  no thermostat: enthalpy and pressure are conserved

In the last stage melting consumes and freezing releases kinetic energy, so that the temperature
converges to the melting point and stays there while there are two phases (Morris, Wang, Ho and Chan,
Phys. Rev. B 49, 3109, 1994).  The latent heat of half a cell compensates an error of the guess of some
hundred kelvin; beyond that one phase vanishes, and a better guess follows from the temperature.  The
cell across the normal is that of the crystal at the guess: its strain at the melting point changes the
result in second order.

An alloy has no single melting point: the result lies between solidus and liquidus, as
the time is too short for its phases to change their composition.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DivergenceError, StructureError
from ase_voxpot.frames.labels import read_frames
from ase_voxpot.md.integrators import Plan
from ase_voxpot.md.records import Records
from ase_voxpot.properties.coexistence import FEWEST, Melting, crystalline, is_single, judge, lasting
from ase_voxpot.properties.phases import LOST, Boundary, bond_order, boundary_between, mean_order
from ase_voxpot.properties.stages import carry_out, mean_volume, seed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Bool

    from ase_voxpot.md.records import Sample

__all__ = ["STAGES", "Schedule", "coexist"]

STAGES = ("crystal", "melt", "cool", "join", "coexistence")
OVERHEAT = 2.0
"""Multiple of the guess for melting half of the crystal."""
SWELLING = 1.05
"""Relative volume added for the melt."""
CONFUSED = 0.1
"""Largest fraction of misclassified atoms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Temperatures and lengths of the stages.

    >>> Schedule(temperature=3400).steps
    20000
    """

    temperature: float  # K, a guess
    pressure: float = 0.0  # GPa
    timestep: float = 2.0  # fs
    steps: int = 20_000  # of coexistence
    equilibration: int = 1000  # steps of crystal and melt; a quarter to cool and to join
    interval: int = 50  # steps from frame to frame
    seed: int = 0

    def __post_init__(self) -> None:
        for name in STAGES:
            self.plan(name)  # temperature, pressure, timestep and seed
        if self.equilibration < 12 * self.interval or self.steps < 2 * FEWEST * self.interval:
            raise ConfigError(
                f"steps: expected at least {12 * self.interval} of equilibration and {2 * FEWEST * self.interval} "
                f"of coexistence, got {self.equilibration} and {self.steps}"
            )

    @property
    def frame(self) -> float:
        """Time from frame to frame, fs."""
        return self.interval * self.timestep

    def plan(self, stage: str) -> Plan:
        """The plan of a stage."""
        short = self.equilibration // 4
        kinds: dict[str, Any] = {
            "crystal": "npt",
            "melt": "nvt",
            "cool": "nvt",
            "join": "npt-z",
            "coexistence": "nph-z",
        }
        return Plan(
            ensemble=kinds[stage],
            temperature=self.temperature * (OVERHEAT if stage == "melt" else 1.0),
            pressure=self.pressure,
            timestep=self.timestep,
            steps={"coexistence": self.steps, "cool": short, "join": short}.get(stage, self.equilibration),
            interval=self.interval,
            seed=seed_of(self.seed, STAGES.index(stage)),
        )


def coexist(
    crystal: Atoms,
    calculator: Any,
    schedule: Schedule,
    prefix: Path,
    *,
    restart: bool = False,
    observe: Callable[[str, Sample, float | None], None] = lambda stage, sample, crystalline: None,
) -> Melting:
    """Run all stages of a coexistence simulation and evaluate it.

    Args:
        crystal: elongated along its third vector, which stands upright on the others; not changed.
        calculator: with stress.
        schedule: temperatures and times.
        prefix: beginning of the names of the files of each stage.
        restart: continue from these files.
        observe: called with the stage, every new sample of it, and the crystalline fraction once it is known.

    Raises:
        ConfigError: files of another run or of another schedule exist.
        StructureError: the third vector is not upright, or the cell not elongated.
        DivergenceError: a run diverged, or there are no two phases at the start.
    """
    _refuse_unfit(crystal)
    atoms = _upright(crystal)
    held = _middle(atoms)
    atoms.calc = calculator
    frames: dict[str, list[Atoms]] = {}

    def go(stage: str, look: Callable[[], float | None] = lambda: None) -> list[Sample]:
        def both(sample: Sample) -> None:
            observe(stage, sample, look())

        records = Records(prefix.with_name(f"{prefix.name}.{stage}"))
        samples: list[Sample] = []
        with suppress(_VanishedError):
            samples = carry_out(atoms, schedule.plan(stage), records, restart=restart, observe=both)
        frames[stage] = read_frames(str(records.trajectory), ":")
        return samples

    perfect = mean_order([atoms])
    volume = mean_volume(go("crystal"))
    _refuse_molten(frames["crystal"], perfect, schedule.temperature)
    atoms.set_cell(atoms.cell[:] * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    _make_space(atoms, held)
    _hold(atoms, held)
    go("melt")
    go("cool")
    boundary = _boundary(frames["crystal"], frames["cool"], held, perfect)
    atoms.set_constraint()
    go("join")
    _stop_whole(atoms)
    go("coexistence", _Watch(atoms, boundary, schedule.frame).look)
    return judge(frames["coexistence"], boundary, guess=schedule.temperature, interval=schedule.frame)


def _refuse_unfit(crystal: Atoms) -> None:
    cell = crystal.cell
    angles = cell.angles()
    if not crystal.pbc.all() or np.abs(angles[:2] - 90).max() > 1e-3:
        raise StructureError(
            "expected a periodic cell whose third vector stands upright on the others, as in a cubic cell, "
            f"got the angles {angles.round(2).tolist()}; give another cell of the crystal"
        )
    a, b, c = cell.lengths()
    if c < 1.5 * max(a, b):
        raise StructureError(
            "expected a cell that is elongated along its third vector, "
            f"got {a:.1f} x {b:.1f} x {c:.1f} Å; repeat it more along it"
        )


def _upright(crystal: Atoms) -> Atoms:
    """A copy with its third vector along z, without constraints, momenta and labels."""
    from ase import Atoms as Plain

    a, b, c, *angles = crystal.cell.cellpar()
    return Plain(
        numbers=crystal.numbers,
        scaled_positions=crystal.get_scaled_positions(),
        cell=[a, b, c, *angles],
        pbc=True,
        masses=crystal.get_masses(),
    )


def _middle(atoms: Atoms) -> Bool[np.ndarray, " atom"]:
    """The atoms of the middle half along z, which stay crystalline."""
    height = (atoms.get_scaled_positions()[:, 2] + 1e-6) % 1.0
    return (height >= 0.25) & (height < 0.75)


def _make_space(atoms: Atoms, held: Bool[np.ndarray, " atom"]) -> None:
    """Stretch the part that is melted along z, with the crystal unchanged in the middle of the cell."""
    cell, height = atoms.cell.array.copy(), atoms.positions[:, 2]
    length, middle = cell[2, 2], height[held].mean()
    offset = height - middle  # no atom of a crystal has gone through a boundary
    beyond = np.where(held, 0.0, np.clip(np.abs(offset) - length / 4, 0.0, None))
    cell[2, 2] *= (1 + SWELLING) / 2
    atoms.positions[:, 2] = cell[2, 2] / 2 + offset + np.sign(offset) * beyond * (SWELLING - 1)
    atoms.set_cell(cell)


def _hold(atoms: Atoms, held: Bool[np.ndarray, " atom"]) -> None:
    from ase.constraints import FixAtoms

    momenta = atoms.get_momenta()
    momenta[held] = 0.0
    atoms.set_momenta(momenta)
    atoms.set_constraint(FixAtoms(np.flatnonzero(held)))


def _stop_whole(atoms: Atoms) -> None:
    """Remove the motion of the centre of mass, which a thermostat leaves."""
    masses, momenta = atoms.get_masses(), atoms.get_momenta()
    atoms.set_momenta(momenta - masses[:, None] * momenta.sum(axis=0) / masses.sum())


class _VanishedError(Exception):
    """One phase has vanished."""


@dataclass(slots=True)
class _Watch:
    """Ends a run in which one phase has vanished."""

    atoms: Atoms
    boundary: Boundary
    interval: float  # fs from check to check
    gone: int = 0  # frames

    def look(self) -> float:
        """Crystalline fraction."""
        part = crystalline(self.atoms, self.boundary)
        self.gone = self.gone + 1 if is_single(part) else 0
        if self.gone > lasting(self.interval) + 2 * FEWEST:  # these give the final temperature
            raise _VanishedError
        return part


def _second_half(frames: Sequence[Atoms]) -> Sequence[Atoms]:
    return frames[len(frames) // 2 :]


def _refuse_molten(frames: Sequence[Atoms], perfect: float, temperature: float) -> None:
    if mean_order(_second_half(frames)) < LOST * perfect:
        raise DivergenceError(
            f"the crystal melts by itself at {temperature:g} K, without a melt beside it: lower the guess of the "
            f"temperature, to {0.8 * temperature:.0f} K or less"
        )


def _boundary(
    solid: Sequence[Atoms], cooled: Sequence[Atoms], held: Bool[np.ndarray, " atom"], perfect: float
) -> Boundary:
    """Between the crystal of the first stage and the midst of the melt of the third."""
    melt = []
    for atoms in _second_half(cooled):
        height = atoms.get_scaled_positions()[:, 2]
        middle = height[held].mean()
        away = np.abs((height - middle + 0.5) % 1.0 - 0.5) > 0.375
        melt.append(bond_order(atoms)[away & ~held])
    found = boundary_between(np.concatenate([bond_order(a) for a in _second_half(solid)]), np.concatenate(melt))
    if found.mistaken > CONFUSED or found.melt > LOST * perfect:
        raise DivergenceError(
            f"half of the crystal was to melt at {OVERHEAT:g} times the guess of the temperature, and has not: "
            f"its order is {found.melt:.2f}, that of the crystal {found.crystal:.2f}; raise the guess, or give the "
            "melt more steps of equilibration"
        )
    return found
