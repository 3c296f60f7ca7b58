"""A run of first-principles dynamics as arrays, whatever file it came from.

Energies have names, as VASP writes two.  ``free`` is the free energy of the electrons, TOTEN,
whose derivatives the forces and the stress are; ``zero`` is energy(sigma->0), extrapolated
to no smearing; ``stored`` is the energy of files that do not name it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses, atomic_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from jaxtyping import Bool, Float

__all__ = ["ENERGIES", "Frame", "Run", "masses_of"]

ENERGIES = {
    "free": "free energy TOTEN, which the forces belong to",
    "zero": "energy(sigma->0)",
    "stored": "energy stored in the file",
}
"""Names of energies, with what to call them; the first one there is compared unless another is asked for."""


@dataclass(slots=True, kw_only=True)
class Frame:
    """One ionic step of a file."""

    cell: Float[np.ndarray, "3 3"]  # Å, rows
    fractional: Float[np.ndarray, "atom 3"]
    energies: dict[str, float] = field(default_factory=dict)  # eV
    forces: Float[np.ndarray, "atom 3"] | None = None  # eV/Å
    stress: Float[np.ndarray, " 6"] | None = None  # eV/Å³, Voigt xx yy zz yz xz xy, positive under tension
    temperature: float | None = None  # K, of the ions
    step: float | None = None  # number of the step, or time
    converged: bool = True  # the electronic loop


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
    stress: Float[np.ndarray, "frame 6"] | None  # eV/Å³; a row of NaN where a frame has none
    temperatures: Float[np.ndarray, " frame"] | None  # K; NaN where a frame has none
    interval: float | None  # fs from frame to frame within a stretch
    settings: dict[str, str]  # of INCAR and POTCAR
    notes: tuple[str, ...] = ()
    starts: tuple[int, ...] = (0,)  # frames that begin a stretch of their own
    steps: Float[np.ndarray, " frame"] | None = None  # numbers of the steps, or times
    gap: float = 1.0  # of ``steps`` within a stretch
    tick: float | None = None  # fs, of one in ``steps``
    last: float | None = None  # the last step that was taken, whether or not it is a frame
    irregular: bool = False  # the frames are not equally spaced, by unknown intervals
    unconverged: tuple[int, ...] = ()  # frames whose electronic loop ended without converging
    left_out: tuple[tuple[int, str], ...] = ()  # frames with stars: before which frame they stood, and what is stars
    fixed: Bool[np.ndarray, "atom 3"] | None = None  # along which lattice vectors selective dynamics holds atoms

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

    @property
    def times(self) -> Float[np.ndarray, " frame"] | None:
        """Fs since the first frame; None where the interval is not known."""
        if self.interval is None:
            return None
        if self.steps is None:
            return np.arange(len(self)) * self.interval
        return (self.steps - self.steps[0]) * (self.interval / self.gap)

    def stretches(self) -> list[slice]:
        """Parts whose frames are equally spaced in time."""
        stops = (*self.starts[1:], len(self))
        return [slice(a, b) for a, b in zip(self.starts, stops, strict=True)]

    def only(self, chosen: Bool[np.ndarray, " frame"]) -> Run:
        """The frames that are chosen, each a stretch of its own."""
        kept = np.flatnonzero(chosen)
        was_bad = np.isin(kept, self.unconverged)
        return replace(
            self,
            cells=self.cells[kept],
            positions=self.positions[kept],
            energies={name: e[kept] for name, e in self.energies.items()},
            forces=None if self.forces is None else self.forces[kept],
            stress=None if self.stress is None else self.stress[kept],
            temperatures=None if self.temperatures is None else self.temperatures[kept],
            steps=kept.astype(float) if self.steps is None else self.steps[kept],
            starts=tuple(range(len(kept))) or (0,),
            unconverged=tuple(np.flatnonzero(was_bad).tolist()),
            left_out=(),
        )

    def atoms(self) -> Iterator[Atoms]:
        """The frames as ``Atoms``, without labels."""
        from ase import Atoms

        numbers = [atomic_numbers[s] for s in self.symbols]
        for cell, positions in zip(self.cells, self.positions, strict=True):
            yield Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)


def masses_of(symbols: Sequence[str]) -> Float[np.ndarray, " atom"]:
    """Standard masses in amu."""
    return atomic_masses[[atomic_numbers[s] for s in symbols]]
