"""The report as one page that needs nothing else: no script, no font, no picture from elsewhere.

Whatever comes from a file or the command line passes through ``escape``.
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

from ase_voxpot.plots import COLOURS, INK
from ase_voxpot.validation.frames import ENERGIES
from ase_voxpot.validation.pictures import GRID
from ase_voxpot.validation.settings import functional_of
from ase_voxpot.validation.verdict import findings, overall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase_voxpot.validation.validate import Validation

__all__ = ["CAPTIONS", "page"]

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
"""What stands under a picture."""
GROUPS = {
    "energies": "Energies",
    "forces": "Forces",
    "stress": "Stress",
    "trust": "Uncertainty",
    "structure": "Structure",
    "motion": "Motion",
}

STYLE = """
:root { color-scheme: light dark; --sans: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif;
  --paper: #ffffff; --raised: #f6f7f9; --rule: #dfe3e8; --quiet: #5d6570; --good: #2c7a4b; --fair: #94600a;
  --poor: #b3323d; $light }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --raised: #1d2126; --rule: #343a42; --quiet: #a0a8b3;
  --good: #74cf97; --fair: #e9b65c; --poor: #f08f97; $dark } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--sans); }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 72px; }
header p, footer, figcaption, .quiet { color: var(--quiet); }
h1 { font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.2; letter-spacing: -0.015em; margin: 4px 0 10px;
  overflow-wrap: anywhere; text-wrap: balance; }
h2 { font-size: 1.25rem; letter-spacing: -0.01em; margin: 52px 0 4px; padding-top: 20px; border-top: 1px solid var(--rule); }
h2 + p { margin: 0 0 14px; color: var(--quiet); max-width: 74ch; }
p { margin: 0 0 10px; overflow-wrap: anywhere; }
.eyebrow { font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; margin: 0; }
.good { color: var(--good); } .fair { color: var(--fair); } .poor { color: var(--poor); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 12px; margin: 28px 0 0; padding: 0;
  list-style: none; }
.cards li { background: var(--raised); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px; }
.cards .name { display: flex; justify-content: space-between; gap: 8px; font-size: .85rem; color: var(--quiet); }
.cards .value { font-size: 1.45rem; font-weight: 620; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.cards .meaning { font-size: .86rem; line-height: 1.4; color: var(--quiet); margin: 2px 0 0; }
.notes { margin: 24px 0 0; padding: 14px 18px; border-left: 4px solid var(--fair); background: var(--raised);
  border-radius: 0 10px 10px 0; }
.notes h3 { margin: 0 0 4px; font-size: .95rem; } .notes ul { margin: 0; padding-left: 1.1em; overflow-wrap: anywhere; }
.notes.plain { border-color: var(--rule); }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 22px 20px; }
figure { margin: 0; max-width: 540px; } figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: .86rem; line-height: 1.4; margin: 2px 6px 0 10px; }
.scroll { overflow-x: auto; margin: 14px 0 20px; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; min-width: 420px; }
th, td { text-align: right; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { color: var(--quiet); font-weight: 500; vertical-align: bottom; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; } table.facts { min-width: 0; width: 100%; }
table.facts td:first-child { color: var(--quiet); width: 13em; vertical-align: top; }
footer { margin-top: 56px; padding-top: 18px; border-top: 1px solid var(--rule); font-size: .86rem; }
@media print { main { max-width: none; } .panels { grid-template-columns: 1fr 1fr; } figure, .cards li { break-inside: avoid; } }
"""

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:" />
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">Validation against first principles</p>
<h1><span class="$grade">$mark</span> $verdict</h1>
<p>$summary</p>
</header>
<ul class="cards">
$cards
</ul>
$notes
$sections
<h2>The run</h2>
<p>What the files say of it, and how the model was run beside it.</p>
<div class="scroll"><table class="facts"><tbody>
$facts
</tbody></table></div>
<footer>
<p>Forces, energies and stress are compared on the frames of the run. Structure and motion are compared between the run and
dynamics of the model at the same temperature and volume, with as many frames unless capped: two runs of this length differ
by chance as well, as the two halves of one run do. Marks: ● good, ◐ fair, ○ poor. Limits, for good and for fair: force RMSE
15 and 30 % of the RMS force; energy 3 and 10 meV/atom; stress 0.5 and 1.5 GPa; structure 2 and 5 % difference, or twice and
four times that between the halves of the run; vibrations 90 and 80 % in common; known ground 95 and 75 % of frames.</p>
</footer>
</main>
</body>
</html>
""")


def page(v: Validation, pictures: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The report.

    Args:
        v: what to report.
        pictures: name and SVG of every picture, by group.
    """
    grade, verdict = overall(v)
    run = v.run
    formula = next(run.atoms()).get_chemical_formula()
    time = f", {run.interval:g} fs apart" if run.interval else ""
    summary = f"{v.model} against {run.source}: {len(run):,} frames of {formula}{time}."
    return PAGE.substitute(
        title=escape(f"{v.model} against {run.source}"),
        style=_style(),
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


def _style() -> str:
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
            f"{100 * t.within_one:.0f} % of errors within 1 σ (68 if normal), {100 * t.within_two:.0f} % within 2 σ (95)."
        )
    if group == "structure" and v.plan is not None and v.sampled is not None:
        return (
            f"The model was run at {v.plan.temperature:.0f} K and {v.run.volumes.mean() / len(v.run.symbols):.3f} Å³/atom "
            f"for {v.plan.frames:,} frames, {v.plan.interval:g} fs apart."
        )
    return {
        "forces": "Cartesian components, over all atoms and frames.",
        "stress": "Components of all frames, without the kinetic part.",
        "trust": "How certain the model is of each frame.",
        "structure": "Of the run alone: the model was not run.",
        "motion": "Velocities are central differences of positions, for run and model alike.",
    }[group]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in headers)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _energy_table(v: Validation) -> str:
    unit = "meV/atom/ps" if v.run.interval else "meV/atom per 1000 frames"
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
    return _table(
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
    return _table(["meV/Å", "MAE", "RMSE", "RMS force", "RMSE over that", "median angle", "largest"], rows)


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
    return _table(["", f"neighbours within {reference.whole.bond:.2f} Å", "first peak at, Å", "its height"], rows)


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
    return _table(["", "MSD at half of the time, Å²", "slope / 6, Å²/ps", "mean frequency, THz"], rows)


def _facts(v: Validation) -> list[tuple[str, str]]:
    run, plan = v.run, v.plan
    facts = [
        ("Files", f"{run.source} ({run.kind})"),
        ("Frames", f"{len(run):,}{'' if len(run.starts) == 1 else f' in {len(run.starts)} stretches'}"),
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
