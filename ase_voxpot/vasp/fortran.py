"""Parser of numbers in Fortran columns of fixed width, which may touch or contain stars.

A field that is too narrow for its number is filled with stars; two that are just wide
enough have no blank between them (``-0.00000001-0.11227753``).
"""

from __future__ import annotations

import re

__all__ = ["Overflow", "numbers"]


class Overflow(ValueError):  # noqa: N818
    """A field of stars, in the place of a number too large for it."""


def numbers(text: str, count: int | None = None) -> list[float]:
    """The numbers of a line.

    Args:
        text: columns, whether or not blanks separate them.
        count: how many from the left are wanted, whatever follows; all without it.

    Raises:
        Overflow: one of those wanted is stars.
        ValueError: something else that is no number, or fewer than ``count``.

    >>> numbers("  0.50000000 -0.00000001-0.11227753")
    [0.5, -1e-08, -0.11227753]
    >>> numbers("123.00000001987.50000000")
    [123.00000001, 987.5]
    """
    words = text.split()
    try:
        found = [float(word) for word in (words if count is None else words[:count])]
    except ValueError:
        found = _apart(words, count)
    if count is not None and len(found) < count:
        found = _apart(words, count)
        if len(found) < count:
            raise ValueError(f"expected {count} numbers, got {len(found)}")
    return found


def _apart(words: list[str], count: int | None) -> list[float]:
    """Words taken apart where columns touch, from the left until there are enough."""
    found: list[float] = []
    for word in words:
        if count is not None and len(found) >= count:
            break
        if "*" in word:
            raise Overflow(f"expected numbers, got {word[:60]!r}")
        found += [float(piece) for piece in _pieces(word)]
    return found if count is None else found[:count]


def _pieces(word: str) -> list[str]:
    word = word.replace("D", "E").replace("d", "e")
    if word.count(".") < 2:
        return [word]
    # the last number ends with the word, and its neighbours have as many decimals
    decimals = re.search(r"\.(\d+)(?:[Ee][-+]?\d+)?$", word)
    if decimals is None:
        return [word]
    found = re.findall(rf"[-+]?\d*\.\d{{{len(decimals[1])}}}(?:[Ee][-+]?\d+)?", word)
    return found if "".join(found) == word else [word]
