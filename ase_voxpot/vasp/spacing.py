"""Which frames of a run are equally far apart in time.

A run may hold the frames of some of its steps only: those computed with DFT among machine-learned
ones (ML_LMLFF), every tenth (NWRITE = 0, NBLOCK), or with a gap where a job was killed.
Velocities and what follows from them need stretches of equally spaced frames.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from jaxtyping import Float

__all__ = ["equal_stretches"]

SAME = 1e-6
"""Relative difference of two intervals that count as equal."""


def equal_stretches(
    marks: Float[np.ndarray, " frame"], breaks: Collection[int] = ()
) -> tuple[float | None, tuple[int, ...]]:
    """The interval of the longest stretch of equally spaced frames, and where stretches with it begin.

    Args:
        marks: times or step numbers of the frames.
        breaks: frames that do not continue the one before, independent of the marks.

    Returns:
        Interval in the units of the marks, None if no two frames belong together; and the first frame
        of every stretch, of which a frame without equally spaced neighbours is one by itself.

    >>> equal_stretches(np.array([1.0, 2.0, 3.0, 10.0]))
    (1.0, (0, 3))
    """
    gaps = np.diff(marks)
    gaps[[b - 1 for b in breaks if 0 < b < len(marks)]] = 0.0
    gaps = np.where(gaps > 0, gaps, 0.0)
    # gaps that differ by rounding get one value
    order = np.argsort(gaps)
    new = np.diff(gaps[order], prepend=-1.0) > SAME * gaps[order]
    level = gaps[order][np.maximum.accumulate(np.where(new, np.arange(len(gaps)), 0))] if len(gaps) else gaps
    gaps[order] = level
    longest: dict[float, int] = defaultdict(int)
    total: dict[float, int] = defaultdict(int)
    edges = np.flatnonzero(np.diff(gaps)) + 1
    for first, last in zip([0, *edges], [*edges, len(gaps)], strict=True):
        if first < last and gaps[first] > 0:
            longest[gaps[first]] = max(longest[gaps[first]], int(last - first))
            total[gaps[first]] += int(last - first)
    if not longest:
        return None, tuple(range(len(marks))) or (0,)
    best = max(longest, key=lambda gap: (longest[gap], total[gap], -gap))
    return float(best), (0, *(int(k) + 1 for k in np.flatnonzero(gaps != best)))
