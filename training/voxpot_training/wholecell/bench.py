"""Timing of the voxelizer: ``python -m voxpot_training.wholecell.bench``.

70,000 frames of 54 atoms at 8³, read from a file and written to a file: seconds with one and with two threads,
peak memory, plain Python loops on a sample with results compared, and the time of memory access alone.
"""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ase_voxpot.cli.options import Json, renamed
from ase_voxpot.plotting.screen import console, table
from ase_voxpot.storage.files import write_json

if TYPE_CHECKING:
    from voxpot_training.wholecell.voxelizer import WholeCellSpec

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _positions(path: Path, frames: int, source: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Positions of a folder of frames; or a bcc crystal with thermal noise, written to ``path``."""
    from ase_voxpot.structures import random_alloy
    from voxpot_training.wholecell.frames import load

    if source is not None:
        found = load(source)
        return found.positions[:frames], found.numbers.astype(float)
    rng = np.random.default_rng(0)
    atoms = random_alloy("bcc:MoTaW", repeat=3, rng=rng, constant=3.23)
    out = np.lib.format.open_memmap(path, "w+", np.float32, (frames, len(atoms), 3))
    for start in range(0, frames, 1000):
        part = out[start : start + 1000]
        part[:] = atoms.positions + rng.normal(scale=0.12, size=part.shape)
    out.flush()
    return np.load(path, mmap_mode="r", allow_pickle=False), atoms.numbers.astype(float)


@dataclass(frozen=True, slots=True)
class _Time:
    """Of one run."""

    wall: float  # s
    cpu: float  # s, of all threads
    busiest: float  # s of CPU, of the thread with most: lower bound of the time on an idle machine


def _timed(positions: np.ndarray, charges: np.ndarray, spec: WholeCellSpec, path: Path, threads: int) -> _Time:
    from voxpot_training.wholecell.voxelizer import open_voxels, voxelize

    out = open_voxels(path, len(positions), spec.n)
    of_thread: dict[int, float] = {}

    def note(frames: int) -> None:
        of_thread[threading.get_ident()] = time.thread_time()

    wall, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
    voxelize(positions, charges, spec, out=out, threads=threads, progress=note)
    wall, cpu, own = time.perf_counter() - wall, time.process_time() - cpu, time.thread_time() - own
    others = [t for thread, t in of_thread.items() if thread != threading.get_ident()]
    # work of the reading thread, such as the search for the outer box, precedes the queue
    return _Time(wall, cpu, own + max(others, default=0.0))


def _plain(
    positions: np.ndarray, charges: np.ndarray, spec: WholeCellSpec, path: Path, sample: int
) -> dict[str, float]:
    """Seconds of a frame in plain loops, and the largest difference of the results."""
    from voxpot_training.wholecell.boxes import bounding_box
    from voxpot_training.wholecell.reference import voxelize_frame
    from voxpot_training.wholecell.voxelizer import unit_length

    box, unit = bounding_box(positions), [float(u) for u in unit_length(positions, spec)[0]]
    fast: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    took, worst = [], 0.0
    for frame in np.linspace(0, len(positions) - 1, sample).astype(int):
        begin = time.process_time()
        slow = voxelize_frame(positions[frame], charges, spec, box=box, unit=unit)
        took.append(time.process_time() - begin)
        worst = max(worst, float(np.abs(fast[frame] - slow).max() / slow.max()))
    return {"plain_seconds": float(np.median(took)), "largest_difference": worst}


def measure(
    *, frames: int, n: int, reading: str, sample: int, repeat: int, source: Path | None, folder: Path
) -> dict[str, Any]:
    """All timings of one reading of the paper.

    Args:
        frames: how many.
        n: voxels along each edge.
        reading: of ``WholeCellSpec``.
        sample: frames for the plain loops.
        repeat: the fastest of so many counts.
        source: a folder of frames; made up without it.
        folder: for files that are not kept.
    """
    import torch

    from ase_voxpot.benchmark.machine import measure_peaks
    from ase_voxpot.benchmark.memory import Growth
    from voxpot_training.wholecell.voxelizer import WholeCellSpec, voxelize

    spec = WholeCellSpec(n=n, reading=reading)  # type: ignore[arg-type]
    positions, charges = _positions(folder / "positions.npy", frames, source)
    voxelize(positions[:2], charges, spec)  # compiles
    watch = Growth("cpu")
    times = {t: [_timed(positions, charges, spec, folder / "voxels.npy", t) for _ in range(repeat)] for t in (1, 2)}
    peak = watch.peak()
    one, two = (min(t.wall for t in times[k]) for k in (1, 2))
    plain = _plain(positions, charges, spec, folder / "voxels.npy", sample)
    torch.set_num_threads(1)
    moved = positions.nbytes + 4 * frames * n**3
    floor = moved / measure_peaks("cpu", np.float32).bandwidth
    cpu, busiest = min(t.cpu for t in times[1]), min(t.busiest for t in times[2])
    return {
        "reading": reading,
        "frames": len(positions),
        "n": n,
        "seconds_1_thread": one,
        "seconds_2_threads": two,
        "two_over_one": one / two,
        "cpu_seconds": cpu,
        "cpu_over_busiest_of_two": cpu / busiest,
        "peak_memory_bytes": peak,
        "over_plain_python": plain["plain_seconds"] * len(positions) / cpu,
        **plain,
        "memory_floor_seconds": floor,
    }


@app.command(context_settings=renamed(frames="number"))
def bench(
    number: Annotated[int, typer.Option("--number", "-n", help="Frames of 54 atoms.")] = 70_000,
    voxels: Annotated[int, typer.Option(help="Voxels along each edge.")] = 8,
    readings: Annotated[str, typer.Option(help="Of the paper, with commas.")] = "inside,field,occupied,atoms",
    sample: Annotated[int, typer.Option(help="Frames for the plain Python loops.")] = 20,
    repeat: Annotated[int, typer.Option(help="Number of runs, of which the fastest is used.")] = 5,
    source: Annotated[
        Path | None, typer.Option("--frames-in", help="A folder of frames; random ones by default.")
    ] = None,
    json: Json = None,
) -> None:
    """Time, memory and answers of the voxels of whole cells.

    python -m voxpot_training.wholecell.bench --frames-in runs/wholecell/frames
    """
    with tempfile.TemporaryDirectory() as folder:
        found = [
            measure(
                frames=number, n=voxels, reading=r, sample=sample, repeat=repeat, source=source, folder=Path(folder)
            )
            for r in readings.split(",")
        ]
    if json is not None:
        write_json(json, found)
    heads = (
        "1 thread\ns",
        "2 threads\ns",
        "ratio",
        "CPU\ns",
        "over the\nbusier of 2",
        "memory\nMB",
        "plain\nms/frame",
        "over\nplain",
        "differs\nby",
        "memory\nfloor s",
    )
    rows = table(f"{number:,} frames at {voxels}³, file to file", "reading", *heads)
    for f in found:
        rows.add_row(
            f["reading"],
            f"{f['seconds_1_thread']:.2f}",
            f"{f['seconds_2_threads']:.2f}",
            f"{f['two_over_one']:.2f}",
            f"{f['cpu_seconds']:.2f}",
            f"{f['cpu_over_busiest_of_two']:.2f}",
            f"{(f['peak_memory_bytes'] or 0) / 1e6:.0f}",
            f"{1000 * f['plain_seconds']:.1f}",
            f"{f['over_plain_python']:,.0f}",
            f"{f['largest_difference']:.0e}",
            f"{f['memory_floor_seconds']:.3f}",
        )
    console().print(rows)


if __name__ == "__main__":
    app()
