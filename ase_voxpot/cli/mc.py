"""``voxpot mc``: Monte Carlo sampling of the elements on the sites of a crystal, with order parameters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, open_atoms
from ase_voxpot.cli.mc_runs import all_runs, run_all
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
    Scheduler,
    Seed,
    Structure,
    Vacant,
    Workers,
)
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.plotting.screen import console, table

if TYPE_CHECKING:
    from ase_voxpot.cli.mc_runs import Run
    from ase_voxpot.montecarlo import Records

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
    workers: Workers = 1,
    scheduler: Scheduler = None,
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
    bit.  Sizes and peers are independent runs, which several workers may share.
    A peer is a calculator made by Python code of yours; every trial computes its full energy.

    voxpot mc bcc:MoTaW --repeat 8 -T 800 --sweeps 200
    voxpot mc bcc:MoTaW --repeat 8 -T 2000 --anneal 300 --sweeps 500 -o cooled
    voxpot mc bcc:MoTaW --sizes 6,8 -T 400:1800:200 --sweeps 300 -m motaw-fast -o scan --workers 2
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
    runs = all_runs(opened, own, peer or [], output, sizes=edges)
    if speed:
        if workers != 1 or scheduler is not None:
            raise ConfigError("speed: expected one process, which is measured alone; leave out workers and scheduler")
        _measure(runs, plan.temperatures[0], json)
        return
    what = f"{ensemble} Monte Carlo of {structure}"
    ended = run_all(runs, plan, what, restart=restart, workers=workers, scheduler=scheduler)
    reports: dict[str, Any] = {}
    for run, (report, title, reason) in zip(runs, ended, strict=True):
        reports[run[0]] = report
        _print(run[1], report, title, reason)
    if len(runs) > 1 and len(plan.temperatures) > 1:
        from ase_voxpot.montecarlo.pictures import draw_scan

        whole = output.with_name(output.name + ".png")
        draw_scan(whole, reports, title=what)
        console().print(f"wrote {whole}", soft_wrap=True)
    if json is not None:
        write_json(json, reports)


def _measure(runs: list[Run], temperature: float, json: Path | None) -> None:
    """Trials per second of every run, as a table."""
    from dataclasses import asdict

    from ase_voxpot.montecarlo.speed import measure
    from ase_voxpot.storage.files import write_json

    title = f"canonical swaps at {temperature:g} K, one process, CPU time"
    rows = table(title, "run", "atoms", "trials/s", "full energies\nand forces/s", "ratio", "largest\nerror, eV")
    found = {}
    for name, _, _, make in runs:
        result = measure(make(), temperature=temperature)
        found[name] = asdict(result)
        ratio = f"{result.trials / result.full:.1f}"
        rows.add_row(
            name, f"{result.atoms:,}", f"{result.trials:,.0f}", f"{result.full:.3g}", ratio, f"{result.error:.1e}"
        )
    console().print(rows)
    if json is not None:
        write_json(json, found)


def _print(records: Records, report: dict[str, Any], title: str, reason: str) -> None:
    """Print the averages."""
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
    if reason:
        out.print(f"no order parameters: {reason}", soft_wrap=True, markup=False)
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
