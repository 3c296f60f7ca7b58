"""Ionic radii, and charges of the ions of a perovskite.

Effective ionic radii in six-fold coordination, high spin, by charge: R. D. Shannon, Acta Cryst. A 32,
751 (1976); low spin of Co 3+ and Ni 3+, as in their perovskites; in the coordination nearest to six where there is no
other (Mn 5+, 6+, Fe 6+, Ru 7+, 8+, Os 8+, N 3-, Br 3+: four; Nd 2+, Sm 2+, Am 2+, Ra 2+: eight; Pd 1+: two).
Sn 2+, which Shannon does not list, has the radius that the list of measured perovskites gives it (``rB`` in
experimental_abx3, 1.02 Å).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import UnknownElementError
from voxpot_crystals.regression.perovskites import Perovskite, perovskite_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Ions", "charges", "ionic_radius", "ions_of", "perovskite_radii", "sums_of_radii"]

# element, then charge:radius in Å, the commonest charge first
SHANNON = """
Li 1:0.76|Be 2:0.45|B 3:0.27|C 4:0.16|N -3:1.46 5:0.13 3:0.16|O -2:1.40|F -1:1.33 7:0.08|Na 1:1.02|Mg 2:0.72
Al 3:0.535|Si 4:0.40|P 5:0.38 3:0.44|S -2:1.84 6:0.29 4:0.37|Cl -1:1.81 7:0.27|K 1:1.38|Ca 2:1.00|Sc 3:0.745
Ti 4:0.605 3:0.67 2:0.86|V 3:0.64 5:0.54 4:0.58 2:0.79|Cr 3:0.615 6:0.44 4:0.55 2:0.80 5:0.49
Mn 2:0.83 3:0.645 4:0.53 7:0.46 6:0.255 5:0.33|Fe 3:0.645 2:0.78 4:0.585 6:0.25|Co 2:0.745 3:0.545 4:0.53
Ni 2:0.69 3:0.56 4:0.48|Cu 2:0.73 1:0.77 3:0.54|Zn 2:0.74|Ga 3:0.62|Ge 4:0.53 2:0.73|As 5:0.46 3:0.58
Se -2:1.98 4:0.50 6:0.42|Br -1:1.96 3:0.59 7:0.39|Rb 1:1.52|Sr 2:1.18|Y 3:0.90|Zr 4:0.72|Nb 5:0.64 4:0.68 3:0.72
Mo 6:0.59 4:0.65 5:0.61 3:0.69|Tc 4:0.645 7:0.56 5:0.60|Ru 4:0.62 3:0.68 5:0.565 7:0.38 8:0.36
Rh 3:0.665 4:0.60 5:0.55|Pd 2:0.86 4:0.615 3:0.76 1:0.59|Ag 1:1.15 2:0.94 3:0.75|Cd 2:0.95|In 3:0.80
Sn 4:0.69 2:1.02|Sb 3:0.76 5:0.60|Te -2:2.21 4:0.97 6:0.56|I -1:2.20 5:0.95 7:0.53|Xe 8:0.48|Cs 1:1.67|Ba 2:1.35
La 3:1.032|Ce 3:1.01 4:0.87|Pr 3:0.99 4:0.85|Nd 3:0.983 2:1.29|Pm 3:0.97|Sm 3:0.958 2:1.27|Eu 3:0.947 2:1.17
Gd 3:0.938|Tb 3:0.923 4:0.76|Dy 3:0.912 2:1.07|Ho 3:0.901|Er 3:0.89|Tm 3:0.88 2:1.03|Yb 3:0.868 2:1.02|Lu 3:0.861
Hf 4:0.71|Ta 5:0.64 4:0.68 3:0.72|W 6:0.60 4:0.66 5:0.62|Re 4:0.63 7:0.53 6:0.55 5:0.58
Os 4:0.63 6:0.545 5:0.575 8:0.39 7:0.525|Ir 4:0.625 3:0.68 5:0.57|Pt 4:0.625 2:0.80 5:0.57|Au 3:0.85 1:1.37 5:0.57
Hg 2:1.02 1:1.19|Tl 1:1.50 3:0.885|Pb 2:1.19 4:0.775|Bi 3:1.03 5:0.76|Po 4:0.94 6:0.67|At 7:0.62|Fr 1:1.80|Ra 2:1.48
Ac 3:1.12|Th 4:0.94|Pa 5:0.78 4:0.90 3:1.04|U 6:0.73 4:0.89 5:0.76 3:1.025|Np 5:0.75 4:0.87 3:1.01 6:0.72 7:0.71 2:1.10
Pu 4:0.86 3:1.00 5:0.74 6:0.71|Am 3:0.975 4:0.85 2:1.26|Cm 3:0.97 4:0.85
"""
ANIONS = {"H": -1, "N": -3, "P": -3, "As": -3, "Sb": -3, "O": -2, "S": -2, "Se": -2, "Te": -2}
"""Charges of anions; the halogens have -1, and so has whatever else is asked for one."""
PER_CHARGE = 0.12
"""Å by which an ion shrinks, about, with each electron less: for charges that the table does not have."""

UNWILLING = {"Nd": (2,), "Sm": (2,), "Dy": (2,), "Tm": (2,), "Pr": (4,), "Tb": (4,)}
"""Charges of lanthanides far from 3+ in potential, which they have only where no others add up."""
COST = 9
"""Places in the order of charges that an unwilling ion comes later."""
TOO_LARGE = 0.1
"""Å by which an ion on B may exceed that on A."""


@cache
def _table() -> dict[str, dict[int, float]]:
    entries = [entry.split() for line in SHANNON.split("\n") for entry in line.split("|") if entry.strip()]
    return {symbol: {int(q): float(r) for q, r in (p.split(":") for p in pairs)} for symbol, *pairs in entries}


def charges(symbol: str) -> tuple[int, ...]:
    """Charges of the cations that the table knows, the commonest first.

    >>> charges("Eu")
    (3, 2)
    """
    return tuple(q for q in _table().get(symbol, {}) if q > 0)


def ionic_radius(symbol: str, charge: int) -> float | None:
    """Å; from the nearest charge in the table where this is not in it, None of elements without any.

    >>> ionic_radius("Sr", 2), ionic_radius("Sn", 2)
    (1.18, 1.02)
    """
    known = _table().get(symbol)
    if not known:
        return None
    nearest = min(known, key=lambda q: (abs(q - charge), q))
    return round(known[nearest] + PER_CHARGE * (nearest - charge), 4)


@dataclass(frozen=True, slots=True)
class Ions:
    """The ions of a perovskite; means where several charges are equally common."""

    radii: tuple[float, float, float]  # Å, on A, B and X
    charges: tuple[float, float]  # on A and B


def ions_of(who: Perovskite) -> Ions | None:
    """Ions on A, B and X; None if an element has none in the table.

    Charges add up to zero, or nearly so if they cannot; of several ways those of the commonest charges, and
    the mean of ways that are equally common.

    >>> ions_of(Perovskite("Pr", "Mn", "O", 4.0)).charges  # not Pr 4+ and Mn 2+
    (3.0, 3.0)
    """
    charge, table = ANIONS.get(who.anion, -1), _table()
    anion = ionic_radius(who.anion, charge)
    pairs = list(product(charges(who.a_site), charges(who.b_site)))
    if anion is None or not pairs:
        return None
    rank = [(abs(a + b + 3 * charge), _rarity(who.a_site, a) + _rarity(who.b_site, b)) for a, b in pairs]
    best = [pair for pair, place in zip(pairs, rank, strict=True) if place == min(rank)]
    a, b, qa, qb = np.array([(table[who.a_site][a], table[who.b_site][b], a, b) for a, b in best]).mean(0).tolist()
    return Ions((a, b, anion), (qa, qb))


def _rarity(symbol: str, charge: int) -> int:
    """0 for the commonest charge of a cation."""
    return charges(symbol).index(charge) + (COST if charge in UNWILLING.get(symbol, ()) else 0)


def perovskite_radii(who: Perovskite) -> tuple[float, float, float] | None:
    """Radii in Å of the ions on A, B and X, as ``ions_of`` finds them.

    >>> perovskite_radii(Perovskite("K", "Nb", "O", 4.0)), perovskite_radii(Perovskite("Nd", "Fe", "O", 4.0))
    ((1.38, 0.64, 1.4), (0.983, 0.645, 1.4))
    """
    ions = ions_of(who)
    return None if ions is None else ions.radii


def sums_of_radii(atoms: Sequence[Atoms]) -> Float[np.ndarray, "crystal 2"]:
    """r_B + r_X and r_A + r_X in Å, which fix the edge of a perovskite.

    V. M. Goldschmidt, Naturwissenschaften 14, 477 (1926).  A is the larger one of the cations: Ba in LiBaF3.

    Raises:
        StructureError: of crystals that are no perovskites; ``UnknownElementError`` without radii of their ions.
    """
    out = []
    for row, who in enumerate(map(perovskite_of, atoms)):
        radii = perovskite_radii(who)
        if radii is None:
            raise UnknownElementError(
                f"crystal {row}: expected elements that have ionic radii, got {who.a_site}{who.b_site}{who.anion}3"
            )
        a, b, x = radii
        if b > a + TOO_LARGE:
            a, b = b, a
        out.append((b + x, a + x))
    return np.array(out)
