"""A run of first-principles dynamics as arrays, whatever file it came from.

Energies have names, as VASP writes two.  ``free`` is the free energy of the electrons, TOTEN,
whose derivatives the forces and the stress are; ``zero`` is energy(sigma->0), extrapolated
to no smearing; ``stored`` is the one energy of files that do not say which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["ENERGIES", "Frame", "Run", "build", "join", "masses_of"]

ENERGIES = {
    "free": "free energy TOTEN, which the forces belong to",
    "zero": "energy(sigma->0)",
    "stored": "energy stored in the file",
}
"""Names of energies, with what to call them; the first one there is compared unless another is asked for."""
NUMBERS = 20_000_000
"""Most atoms times frames that are held in memory."""
CONTINUES = 3.0
"""A file goes on where the one before ended if no atom jumps by more than so many times the largest step within."""


@dataclass(slots=True, kw_only=True)
class Frame:
    """One ionic step, as a reader finds it."""

    cell: Float[np.ndarray, "3 3"]  # Å, rows
    fractional: Float[np.ndarray, "atom 3"]
    energies: dict[str, float] = field(default_factory=dict)  # eV
    forces: Float[np.ndarray, "atom 3"] | None = None  # eV/Å
    stress: Float[np.ndarray, " 6"] | None = None  # eV/Å³, Voigt xx yy zz yz xz xy, positive under tension
    temperature: float | None = None  # K, of the ions


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Frames of the same atoms, in order."""

    source: str
    kind: str  # vasprun.xml, OUTCAR, XDATCAR or frames
    symbols: tuple[str, ...]
    masses: Float[np.ndarray, " atom"]  # amu
    cells: Float[np.ndarray, "frame 3 3"]  # Å
    positions: Float[np.ndarray, "frame atom 3"]  # Å
    energies: dict[str, Float[np.ndarray, " frame"]]  # eV
    forces: Float[np.ndarray, "frame atom 3"] | None  # eV/Å
    stress: Float[np.ndarray, "frame 6"] | None  # eV/Å³
    temperatures: Float[np.ndarray, " frame"] | None  # K
    interval: float | None  # fs from frame to frame
    settings: dict[str, str]  # what INCAR and POTCAR say
    notes: tuple[str, ...] = ()
    starts: tuple[int, ...] = (0,)  # frames that begin a stretch of their own

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def volumes(self) -> Float[np.ndarray, " frame"]:
        """Å³."""
        return np.abs(np.linalg.det(self.cells))

    @property
    def moving_cell(self) -> bool:
        """Whether the cell changes along the run."""
        return bool(np.ptp(self.cells, axis=0).max() > 1e-6)

    @property
    def held(self) -> int:
        """How many atoms never move while others do, as selective dynamics holds them."""
        fractional = self.positions @ np.linalg.inv(self.cells)
        rests = np.ptp(fractional, axis=0).max(axis=1) < 1e-9
        return 0 if rests.all() else int(rests.sum())

    def stretches(self) -> list[slice]:
        """Parts that are continuous in time."""
        stops = (*self.starts[1:], len(self))
        return [slice(a, b) for a, b in zip(self.starts, stops, strict=True)]

    def atoms(self) -> Iterator[Atoms]:
        """The frames as ASE has them, without labels."""
        from ase import Atoms

        numbers = [atomic_numbers[s] for s in self.symbols]
        for cell, positions in zip(self.cells, self.positions, strict=True):
            yield Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)


def masses_of(symbols: Sequence[str]) -> Float[np.ndarray, " atom"]:
    """Standard masses in amu."""
    return atomic_masses[[atomic_numbers[s] for s in symbols]]


def build(
    frames: Sequence[Frame],
    *,
    source: str,
    kind: str,
    symbols: Sequence[str],
    settings: Mapping[str, str],
    masses: Mapping[str, float] | None = None,
    interval: float | None = None,
    notes: Sequence[str] = (),
    starts: Sequence[int] = (0,),
) -> Run:
    """Check frames and make them one run.

    Args:
        frames: complete ones only.
        source: name of the file.
        kind: of the file.
        symbols: of all atoms.
        settings: what INCAR and POTCAR say.
        masses: amu, of elements where they differ from the standard.
        interval: fs.
        notes: for the report.
        starts: frames before which time may have stopped.

    Raises:
        DataError: no frames, unknown elements, too many numbers, or a frame with the wrong
            number of atoms, with NaN or without a volume; the frame is named from 1 on.
    """
    if not frames:
        raise DataError(f"{source}: expected at least one complete ionic step, got none; was the job killed at once?")
    unknown = sorted({s for s in symbols if s not in atomic_numbers or s == "X"})
    if unknown or not symbols:
        what = ", ".join(repr(s[:20]) for s in unknown[:5]) or "no atoms"
        raise DataError(f"{source}: expected chemical elements, got {what}")
    if len(frames) * len(symbols) > NUMBERS:
        raise DataError(
            f"{source}: expected at most {NUMBERS:,} atoms times frames, got {len(frames)} frames of "
            f"{len(symbols)} atoms; give a part of the run"
        )
    for number, frame in enumerate(frames, 1):
        _check(frame, len(symbols), f"{source}: frame {number}")
    names = [name for name in ENERGIES if all(name in f.energies for f in frames)]
    heavy = masses_of(symbols)
    for symbol, mass in (masses or {}).items():
        if not 0.1 < mass < 500:
            raise DataError(f"{source}: expected a mass of {symbol} between 0.1 and 500 amu, got {mass}")
        heavy = np.where(np.array(symbols) == symbol, mass, heavy)
    temperatures = [f.temperature for f in frames if f.temperature is not None]
    return Run(
        source=source,
        kind=kind,
        symbols=tuple(symbols),
        masses=heavy,
        cells=np.array([f.cell for f in frames], float),
        positions=np.array([f.fractional @ f.cell for f in frames], float),
        energies={name: np.array([f.energies[name] for f in frames]) for name in names},
        forces=_all_or_none([f.forces for f in frames]),
        stress=_all_or_none([f.stress for f in frames]),
        temperatures=np.array(temperatures) if len(temperatures) == len(frames) else None,
        interval=interval,
        settings=dict(settings),
        notes=tuple(notes),
        starts=tuple(starts),
    )


