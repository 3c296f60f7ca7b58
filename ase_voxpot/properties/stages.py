"""Sequences of runs, such as melting, cooling and production, each with its own restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.md.run import reload, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from ase_voxpot.md.integrators import Plan
    from ase_voxpot.md.records import Records, Sample

__all__ = ["carry_out", "mean_volume", "seed_of"]


def carry_out(
    atoms: Atoms,
    plan: Plan,
    records: Records,
    *,
    restart: bool = False,
    observe: Callable[[Sample], None] = lambda sample: None,
) -> list[Sample]:
    """Run a stage; with ``restart``, read it if it is done, and continue it if it was begun.

    The start of a stage depends only on the atoms and samples of the one before, so that a
    sequence is the same whether it was interrupted or not.

    Args:
        atoms: with a calculator; changed in place.
        plan: of the stage.
        records: of the stage.
        restart: whether to continue from existing records.
        observe: called with every new sample.

    Raises:
        VoxPotError: as ``md.run.run``.
    """
    if restart:
        done = reload(atoms, plan, records)
        if done is not None:
            return done
    begun = restart and records.checkpoint.is_file()
    return run(atoms, plan, records, start="checkpoint" if begun else "anew", observe=observe)


def seed_of(seed: int, stage: int) -> int:
    """A seed for each stage of a chain."""
    return int(np.random.SeedSequence([seed, stage]).generate_state(1)[0])


def mean_volume(samples: list[Sample]) -> float:
    """Å³, over the second half of a stage."""
    found: list[Any] = [s.volume for s in samples[len(samples) // 2 :]]
    return float(np.mean(found))
