"""Check that all sources of frames have the same zero of energy.

Two data sets of one functional may still differ by a constant per element: other pseudopotentials,
formation energies beside total energies, a teacher beside DFT.  These cannot be fitted together.
Energies per atom of dense, periodic frames, less the thermal energy,

    y = E/n - c ⟨F²⟩          c ⟨F²⟩ is the mean potential energy of a warm solid

have a lower envelope that is close to linear in the concentrations x; strained, defective and molten
structures are higher.  Source by source, the constants that align the envelope with that of all
sources before,

    y - μ·x ≈ d·x             both fits to the lowest fifth, by quantile regression

must be smaller than energies of mixing and strain.  The energies of one source must not
form two separate clusters either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Bool, Float

    from ase_voxpot.frames.labels import Labels

__all__ = ["Origin", "Shift", "refuse_mixed_references", "shifts_between"]

HEAT = 0.12
"""eV per (eV/Å)², c: the slope of energies against squared force components in AIMD of bcc metals."""
FLOOR = 0.2
"""Quantile of the fits."""
HOTTEST = 20.0
"""(eV/Å)², mean squared force component, beyond which a frame is no warm solid but holds atoms pushed together."""
TOLERANCE = 0.3
"""eV/atom, larger than effects of mixing, strain and point defects on the envelope."""
SOFT = 0.25
"""eV per (eV/Å)², additional tolerance for hot or molten frames."""
TORN = 0.6
"""eV/atom, gap in the energies of one source, larger than differences between lattices of a metal."""
FEW, CLUSTER = 0.1, 6
"""Least share of a source of a separate cluster, and its least number of frames."""
DENSE = 0.1
"""Relative deviation from the usual volume per atom of that composition, beyond which a frame is not dense."""
FEWEST = 3
"""Least number of frames of a source for the check."""
MOST = 1000
"""Largest number of frames of a source in the check."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of the frames of one source."""

    name: str
    accepted: frozenset[str]  # elements whose zero is stated to be correct in the config


@dataclass(frozen=True, slots=True)
class Shift:
    """Offsets of the energies of one source against those before it."""

    source: str
    other: str  # the source that it is compared with
    offsets: dict[str, float]  # eV per atom, to be added
    tolerance: float  # eV per atom

    @property
    def conflicts(self) -> bool:
        """Whether the offsets exceed the tolerance."""
        return any(abs(v) > self.tolerance for v in self.offsets.values())


@dataclass(frozen=True, slots=True)
class _Floor:
    """The dense periodic frames of one source."""

    origin: Origin
    shares: Float[np.ndarray, "frame element"]
    energy: Float[np.ndarray, " frame"]  # eV/atom, without thermal energy
    heat: Float[np.ndarray, " frame"]  # (eV/Å)²


def _linear(
    x: Float[np.ndarray, "frame element"],
    y: Float[np.ndarray, " frame"],
    quantile: float = FLOOR,
    *,
    rcond: float = 1e-6,
) -> Float[np.ndarray, " element"]:
    """Linear quantile regression by reweighted least squares; with the smallest of equivalent solutions."""
    constants = np.linalg.lstsq(x, y, rcond=rcond)[0]
    for _ in range(30):
        rest = y - x @ constants
        weight = np.sqrt(np.where(rest > 0, quantile, 1 - quantile) / np.abs(rest).clip(min=1e-3))
        constants = np.linalg.lstsq(x * weight[:, None], y * weight, rcond=rcond)[0]
    return constants


def _spanned(
    x: Float[np.ndarray, "frame element"], by: Float[np.ndarray, "other element"]
) -> Bool[np.ndarray, " frame"]:
    """Mask of compositions that are linear combinations of those in ``by``."""
    _, sizes, rows = np.linalg.svd(by, full_matrices=False)
    basis = rows[sizes > 0.02 * sizes[0]]
    return np.linalg.norm(x - (x @ basis.T) @ basis, axis=1) < 0.05


def _floors(
    origins: Sequence[Origin],
    source: Sequence[int],
    frames: Sequence[Atoms],
    labels: Sequence[Labels],
    elements: list[str],
) -> list[_Floor]:
    """Dense periodic frames, source by source; what is dense, all sources say together."""
    found, tables = [], []
    for number, origin in enumerate(origins):
        rows = [k for k, s in enumerate(source) if s == number and frames[k].pbc.all()]
        rows = [rows[k] for k in np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int))]
        if len(rows) < FEWEST:
            continue
        symbols = [np.array(frames[k].get_chemical_symbols()) for k in rows]
        shares = np.array([[np.mean(s == e) for e in elements] for s in symbols])
        volume = np.array([frames[k].get_volume() / len(frames[k]) for k in rows])
        heat = np.array([(labels[k].forces ** 2).mean() for k in rows])
        energy = np.array([labels[k].energy / len(frames[k]) for k in rows]) - HEAT * heat
        tables.append((origin, shares, energy, heat, volume))
    if not tables:
        return []
    usual = _linear(np.concatenate([t[1] for t in tables]), np.concatenate([t[4] for t in tables]), 0.5)
    for origin, shares, energy, heat, volume in tables:
        dense = (np.abs(volume / (shares @ usual) - 1) < DENSE) & (heat < HOTTEST)
        if dense.sum() >= FEWEST:
            found.append(_Floor(origin, shares[dense], energy[dense], heat[dense]))
    return found


