"""Settings of INCAR and POTCAR, and their differences from those of the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.vasp.incar import number, switched_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase_voxpot.vasp.frames import Run

__all__ = ["cautions", "functional_of"]

GGA = {"PE": "PBE", "PS": "PBEsol", "RP": "RPBE", "RE": "revPBE", "91": "PW91", "AM": "AM05", "CA": "LDA"}
UNSET = {"", "--", "NONE", "F", ".FALSE."}
UNLIKE = {
    "LDAU": "a Hubbard U",
    "LHFCALC": "exact exchange",
    "LUSE_VDW": "a van der Waals functional",
    "LSORBIT": "spin-orbit coupling",
}
NARROW = 0.03
"""eV, smearing below which a metal needs unusually many k-points."""


def functional_of(settings: Mapping[str, str]) -> str | None:
    """The exchange-correlation functional: a tag in INCAR, else that of the POTCAR.

    >>> functional_of({"GGA": "--", "POTCAR": "PAW_PBE W_pv 06Sep2000"})
    'PBE'
    """
    meta = settings.get("METAGGA", "").strip()
    if meta.upper() not in UNSET:
        return {"R2SCAN": "r2SCAN"}.get(meta.upper(), meta)
    if switched_on(settings, "LHFCALC"):
        return "a hybrid functional"
    tag = settings.get("GGA", "").strip().upper()
    if tag not in UNSET:
        return GGA.get(tag, f"GGA = {tag}")
    titles = settings.get("POTCAR", "")
    for beginning, name in (("PAW_PBE", "PBE"), ("PAW_GGA", "PW91"), ("PAW ", "LDA")):
        if titles.startswith(beginning):
            return name
    return None


def cautions(run: Run, card: Mapping[str, Any]) -> list[str]:
    """Sentences on what differs between the run and the data behind the model.

    Args:
        run: of VASP.
        card: of the model, where ``method`` may hold ``functional`` and ``cutoff`` (eV).
    """
    found = _method(run.settings, card.get("method")) + _electrons(run.settings) + _ions(run)
    if not run.settings:
        found.append("The file does not say how it was computed; functional and cutoff energy cannot be compared.")
    return found


def _method(settings: Mapping[str, str], method: Any) -> list[str]:
    found = []
    known = method if isinstance(method, dict) else {}  # the content of a card is not validated
    mine, theirs = known.get("functional"), functional_of(settings)
    if mine and theirs and theirs != mine:
        found.append(f"The run was computed with {theirs}, the model was made from {mine}.")
    cutoff, ours = number(settings, "ENCUT") or number(settings, "ENMAX"), known.get("cutoff")
    if cutoff and isinstance(ours, int | float) and abs(cutoff - ours) > 1:
        found.append(
            f"The run has a cutoff energy of {cutoff:g} eV, the data of the model {ours:g} eV; "
            "energies, and stress even more, may be shifted."
        )
    found += [f"The run includes {what} ({name})." for name, what in UNLIKE.items() if switched_on(settings, name)]
    if number(settings, "IVDW"):
        found.append("The run includes a van der Waals correction (IVDW).")
    if number(settings, "ISPIN") == 2:
        found.append("The run is spin-polarised (ISPIN = 2).")
    return found


def _electrons(settings: Mapping[str, str]) -> list[str]:
    smearing, width = number(settings, "ISMEAR"), number(settings, "SIGMA")
    if smearing is not None and smearing <= -4:
        return [
            f"ISMEAR = {smearing:g} is the tetrahedron method, for insulators and densities of states: "
            "forces and stress of a metal are not derivatives of its energy."
        ]
    if smearing == -2:
        return ["ISMEAR = -2 fixes the occupations, which is not how a metal is computed."]
    if smearing is not None and width is not None and width < NARROW:
        return [f"SIGMA = {width:g} eV is a smearing for insulators; a metal needs a dense mesh of k-points with it."]
    return []


def _ions(run: Run) -> list[str]:
    found = []
    kind = number(run.settings, "IBRION")
    if kind is not None and kind != 0:
        found.append(
            f"IBRION = {kind:g} is no molecular dynamics: frames are compared one by one, and no dynamics is run."
        )
    begin, end = number(run.settings, "TEBEG"), number(run.settings, "TEEND")
    if kind == 0 and begin and end and end > 0 and abs(begin - end) > 1:
        found.append(
            f"The temperature was changed from {begin:g} to {end:g} K along the run; the model is run at its mean."
        )
    if run.held:
        found.append(f"{run.held} of {len(run.symbols)} atoms never move in the run: the model is not run beside it.")
    if run.moving_cell:
        volumes = run.volumes / len(run.symbols)
        found.append(
            f"The cell changes along the run (volume {volumes.min():.3f} to {volumes.max():.3f} Å³/atom): every frame "
            "is evaluated in its own, and the model is run in the mean cell."
        )
    return found
