"""Cost of a run in LAMMPS: ``python -m lammps_plugin.bench speed | overhead | ranks | memory``.

Speed and overhead are measured in CPU time, which depends little on other work on the machine; ranks also in wall time.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lammps_plugin.runner import open_lammps

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
DECK = """units metal
atom_style atomic
lattice bcc 3.22
region box block 0 {nx} 0 {ny} 0 {nz}
create_box 3 box
create_atoms 1 box
set group all type/ratio 2 0.33333 1
set type 1 type/ratio 3 0.5 2
mass * 150
pair_style {style}
pair_coeff * * {model} Mo Ta W
velocity all create 1200 1
fix move all nve
timestep 0.001
thermo 1000
"""


def deck(cells: tuple[int, int, int], model: str = "motaw", style: str = "voxpot device cpu") -> str:
    """An NVE run of 2 nx ny nz atoms; ``model`` is what ``pair_coeff`` names before the elements."""
    return DECK.format(nx=cells[0], ny=cells[1], nz=cells[2], model=model, style=style)


class Watch:
    """CPU seconds of the compiled potential, call by call, for all that is loaded before ``stop``."""

    def __init__(self) -> None:
        from ase_voxpot.engines.cpu.cfunction import PROTOTYPE, NativePass

        self.spent: list[float] = []
        self._native, self._plain = NativePass, NativePass.__init__
        self._kept: list[Any] = []  # ctypes would free functions with their last reference

        def watched(native: Any, engine: Any, baseline: Any) -> None:
            self._plain(native, engine, baseline)
            function = PROTOTYPE(native.address)

            def timed(*arguments: Any) -> Any:
                start = time.thread_time()
                answer = function(*arguments)
                self.spent.append(time.thread_time() - start)
                return answer

            self._kept.append(PROTOTYPE(timed))
            native.address = ctypes.cast(self._kept[-1], ctypes.c_void_p).value

        setattr(NativePass, "__init__", watched)  # noqa: B010 - no method of ours

    def stop(self) -> None:
        """Stop timing of models loaded from now on."""
        setattr(self._native, "__init__", self._plain)  # noqa: B010


@contextmanager
def one_thread() -> Iterator[None]:
    """A rank of one thread within the block: others would work unseen by the clock of this one."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def cost(text: str, steps: int, watch: Watch | None = None) -> float:
    """CPU ms per step of a deck, or of the potential in it: the least of several runs."""
    lmp = _started(text)
    found = []
    for _ in range(7):
        if watch:
            watch.spent.clear()
        total = _turn(lmp, steps)
        found.append(1000 * (sum(watch.spent) / steps if watch else total))
    lmp.close()
    return min(found)


@app.command()
def speed(
    models: Annotated[list[str] | None, typer.Option("--model", "-m", help="Name or file; several allowed.")] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option(help="A pair style of LAMMPS, and what pair_coeff names before the elements; several allowed."),
    ] = None,
    cells: Annotated[int, typer.Option(help="Edge in cells of two atoms; 10 are 2,000 atoms.")] = 10,
    rounds: Annotated[int, typer.Option(help="Turns of every model and pair style.")] = 7,
    seconds: Annotated[float, typer.Option(help="CPU time of a turn.")] = 1.0,
) -> None:
    """Atom·steps per second of NVE at 1200 K with one thread, beside pair styles of LAMMPS itself.

    All take turns in the same process; the fastest turn of each counts. For alloys of Mo, Ta and W:

    python -m lammps_plugin.bench speed -m motaw --pair "snap A.snapcoeff A.snapparam" --pair "eam/alloy A.eam.alloy"
    """
    with one_thread():
        runs = {model: _started(deck((cells, cells, cells), model)) for model in models or ["motaw", "motaw-fast"]}
        for text in pair or []:
            style, _, files = text.partition(" ")
            runs[style] = _started(deck((cells, cells, cells), files, style))
        steps = {name: max(2, int(seconds / _turn(lmp, 2))) for name, lmp in runs.items()}
        least = dict.fromkeys(runs, float("inf"))
        for _ in range(rounds):
            for name, lmp in runs.items():
                least[name] = min(least[name], _turn(lmp, steps[name]))
    typer.echo("atom·steps/s    over the last   pair style")
    fastest = {name: 2 * cells**3 / value for name, value in least.items()}
    last = list(fastest.values())[-1]
    for name, value in fastest.items():
        typer.echo(f"{value:12.0f} {value / last:16.2f}   {name}")
    for lmp in runs.values():
        lmp.close()


def _started(text: str) -> Any:
    """LAMMPS after the first steps of a deck."""
    lmp = open_lammps(["-screen", "none", "-log", "none"])
    lmp.commands_string(text + "run 2\n")
    return lmp


def _turn(lmp: Any, steps: int) -> float:
    """CPU seconds per step of so many steps."""
    start = time.thread_time()
    lmp.command(f"run {steps} pre no post no")
    return (time.thread_time() - start) / steps


