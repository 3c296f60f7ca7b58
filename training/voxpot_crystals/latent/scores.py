"""Errors of reconstructions.

Those of the paper: wrong count (share of crystals with another number of atoms), position error
*actual* (mean over true atoms of the distance to the nearest one found) and *detected* (the
converse), the share of other species among these, lengths and angles.  They allow one atom to match
several; therefore the periodic one-to-one distance (Hungarian) of crystals with the right count is
also given, and the share that pymatgen's StructureMatcher matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from voxpot_crystals.structures.lattice import lengths_and_angles
from voxpot_crystals.structures.matching import distances_between, match_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from voxpot_crystals.latent.decoded import Decoded

__all__ = ["ReconstructionScores", "score_reconstructions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionScores:
    """Means over crystals, None without any; a failed decode is included in the wrong count alone."""

    crystals: int
    failed: int
    wrong_count: float  # share
    position_actual: float | None  # Å
    position_detected: float | None
    species_actual: float | None  # share of atoms
    species_detected: float | None
    one_to_one: float | None  # Å, root mean square, of crystals with the right count
    length: float | None  # Å, mean absolute error
    angle: float | None  # degrees
    matched: float | None  # share, None without pymatgen


def score_reconstructions(originals: Sequence[Atoms], found: Sequence[Decoded]) -> ReconstructionScores:
    """All errors of reconstructions, one per original."""
    rows: dict[str, list[float]] = {name: [] for name in ("pa", "pd", "sa", "sd", "one", "length", "angle")}
    wrong = 0
    for original, decoded in zip(originals, found, strict=True):
        atoms = decoded.atoms
        if atoms is None or len(atoms) != len(original):
            wrong += 1
        if atoms is None:
            continue
        distance = distances_between(original, atoms)
        rows["pa"].append(distance.min(1).mean())
        rows["pd"].append(distance.min(0).mean())
        rows["sa"].append((atoms.numbers[distance.argmin(1)] != original.numbers).mean())
        rows["sd"].append((original.numbers[distance.argmin(0)] != atoms.numbers).mean())
        if len(atoms) == len(original):
            pairs = linear_sum_assignment(distance)
            rows["one"].append(float(np.sqrt((distance[pairs] ** 2).mean())))
        lattice = np.abs(lengths_and_angles(np.array(atoms.cell[:])) - lengths_and_angles(np.array(original.cell[:])))
        rows["length"].append(lattice[:3].mean())
        rows["angle"].append(np.degrees(lattice[3:]).mean())
    mean = {name: float(np.mean(values)) if values else None for name, values in rows.items()}
    return ReconstructionScores(
        crystals=len(originals),
        failed=sum(d.atoms is None for d in found),
        wrong_count=wrong / max(len(originals), 1),
        position_actual=mean["pa"],
        position_detected=mean["pd"],
        species_actual=mean["sa"],
        species_detected=mean["sd"],
        one_to_one=mean["one"],
        length=mean["length"],
        angle=mean["angle"],
        matched=match_rate(originals, [d.atoms for d in found]),
    )
