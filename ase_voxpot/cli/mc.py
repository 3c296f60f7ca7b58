"""``voxpot mc``: Monte Carlo over who sits where, with order parameters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.common import (
    Constant,
    Device,
    Dtype,
    Model,
    Repeat,
    Seed,
    Structure,
    console,
    progress_bar,
    structure_with_calculator,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase_voxpot.montecarlo import Outcome, Plan, Records
    from ase_voxpot.montecarlo.ensembles import Ensemble

__all__ = ["mc"]


def mc(
    structure: Structure,
    model: Model = "motaw",
    ensemble: Annotated[str, typer.Option("--ensemble", "-e", help="canonical, sgc or vcsgc.")] = "canonical",
    temperature: Annotated[
        str,
        typer.Option("--temperature", "-T", "--scan", help="K; several, as 300,600,900 or 300:1500:100, are a scan."),
    ] = "1000",
    anneal: Annotated[
        float | None, typer.Option("--anneal", help="K; the temperature goes there during the run.", show_default=False)
    ] = None,
    cooling: Annotated[str, typer.Option(help="How it goes there: linear or exponential.")] = "linear",
    sweeps: Annotated[
        float, typer.Option("--sweeps", "-n", help="Trials per site in all, those before a restart included.")
    ] = 100.0,
    interval: Annotated[float, typer.Option(help="Sweeps from one sample to the next.")] = 1.0,
    elements: Annotated[str, typer.Option(help="Elements that take part, as Mo,Ta; all by default.")] = "",
    mu: Annotated[str, typer.Option(help="Chemical potentials for sgc in eV, as Mo=0,Ta=-0.5.")] = "",
    phi: Annotated[str, typer.Option(help="φ for vcsgc, of all elements but one, as Mo=-0.8.")] = "",
    kappa: Annotated[float, typer.Option(help="κ for vcsgc.")] = 200.0,
    md: Annotated[int, typer.Option(help="Steps of dynamics before every sample's trials; 0 for a rigid lattice.")] = 0,
    timestep: Annotated[float, typer.Option(help="fs, of that dynamics.")] = 2.0,
    pressure: Annotated[
        float | None, typer.Option("--pressure", "-P", help="GPa, to let the cell move in it.", show_default=False)
    ] = None,
    relax: Annotated[int, typer.Option(help="Steps of relaxation before a trial is judged; 0 for none.")] = 0,
    sizes: Annotated[str, typer.Option(help="Numbers of repeats, as 6,8,10: a run for each.")] = "",
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", "-p", help="Another calculator: [name=]module:factory, or file.py:factory[:argument]."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Beginning of the names of all files that are written.")
    ] = Path("mc"),
    json: Annotated[Path | None, typer.Option("--json", help="Write the averages of all runs here as well.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Continue from the checkpoint.")] = False,
    speed: Annotated[
        bool, typer.Option("--speed", help="Measure swap trials per second of CPU time instead, and check them.")
    ] = False,
    repeat: Repeat = 1,
    seed: Seed = 0,
    lattice: Constant = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Run Monte Carlo over the species of the atoms: swaps, or changes at given chemical potentials.

    Writes OUTPUT.csv (energy, composition, Warren-Cowley parameters of four shells,
    long-range order), OUTPUT.extxyz, OUTPUT.checkpoint.npz, OUTPUT.json (averages with
    errors) and OUTPUT.png.  Trials cost what they touch, not what the structure holds.
    Several temperatures run side by side and exchange configurations (parallel
    tempering); from five on the peak of the heat capacity is given as transition
    temperature.  With --restart a run continues from its checkpoint, to the same last
    bit.  A peer is Python code of yours that is run, at one full energy per trial.

    voxpot mc bcc:MoTaW --repeat 8 -T 800 --sweeps 200
    voxpot mc bcc:MoTaW --repeat 8 -T 2000 --anneal 300 --sweeps 500 -o cooled
    voxpot mc bcc:MoTaW --sizes 6,8 -T 400:1800:200 --sweeps 300 -m motaw-fast -o scan
    voxpot mc bcc:MoTa --repeat 6 -e sgc --mu Mo=0,Ta=-1 -T 1500
    voxpot mc bcc:MoTaW --sizes 10,40 -m motaw-fast --speed
    voxpot mc bcc:MoTaW --repeat 4 -T 1000 --md 50 --pressure 0 --interval 0.1 --sweeps 10
    """
    from ase_voxpot.files import make_room, write_json
    from ase_voxpot.montecarlo import Burst, Plan
    from ase_voxpot.montecarlo.full import Relaxation

    if md < 0 or relax < 0:
        raise _wrong(f"md and relax: expected numbers of steps from 0 on, got {md} and {relax}")
    plan = Plan(
        ensemble=_ensemble(ensemble, elements, mu, phi, kappa),
        temperatures=_temperatures(temperature),
        final_temperature=anneal,
        cooling=cooling,
        sweeps=sweeps,
        interval=interval,
        burst=Burst(steps=md, timestep=timestep, pressure=pressure) if md else None,
        relaxation=Relaxation(steps=relax) if relax else None,
        seed=seed,
    )
    if json is not None:
        make_room(json)
    options = {"model": model, "device": device, "dtype": dtype, "seed": seed, "constant": lattice}
    runs = _runs(structure, _sizes(sizes) or [repeat], peer or [], output, options)
    if speed:
        _measure(runs, plan.temperatures[0], json)
        return
    reports: dict[str, Any] = {}
    for name, records, make in runs:
        atoms = make()
        outcome = _run(atoms, plan, records, name, restart=restart, alone=len(runs) == 1)
        reports[name] = outcome.report()
        title = f"{ensemble} Monte Carlo of {structure}, {len(atoms)} atoms, {name.partition(' ')[0]}"
        _finish(outcome, records, reports[name], title)
    if len(runs) > 1 and len(plan.temperatures) > 1:
        from ase_voxpot.montecarlo.pictures import draw_scan

        whole = output.with_name(output.name + ".png")
        draw_scan(whole, reports, title=f"{ensemble} Monte Carlo of {structure}")
        console().print(f"wrote {whole}", soft_wrap=True)
    if json is not None:
        write_json(json, reports)


