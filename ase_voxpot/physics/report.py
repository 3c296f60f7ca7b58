"""Table of results of several calculators with reference values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ase_voxpot.physics.references import LAWS, QUANTITIES, REFERENCES, Reference, label_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Row", "apart", "compositions", "markdown", "rows", "summary_of", "to_json", "verdict"]

SHARE, DEFECT = 0.05, 0.15
"""Least deviation from PBE that ``apart`` reports: relative, and in eV for energies of defects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity of one subject."""

    subject: str
    quantity: str
    reference: Reference | None
    values: dict[str, float | None]  # by calculator


def rows(answers: Mapping[str, Mapping[tuple[str, str], Mapping[str, Any]]]) -> list[Row]:
    """All results in the order of ``QUANTITIES``, elements before alloys.

    Args:
        answers: by calculator, then by workflow and subject, as ``bench.run`` returns them.
    """
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    subjects: dict[str, None] = {}
    for name, kept in answers.items():
        for (_, subject), answer in kept.items():
            subjects[subject] = None
            for quantity, value in answer.get("figures", {}).items():
                found.setdefault((subject, quantity), {})[name] = value
    order = sorted(subjects, key=lambda s: sum(c.isupper() for c in s))
    return [
        Row(
            subject=subject,
            quantity=quantity,
            reference=REFERENCES.get(subject, {}).get(quantity, LAWS.get(quantity)),
            values={name: found[subject, quantity].get(name) for name in answers},
        )
        for subject in order
        for quantity in QUANTITIES
        if (subject, quantity) in found
    ]


def verdict(row: Row, name: str) -> str:
    """Whether a value is within the tolerance of its reference.

    Returns:
        ``inside``, ``outside`` or an empty string.
    """
    value = row.values[name]
    if row.reference is None or value is None:
        return ""
    return "inside" if row.reference.accepts(value) else "outside"


def apart(table: Sequence[Row], name: str) -> tuple[list[Row], int]:
    """Rows further from PBE than 5 %, or 0.15 eV where the unit is eV; and the number of rows that PBE can judge.

    One rule for all properties, where ``verdict`` has a tolerance for each.  Energies per atom of alloys, which may
    be close to zero, keep theirs.
    """
    judged = [
        row
        for row in table
        if row.reference is not None and row.reference.source.startswith("PBE") and row.values[name] is not None
    ]
    return [row for row in judged if _deviates(row, name)], len(judged)


def _deviates(row: Row, name: str) -> bool:
    value, reference = row.values[name], row.reference
    if value is None or reference is None:
        return False
    unit = QUANTITIES[row.quantity].unit
    if unit == "meV/atom":
        return not reference.accepts(value)
    return abs(value - reference.value) > (DEFECT if unit == "eV" else SHARE * abs(reference.value))


MARKS = {"inside": " ✓", "outside": " ✗", "": ""}


def cell(row: Row, name: str) -> str:
    """A value with its deviation and whether that is within the tolerance.

    >>> row = Row(subject="W", quantity="C11", reference=REFERENCES["W"]["C11"], values={"a": 500.0})
    >>> cell(row, "a")
    '500 (-4.9 %) ✓'
    """
    value = row.values[name]
    if value is None:
        return "–"
    text = f"{value:.{QUANTITIES[row.quantity].digits}f}"
    reference = row.reference
    if reference is not None and reference.relative and reference.tolerance > 0 and reference.value:
        digits = 2 if reference.tolerance < 0.01 else 1
        text += f" ({100 * (value / reference.value - 1):+.{digits}f} %)"
    return text + MARKS[verdict(row, name)]


def expected(row: Row) -> str:
    """The text of the reference for the table."""
    if row.reference is None:
        return "–"
    return f"{row.reference.value:.{QUANTITIES[row.quantity].digits}f}"


def markdown(table: Sequence[Row], names: Sequence[str], *, title: str) -> str:
    """The table as a Markdown document, sources at its end."""
    lines = [f"# {title}", "", "✓ within the tolerance, ✗ not.  Deviations are relative to the reference.", ""]
    lines += [f"{name}: {summary_of(table, name)}." for name in names] + [""]
    for subject in dict.fromkeys(row.subject for row in table):
        lines += [
            f"## {subject}",
            "",
            f"| quantity | reference | {' | '.join(names)} |",
            "|---|---|" + "---|" * len(names),
        ]
        for row in table:
            if row.subject == subject:
                cells = " | ".join(cell(row, name) for name in names)
                lines.append(f"| {label_of(row.quantity)} | {expected(row)} | {cells} |")
        lines.append("")
    lines += [
        "## Where the references come from",
        "",
        "| subject | quantity | value | tolerance | source |",
        "|---|---|---|---|---|",
    ]
    for row in table:
        if row.reference is not None:
            allowed = (
                f"{100 * row.reference.tolerance:g} %" if row.reference.relative else f"{row.reference.tolerance:g}"
            )
            lines.append(
                f"| {row.subject} | {label_of(row.quantity)} | {expected(row)} | {allowed} | {row.reference.source} |"
            )
    return "\n".join(lines) + "\n"


def summary_of(table: Sequence[Row], name: str) -> str:
    """How many figures are within their tolerance, and which are not close to PBE, as a sentence."""
    verdicts = [verdict(row, name) for row in table]
    good, judged = verdicts.count("inside"), len(verdicts) - verdicts.count("")
    far, known = apart(table, name)
    text = f"{good} of {judged} figures within their tolerance"
    if known:
        text += f"; {len(far)} of {known} further from PBE than 5 % (defects 0.15 eV, alloys their tolerance)"
    return text + (": " if far else "") + ", ".join(f"{row.subject} {row.quantity}" for row in far)


def compositions(answers: Mapping[str, Mapping[tuple[str, str], Mapping[str, Any]]]) -> str:
    """Mixing energies against labelled frames, one column per composition, as Markdown; empty without any.

    Args:
        answers: by calculator, then by workflow and subject, as ``bench.run`` returns them.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, kept in answers.items():
        for (workflow, subject), answer in kept.items():
            if workflow == "dft-mixing" and "curves" in answer:
                found.setdefault(subject, {})[name] = answer["curves"]
    lines = []
    for subject, curves in found.items():
        fractions = next(iter(curves.values()))["compositions"]
        lines += [f"## {subject}: mixing energy less that of DFT, by fraction of the second element", ""]
        lines += ["Mean deviation / mean absolute deviation, meV/atom.", ""]
        lines += ["| | " + " | ".join(f"{x:.4g}" for x in fractions) + " |", "|---|" + "---|" * len(fractions)]
        for name, curve in curves.items():
            pairs = zip(curve["deviations"], curve["maes"], strict=True)
            lines.append(f"| {name} | " + " | ".join(f"{d:+.1f} / {m:.1f}" for d, m in pairs) + " |")
        lines.append("")
    return "\n".join(lines)


def to_json(table: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as plain data, deviation and verdict of every calculator with them."""
    out = []
    for row in table:
        values = {}
        for name, value in row.values.items():
            off = None if row.reference is None or value is None else value - row.reference.value
            values[name] = {"value": value, "deviation": off, "verdict": verdict(row, name) or None}
        reference = None if row.reference is None else asdict(row.reference)
        unit = QUANTITIES[row.quantity].unit
        out.append(
            {"subject": row.subject, "quantity": row.quantity, "unit": unit, "reference": reference, "values": values}
        )
    return out