def _all_or_none(values: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [v for v in values if v is not None]
    return np.array(known, float) if len(known) == len(values) else None


def _check(frame: Frame, atoms: int, where: str) -> None:
    if frame.fractional.shape != (atoms, 3):
        raise DataError(f"{where}: expected the positions of {atoms} atoms, got {len(frame.fractional)}")
    if frame.forces is not None and frame.forces.shape != (atoms, 3):
        raise DataError(f"{where}: expected the forces on {atoms} atoms, got {len(frame.forces)}")
    named = {"positions": frame.fractional, "cell": frame.cell, "forces": frame.forces, "stress": frame.stress}
    named |= {"energy": np.array(list(frame.energies.values()))}
    for name, values in named.items():
        if values is not None and not np.isfinite(values).all():
            raise DataError(f"{where}: expected finite {name}, got NaN or infinity")
    volume = abs(float(np.linalg.det(frame.cell)))
    if not 1.0 < volume < 1e9 or np.abs(frame.fractional).max(initial=0.0) > 1e6:
        raise DataError(f"{where}: expected a cell with a volume and atoms near it, got {volume:.3g} Å³")


def join(runs: Sequence[Run]) -> Run:
    """Runs of the same atoms, one after the other.

    A run that goes on where the one before ended becomes one stretch with it.

    Raises:
        DataError: other atoms, another time from frame to frame, or another temperature.
    """
    first = runs[0]
    for other in runs[1:]:
        _refuse_other(first, other)
    forces, stress = [r.forces for r in runs], [r.stress for r in runs]
    names = [name for name in first.energies if all(name in r.energies for r in runs)]
    lengths = np.cumsum([0, *(len(r) for r in runs)])
    starts = [int(at + s) for at, r in zip(lengths[:-1], runs, strict=True) for s in r.starts]
    positions, cells = np.concatenate([r.positions for r in runs]), np.concatenate([r.cells for r in runs])
    known = [r.temperatures for r in runs]
    return Run(
        source=", ".join(dict.fromkeys(r.source for r in runs)),
        kind=", ".join(dict.fromkeys(r.kind for r in runs)),
        symbols=first.symbols,
        masses=first.masses,
        cells=cells,
        positions=positions,
        energies={name: np.concatenate([r.energies[name] for r in runs]) for name in names},
        forces=None if any(f is None for f in forces) else np.concatenate([f for f in forces if f is not None]),
        stress=None if any(s is None for s in stress) else np.concatenate([s for s in stress if s is not None]),
        temperatures=None if any(t is None for t in known) else np.concatenate([t for t in known if t is not None]),
        interval=first.interval,
        settings=dict(first.settings),
        notes=tuple(note for r in runs for note in r.notes),
        starts=_breaks(positions, cells, starts),
    )


def _refuse_other(first: Run, other: Run) -> None:
    if first.symbols != other.symbols:
        raise DataError(
            f"{other.source}: expected the same atoms in the same order as in {first.source}, got another list; "
            "validate such runs one by one"
        )
    if None not in (first.interval, other.interval) and abs((first.interval or 0) - (other.interval or 0)) > 1e-6:
        raise DataError(
            f"{other.source}: expected frames every {first.interval:g} fs as in {first.source}, "
            f"got {other.interval:g} fs; validate such runs one by one"
        )
    here, there = (r.settings.get("TEBEG") for r in (first, other))
    if here and there and abs(float(here) - float(there)) > 1:
        raise DataError(
            f"{other.source}: expected {float(here):g} K as in {first.source}, got {float(there):g} K; "
            "validate such runs one by one"
        )


def _breaks(positions: np.ndarray, cells: np.ndarray, candidates: Sequence[int]) -> tuple[int, ...]:
    """The candidates at which atoms really jump."""
    fractional = positions @ np.linalg.inv(cells)
    steps = np.diff(fractional, axis=0)
    steps = np.linalg.norm((steps - np.round(steps)) @ cells[1:], axis=2).max(axis=1, initial=0.0)
    joints = np.array([c - 1 for c in candidates if c > 0], int)
    inside = np.delete(steps, joints)
    usual = float(inside.max()) if len(inside) else 0.0
    return (0, *(int(j) + 1 for j in joints if steps[j] > CONTINUES * usual))
