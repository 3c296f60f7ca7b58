"""Search for the crystal of a latent vector, where the first decoded one is not it.

Descents of ``inversion`` start from several choices of places, and elements are exchanged one by one while the latent
vector of the crystal comes nearer to the given one.  Starts from known crystals come last.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from voxpot_crystals.latent.structure_field.inversion import SOLVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Int

    from voxpot_crystals.latent.structure_field.inversion import Inversion, Trial

__all__ = [
    "CLEAR",
    "find_among",
    "find_crystal",
    "likely_elements",
    "other_choices",
    "other_elements",
    "other_numbers",
    "with_better_elements",
]

LAST, SPARE = 2, 3
"""Numbers of positions that may be exchanged, and of alternatives."""
MORE = 4
"""Atoms that a crystal may have beyond the likeliest number."""
TRIED = 3
"""Starts, besides the first, from which a crystal is sought."""
HELPFUL = 8
"""Elements of the palette from single exchanges."""
EXCHANGES = 12
"""Most exchanges of elements in a row."""
HOPELESS = 0.15
"""Gap after the first descents beyond which no other places are tried: vectors of no crystal are like that."""
BEST, EXCHANGED, ROUNDS = 16, 4, 3
"""Starts from prototypes; those of them whose elements are exchanged, and how often."""
GAIN = 0.9
"""Share of a gap above which another round is in vain."""
CLEAR = 0.1
"""Share of the gap of a crystal below which another without the exact latent vector replaces it."""


def other_choices(count: int, available: int) -> list[list[int]]:
    """Alternatives to the first ``count`` positions: one of the last exchanged for one of the next.

    >>> other_choices(2, 4)
    [[0, 2], [0, 3], [1, 2], [1, 3]]
    """
    first, spare = list(range(count)), range(count, min(count + SPARE, available))
    return [[*(k for k in first if k != out), new] for out in reversed(first[-LAST:]) for new in spare]


def other_numbers(count: int, available: int) -> list[list[int]]:
    """Positions of crystals with fewer or more atoms: one of the first ``count`` left out, or next ones taken in.

    Where there are fewer positions than ``count``, all of them.

    >>> other_numbers(3, 4)
    [[1, 2], [0, 2], [0, 1], [0, 1, 2, 3]]
    >>> other_numbers(8, 2)
    [[0, 1]]
    """
    if available < count:
        return [list(range(available))] if available else []
    first = range(count)
    fewer = [[k for k in first if k != out] for out in first] if count > 1 else []
    return [*fewer, *(list(range(n)) for n in range(count + 1, min(count + MORE, available) + 1))]


def other_elements(kinds: Int[np.ndarray, " atom"], palette: Sequence[int]) -> Int[np.ndarray, "choice atom"]:
    """One element or one atom's element replaced by another of the palette, or two atoms exchanged.

    >>> other_elements(np.array([0, 1]), [0, 1]).tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    found = []
    for new in palette:
        found += [np.where(kinds == old, new, kinds) for old in np.unique(kinds)]
        found += [np.where(np.arange(len(kinds)) == atom, new, kinds) for atom in range(len(kinds))]
    for i, j in combinations(range(len(kinds)), 2):
        swapped = kinds.copy()
        swapped[[i, j]] = kinds[[j, i]]
        found.append(swapped)
    choices = np.unique(np.array(found).reshape(-1, len(kinds)), axis=0)
    return choices[(choices != kinds).any(1)]


def with_better_elements(inversion: Inversion, trial: Trial, palette: Sequence[int]) -> Trial:
    """Exchange elements, the best exchange first, as long as the gap falls."""
    gap = inversion.gap(trial)
    for _ in range(EXCHANGES):
        choices = other_elements(trial.kinds, palette)
        if not len(choices):
            break
        gaps = inversion.gaps(trial, choices)
        if not gaps.min() < gap:
            break
        gap, trial = float(gaps.min()), replace(trial, kinds=choices[gaps.argmin()])
    return trial


