"""``voxpot benchmark``: speed, memory and the lower bounds set by the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.options import Dtype, Json, Peers, Seed
from ase_voxpot.cli.refusals import check_targets, refuse_same_names
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from ase_voxpot.benchmark.campaign import Findings
    from ase_voxpot.benchmark.orders import Order

__all__ = ["benchmark"]

WRONG = 1
"""Exit status if a result differs from the reference."""


def benchmark(
    model: Annotated[
        list[str], typer.Option("--model", "-m", help="Shipped model or weight file; may be given several times.")
    ] = ["motaw"],  # noqa: B006 - typer reads it, nobody writes to it
    atoms: Annotated[str, typer.Option(help="Numbers of atoms; the nearest bcc cubes are used.")] = "54,432,2000,16000",
    threads: Annotated[str, typer.Option(help="Numbers of threads, a new process for each.")] = "1",
    device: Annotated[str, typer.Option(help="Devices: cpu, cuda or both.")] = "cpu",
    peer: Peers = None,
    repeat: Annotated[int, typer.Option(help="Calls per size; fewer, three at least, if they take over a minute.")] = 7,
    breakdown: Annotated[
        bool, typer.Option("--breakdown", help="Count and time every stage of an evaluation instead.")
    ] = False,
    voxelizer: Annotated[
        bool, typer.Option("--voxelizer", help="Time the painting of voxels against plain Python instead.")
    ] = False,
    json: Json = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw cost against size, or stages, here (PNG).")] = None,
    seed: Seed = 0,
    dtype: Dtype = "float32",
) -> None:
    """Measure speed and memory, check the answers, compare with other calculators.

    Energy, forces and stress through ASE of rattled bcc alloys, after every atom has moved.
    Calculators take turns, call by call.  Every answer is compared with torch's graph in
    float64; exit status 1 if a relative difference exceeds 1e-5.  Sizes that do not fit into
    memory are left out.

    voxpot benchmark --atoms 54,2000,16000,250000 --threads 1,2 --plot cost.png
    voxpot benchmark --peer EMT=ase.calculators.emt:EMT --peer peers.py:make:mtp --json speed.json
    voxpot benchmark --breakdown --atoms 2000 --plot stages.png
    voxpot benchmark --voxelizer
    """
    from ase_voxpot.benchmark.campaign import measure
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.storage.files import write_json

    if breakdown and voxelizer:
        raise ConfigError("benchmark: expected one of --breakdown and --voxelizer, got both")
    check_targets(json, plot=plot)
    orders = _orders(
        "voxelizer" if voxelizer else "breakdown" if breakdown else "speed",
        models=tuple(model),
        atoms=_numbers(atoms, "atoms"),
        threads=_numbers(threads, "threads"),
        devices=[d.strip() for d in device.split(",")],
        peers=tuple(peer or ()),
        repeat=repeat,
        seed=seed,
        dtype=dtype,
    )
    with progress_bar() as bar:
        task = bar.add_task("starting", total=sum(_events(order) for order in orders))

        def observe(doing: str) -> None:
            bar.update(task, advance=1, description=doing)

        found = measure(orders, observe)
    _print(found)
    if plot is not None:
        _draw(plot, found)
    if json is not None:
        write_json(json, {"models": model, "dtype": dtype, **found.to_json()})
    wrong = found.wrong()
    for sentence in wrong:
        typer.echo(f"voxpot: {sentence}", err=True)
    if wrong:
        raise typer.Exit(WRONG)


def _numbers(text: str, what: str) -> tuple[int, ...]:
    """Whole numbers between commas; 250,000 is not one of them, 250_000 is."""
    from ase_voxpot.errors import ConfigError

    try:
        numbers = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise ConfigError(f"{what}: expected whole numbers from 1 on, with commas between, got {text!r}")
    return numbers


def _orders(
    work: str, *, threads: tuple[int, ...], devices: list[str], repeat: int, seed: int, dtype: str, **rest: Any
) -> list[Order]:
    """One per device and number of threads, checked before anything runs."""
    from ase_voxpot.benchmark.orders import Order
    from ase_voxpot.benchmark.systems import edges
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.peers import parse_peer
    from ase_voxpot.weights import find_model, read_header

    for name in rest["models"]:
        read_header(find_model(name))
    for size in rest["atoms"]:
        edges(size)
    names = [parse_peer(text).name for text in rest["peers"]] + list(rest["models"])
    refuse_same_names(names)
    if dtype not in ("float32", "float64"):
        raise ConfigError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    for what, value, least in (("repeat", repeat, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"{what}: expected a whole number from {least} on, got {value}")
    return [
        Order(work=work, threads=t, device=d, repeat=repeat, seed=seed, dtype=dtype, **rest)  # type: ignore[arg-type]
        for d in devices
        for t in (threads if d == "cpu" else threads[:1])
    ]


def _events(order: Order) -> int:
    """Approximate number of messages of a worker."""
    calculators = len(order.models) + len(order.peers)
    if order.work == "speed":
        return len(order.models) + len(order.atoms) * calculators * (order.repeat + 2)
    return 18 * len(order.models) if order.work == "breakdown" else 3


def _draw(plot: Path, found: Findings) -> None:
    from ase_voxpot.benchmark.pictures import draw_breakdown, draw_costs
    from ase_voxpot.errors import ConfigError

    if found.timings:
        draw_costs(plot, found.timings)
    elif found.breakdowns:
        draw_breakdown(plot, found.breakdowns)
    else:
        raise ConfigError("plot: there is nothing to draw; leave --plot out")


def _print(found: Findings) -> None:
    out = console()
    for rows in (*_speed_tables(found), *_breakdown_tables(found), *_painting_tables(found)):
        out.print(rows)
    for sentence in found.left_out:
        out.print(sentence, soft_wrap=True)


def _speed_tables(found: Findings) -> list[Any]:
    tables = []
    if found.timings:
        title = "Energy, forces and stress through ASE, after every atom moved"
        headers = ("calculator", "atoms", "where", "ms", "quartiles", "atom·steps/s", "floor\n×", "MB/atom", "off by")
        rows = table(title, *headers)
        for t in found.timings:
            rows.add_row(
                t.name,
                f"{t.atoms:,}",
                _where(t.threads, t.device),
                f"{1e3 * t.time.median:.2f}",
                f"{1e3 * t.time.low:.2f}–{1e3 * t.time.high:.2f}",
                f"{t.rate:,.0f}",
                "–" if t.floor is None else f"{t.time.median / t.atoms / t.floor:.1f}",
                "–" if t.memory is None else f"{t.memory / t.atoms / 1e6:.4f}",
                "–" if t.deviation is None else f"{t.deviation.worst:.0e}",
            )
        tables.append(rows)
    ratios = found.ratios()
    if ratios:
        rows = table("Times faster than a peer, medians in the same turns", "calculator", "peer", "atoms", "where", "×")
        for r in ratios:
            rows.add_row(r.name, r.peer, f"{r.atoms:,}", _where(r.threads, r.device), f"{r.ratio:.2f}")
        tables.append(rows)
    if found.steps:
        rows = table("Steps of dynamics in ASE", "calculator", "atoms", "where", "ms/step", "quartiles")
        for s in found.steps:
            quartiles = f"{1e3 * s.time.low:.2f}–{1e3 * s.time.high:.2f}"
            rows.add_row(s.name, f"{s.atoms}", _where(s.threads, s.device), f"{1e3 * s.time.median:.2f}", quartiles)
        tables.append(rows)
    return tables


def _breakdown_tables(found: Findings) -> list[Any]:
    tables = []
    for b in found.breakdowns:
        title = (
            f"{b.name}, {b.atoms:,} atoms with {b.pairs:.1f} neighbours each, {b.dtype}, {_where(b.threads, 'cpu')}; "
            f"this machine reaches {b.peaks.flops / 1e9:.1f} GFLOP/s and {b.peaks.bandwidth / 1e9:.1f} GB/s"
        )
        rows = table(title, "stage", "kFLOP/atom", "kB/atom", "bound by", "floor\nµs/atom", "measured\nµs/atom", "×")
        for s in b.stages:
            bound = "FLOP" if s.flops / b.peaks.flops >= s.floor else "memory"
            rows.add_row(" + ".join(s.stages), *_costs(s.flops, s.bytes), bound, *_times(s.floor, s.measured))
        rows.add_section()
        flops, size = sum(s.flops for s in b.stages), sum(s.bytes for s in b.stages)
        rows.add_row("sum", *_costs(flops, size), "", *_times(b.floor, sum(s.measured for s in b.stages)))
        rows.add_row("one evaluation", "", "", "", *_times(b.floor, b.whole))
        tables.append(rows)
    return tables


def _costs(flops: float, size: float) -> tuple[str, str]:
    return f"{flops / 1e3:.1f}", f"{size / 1e3:.1f}"


def _times(floor: float, measured: float) -> tuple[str, str, str]:
    return f"{1e6 * floor:.2f}", f"{1e6 * measured:.2f}", f"{measured / floor:.1f}"


def _painting_tables(found: Findings) -> list[Any]:
    if not found.paintings:
        return []
    headers = ("voxels", "of", "plain Python\nms/atom", "compiled\nms/atom", "times\nfaster", "floor\n×", "differ by")
    rows = table("Painting cubes of voxels, float64", *headers)
    for p in found.paintings:
        rows.add_row(
            f"{p.voxels}³",
            p.what,
            f"{1e3 * p.loops:.2f}",
            f"{1e3 * p.compiled:.4f}",
            f"{p.ratio:,.0f}",
            f"{p.compiled / p.floor:.1f}",
            f"{p.difference:.0e}",
        )
    return [rows]


def _where(threads: int, device: str) -> str:
    return device if device != "cpu" else f"{threads} thread{'s' if threads > 1 else ''}"