def _measure(runs: list[tuple[str, Records, Callable[[], Any]]], temperature: float, json: Path | None) -> None:
    """Trials per second of every run, as a table."""
    from dataclasses import asdict

    from ase_voxpot.files import write_json
    from ase_voxpot.montecarlo.speed import measure

    title = f"canonical swaps at {temperature:g} K, one process, CPU time"
    rows = table(title, "run", "atoms", "trials/s", "full energies\nand forces/s", "ratio", "largest\nerror, eV")
    found = {}
    for name, _, make in runs:
        said = measure(make(), temperature=temperature)
        found[name] = asdict(said)
        ratio = f"{said.trials / said.full:.1f}"
        rows.add_row(name, f"{said.atoms:,}", f"{said.trials:,.0f}", f"{said.full:.3g}", ratio, f"{said.error:.1e}")
    console().print(rows)
    if json is not None:
        write_json(json, found)


def _wrong(sentence: str) -> Exception:
    from ase_voxpot.errors import ConfigError

    return ConfigError(sentence)


def _temperatures(text: str) -> tuple[float, ...]:
    try:
        if ":" in text:
            start, stop, step = (float(part) for part in text.split(":"))
            if not 0 < step < 1e5 or (stop - start) / step > 1000:
                raise ValueError
            return tuple(start + k * step for k in range(int((stop - start) / step + 1e-9) + 1))
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise _wrong(f"temperature: expected one, 300,600,900 or 300:1500:100 in K, got {text!r}") from None


