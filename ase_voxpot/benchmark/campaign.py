"""Run the workers of a benchmark one after the other and collect their results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ase_voxpot.benchmark.check import TOLERANCE
from ase_voxpot.benchmark.orders import Breakdown, Painting, Steps, Timing
from ase_voxpot.errors import ConfigError
from ase_voxpot.spec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase_voxpot.benchmark.orders import Order

__all__ = ["Findings", "Ratio", "measure"]

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
KINDS = {kind.__name__: kind for kind in (Timing, Steps, Breakdown, Painting)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Ratio of median times, measured alternately: how many times faster than the peer."""

    name: str
    peer: str
    atoms: int
    threads: int
    device: str
    ratio: float


@dataclass(slots=True)
class Findings:
    """Everything that was measured."""

    timings: list[Timing] = field(default_factory=list)
    steps: list[Steps] = field(default_factory=list)
    breakdowns: list[Breakdown] = field(default_factory=list)
    paintings: list[Painting] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def ratios(self) -> list[Ratio]:
        """Every model over every peer that was timed with it."""
        out = []
        for ours in self.timings:
            for peer in self.timings:
                same = (ours.atoms, ours.threads) == (peer.atoms, peer.threads) and ours.device == peer.device
                if peer.peer and not ours.peer and same:
                    ratio = peer.time.median / ours.time.median
                    out.append(
                        Ratio(
                            name=ours.name,
                            peer=peer.name,
                            atoms=ours.atoms,
                            threads=ours.threads,
                            device=ours.device,
                            ratio=ratio,
                        )
                    )
        return out

    def wrong(self) -> list[str]:
        """A sentence for every answer that is not that of the reference."""
        return [
            f"{t.name} on {t.atoms:,} atoms is off by {t.deviation.worst:.1e} of its reference, "
            f"expected {TOLERANCE:.0e} at most"
            for t in self.timings
            if t.deviation is not None and not t.deviation.acceptable
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain mappings; rates and ratios are written out."""
        return {
            "timings": [{**encode(t), "rate": t.rate} for t in self.timings],
            "ratios": encode(self.ratios()),
            "dynamics": encode(self.steps),
            "breakdowns": [{**encode(b), "floor": b.floor} for b in self.breakdowns],
            "voxelizer": [{**encode(p), "ratio": p.ratio} for p in self.paintings],
            "left_out": self.left_out,
        }


def measure(orders: Sequence[Order], observe: Callable[[str], None] = lambda doing: None) -> Findings:
    """Carry out orders, each in a fresh subprocess with its own number of threads.

    Raises:
        VoxPotError: a worker refused its order.
        ConfigError: a worker died; the message has the last line of its output.
    """
    found = Findings()
    for order in orders:
        _carry_out(order, found, observe)
    return found


def _carry_out(order: Order, found: Findings, observe: Callable[[str], None]) -> None:
    environment = {**os.environ, **dict.fromkeys(THREADS, str(order.threads))}
    command = [sys.executable, "-m", "ase_voxpot.benchmark.worker"]
    with tempfile.TemporaryFile("w+") as request, tempfile.TemporaryFile("w+") as complaints:
        json.dump(encode(order), request)
        request.seek(0)
        worker = subprocess.Popen(
            command, stdin=request, stdout=subprocess.PIPE, stderr=complaints, env=environment, text=True
        )
        try:
            for line in worker.stdout or ():
                _note(json.loads(line), found, observe)
            status = worker.wait()
        finally:
            worker.kill()
            worker.wait()
            if worker.stdout:
                worker.stdout.close()
        if status:
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or ["no output"])[-1]
            killed = "; the kernel stops processes when memory ends" if status == -9 else ""
            raise ConfigError(
                f"the benchmark with {order.threads} threads stopped with status {status} ({last}){killed}"
            )


def _note(message: dict[str, Any], found: Findings, observe: Callable[[str], None]) -> None:
    """Add one message of a worker to the results."""
    if "refused" in message:
        raise ConfigError(message["refused"])
    if "doing" in message:
        observe(message["doing"])
    if "left out" in message:
        found.left_out.append(message["left out"])
    if "found" in message:
        kind: Any = KINDS[message["found"]]
        value = decode(kind, message["value"])
        lists: dict[str, list[Any]] = {
            "Timing": found.timings,
            "Steps": found.steps,
            "Breakdown": found.breakdowns,
            "Painting": found.paintings,
        }
        lists[message["found"]].append(value)
