"""The report of a campaign as one self-contained HTML page, as ``voxpot validate`` makes them."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any

from ase_voxpot.storage.files import draft_of
from ase_voxpot.validation.page import html_table, style_sheet
from ase_voxpot.validation.pictures import svg
from ase_voxpot.validation.template import document
from voxpot_training.campaign.config import KINDS
from voxpot_training.campaign.drawings import drawings
from voxpot_training.campaign.property_table import properties_section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from voxpot_training.campaign.records import Report, Round

__all__ = ["page", "write_page"]

SHOWN = 60
"""Frames without a label in the table."""
CAPTIONS = {
    "energy": "Energies: labels not seen when the potential was judged, and those that are never trained on.",
    "forces": "Forces, likewise.",
    "kinds": "New labels by kind of structure, before they were trained on.",
    "uncertainty": "Structures made in a round: median and 90th percentile, by the potential before and after it.",
    "compositions": "What was labelled.",
    "cost": "Time that labels and training took, on one worker.",
}
PAGE = document("""<header>
<p class="eyebrow">A potential from labels</p>
<h1>$title</h1>
<p>$summary</p>
</header>
<ul class="cards">
$cards
</ul>
$notes
<h2>Learning curve</h2>
<p>New labels are compared with the potential of the round before; then it is trained with them.</p>
<div class="panels">
$pictures
</div>
$rounds
<h2>Labels by kind</h2>
<p>How many of every kind were labelled, round by round.</p>
$kinds
$physics
$properties
<h2>Set aside</h2>
<p>$aside</p>
$reasons
""")


def write_page(path: Path, report: Report) -> None:
    """Write the page, whole or not at all."""
    with draft_of(path) as draft:
        draft.write_text(page(report), encoding="utf-8")


def page(report: Report) -> str:
    """The page of a report."""
    last = report.rounds[-1]
    count = sum(sum(r.labelled.values()) for r in report.rounds)
    functional = f" ({report.functional})" if report.functional else ""
    labels = f"{count:,} labels by {report.labeller}{functional}"
    end = "it has not ended" if report.end == "running" else f"it ended: {report.end}"
    rounds = f"{len(report.rounds)} round{'s' if len(report.rounds) > 1 else ''}"
    summary = f"{', '.join(report.species)} on {report.lattice}: {labels} in {rounds}; {end}."
    without = count - sum(r.stresses for r in report.rounds)
    notes = list(report.notes) or ([f"{without:,} labels have no stress."] if without else [])
    figures = "\n".join(
        f"<figure>{svg(figure, f'learn-{name}')}<figcaption>{escape(CAPTIONS[name])}</figcaption></figure>"
        for name, figure in drawings(report)
    )
    return PAGE.substitute(
        title=escape(report.name),
        style=style_sheet(),
        summary=escape(summary),
        cards="\n".join(_card(*card) for card in _cards(report, last, count)),
        notes=_notes(notes),
        pictures=figures,
        rounds=html_table(_HEADS, [_row(r) for r in report.rounds]),
        kinds=_kinds(report),
        physics=_physics(last),
        properties=properties_section(report),
        aside=escape(_aside(report)),
        reasons=_reasons(report),
    )


_HEADS = (
    "round",
    "made",
    "chosen",
    "labelled",
    "set aside",
    "new: meV/atom",
    "new: meV/Å",
    "hold-out: meV/atom",
    "hold-out: meV/Å",
    "labelling, s",
    "training, s",
)


def _row(r: Round) -> list[str]:
    total = [sum(found.values()) for found in (r.candidates, r.chosen, r.labelled)]
    return [
        str(r.number),
        *(f"{n:,}" for n in total),
        str(r.aside),
        *_pair(r.new),
        *_pair(r.holdout),
        f"{r.label_seconds:,.1f}",
        f"{r.train_seconds:,.0f}",
    ]


def _pair(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return ["–", "–"]
    return [f"{found['total']['energy_mae']:.2f}", f"{found['total']['force_mae']:.1f}"]


def _card(name: str, value: str, meaning: str) -> str:
    return (
        f'<li><div class="name"><span>{escape(name)}</span></div><div class="value">{escape(value)}</div>'
        f'<p class="meaning">{escape(meaning)}</p></li>'
    )


def _cards(report: Report, last: Round, count: int) -> list[tuple[str, str, str]]:
    cards = []
    judged = [r for r in report.rounds if r.holdout]
    if judged:
        energy, forces = _pair(judged[-1].holdout)
        cards.append(
            (
                "Hold-out",
                f"{energy} meV/atom",
                f"MAE, and {forces} meV/Å in forces, of {judged[-1].held} labels never seen",
            )
        )
    fresh = [r for r in report.rounds if r.new]
    if fresh:
        energy, forces = _pair(fresh[-1].new)
        cards.append(
            (
                "New labels",
                f"{energy} meV/atom",
                f"MAE, and {forces} meV/Å, before round {fresh[-1].number} was trained on",
            )
        )
    spent = sum(r.label_seconds for r in report.rounds)
    trained = sum(r.train_seconds for r in report.rounds)
    cards.append(
        ("Labels", f"{count:,}", f"{spent / 3600:.2f} hours of workers; training took {trained / 60:.1f} minutes")
    )
    cards.append(("Set aside", f"{len(report.aside):,}", "frames without a label that was taken"))
    return cards


def _notes(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(s)}</li>" for s in sentences)
    return f'<section class="notes"><h3>Mind</h3><ul>{items}</ul></section>'


def _kinds(report: Report) -> str:
    kinds = [k for k in KINDS if any(r.labelled.get(k) for r in report.rounds)]
    rows = [[kind, *(str(r.labelled.get(kind, 0)) for r in report.rounds)] for kind in kinds]
    return html_table(["kind", *(f"round {r.number}" for r in report.rounds)], rows)


def _physics(last: Round) -> str:
    if not last.physics:
        return ""
    rows = [
        [name, *("–" if found[k] is None else f"{found[k]:.4g}" for k in ("labels", "model"))]
        for name, found in last.physics.items()
    ]
    text = "Metals at rest and ordered compounds, from the labels and from the potential of the last round."
    return f"<h2>Physics</h2>\n<p>{text}</p>\n{html_table(['', 'labels', 'potential'], rows)}"


def _aside(report: Report) -> str:
    if not report.aside:
        return "Nothing: every frame that was chosen has a label."
    kinds = Counter(a.kind for a in report.aside)
    told = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    return f"{len(report.aside)} frames have no label that was taken ({told})."


def _reasons(report: Report) -> str:
    if not report.aside:
        return ""
    rows = [[a.frame, a.formula, str(a.attempts), a.reason] for a in report.aside[:SHOWN]]
    return html_table(["frame", "formula", "attempts", "reason"], rows)
