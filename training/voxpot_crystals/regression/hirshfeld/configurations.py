"""Ground-state electron configurations of the neutral atoms up to curium.

Shells fill in the order of n + l, then n (Madelung), except for the atoms listed below,
whose spectra say otherwise (configurations as in the NIST Atomic Spectra Database).
"""

from __future__ import annotations

from dataclasses import dataclass

from ase.data import atomic_numbers

from ase_voxpot.errors import UnknownElementError

__all__ = ["HEAVIEST", "Shell", "configuration"]

HEAVIEST = 96
"""Curium, the last atom of the table."""

LETTERS = "spdf"

EXCEPTIONS = {
    "Cr": "3d5 4s1", "Cu": "3d10 4s1", "Nb": "4d4 5s1", "Mo": "4d5 5s1", "Ru": "4d7 5s1", "Rh": "4d8 5s1",
    "Pd": "4d10 5s0", "Ag": "4d10 5s1", "La": "4f0 5d1", "Ce": "4f1 5d1", "Gd": "4f7 5d1", "Pt": "5d9 6s1",
    "Au": "5d10 6s1", "Ac": "5f0 6d1", "Th": "5f0 6d2", "Pa": "5f2 6d1", "U": "5f3 6d1", "Np": "5f4 6d1",
    "Cm": "5f7 6d1",
}  # fmt: skip
"""Shells whose occupation differs from the Madelung order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A shell (n, l) and the number of its electrons."""

    n: int
    l: int
    electrons: int

    @property
    def full(self) -> bool:
        """Whether all 4l + 2 places are taken."""
        return self.electrons == 4 * self.l + 2


def configuration(z: int) -> tuple[Shell, ...]:
    """The occupied shells of the neutral atom, those of one l in the order of n.

    >>> [f"{s.n}{'spdf'[s.l]}{s.electrons}" for s in configuration(8)]
    ['1s2', '2s2', '2p4']

    Raises:
        UnknownElementError: beyond curium, or no atom at all.
    """
    if not 1 <= z <= HEAVIEST:
        raise UnknownElementError(f"expected atomic numbers from 1 to {HEAVIEST}, got {z}: no density is known of it")
    order = sorted(((n, l) for n in range(1, 8) for l in range(min(n, 4))), key=lambda nl: (sum(nl), nl[0]))
    filled: dict[tuple[int, int], int] = {}
    left = z
    for n, l in order:
        filled[n, l] = min(left, 4 * l + 2)
        left -= filled[n, l]
    for symbol, words in EXCEPTIONS.items():
        if atomic_numbers[symbol] == z:
            filled |= {(int(w[0]), LETTERS.index(w[1])): int(w[2:]) for w in words.split()}
    return tuple(Shell(n=n, l=l, electrons=q) for (n, l), q in sorted(filled.items()) if q)
