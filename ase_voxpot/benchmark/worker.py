"""The subprocess of a benchmark: reads a task as JSON from standard input, writes results as lines of JSON.

    {"doing": TEXT}                 something was done, and what
    {"found": KIND, "value": ...}   a Timing, Steps, Breakdown or Painting
    {"left out": SENTENCE}
    {"refused": SENTENCE}           an error in the input of the user; the last line

What libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ase_voxpot.benchmark.orders import Order
from ase_voxpot.errors import VoxPotError
from ase_voxpot.spec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["main"]


def main() -> None:
    """Run the task given on standard input."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    order = decode(Order, json.load(sys.stdin))
    try:
        for found in work(order, lambda doing: tell(doing=doing)):
            if isinstance(found, str):
                tell(**{"left out": found})
            else:
                tell(found=type(found).__name__, value=encode(found))
    except VoxPotError as error:
        tell(refused=str(error))


def work(order: Order, observe: Callable[[str], None]) -> Iterator[Any]:
    """Results of the task, one by one."""
    import torch

    from ase_voxpot.simd.threads import set_threads

    torch.set_num_threads(order.threads)  # for the peak rates and the reference results
    set_threads(order.threads)
    if order.work == "speed":
        from ase_voxpot.benchmark.speed import run_speed

        return run_speed(order, observe)
    if order.work == "breakdown":
        from ase_voxpot.benchmark.stages import run_breakdown

        return run_breakdown(order, observe)
    from ase_voxpot.benchmark.loops import run_voxelizer

    return run_voxelizer(order, observe)


if __name__ == "__main__":
    main()
