"""Sentences on settings that differ between runs whose energies are used together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ase_voxpot.vasp.incar import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["disagreements"]

COMPARED = ("ENCUT", "GGA", "METAGGA", "LHFCALC", "LDAU", "LSORBIT", "ISPIN", "IVDW", "LUSE_VDW")
"""Settings that shift energies."""


def disagreements(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """A sentence for every setting that shifts energies and is not the same in all runs that state it.

    Args:
        settings: of INCAR and POTCAR, by run.

    >>> disagreements([{"ENCUT": "520.0 eV"}, {"ENCUT": "520.00"}, {"ENCUT": "400"}, {}])
    ['runs of VASP differ in ENCUT: 520 (2 of 3), 400 (1 of 3); their energies may be shifted against each other']
    """
    found: dict[str, Counter[str]] = {}
    for of_run in settings:
        for name, value in _stated(of_run):
            found.setdefault(name, Counter())[value] += 1
    return [
        f"runs of VASP differ in {name}: "
        + ", ".join(f"{value} ({many} of {values.total()})" for value, many in values.most_common())
        + "; their energies may be shifted against each other"
        for name, values in found.items()
        if len(values) > 1
    ]


def _stated(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and values, the latter in one spelling; a POTCAR for each element."""
    stated = {"ENCUT": settings["ENMAX"]} if "ENMAX" in settings else {}
    stated |= settings
    for name in COMPARED:
        words = stated.get(name, "").split()
        if words:
            value = number({name: words[0]}, name)
            yield name, words[0].strip(".").upper()[:20] if value is None else f"{value:g}"
    for title in settings.get("POTCAR", "").split("; "):
        words = title.split()
        if len(words) > 1:
            yield f"POTCAR of {words[1].split('_')[0]}", title[:60]
