"""Commands that use the pair style directly, and are wrong with ``fix external`` in its place.

Their results would be zero or incomplete, without a warning.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lammps_plugin.external import BLIND

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["IMMEDIATE", "NEEDS_COMPILER", "Blind", "asks_at_once", "blindness"]

NEEDS_COMPILER = "; install a C++ compiler (Debian: apt install g++), which pair_style voxpot is made with"
ENERGIES = re.compile(r"\b(epair|evdwl|ecoul|elong|etail)\b")
"""Thermo keywords for the energy of the pair style."""
IMMEDIATE = re.compile(r"\$\((.*?)\)")
"""Immediate variables."""
TALLIES = ("pe", "pressure", "pe/atom", "stress/atom")
"""Computes with an option to exclude fixes."""
SINGLE = re.compile(
    r"group/group|pair(/local)?|fep(/ta)?|ti|born/matrix|hma|.*/tally|centroid/stress/atom|pressure/cylinder|"
    r"stress/(mop|mop/profile|cartesian|cylinder|spherical)"
)
"""Computes that use energies, forces or virials of the pair style directly."""


class Blind(NamedTuple):
    """The reason why a command is not supported."""

    sentence: str
    kind: str = ""  # fix, compute, variable or thermo, if it stays behind
    name: str = ""


def asks_at_once(line: str) -> bool:
    """Whether an immediate variable of a line holds the energy of the pair style.

    >>> asks_at_once("print 'E = $(epair:%g)'"), asks_at_once("print $(pe)")
    (True, False)
    """
    return any(ENERGIES.search(inside) for inside in IMMEDIATE.findall(line))


def blindness(words: Sequence[str], line: str) -> Blind | None:
    """Reason why the result of a command would not include the model, or None.

    Args:
        words: of the command, expanded.
        line: the command in the deck.

    >>> print(blindness(["run", "5"], "run 5"))
    None
    >>> blindness("compute q all group/group all".split(), "compute q all group/group all").kind
    'compute'
    """
    verb, rest = words[0], list(words[1:])
    if verb == "fix" and len(rest) > 2 and rest[2] in BLIND:
        sentence = f"fix {rest[0]} ({rest[2]}) asks the pair style alone, which is empty here{NEEDS_COMPILER}"
        return Blind(sentence, "fix", rest[0])
    if verb == "compute" and len(rest) > 2:
        partial = rest[2] in TALLIES and "pair" in rest[3:] and not {"fix", "virial"} & set(rest[3:])
        if partial or SINGLE.fullmatch(rest[2]):
            sentence = f"'compute {' '.join(rest)}' asks for the pair style alone, which is empty here{NEEDS_COMPILER}"
            return Blind(sentence, "compute", rest[0])
    if verb == "variable" and len(rest) > 2 and ENERGIES.search(" ".join(rest[2:])):
        sentence = f"{line!r} holds the energy of the pair style alone, which is empty here; use 'pe'"
        return Blind(sentence, "variable", rest[0])
    if verb == "thermo_style" and rest != ["one"] and (rest[:1] != ["custom"] or ENERGIES.search(" ".join(rest))):
        sentence = f"{line!r} prints the energy of the pair style alone, which is empty here; use 'pe'"
        return Blind(sentence, "thermo", " ".join(words))
    if verb in ("pair_write", "write_coeff"):
        return Blind(f"{verb} writes down a pair style, which is empty here{NEEDS_COMPILER}")
    return None
