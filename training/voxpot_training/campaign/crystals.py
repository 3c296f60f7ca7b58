"""Crystals whose properties show what a potential is worth: elements on the lattice of an alloy, simple compounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import permutations
from math import gcd
from typing import TYPE_CHECKING

from ase.build import bulk

from voxpot_training.campaign.alloys import PER_CUBE, alloy_of

if TYPE_CHECKING:
    from ase import Atoms

    from voxpot_training.campaign.config import AlloyConfig

__all__ = ["Crystal", "crystals_of"]

ORDERS = {
    "bcc": {"B2": "ab"},
    "fcc": {"L1_2": "abbb", "L1_0": "abba"},
    "diamond": {"B3": "abababab"},
}
"""Compounds of two elements on a lattice: which of them is on the sites of ASE's cubic cell."""
UNIAXIAL = ("hcp", "L1_0")
"""Crystals with one axis, along z, that differs from the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crystal:
    """A perfect crystal before it is relaxed."""

    order: str  # a lattice of one element, or one of ORDERS
    lattice: str
    symbols: tuple[str, ...]  # of the sites of its cell
    constant: float  # Å, of the lattice
    ratio: float  # c/a of hcp

    @property
    def name(self) -> str:
        """Formula and order, such as ``Cu3Au, L1_2``; the more frequent element comes first."""
        counts = Counter(self.symbols)
        share = gcd(*counts.values())
        formula = "".join(f"{s}{n // share if n > share else ''}" for s, n in counts.most_common())
        return f"{formula}, {self.order}"

    @property
    def uniaxial(self) -> bool:
        """Whether z is the only axis that differs from the others; else the crystal is cubic."""
        return self.order in UNIAXIAL

    def build(self) -> Atoms:
        """The cubic cell, or the primitive one of hcp."""
        if self.lattice in PER_CUBE:
            cell: Atoms = bulk("X", self.lattice, a=self.constant, cubic=True)
        else:
            cell = bulk("X", self.lattice, a=self.constant, c=self.ratio * self.constant)
        cell.symbols[:] = self.symbols
        return cell


def crystals_of(config: AlloyConfig, *, compounds: bool = True) -> list[Crystal]:
    """The elements on the lattice of the alloy, and the compounds of every two of them.

    Args:
        config: of the alloy; a lattice without an entry in ``ORDERS`` has no compounds.
        compounds: whether there are any.

    Returns:
        Elements first, in the order of the configuration.

    Raises:
        ConfigError: as of ``alloy_of``.
    """
    alloy = alloy_of(config)
    sites = PER_CUBE.get(alloy.lattice, 2)
    wanted = [(alloy.lattice, (s,) * sites) for s in alloy.species]
    for order, letters in ORDERS.get(alloy.lattice, {}).items() if compounds else ():
        for a, b in permutations(alloy.species, 2):
            once = 2 * letters.count("a") == len(letters)  # the elements may be exchanged
            if not once or alloy.species.index(a) < alloy.species.index(b):
                wanted.append((order, tuple(a if letter == "a" else b for letter in letters)))
    return [
        Crystal(
            order=order,
            lattice=alloy.lattice,
            symbols=symbols,
            constant=alloy.constant(list(symbols)),
            ratio=alloy.ratio,
        )
        for order, symbols in wanted
    ]
