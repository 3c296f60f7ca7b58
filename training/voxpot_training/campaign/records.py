"""What a campaign writes down: one record for every round, for the page and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ase_voxpot.storage.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from voxpot_training.campaign.labelling import Aside

__all__ = ["Report", "Round", "Stage"]


@dataclass(slots=True, kw_only=True)
class Round:
    """One round; errors in meV/atom and meV/Å."""

    number: int
    candidates: dict[str, int] = field(default_factory=dict)  # structures made, by kind
    chosen: dict[str, int] = field(default_factory=dict)
    labelled: dict[str, int] = field(default_factory=dict)
    aside: int = 0
    waiting: int = 0
    stresses: int = 0  # labels that have one
    label_seconds: float = 0.0
    train_seconds: float = 0.0
    frames: int = 0  # trained on and validated with, of the campaign
    held: int = 0  # held out
    new: dict[str, Any] | None = None  # errors of the potential before on the new labels
    holdout: dict[str, Any] | None = None  # errors of the new potential on the hold-out
    before: dict[str, float] | None = None  # uncertainty of the candidates by the potential before, meV/atom
    after: dict[str, float] | None = None  # the same by the new potential
    physics: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Stage:
    """Properties of crystals at one time of the campaign, or by its labeller."""

    name: str
    crystals: dict[str, dict[str, dict[str, Any]]]  # by name: values and reasons, as ``comparison.by_crystal``


@dataclass(slots=True, kw_only=True)
class Report:
    """A campaign."""

    name: str
    species: tuple[str, ...]
    lattice: str
    labeller: str
    functional: str
    rounds: list[Round] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    compositions: list[dict[str, Any]] = field(default_factory=list)  # of every label: kind, round, shares
    properties: list[Stage] = field(default_factory=list)  # of the potentials in their order, then of the labeller
    end: str = "running"  # why it ended
    notes: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))
