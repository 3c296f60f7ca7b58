"""What the bridge costs beside the model: ``python -m lammps_plugin.bench overhead | ranks | memory``.

CPU time for the overhead, so that other work on the machine does not show; wall time for ranks,
which says something on a quiet machine only.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from lammps_plugin.runner import open_lammps

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
pair_style voxpot device cpu
pair_coeff * * {model} Mo Ta W
velocity all create 1200 1
fix move all nve
timestep 0.001
thermo 1000
"""


def deck(cells: tuple[int, int, int], model: str = "motaw") -> str:
    """An NVE run of 2 nx ny nz atoms."""
    return DECK.format(nx=cells[0], ny=cells[1], nz=cells[2], model=model)


class Watch:
    """CPU seconds of the compiled potential, call by call, for all that is loaded after this."""

    def __init__(self) -> None:
        from ase_voxpot.native import PROTOTYPE
        from lammps_plugin import serve

        self.spent = spent = []  # type: list[float]
        plain = serve.NativePass

        class Watched(plain):  # type: ignore[misc, valid-type]
            def __init__(self, potential: Any) -> None:
                super().__init__(potential)
                function = PROTOTYPE(self.address)

                def timed(*arguments: Any) -> int:
                    start = time.thread_time()
                    answer: int = function(*arguments)
                    spent.append(time.thread_time() - start)
                    return answer

                self.timed = PROTOTYPE(timed)  # ctypes would free it with the last reference
                self.address = ctypes.cast(self.timed, ctypes.c_void_p).value or 0

        self._plain, serve.NativePass = plain, Watched  # type: ignore[misc]

    def stop(self) -> None:
        """What is loaded from now on is not watched."""
        from lammps_plugin import serve

        serve.NativePass = self._plain  # type: ignore[misc]


def cost(text: str, steps: int, watch: Watch | None = None) -> float:
    """CPU ms per step of a deck, or of the potential in it: the least of several runs."""
    lmp = open_lammps(["-screen", "none", "-log", "none"])
    lmp.commands_string(text + "run 2\n")
    found = []
    for _ in range(7):
        if watch:
            watch.spent.clear()
        start = time.thread_time()
        lmp.command(f"run {steps} pre no post no")
        total = time.thread_time() - start
        found.append(1000 * (sum(watch.spent) if watch else total) / steps)
    lmp.close()
    return min(found)


@app.command()
def overhead(
    model: Annotated[str, typer.Option(help="Name or file.")] = "motaw",
    steps: Annotated[int, typer.Option(help="Steps to time.")] = 20,
) -> None:
    """CPU time per step in the potential, and in the pair style around it.

    What LAMMPS does with any potential, lists and integration, is taken from a run with
    ``pair_style zero`` and a full list of the same reach, and does not count as the bridge.
    """
    from ase_voxpot.weights import load_potential

    reach = load_potential(model, device="cpu").cutoff
    typer.echo("atoms   model ms   bridge ms   LAMMPS itself ms   bridge beside the model %")
    for cells in ((3, 3, 3), (6, 6, 6), (10, 10, 10)):
        text = deck(cells, model)
        bare = text.replace("pair_style voxpot device cpu", f"pair_style zero {reach} full")
        itself = cost(bare.replace(f"{model} Mo Ta W", ""), steps)
        total = cost(text, steps)
        watch = Watch()
        inside = cost(text, steps, watch)
        watch.stop()
        bridge = total - itself - inside
        atoms = 2 * cells[0] * cells[1] * cells[2]
        typer.echo(f"{atoms:5d} {inside:10.3f} {bridge:11.3f} {itself:18.3f} {100 * bridge / inside:25.1f}")


@app.command()
def ranks(
    counts: Annotated[list[int] | None, typer.Argument(help="Numbers of ranks; 1 2 by default.")] = None,
    cells: Annotated[int, typer.Option(help="Edge in cells of two atoms; 20 are 16,000 atoms.")] = 20,
    steps: Annotated[int, typer.Option(help="Steps to time.")] = 5,
) -> None:
    """Wall time per step on several ranks of one thread each."""
    import os

    settings = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    scripts, first = Path(sys.executable).parent, None
    with tempfile.TemporaryDirectory() as folder:
        path, log = Path(folder) / "run.in", Path(folder) / "log"
        path.write_text(deck((cells, cells, cells)) + f"run 1\nrun {steps}\n")
        typer.echo("ranks   s per step   speed-up")
        for count in counts or [1, 2]:
            command = [scripts / "mpiexec", "-n", str(count), scripts / "lmp", "-in", path, "-log", log]
            subprocess.run([str(c) for c in command], env=settings, check=True, capture_output=True)
            seconds = float(re.findall(r"Loop time of (\S+)", log.read_text())[-1]) / steps
            first = first or seconds
            typer.echo(f"{count:5d} {seconds:12.3f} {first / seconds:10.2f}")


@app.command()
def memory(
    steps: Annotated[int, typer.Option(help="Steps in all.")] = 10_000,
    parts: Annotated[int, typer.Option(help="Rows of the table.")] = 5,
) -> None:
    """Resident memory of the process in the course of a run of 432 atoms."""
    lmp = open_lammps(["-screen", "none", "-log", "none"])
    lmp.commands_string(deck((6, 6, 6)) + "run 100\n")
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
