"""Template and style sheet of the HTML page."""

from __future__ import annotations

from string import Template

__all__ = ["PAGE", "STYLE"]

STYLE = """
:root { color-scheme: light dark;
  --sans: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif;
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
h2 { font-size: 1.25rem; letter-spacing: -0.01em; margin: 52px 0 4px; padding-top: 20px;
  border-top: 1px solid var(--rule); }
h2 + p { margin: 0 0 14px; color: var(--quiet); max-width: 74ch; }
p { margin: 0 0 10px; overflow-wrap: anywhere; }
.eyebrow { font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; margin: 0; }
.good { color: var(--good); } .fair { color: var(--fair); } .poor { color: var(--poor); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 12px; margin: 28px 0 0;
  padding: 0;
  list-style: none; }
.cards li { background: var(--raised); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px; }
.cards .name { display: flex; justify-content: space-between; gap: 8px; font-size: .85rem; color: var(--quiet); }
.cards .value { font-size: 1.45rem; font-weight: 620; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.cards .meaning { font-size: .86rem; line-height: 1.4; color: var(--quiet); margin: 2px 0 0; }
.notes { margin: 24px 0 0; padding: 14px 18px; border-left: 4px solid var(--fair); background: var(--raised);
  border-radius: 0 10px 10px 0; }
.notes h3 { margin: 0 0 4px; font-size: .95rem; } .notes ul { margin: 0; padding-left: 1.1em;
  overflow-wrap: anywhere; }
.notes.plain { border-color: var(--rule); }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 26px 24px; }
figure { margin: 0; max-width: 540px; } figure svg { display: block; width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { figure image { filter: brightness(1.75) saturate(.85); } }
figcaption { font-size: .86rem; line-height: 1.4; margin: 2px 6px 0 10px; }
.scroll { overflow-x: auto; margin: 14px 0 20px; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; min-width: 420px; }
th, td { text-align: right; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { color: var(--quiet); font-weight: 500;
  vertical-align: bottom; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; } table.facts { min-width: 0;
  width: 100%; }
table.facts td:first-child { color: var(--quiet); width: 13em; vertical-align: top; }
footer { margin-top: 56px; padding-top: 18px; border-top: 1px solid var(--rule); font-size: .86rem; }
@media print { main { max-width: none; } .panels { grid-template-columns: 1fr 1fr;
  } figure, .cards li { break-inside: avoid; } }
"""

DOCUMENT = """<!DOCTYPE html>
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
MAIN</main>
</body>
</html>
"""


def document(main: str) -> Template:
    """The template of a whole page, with ``$title`` and ``$style``, around the template of its content."""
    return Template(DOCUMENT.replace("MAIN", main))


PAGE = document("""<header>
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
<p>Forces, energies and stress are compared on the frames of the run. Structure and motion are compared between the
run and dynamics of the model at the same temperature and volume, with as many frames unless capped: two runs of
this length differ by chance as well, as the two halves of one run do. Marks: ● good, ◐ fair, ○ poor. Limits,
for good and for fair: force RMSE 15 and 30 % of the RMS force; energy 3 and 10 meV/atom; stress 0.5 and 1.5
GPa; structure 2 and 5 % difference, or twice and four times that between the halves of the run; vibrations 10
and 20 % not in common, or once and twice what the halves do not share; known ground 95 and 75 % of frames.</p>
</footer>
""")