def likely_elements(inversion: Inversion, trial: Trial, palette: Sequence[int], species: int) -> list[int]:
    """The palette, and the elements that bring the latent vector nearest if one atom has them."""
    ones = np.arange(len(trial.kinds))[:, None] == np.arange(len(trial.kinds))
    rows = np.concatenate([np.where(ones, new, trial.kinds) for new in range(species)])
    best = inversion.gaps(trial, rows).reshape(species, -1).min(1)
    return list(dict.fromkeys([*palette, *np.unique(trial.kinds).tolist(), *np.argsort(best)[:HELPFUL].tolist()]))


def find_crystal(
    inversion: Inversion,
    starts: Sequence[Trial],
    palette: Sequence[int],
    species: int,
    unlikely: Sequence[Trial] = (),
) -> tuple[float, Trial]:
    """The crystal with the given latent vector, or the likeliest.

    Args:
        inversion: encoder and latent vector.
        starts: crystals from the decoded fields, the likeliest first; may be empty if there are unlikely ones.
        palette: elements that may occur.
        species: number of all elements.
        unlikely: crystals with other numbers of atoms; one of them is the result only if it comes to the latent vector.

    Returns:
        The gap between the latent vectors, and the crystal.
    """
    likely = _likely_crystal(inversion, starts, palette, species) if starts else (np.inf, unlikely[0])
    if likely[0] < SOLVED:
        return likely
    for gap, k in sorted((inversion.gap(start), k) for k, start in enumerate(unlikely))[:TRIED]:
        found = inversion.refine(unlikely[k])
        if SOLVED <= found[0] < gap:
            better = with_better_elements(inversion, found[1], likely_elements(inversion, found[1], palette, species))
            found = min(found, inversion.refine(better), key=lambda one: one[0])
        if found[0] < SOLVED:
            return found
    return likely


def _likely_crystal(
    inversion: Inversion, starts: Sequence[Trial], palette: Sequence[int], species: int
) -> tuple[float, Trial]:
    found = [inversion.refine(starts[0])]
    if found[0][0] < SOLVED:
        return found[0]
    ranked = sorted((inversion.gap(start), k) for k, start in enumerate(starts))
    gap, start = ranked[0][0], starts[ranked[0][1]]
    better = with_better_elements(inversion, start, likely_elements(inversion, start, palette, species))
    if better is not starts[0]:
        found.append(inversion.refine(better))
    if min(found, key=lambda one: one[0])[0] <= HOPELESS:
        for _, k in [one for one in ranked if one[1]][:TRIED]:
            if found[-1][0] < SOLVED:
                break
            found.append(inversion.refine(starts[k]))
    best = min(found, key=lambda one: one[0])
    return best if best[0] < max(SOLVED, CLEAR * gap) else (gap, start)


def find_among(
    inversion: Inversion, starts: Sequence[Trial], palette: Sequence[int], species: int
) -> tuple[float, Trial]:
    """The crystal with the given latent vector, or the nearest, from starts with symmetry, and its gap.

    Places first, elements afterwards: at places that are wrong, others than the right elements bring the latent vector
    nearer.
    """
    ranked = sorted((inversion.gap(start), k) for k, start in enumerate(starts))
    # one crystal may be there in several ways
    different = {round(gap, 4): k for gap, k in reversed(ranked) if np.isfinite(gap)}
    found = []
    for gap in sorted(different)[:BEST]:
        found.append(inversion.refine_in_symmetry(starts[different[gap]]))
        if found[-1][0] < SOLVED:
            return found[-1]
    for gap, trial in sorted(found, key=lambda each: each[0])[:EXCHANGED]:
        for _ in range(ROUNDS):
            trial = with_better_elements(inversion, trial, likely_elements(inversion, trial, palette, species))
            after, trial = min(inversion.refine_in_symmetry(trial), inversion.refine(trial), key=lambda each: each[0])
            found.append((after, trial))
            if after < SOLVED:
                return found[-1]
            if after > GAIN * gap:
                break
            gap = after
    return min(found, key=lambda each: each[0]) if found else (np.inf, starts[0])
