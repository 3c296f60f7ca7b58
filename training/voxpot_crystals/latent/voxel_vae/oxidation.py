"""Oxidation states of the elements, hydrogen to fermium.

The states of any compound known, rare ones included, as the screening of D. W. Davies et al. takes them
(SMACT, J. Open Source Softw. 4, 1361 (2019)); they are those of N. N. Greenwood and A. Earnshaw, Chemistry
of the Elements, 2nd ed. (1997), with a few found later.  Published shares of valid compositions
are based on these; other states would not be comparable.
"""

from __future__ import annotations

import re
from functools import cache

from ase.data import atomic_numbers

from ase_voxpot.errors import UnknownElementError
from voxpot_crystals.regression.elements import HEAVIEST

__all__ = ["is_metal", "oxidation_states"]

STATES = """
H-1+1 He Li+1 Be+1+2 B+1+2+3 C-4-3-2-1+1+2+3+4 N-3-2-1+1+2+3+4+5 O-2-1+1+2 F-1 Ne Na-1+1 Mg+1+2 Al+1+2+3
Si-4-3-2-1+1+2+3+4 P-3-2-1+1+2+3+4+5 S-2-1+1+2+3+4+5+6 Cl-1+1+2+3+4+5+6+7 Ar K-1+1 Ca+1+2 Sc+1+2+3 Ti-1+1+2+3+4
V-1+1+2+3+4+5 Cr-2-1+1+2+3+4+5+6 Mn-3-2-1+1+2+3+4+5+6+7 Fe-2-1+1+2+3+4+5+6 Co-1+1+2+3+4+5 Ni-1+1+2+3+4 Cu+1+2+3+4
Zn+1+2 Ga+1+2+3 Ge-4-3-2-1+1+2+3+4 As-3+1+2+3+5 Se-2+1+2+4+6 Br-1+1+2+3+4+5+7 Kr+2 Rb-1+1 Sr+1+2 Y+1+2+3 Zr+1+2+3+4
Nb-1+1+2+3+4+5 Mo-2-1+1+2+3+4+5+6 Tc-3-1+1+2+3+4+5+6+7 Ru-2+1+2+3+4+5+6+7+8 Rh-1+1+2+3+4+5+6 Pd+1+2+4+6 Ag+1+2+3+4
Cd+1+2 In+1+2+3 Sn-4+2+4 Sb-3+3+5 Te-2+2+4+5+6 I-1+1+3+4+5+7 Xe+1+2+4+6+8 Cs-1+1 Ba+2 La+2+3 Ce+2+3+4 Pr+2+3+4
Nd+2+3+4 Pm+2+3 Sm+2+3 Eu+2+3 Gd+1+2+3 Tb+1+2+3+4 Dy+2+3+4 Ho+2+3 Er+2+3 Tm+2+3 Yb+2+3 Lu+3 Hf+2+3+4 Ta-1+2+3+4+5
W-2-1+1+2+3+4+5+6 Re-3-1+1+2+3+4+5+6+7 Os-2-1+1+2+3+4+5+6+7+8 Ir-3-1+1+2+3+4+5+6+7+8 Pt-2-1+1+2+3+4+5+6 Au-1+1+2+3+5
Hg+1+2+4 Tl-1+1+3 Pb-4+2+4 Bi-3+1+3+5+7 Po-2+2+4+5+6 At-1+1+3+5+7 Rn+2+6 Fr+1 Ra+2 Ac+2+3 Th+2+3+4 Pa+2+3+4+5
U+2+3+4+5+6 Np+3+4+5+6+7 Pu+2+3+4+5+6+7+8 Am+2+3+4+5+6+7 Cm+2+3+4+6+8 Bk+2+3+4 Cf+2+3+4 Es+2+3+4 Fm+2+3
"""

NO_METALS = "H He B C N O F Ne Si P S Cl Ar As Se Br Kr Te I Xe At Rn"
"""All others make alloys among each other; Ge, Sb and Po are counted with the metals."""


@cache
def _states() -> dict[int, tuple[int, ...]]:
    table = {}
    for word in STATES.split():
        symbol = re.match("[A-Za-z]+", word).group()  # type: ignore[union-attr]
        table[atomic_numbers[symbol]] = tuple(map(int, re.findall(r"[+-]\d", word)))
    return table


@cache
def _no_metals() -> frozenset[int]:
    return frozenset(atomic_numbers[s] for s in NO_METALS.split())


def oxidation_states(number: int) -> tuple[int, ...]:
    """In rising order, 0 left out; of the lightest noble gases none.

    >>> oxidation_states(8)
    (-2, -1, 1, 2)

    Raises:
        UnknownElementError: beyond fermium.
    """
    try:
        return _states()[int(number)]
    except KeyError:
        raise UnknownElementError(f"expected an element from Z = 1 to {HEAVIEST}, got Z = {number}") from None


def is_metal(number: int) -> bool:
    """Whether the element forms alloys rather than salts with others of its kind.

    >>> is_metal(26), is_metal(8)
    (True, False)
    """
    return int(number) not in _no_metals()
