"""Reasons why a VASP file has no frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.vasp.words import many, stars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Seen", "computed_instead", "no_steps"]

WITHOUT_FORCES = {
    "GW": "quasiparticle energies",
    "QPGW": "quasiparticle energies",
    "SCGW": "quasiparticle energies",
    "EVGW": "quasiparticle energies",
    "CHI": "response functions",
    "ACFDT": "correlation energies",
    "RPA": "correlation energies",
    "BSE": "optical excitations",
    "TDHF": "optical excitations",
    "TIMEEV": "optical excitations",
    "2E4W": "integrals over four orbitals",
    "CRPA": "screened interactions",
    "EIGENVAL": "bands",
    "NONE": "nothing of the electrons",
    "NOTHING": "nothing of the electrons",
}
"""ALGO by its beginning, and what is computed in the place of forces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Counts of a reader for a run without a frame."""

    learned: int  # steps of a machine-learned force field
    bare: int  # steps with energies only
    spoiled: Sequence[tuple[int, str]]  # steps with stars: which, and what
    loops: tuple[int, int]  # ionic and electronic step that were begun last
    finished: bool  # whether the job came to its end


def no_steps(source: str, seen: Seen, settings: Mapping[str, str], *, kind: str) -> str:
    """A sentence for a file without a frame.

    Args:
        source: name of the file.
        seen: counts of the reader.
        settings: of INCAR.
        kind: of the file.
    """
    expected = f"{source}: expected at least one complete ionic step computed with DFT, got"
    instead = computed_instead(settings)
    ionic, electronic = seen.loops
    if seen.spoiled:
        return f"{expected} none without stars: {stars(source, seen.spoiled)[0].removeprefix(f'{source}: ')}"
    if seen.learned:
        return (
            f"{expected} {many(seen.learned, 'step')}, all of a machine-learned force field (ML_LMLFF), with which no "
            "model can be judged; give a run of DFT, or one that computed some of its steps with DFT"
        )
    if instead is not None:
        return f"{expected} none: ALGO = {settings['ALGO']} computes {instead} and no forces; give a run with forces"
    if seen.bare:
        return f"{expected} energies of {many(seen.bare, 'step')} without a table of positions and forces"
    if seen.finished and (ionic or electronic):
        return f"{expected} none: the calculation ended normally and wrote no forces; give a run with forces"
    if ionic or electronic:
        return f"{expected} none: the job ended in electronic step {electronic} of ionic step {ionic}"
    return f"{expected} none: the {kind} ends before the first electronic step; was the job killed at once?"


def computed_instead(settings: Mapping[str, str]) -> str | None:
    """The quantity that a calculation computes instead of forces; None if it computes forces.

    >>> computed_instead({"ALGO": "EVGW0R"})
    'quasiparticle energies'
    """
    algo = settings.get("ALGO", "").strip().upper()
    return next((what for name, what in WITHOUT_FORCES.items() if algo.startswith(name)), None)
