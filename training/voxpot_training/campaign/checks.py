"""Which labels are taken: finite, of the functional asked for, and not absurd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.potential import Potential
    from voxpot_training.campaign.config import LabellerConfig
    from voxpot_training.campaign.labellers.outcome import Label
    from voxpot_training.zeros import Zero

__all__ = ["Expectation", "expectations", "fault_of", "outliers"]

SIGMAS = 20.0
"""Uncertainties of the prediction that an energy may be off, beyond the limit of the configuration."""
SPREAD = 25.0
"""Median deviations that an energy per atom may be off a fit to the composition, where no potential is known."""
FLOOR = 2.0
"""eV/atom, that it may be off in any case: energies of strained cells and of defects."""
PUSHED = 0.5
"""Å, over which the largest force may have done work on every atom."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a potential says of a frame."""

    energy: float  # eV/atom
    uncertainty: float  # eV/atom


def expectations(potential: Potential | None, frames: Sequence[Atoms], zero: Zero) -> list[Expectation | None]:
    """What a potential says of frames, with the zero of energy of the labels."""
    if potential is None or potential.uncertainty is None:
        return [None] * len(frames)
    answer: list[Expectation | None] = []
    for frame, result in zip(frames, potential.stream(frames, uncertainty=True), strict=True):
        known = result.uncertainty
        energy = result.energy - zero.energy(frame)
        answer.append(None if known is None else Expectation(energy / len(frame), known.energy / len(frame)))
    return answer


def fault_of(
    atoms: Atoms, label: Label, limits: LabellerConfig, *, functional: str = "", expected: Expectation | None = None
) -> str | None:
    """Why a label is not taken; None if it is.

    Args:
        atoms: the frame.
        label: of it.
        limits: of forces and energies.
        functional: of the other labels, if it is known.
        expected: by the potential of the round before.
    """
    found = _unusable(atoms, label, limits)
    if found is not None:
        return found
    theirs = str(label.facts.get("functional", ""))
    if functional and theirs and theirs != functional:
        return f"labelled by {theirs}, the other data by {functional}"
    largest = float(np.abs(label.forces).max(initial=0))
    if largest > limits.force_limit:
        return f"a force of {largest:.3g} eV/Å, beyond labeller.force_limit = {limits.force_limit:g}"
    if expected is not None:
        off = abs(label.energy / len(atoms) - expected.energy)
        allowed = limits.energy_limit + SIGMAS * expected.uncertainty
        if off > allowed:
            return f"an energy {off:.3g} eV/atom from the prediction, whose uncertainty allows {allowed:.3g}"
    return None


def _unusable(atoms: Atoms, label: Label, limits: LabellerConfig) -> str | None:
    """What is wrong with the numbers themselves."""
    if label.forces.shape != (len(atoms), 3):
        return f"expected forces of shape {(len(atoms), 3)}, got {label.forces.shape}"
    if not (np.isfinite(label.energy) and np.isfinite(label.forces).all()):
        return "energy or forces are not finite"
    if label.stress is not None and not np.isfinite(label.stress).all():
        return "the stress is not finite"
    if limits.stress and label.stress is None:
        return "no stress, which labeller.stress asks for"
    return None


def outliers(frames: Sequence[Atoms], labels: Sequence[Label]) -> dict[int, str]:
    """Frames whose energy is far off a fit to the composition: unconverged, or of another code; reasons by number.

    Args:
        frames: ten or more, else none is found.
        labels: of the frames; what is high because atoms are pushed together has large forces, too.
    """
    if len(frames) < 10:
        return {}
    elements = sorted({s for atoms in frames for s in atoms.get_chemical_symbols()})
    shares = np.array([[np.mean(np.array(a.get_chemical_symbols()) == e) for e in elements] for a in frames])
    energy = np.array([x.energy / len(a) for a, x in zip(frames, labels, strict=True)])
    force = np.array([np.abs(x.forces).max(initial=0) for x in labels])
    weight = np.ones(len(energy))
    constants: np.ndarray = np.zeros(len(elements))
    for _ in range(20):  # least absolute deviations, which a few outliers do not draw to them
        constants = np.linalg.lstsq(shares * weight[:, None], energy * weight, rcond=None)[0]
        weight = 1 / np.sqrt(np.abs(energy - shares @ constants).clip(min=1e-4))
    off = np.abs(energy - shares @ constants)
    allowed = max(FLOOR, SPREAD * float(np.median(off))) + PUSHED * force
    return {
        int(k): f"an energy {off[k]:.3g} eV/atom from a fit to the composition, where {allowed[k]:.3g} can be"
        for k in np.flatnonzero(off > allowed)
    }
