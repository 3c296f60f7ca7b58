"""``voxpot mc``: Monte Carlo sampling of the elements on the sites of a crystal, with order parameters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, open_atoms
from ase_voxpot.cli.mc_texts import parse_ensemble, parse_sizes, parse_temperatures
from ase_voxpot.cli.options import (
    Decorate,
    Device,
    Dtype,
    Json,
    Lattice,
    Model,
    Peers,
    Prefix,
    Repeat,
    Restart,
    Seed,
    Structure,
    Vacant,
)
from ase_voxpot.cli.refusals import check_targets, refuse_same_names
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from ase_voxpot.cli.material import Method
    from ase_voxpot.montecarlo import Outcome, Plan, Records

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
        float | None, typer.Option("--anneal", help="K; final temperature of an annealing.", show_default=False)
    ] = None,
    cooling: Annotated[str, typer.Option(help="Interpolation of the temperature: linear or exponential.")] = "linear",
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
        float | None,
        typer.Option("--pressure", "-P", help="GPa, for dynamics with a variable cell.", show_default=False),
    ] = None,
    relax: Annotated[
        int, typer.Option(help="Steps of relaxation before a trial is accepted or rejected; 0 for none.")
    ] = 0,
    sizes: Annotated[str, typer.Option(help="Numbers of repeats, as 6,8,10: a run for each.")] = "",
    peer: Peers = None,
    output: Prefix = Path("mc"),
    json: Json = None,
    restart: Restart = False,
    speed: Annotated[
        bool, typer.Option("--speed", help="Measure swap trials per second of CPU time instead, and check them.")
    ] = False,
    repeat: Repeat = 1,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Run Monte Carlo over the species of the atoms: swaps, or changes at given chemical potentials.

    Writes OUTPUT.csv (energy, composition, Warren-Cowley parameters of four shells,
    long-range order), OUTPUT.extxyz, OUTPUT.checkpoint.npz, OUTPUT.json (averages with
    errors) and OUTPUT.png.  The cost of a trial does not depend on the number of atoms.
    Several temperatures run side by side and exchange configurations (parallel
    tempering); from five on the peak of the heat capacity is given as transition
    temperature.  With --restart a run continues from its checkpoint, to the same last
    bit.  A peer is a calculator made by Python code of yours; every trial computes its full energy.

    voxpot mc bcc:MoTaW --repeat 8 -T 800 --sweeps 200
    voxpot mc bcc:MoTaW --repeat 8 -T 2000 --anneal 300 --sweeps 500 -o cooled
    voxpot mc bcc:MoTaW --sizes 6,8 -T 400:1800:200 --sweeps 300 -m motaw-fast -o scan
    voxpot mc bcc:MoTa --repeat 6 -e sgc --mu Mo=0,Ta=-1 -T 1500
    voxpot mc bcc:MoTaW --sizes 10,40 -m motaw-fast --speed
    voxpot mc bcc:MoTaW --repeat 4 -T 1000 --md 50 --pressure 0 --interval 0.1 --sweeps 10
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.montecarlo import Burst, Plan
    from ase_voxpot.montecarlo.full import Relaxation
    from ase_voxpot.storage.files import write_json

    if md < 0 or relax < 0:
        raise ConfigError(f"md and relax: expected numbers of steps from 0 on, got {md} and {relax}")
    plan = Plan(
        ensemble=parse_ensemble(ensemble, elements, mu=mu, phi=phi, kappa=kappa),
        temperatures=parse_temperatures(temperature),
        final_temperature=anneal,
        cooling=cooling,
        sweeps=sweeps,
        interval=interval,
        burst=Burst(steps=md, timestep=timestep, pressure=pressure) if md else None,
        relaxation=Relaxation(steps=relax) if relax else None,
        seed=seed,
    )
    check_targets(json)
    own = find_method(model, device=device, dtype=dtype)
    edges = parse_sizes(sizes) or [repeat]
    decoration = decoration_of(decorate, vacant)
    opened = partial(open_atoms, structure, seed=seed, lattice=lattice, decoration=decoration)
    runs = _runs(opened, own, peer or [], output, sizes=edges)
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


def _measure(runs: list[tuple[str, Records, Callable[[], Atoms]]], temperature: float, json: Path | None) -> None:
    """Trials per second of every run, as a table."""
    from dataclasses import asdict

    from ase_voxpot.montecarlo.speed import measure
    from ase_voxpot.storage.files import write_json

    title = f"canonical swaps at {temperature:g} K, one process, CPU time"
    rows = table(title, "run", "atoms", "trials/s", "full energies\nand forces/s", "ratio", "largest\nerror, eV")
    found = {}
    for name, _, make in runs:
        result = measure(make(), temperature=temperature)
        found[name] = asdict(result)
        ratio = f"{result.trials / result.full:.1f}"
        rows.add_row(
            name, f"{result.atoms:,}", f"{result.trials:,.0f}", f"{result.full:.3g}", ratio, f"{result.error:.1e}"
        )
    console().print(rows)
    if json is not None:
        write_json(json, found)


def _runs(
    make: Callable[..., Atoms], own: Method, peers: list[str], output: Path, *, sizes: list[int]
) -> list[tuple[str, Records, Callable[[], Atoms]]]:
    """Name, records and structure of every run: the model and its peers, at every size."""
    from ase_voxpot.montecarlo import Records
    from ase_voxpot.peers import parse_peer

    methods = [own, *(replace(own, name=p.name, make=p.make) for p in map(parse_peer, peers))]
    refuse_same_names([method.name for method in methods])
    found: list[tuple[str, Records, Callable[[], Atoms]]] = []
    for method in methods:
        for size in sizes:
            label = f"{method.name} {size}³" if len(sizes) > 1 else method.name
            suffix = ("" if method is own else f"-{method.name}") + (f"-{size}" if len(sizes) > 1 else "")
            records = Records(output.with_name(output.name + suffix))
            found.append((label, records, partial(make, method, repeat=size)))
    return found


def _run(atoms: Atoms, plan: Plan, records: Records, name: str, *, restart: bool, alone: bool) -> Outcome:
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
    from ase_voxpot.montecarlo.pictures import draw_run, draw_scan
    from ase_voxpot.storage.files import write_json

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
