"""Errors of a potential on labels, and on what they say of the metals and of ordered compounds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.frames.labelled import read_labelled
from ase_voxpot.scoring import predict, score
from ase_voxpot.storage.files import write_json
from ase_voxpot.tasks.keys import key_of
from ase_voxpot.weights import load_potential
from voxpot_training.campaign.metals import equations_of_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.scoring import Prediction
    from voxpot_training.campaign.metals import Metal
    from voxpot_training.zeros import Zero

__all__ = ["JudgeTask"]

MILLI = 1000.0
"""meV in an eV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTask:
    """One potential on one file of labelled frames."""

    model: str  # checksum of the weights
    labels: str  # a hash of the labels
    zero: Zero  # of the labels
    weights: str = field(default="", compare=False)
    file: str = field(default="", compare=False)
    suffix: str = ".json"

    @property
    def key(self) -> str:
        """Of model and labels."""
        return key_of(self)

    def compute(self, draft: Path) -> None:
        """Write errors in total and by kind, in meV/atom and meV/Å, and the figures of ``_physics``."""
        found = read_labelled(Path(self.file))
        labels = [self.zero.applied(x, a) for x, a in zip(found.labels, found.frames, strict=True)]
        predictions = list(predict(load_potential(self.weights), found.frames))
        scores = score(found.frames, labels, predictions)
        groups = {name: asdict(figures) for name, figures in scores.groups.items()}
        physics = _physics(found.frames, labels, predictions)
        write_json(draft, {"total": asdict(scores.total), "groups": groups, "physics": physics})


def _physics(
    frames: Sequence[Atoms], labels: Sequence[Labels], predictions: Sequence[Prediction]
) -> dict[str, dict[str, Any]]:
    """Figures of the labels and of the potential, by name: lattice and modulus of the metals, formation energies."""
    theirs = equations_of_state(frames, [x.energy for x in labels], [x.forces for x in labels])
    same = [x.forces for x in labels]  # crystals at rest in the labels, whatever the potential says
    mine = equations_of_state(frames, [p.energy for p in predictions], same)
    answer: dict[str, dict[str, Any]] = {}
    for symbol, metal in theirs.items():
        other = mine[symbol]
        if metal.modulus is None:
            continue
        stable = other.modulus is not None  # the potential has a minimum among these volumes, too
        answer[f"volume of {symbol}, Å³/atom"] = {"labels": metal.volume, "model": other.volume if stable else None}
        answer[f"bulk modulus of {symbol}, GPa"] = {"labels": metal.modulus, "model": other.modulus}
    compounds = [k for k, atoms in enumerate(frames) if atoms.info.get("config_type") == "ordered"]
    errors = []
    for k in compounds:
        a, b = _formation(frames[k], labels[k].energy, theirs), _formation(frames[k], predictions[k].energy, mine)
        if a is not None and b is not None:
            errors.append(abs(a - b))
    if errors:
        text = f"formation energy of {len(errors)} ordered compounds, MAE in meV/atom"
        answer[text] = {"labels": None, "model": MILLI * float(np.mean(errors))}
    return answer


def _formation(atoms: Atoms, energy: float, metals: dict[str, Metal]) -> float | None:
    """eV/atom against the metals at rest; None if one is not known."""
    symbols = atoms.get_chemical_symbols()
    if not set(symbols) <= set(metals):
        return None
    return (energy - sum(metals[s].energy for s in symbols)) / len(symbols)
