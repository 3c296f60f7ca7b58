"""The table of the properties of crystals before and after a campaign, for its page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ase_voxpot.validation.page import html_table
from voxpot_training.campaign.properties import SHOWN

if TYPE_CHECKING:
    from voxpot_training.campaign.records import Report, Stage

__all__ = ["properties_section", "property_rows"]

TEXT = (
    "Elements and simple compounds on the lattice of the alloy, relaxed by each potential. "
    "Vacancies are relaxed at constant volume in cells about 9 Å wide; lattice constants are those of the cubic cell, "
    "of hcp those of the primitive one. Where there is no value, the reason is given."
)


def properties_section(report: Report) -> str:
    """The section of the page; empty without properties."""
    if not report.properties:
        return ""
    heads = ["crystal", "property", *(_title(stage, report.labeller) for stage in report.properties)]
    table = html_table(heads, property_rows(report.properties))
    return f"<h2>Properties before and after</h2>\n<p>{escape(TEXT)}</p>\n{table}"


def _title(stage: Stage, labeller: str) -> str:
    return f"reference: {labeller}" if stage.name == "labeller" else stage.name


def property_rows(stages: list[Stage]) -> list[list[str]]:
    """Crystal, quantity with its unit, and a value or a reason for every stage; a reason is written out once."""
    rows = []
    for crystal in dict.fromkeys(name for stage in stages for name in stage.crystals):
        known = [stage.crystals.get(crystal, {"values": {}, "reasons": {}}) for stage in stages]
        names = [n for n in SHOWN if any(n in found["values"] or n in found["reasons"] for found in known)]
        columns = [_column(names, **found) for found in known]
        for k, name in enumerate(names):
            label = f"{SHOWN[name].label} ({SHOWN[name].unit})"
            rows.append(["" if k else crystal, label, *(column[k] for column in columns)])
    return rows


def _column(names: list[str], values: dict[str, float], reasons: dict[str, str]) -> list[str]:
    """The cells of one crystal in one stage."""
    cells, before = [], ""
    for name in names:
        if name in values:
            cells.append(f"{values[name]:.{SHOWN[name].digits}f}")
            before = ""
        else:
            reason = reasons.get(name, "–")
            cells.append("as above" if reason == before != "–" else reason)
            before = reason
    return cells
