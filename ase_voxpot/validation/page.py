"""The report as one self-contained HTML page without scripts and external files.

Texts from files or the command line are escaped.
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

from ase_voxpot.plotting.style import COLOURS, GRID, INK
from ase_voxpot.validation.settings import functional_of
from ase_voxpot.validation.template import PAGE, STYLE
from ase_voxpot.validation.verdict import findings, overall
from ase_voxpot.vasp.frames import ENERGIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase_voxpot.validation.validate import Validation

__all__ = ["CAPTIONS", "html_table", "page", "style_sheet"]

DARK = ("#7fb2ea", "#eda061", "#79c896", "#e58a92", "#b79bd8", "#c3a487", "#e0a6c6", "#a3abb5", "#cfc76b", "#79cbd8")
"""Colours of lines on a dark page, in the order of ``plots.COLOURS``."""
MARKS = {"good": "●", "fair": "◐", "poor": "○"}
CAPTIONS = {
    "energy-parity": "Energy per atom, model against run.",
    "energy-along-the-run": "Error along the run: a slope is a drift away from what the model knows.",
    "force-parity": "Components of all forces.",
    "force-errors": "How the errors of force components are distributed, by element.",
    "force-by-magnitude": "Errors of atoms by the size of the force on them, an eighth of all atoms each.",
    "stress-parity": "Stress without kinetic part.",
    "uncertainty-and-error": "Does the model know where it is wrong? On the line it does on average.",
    "known-ground": "Uncertainty of every frame over the largest of the model's validation.",
    "bonds": "Lengths of bonds within the first minimum of g(r).",
    "angles": "Angles between bonds at an atom.",
    "force-distribution": "Sizes of forces met in both dynamics.",
    "msd": "Displacement of atoms against the centre of mass, boundaries unwrapped, all origins.",
    "vacf": "Velocities, weighted by mass.",
    "vdos": "Its cosine transform under a Hann window of 1 ps.",
    "temperature": "Of the ions, centre of mass at rest.",
}
"""Captions of the pictures."""
GROUPS = {
    "energies": "Energies",
    "forces": "Forces",
    "stress": "Stress",
    "trust": "Uncertainty",
    "structure": "Structure",
    "motion": "Motion",
}


def page(v: Validation, pictures: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The report.

    Args:
        v: the validation.
        pictures: name and SVG of every picture, by group.
    """
    grade, verdict = overall(v)
    run = v.run
    formula = next(run.atoms()).get_chemical_formula()
    pieces = f" in {len(run.starts)} stretches" if len(run.starts) > 1 else ""
    time = f"{pieces}, {run.interval:g} fs apart" if run.interval else ""
    summary = f"{v.model} against {run.source}: {len(run):,} frames of {formula}{time}."
    return PAGE.substitute(
        title=escape(f"{v.model} against {run.source}"),
        style=style_sheet(),
        grade=grade,
        mark=MARKS[grade],
        verdict=escape(verdict),
        summary=escape(summary),
        cards="\n".join(
            f'<li><div class="name"><span>{escape(f.name)}</span>{_mark(f.grade)}</div>'
            f'<div class="value">{escape(f.value)}</div><p class="meaning">{escape(f.meaning)}</p></li>'
            for f in findings(v)
        ),
        notes=_list("Mind", v.cautions) + _list("Files", run.notes, kind="plain"),
        sections="\n".join(_section(group, v, pictures[group]) for group in GROUPS if pictures.get(group)),
        facts="\n".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in _facts(v)),
    )


def style_sheet() -> str:
    """The style of a page, with the colours of pictures as variables, for light and dark screens."""
    light = "; ".join([f"--ink: {INK}", f"--grid: {GRID}", *(f"--c{k}: {c}" for k, c in enumerate(COLOURS))])
    dark = "; ".join(["--ink: #e4e7eb", "--grid: #2b3037", *(f"--c{k}: {c}" for k, c in enumerate(DARK))])
    return Template(STYLE).substitute(light=light + ";", dark=dark + ";")


def _mark(grade: str | None) -> str:
    return "" if grade is None else f'<span class="{grade}">{MARKS[grade]} {grade}</span>'


def _list(title: str, sentences: Sequence[str], *, kind: str = "") -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(s)}</li>" for s in sentences)
    return f'<section class="notes {kind}"><h3>{title}</h3><ul>{items}</ul></section>'


def _section(group: str, v: Validation, pictures: Sequence[tuple[str, str]]) -> str:
    figures = "\n".join(
        f"<figure>{svg}<figcaption>{escape(CAPTIONS.get(name, 'Radial distribution function.'))}</figcaption></figure>"
        for name, svg in pictures
    )
    tables = {"energies": _energy_table, "forces": _force_table, "structure": _structure_table, "motion": _motion_table}
    table = tables[group](v) if group in tables else ""
    return (
        f'<h2>{GROUPS[group]}</h2>\n<p>{escape(_words(group, v))}</p>\n{table}\n<div class="panels">\n{figures}\n</div>'
    )