def shifts_between(
    origins: Sequence[Origin],
    source: Sequence[int],
    frames: Sequence[Atoms],
    labels: Sequence[Labels],
) -> list[Shift]:
    """The offsets of every source against all sources before it, where they hold the same elements.

    Args:
        origins: the sources, those that set the zero first.
        source: number of the origin of every frame.
        frames: structures.
        labels: one per frame, as used in training.
    """
    elements = sorted({s for a in frames for s in a.get_chemical_symbols()})
    pool: list[_Floor] = []
    shifts = []
    for floor in _floors(origins, source, frames, labels, elements):
        shift = _against(floor, pool, elements) if pool else None
        if shift is not None:
            shifts.append(shift)
        if shift is None or not shift.conflicts:
            pool.append(floor)
    return shifts


def _against(floor: _Floor, pool: list[_Floor], elements: list[str]) -> Shift | None:
    """Compare one source with those before it."""
    x, y = np.concatenate([f.shares for f in pool]), np.concatenate([f.energy for f in pool])
    rows = _spanned(floor.shares, x)
    if rows.sum() < FEWEST:
        return None
    rest = floor.energy[rows] - floor.shares[rows] @ _linear(x, y)
    wanted = -_linear(floor.shares[rows], rest, rcond=0.1)
    offsets = {e: float(v) for e, v in zip(elements, wanted, strict=True) if abs(v) > 1e-6}
    worst = max(offsets, key=lambda e: abs(offsets[e]), default=elements[0])
    column = elements.index(worst)
    other = max(pool, key=lambda f: float(f.shares[:, column].sum()))
    higher = floor.heat[rows] if offsets.get(worst, 0.0) < 0 else np.concatenate([f.heat for f in pool])
    tolerance = TOLERANCE + SOFT * float(np.quantile(higher, FLOOR))  # heat only raises energies
    return Shift(floor.origin.name, other.origin.name, offsets, tolerance)


def refuse_mixed_references(
    origins: Sequence[Origin],
    source: Sequence[int],
    frames: Sequence[Atoms],
    labels: Sequence[Labels],
) -> None:
    """Raise if sources, or frames of one source, count energies from different zeros.

    Arguments as ``shifts_between``.

    Raises:
        DataError: with both sources, the elements and the offsets.
    """
    elements = sorted({s for a in frames for s in a.get_chemical_symbols()})
    for floor in _floors(origins, source, frames, labels, elements):
        _refuse_torn(floor)
    accepted = {o.name: o.accepted for o in origins}
    for shift in shifts_between(origins, source, frames, labels):
        asked = {e: v for e, v in shift.offsets.items() if e not in accepted[shift.source]}
        if not any(abs(v) > shift.tolerance for v in asked.values()):
            continue
        table = ", ".join(f"{e} = {v:+.2f}" for e, v in asked.items() if abs(v) > shift.tolerance / 2)
        raise DataError(
            f"{shift.source} and {shift.other} count energies from different zeros: expected the same energy per atom "
            f"of an element up to {shift.tolerance:.1f} eV, got a difference that offsets = {{ {table} }} (eV per "
            f"atom) for {shift.source} would mend; give them under [[data]], or 0.0 if the difference is real"
        )


def _refuse_torn(floor: _Floor) -> None:
    """Raise if the energies of one source form two separate clusters."""
    rest = np.sort(floor.energy - floor.shares @ _linear(floor.shares, floor.energy))
    few = max(CLUSTER, int(np.ceil(FEW * len(rest))))
    if len(rest) < 2 * few or floor.origin.accepted:
        return
    gaps = np.diff(rest)[few - 1 : len(rest) - few]
    at = int(gaps.argmax())
    if gaps[at] > TORN + SOFT * float(np.median(floor.heat)):
        below = few + at
        shift = float(np.median(rest[below:]) - np.median(rest[:below]))
        raise DataError(
            f"{floor.origin.name}: the energies fall apart into two sets {shift:.2f} eV/atom from each other "
            f"({100 * below / len(rest):.0f} % of the frames below), as if from two references; put each into a file "
            "of its own, with offsets under [[data]] for one of them, or offsets of 0.0 if the difference is real"
        )
