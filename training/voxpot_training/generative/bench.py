"""What ion exchange reaches on a set of crystals: the figures that a generator has to beat.

    python -m voxpot_training.generative.bench $VOXPOT_DATA/crystal/perov5_val.extxyz.gz

A fifth of the set is held out, once crystal by crystal and once formula by formula; new crystals come from the
rest by substitution, and so do their scores.  Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from voxpot_training.generative.coverage import coverage, wasserstein
from voxpot_training.generative.fingerprints import fingerprints
from voxpot_training.generative.screening import screen
from voxpot_training.generative.substitution import substitute
from voxpot_training.generative.validity import composition_fault, structure_fault, validity
from voxpot_training.regression.grouping import held_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["score_baseline"]

SPLITS: tuple[Literal["row", "formula"], ...] = ("row", "formula")


def score_baseline(
    crystals: Sequence[Atoms], by: Literal["row", "formula"], *, count: int, seed: int = 0, store: Path | None = None
) -> dict[str, Any]:
    """Validity, coverage, distributions and novelty of ``count`` substitutes.

    Args:
        crystals: the set.
        by: what the held-out fifth is drawn by.
        count: how many to make.
        seed: of the split and of the substitutes.
        store: keeps structure fingerprints, see ``fingerprints``.
    """
    rng = np.random.default_rng(seed)
    kept, held = held_out(crystals, by, 0.2, rng)
    train, real = [crystals[k] for k in kept], [crystals[k] for k in held]
    seconds, clock = {}, time.process_time()

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name], clock = time.process_time() - clock, time.process_time()

    made = substitute(train, count, rng)
    lap("substitution")
    valid = validity(made)
    lap("validity")
    made_prints = fingerprints(made, store=store)
    lap("fingerprints of what was made")
    real_prints = fingerprints(real, store=store)
    lap("fingerprints of what is real")
    covered = coverage(made_prints, real_prints)
    sound = [a for a in made if not structure_fault(a) and not composition_fault(a)]
    distances = wasserstein(sound, real)
    lap("coverage")
    screened = screen(made, train)
    lap("screening")
    return {
        "split": by,
        "train": len(train),
        "held out": len(real),
        "made": len(made),
        "validity of the real": asdict(validity(real)),
        "validity": asdict(valid),
        "coverage": asdict(covered),
        "wasserstein": distances,
        "unique": float(screened.unique.mean()),
        "novel": float(screened.novel.mean()),
        "screened": screened.counts,
        "seconds": seconds,
    }


def main() -> None:
    """Print a table, or JSON."""
    from ase_voxpot.labels import read_frames

    parser = argparse.ArgumentParser(prog="python -m voxpot_training.generative.bench", description=__doc__)
    parser.add_argument("crystals", type=Path, help="extended XYZ")
    parser.add_argument("-n", type=int, default=500, help="crystals to make (500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, help="an .npz file that keeps structure fingerprints")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    frames = read_frames(asked.crystals)
    rows = [score_baseline(frames, by, count=asked.n, seed=asked.seed, store=asked.store) for by in SPLITS]
    console = Console()
    if asked.json:
        console.print_json(json.dumps(rows))
        return
    table = Table("", *(f"held out by {row['split']}" for row in rows), title=f"{asked.n} substitutes")
    flat = [_flat(row) for row in rows]
    for name in flat[0]:
        table.add_row(name, *(f[name] for f in flat))
    console.print(table)


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{name}: ")
        else:
            out[prefix + name] = f"{value:.4f}" if isinstance(value, float) else str(value)
    return out


if __name__ == "__main__":
    main()