def _words(group: str, v: Validation) -> str:
    if group == "energies":
        name = next(iter(v.energies))
        constant = (
            "All frames have one composition, so that offsets of the elements come as one constant, which is named."
        )
        return f"Compared is the {ENERGIES[name]}. {constant}"
    if group == "trust" and v.trust is not None:
        t = v.trust
        rank = "" if t.rank_correlation is None else f", rank correlation {t.rank_correlation:.2f}"
        return (
            f"Force components: RMS uncertainty {t.sigma:.0f}, RMS error {t.error:.0f} meV/Å{rank}; "
            f"{100 * t.within_one:.0f} % of errors within 1 σ (68 if normal), {100 * t.within_two:.0f} % within 2 σ."
        )
    if group == "structure" and v.plan is not None and v.sampled is not None:
        return (
            f"The model was run at {v.plan.temperature:.0f} K and "
            f"{v.run.volumes.mean() / len(v.run.symbols):.3f} Å³/atom for {v.plan.frames:,} frames, "
            f"{v.plan.interval:g} fs apart."
        )
    if group == "motion" and v.motions[0] is None:
        known = v.run.interval is not None and len(v.run.starts) == 1
        why = "There are too few frames" if known else "The frames are not known to be equally spaced in time"
        return f"{why}, so that only temperatures are shown."
    return {
        "forces": "Cartesian components, over all atoms and frames.",
        "stress": "Components of all frames, without the kinetic part.",
        "trust": "How certain the model is of each frame.",
        "structure": "Of the run alone: the model was not run.",
        "motion": "Velocities are central differences of positions, for run and model alike.",
    }[group]


def html_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its texts are escaped."""
    head = "".join(f"<th>{escape(h)}</th>" for h in headers)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _energy_table(v: Validation) -> str:
    unit = "meV/atom/ps" if v.run.interval else "meV/atom over the run"
    rows = [
        (
            ENERGIES[e.name].split(",")[0],
            f"{e.mae:.2f}",
            f"{e.rmse:.2f}",
            f"{e.offset:+.2f}",
            f"{e.mae_offset:.2f}",
            f"{e.rmse_offset:.2f}",
            f"{e.spread:.2f}",
            "–" if e.drift is None else f"{e.drift:+.3f}",
        )
        for e in v.energies.values()
    ]
    return html_table(
        ["meV/atom", "MAE", "RMSE", "constant", "MAE without it", "RMSE without it", "spread in run", f"drift, {unit}"],
        rows,
    )


def _force_table(v: Validation) -> str:
    named = [*v.by_element.items(), *([("all", v.forces)] if v.forces is not None else [])]
    rows = [
        (
            s,
            f"{e.mae:.1f}",
            f"{e.rmse:.1f}",
            f"{e.reference:.0f}",
            f"{100 * e.relative:.1f} %",
            f"{e.angle:.1f}°",
            f"{e.largest:.0f}",
        )
        for s, e in named
    ]
    return html_table(["meV/Å", "MAE", "RMSE", "RMS force", "RMSE over that", "median angle", "largest"], rows)


def _structure_table(v: Validation) -> str:
    reference, mine = v.structures
    rows = [
        (
            name,
            f"{s.whole.coordination:.2f}",
            f"{s.whole.radius[s.whole.rdf['all'].argmax()]:.2f}",
            f"{s.whole.rdf['all'].max():.2f}",
        )
        for name, s in (("run", reference), ("model", mine))
        if s is not None
    ]
    return html_table(["", f"neighbours within {reference.whole.bond:.2f} Å", "first peak at, Å", "its height"], rows)


def _motion_table(v: Validation) -> str:
    known = [(name, m) for name, m in zip(("run", "model"), v.motions, strict=True) if m is not None]
    if not known:
        return ""
    rows = [
        (
            name,
            f"{m.displacement['all'][len(m.displacement['all']) // 2]:.4f}",
            "–" if m.diffusion is None else f"{m.diffusion:.4f}",
            f"{(m.frequency * m.density).sum() / m.density.sum():.2f}",
        )
        for name, m in known
    ]
    return html_table(["", "MSD at half of the time, Å²", "slope / 6, Å²/ps", "mean frequency, THz"], rows)


def _facts(v: Validation) -> list[tuple[str, str]]:
    run, plan = v.run, v.plan
    unscored = len(run) - len(v.scored)
    facts = [
        ("Files", f"{run.source} ({run.kind})"),
        ("Frames", f"{len(run):,}{'' if len(run.starts) == 1 else f' in {len(run.starts)} stretches'}"),
        ("Not compared", f"{unscored:,} frames without electronic convergence" if unscored else ""),
        ("Volume", f"{run.volumes.mean() / len(run.symbols):.3f} Å³/atom{', changing' if run.moving_cell else ''}"),
        ("Functional", functional_of(run.settings) or "not known"),
        ("POTCAR", run.settings.get("POTCAR", "")[:300]),
    ]
    names = ("ENCUT", "ISMEAR", "SIGMA", "IBRION", "ISIF", "POTIM", "TEBEG", "TEEND", "PSTRESS", "EDIFF", "PREC")
    facts.append(("INCAR", ", ".join(f"{n} = {run.settings[n][:40]}" for n in names if n in run.settings)))
    smearing = next((e.smearing for e in v.energies.values()), None)
    if smearing is not None:
        facts.append(("energy(sigma->0)", f"{smearing:+.2f} meV/atom from the free energy, on average"))
    if plan is not None:
        facts += [
            ("Temperature", f"{plan.temperature:.0f} K ({plan.source})"),
            (
                "Dynamics of the model",
                f"{plan.frames:,} frames of {plan.steps} × {plan.timestep:g} fs, seed {plan.seed}, Bussi thermostat",
            ),
        ]
    return [(a, b) for a, b in facts if b]