@app.command()
def overhead(
    model: Annotated[str, typer.Option("--model", "-m", help="Name or file.")] = "motaw",
    steps: Annotated[int, typer.Option(help="Steps to time.")] = 20,
) -> None:
    """CPU time per step of one thread in the potential, and in the pair style around it.

    The time of LAMMPS itself, for lists and integration, is measured with
    ``pair_style zero`` and a full list of the same cutoff, and subtracted.  The last column is what the
    uncertainty of all atoms at every tenth step adds to a run.
    """
    from ase_voxpot.weights import load_potential

    reach = load_potential(model, device="cpu").cutoff
    typer.echo("atoms   model ms   bridge ms   LAMMPS itself ms   bridge beside the model %   uncertainty %")
    for cells in ((3, 3, 3), (6, 6, 6), (10, 10, 10)):
        with one_thread():
            typer.echo(_row(cells, model, reach, steps))


def _row(cells: tuple[int, int, int], model: str, reach: float, steps: int) -> str:
    """The columns of ``overhead`` for one size."""
    text = deck(cells, model)
    bare = text.replace("pair_style voxpot device cpu", f"pair_style zero {reach} full")
    itself = cost(bare.replace(f"{model} Mo Ta W", ""), steps)
    total = cost(text, steps)
    looking = cost(text + "fix guess all pair 10 voxpot extrapolation 1\n", steps)
    watch = Watch()
    inside = cost(text, steps, watch)
    watch.stop()
    bridge = total - itself - inside
    atoms = 2 * cells[0] * cells[1] * cells[2]
    shares = f"{100 * bridge / inside:25.1f} {100 * (looking / total - 1):15.1f}"
    return f"{atoms:5d} {inside:10.3f} {bridge:11.3f} {itself:18.3f} {shares}"


@app.command()
def ranks(
    counts: Annotated[list[int] | None, typer.Argument(help="Numbers of ranks; 1 2 by default.")] = None,
    cells: Annotated[int, typer.Option(help="Edge in cells of two atoms; 20 are 16,000 atoms, 3 are 54.")] = 20,
    steps: Annotated[int, typer.Option(help="Steps to time.")] = 5,
    model: Annotated[str, typer.Option("--model", "-m", help="Name or file.")] = "motaw",
    compiled: Annotated[bool, typer.Option(help="Compiled function, or the call into Python.")] = True,
) -> None:
    """Time per step on several ranks of one thread each.

    Wall time is meaningful on an idle machine only; the CPU time of the busiest rank, without
    waiting, is its lower bound.
    """
    settings = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    first: tuple[float, float] | None = None
    with tempfile.TemporaryDirectory() as folder:
        path, log = Path(folder) / "run.in", Path(folder) / "log"
        path.write_text(deck((cells, cells, cells), model) + f"timer full\nrun {steps}\n" + f"run {steps}\n" * 3)
        typer.echo("ranks   wall ms per step   speed-up   CPU ms of the busiest rank   speed-up")
        for count in counts or [1, 2]:
            words = [sys.executable, "-m", "lammps_plugin.bench", "one", str(path), str(log)]
            starter = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(count)]
            subprocess.run(
                starter + words + ["--compiled" if compiled else "--no-compiled"],
                env=settings,
                check=True,
                capture_output=True,
            )
            wall, busy = timings(log.read_text(), steps)
            first = first or (wall, busy)
            typer.echo(f"{count:5d} {wall:18.3f} {first[0] / wall:10.2f} {busy:28.3f} {first[1] / busy:10.2f}")


def timings(log: str, steps: int) -> tuple[float, float]:
    """Least ms per step of the runs in a log: wall, and CPU of the busiest rank in pair style, lists and moves."""
    walls, works = [], []
    for run in log.split("Loop time of ")[2:]:  # the first one compiles and allocates
        walls.append(1000 * float(run.split()[0]) / steps)
        work = 0.0
        for name in ("Pair", "Neigh", "Modify"):
            columns = re.findall(rf"^{name}\s*\|(.*)$", run, re.MULTILINE)[0].split("|")
            work += 1000 * float(columns[2]) * float(columns[4]) / 100 / steps
        works.append(work)
    return min(walls), min(works)


@app.command(hidden=True)
def one(path: Path, log: Path, compiled: bool = True) -> None:
    """A deck on the ranks that there are."""
    from lammps_plugin import serve
    from lammps_plugin.runner import run_in

    if not compiled:
        setattr(serve, "NativePass", lambda _: None)  # noqa: B010 - what a GPU has
    lmp = open_lammps(["-screen", "none", "-log", str(log)])
    run_in(lmp, path, compiled=True)
    lmp.close()
    lmp.finalize()


@app.command()
def memory(
    model: Annotated[str, typer.Option("--model", "-m", help="Name or file.")] = "motaw-fast",
    steps: Annotated[int, typer.Option(help="Steps in all.")] = 10_000,
    parts: Annotated[int, typer.Option(help="Rows of the table.")] = 5,
) -> None:
    """Memory of the process in the course of a run of 432 atoms."""
    lmp = open_lammps(["-screen", "none", "-log", "none"])
    lmp.commands_string(deck((6, 6, 6), model) + "run 100\n")
    typer.echo(f" step   MiB\n{0:5d} {resident():5.1f}")
    for k in range(parts):
        lmp.command(f"run {steps // parts} post no")
        typer.echo(f"{(k + 1) * (steps // parts):5d} {resident():5.1f}")


def resident() -> float:
    """MiB of this process in memory."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


if __name__ == "__main__":
    app()
