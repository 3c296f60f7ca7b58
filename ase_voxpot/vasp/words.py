"""Formatting of numbers in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["many", "ranges", "stars"]


def many(count: int, what: str) -> str:
    """A number with its noun.

    >>> many(1, "step"), many(2, "step")
    ('1 step', '2 steps')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def ranges(numbers: Sequence[float], most: int = 8) -> str:
    """Step numbers in few words.

    >>> ranges([1, 2, 3, 10, 12, 13])
    '1-3, 10, 12, 13'
    """
    parts: list[list[int]] = []
    for number in (round(n) for n in numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    named = [f"{p[0]}-{p[-1]}" if len(p) > 2 else ", ".join(map(str, p)) for p in parts]
    return ", ".join(named if len(named) <= most else [*named[: most - 1], "…", named[-1]])


def stars(source: str, spoiled: Sequence[tuple[int, str]]) -> list[str]:
    """A sentence on ionic steps with numbers too large for their columns: number and overflowed quantity."""
    if not spoiled:
        return []
    named = "; ".join(f"step {n}: {what}" for n, what in spoiled[:5])
    more = f"; and {len(spoiled) - 5} more" if len(spoiled) > 5 else ""
    return [
        f"{source}: {many(len(spoiled), 'ionic step')} left out, where numbers are stars, too large for their columns "
        f"({named}{more})"
    ]