def _sizes(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise _wrong(f"sizes: expected whole numbers with commas between, got {text!r}") from None
    if len(set(found)) != len(found):
        raise _wrong(f"sizes: expected different ones, got {text!r}")
    return found


def _values(name: str, text: str) -> dict[str, float]:
    found = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        symbol, _, value = part.partition("=")
        try:
            found[symbol.strip()] = float(value)
        except ValueError:
            raise _wrong(f"{name}: expected values by element such as Mo=0,Ta=-0.5, got {text!r}") from None
    return found


def _ensemble(kind: str, elements: str, mu: str, phi: str, kappa: float) -> Ensemble:
    from ase_voxpot.montecarlo import VCSGC, Canonical, SemiGrand

    some = tuple(s.strip() for s in elements.split(",") if s.strip())
    wanted = {"canonical": "", "sgc": "mu", "vcsgc": "phi"}
    if kind not in wanted:
        raise _wrong(f"ensemble: expected one of {', '.join(wanted)}, got {kind!r}")
    for name, text in (("mu", mu), ("phi", phi)):
        if bool(text) != (wanted[kind] == name):
            raise _wrong(
                f"{name}: {kind} {'needs it, got none' if wanted[kind] == name else f'has none, got {text!r}'}"
            )
    if kind == "canonical":
        return Canonical(elements=some)
    if kind == "sgc":
        if some:
            raise _wrong("elements: with sgc those that have a mu take part; leave it out")
        return SemiGrand(chemical_potentials=_values("mu", mu))
    return VCSGC(phis=_values("phi", phi), kappa=kappa, elements=some)


def _runs(
    structure: str, sizes: list[int], peers: list[str], output: Path, options: dict[str, Any]
) -> list[tuple[str, Records, Callable[[], Any]]]:
    """Name, records and structure of every run: the model and its peers, at every size."""
    from ase_voxpot.montecarlo import Records
    from ase_voxpot.peers import parse_peer

    contestants: list[tuple[str, Any]] = [(Path(options["model"]).stem, None)]
    contestants += [(p.name, p.make) for p in map(parse_peer, peers)]
    names = [name for name, _ in contestants]
    if len(set(names)) != len(names):
        raise _wrong("peer: two are called the same; give one another name, as in other=module:factory")

    def build(size: int, make: Callable[[], Any] | None) -> Any:
        atoms = structure_with_calculator(structure, repeat=size, **options)
        if make is not None:
            atoms.calc = make()
        return atoms

    found: list[tuple[str, Records, Callable[[], Any]]] = []
    for name, make in contestants:
        for size in sizes:
            label = f"{name} {size}³" if len(sizes) > 1 else name
            suffix = ("" if make is None else f"-{name}") + (f"-{size}" if len(sizes) > 1 else "")
            records = Records(output.with_name(output.name + suffix))
            found.append((label, records, partial(build, size, make)))
    return found


def _run(atoms: Any, plan: Plan, records: Records, name: str, *, restart: bool, alone: bool) -> Outcome:
    from ase_voxpot.montecarlo import run

    begun = restart and (alone or records.checkpoint.is_file())
    with progress_bar("{task.fields[now]}") as bar:
        task = bar.add_task(name, total=plan.samples, now="")

        def observe(sample: int, rows: list[dict[str, float]]) -> None:
            row = rows[0]
            now = f"T {row['temperature_K']:.0f} K  E {row['energy_eV'] / len(atoms):.4f} eV/atom"
            bar.update(task, completed=sample, now=now)

        return run(atoms, plan, records, start="checkpoint" if begun else "anew", observe=observe)


def _finish(outcome: Outcome, records: Records, report: dict[str, Any], title: str) -> None:
    """Write report and picture, print the averages."""
    from ase_voxpot.files import write_json
    from ase_voxpot.montecarlo.pictures import draw_run, draw_scan

    write_json(records.report, report)
    if len(outcome.replicas) > 2:
        draw_scan(records.picture, {title: report}, title=title)
    else:
        draw_run(records.picture, outcome.rows, outcome.meter, title=title)
    out = console()
    out.print(_averages(report, title))
    for entry in report["temperatures"][:1]:
        parts = [f"{pair} {share:.3f}" for pair, share in entry["acceptance"].items()]
        where = "" if report["annealed"] else f" at {entry['temperature_K']:g} K"
        out.print(f"accepted{where}: " + ", ".join(parts))
    if "transition" in report:
        found = report["transition"]
        at = found["temperature_K"]
        where = "" if found["inside_the_range"] else ", at the end of the range: scan further"
        out.print(f"heat capacity peaks at {at['value']:.0f} ± {at['error']:.0f} K{where}")
    if outcome.meter.reason:
        out.print(f"no order parameters: {outcome.meter.reason}", soft_wrap=True, markup=False)
    written = (records.log, records.trajectory, records.checkpoint, records.report, records.picture)
    out.print("wrote " + ", ".join(str(p) for p in written), soft_wrap=True)


def _averages(report: dict[str, Any], title: str) -> Any:
    """Means with errors, a row per temperature."""
    first = report["temperatures"][0]
    alphas = [c for c in first if c.startswith("alpha1_") and len(set(c[7:].split("-"))) == 2]
    etas = [c for c in first if c.startswith("eta_")]
    heads = [f"α {c[7:]}" for c in alphas] + [f"η {c[4:]}" for c in etas]
    rows = table(
        f"{title}\nmeans {'of every stage' if report['annealed'] else 'after the first quarter'}; α of the first shell",
        "T\nK",
        "E\neV/atom",
        "C\nkB",
        *heads,
    )
    if report["ensemble"] != "canonical":
        rows.add_column("composition", justify="right", no_wrap=True)
    for entry in report["temperatures"]:
        cells = [f"{entry['temperature_K']:.5g}", f"{entry['energy_eV_per_atom']['value']:.4f}"]
        cells += [_cell(entry[c]) for c in ("heat_capacity_kB", *alphas, *etas)]
        if report["ensemble"] != "canonical":
            cells.append(" ".join(f"{s} {c['value']:.3f}" for s, c in entry["concentrations"].items()))
        rows.add_row(*cells)
    return rows


def _cell(estimate: dict[str, float] | None) -> str:
    return "–" if estimate is None else f"{estimate['value']:.3f}±{estimate['error']:.3f}"
