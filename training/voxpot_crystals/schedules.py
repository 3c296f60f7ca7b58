"""Schedules of trainings on crystals."""

from __future__ import annotations

from dataclasses import dataclass

from voxpot_training.config import Schedule, expect

__all__ = ["CrystalSchedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrystalSchedule(Schedule):
    """A schedule with the number of crystals of a batch, for networks with batch normalisation."""

    batch: int = 64

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)  # slots leave super() without its class
        expect(
            self.batch >= 2, "schedule.batch", "a whole number from 2 on, of one nothing can be normalised", self.batch
        )
