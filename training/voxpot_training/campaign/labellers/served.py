"""A process that holds an ASE calculator: ``python -m … MODULE:FACTORY``.

Messages are pickled, with their length before them: from standard input a structure, to standard output its results,
``{"energy": …, "forces": …}``, or ``{"error": …}``.  The first message that it writes says whether the calculator
could be made.  What calculators print goes to standard error.  The process ends, and kills what it started, when
standard input ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import struct
import sys
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["receive", "send"]

LENGTH = struct.Struct("<Q")


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message."""
    data = pickle.dumps(message)
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message.

    Raises:
        EOFError: the stream ends.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (size,) = LENGTH.unpack(head)
    return pickle.loads(stream.read(size))


def _results(atoms: Atoms, calculator: Any) -> dict[str, Any]:
    from ase.calculators.calculator import PropertyNotImplementedError

    work = atoms.copy()
    work.calc = calculator
    results: dict[str, Any] = {"energy": float(work.get_potential_energy()), "forces": work.get_forces()}
    with contextlib.suppress(PropertyNotImplementedError, NotImplementedError):
        results["energy"] = float(work.get_potential_energy(force_consistent=True))
    if work.cell.rank == 3:
        with contextlib.suppress(PropertyNotImplementedError, NotImplementedError):
            results["stress"] = work.get_stress()
    converged = getattr(calculator, "results", {}).get("converged", getattr(calculator, "converged", True))
    if converged is False:
        return {"error": "the electronic loop did not converge"}
    return results


def _listen(stream: BinaryIO, messages: queue.Queue[Any]) -> None:
    """Pass on what comes in; end the whole group of processes when nothing can come any more."""
    while True:
        try:
            messages.put(receive(stream))
        except (EOFError, OSError, pickle.UnpicklingError):
            os.killpg(os.getpgid(0), signal.SIGKILL)


def main(target: str) -> None:
    """Serve the calculator of a factory until standard input ends."""
    from ase_voxpot.errors import VoxPotError
    from ase_voxpot.peers import parse_peer

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints, C code included
    messages: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, messages), daemon=True).start()
    try:
        calculator = parse_peer(target).make()
    except VoxPotError as error:
        send(out, {"error": str(error)})
        return
    send(out, {})
    while True:
        atoms = messages.get()
        try:
            answer = _results(atoms, calculator)
        except Exception as error:  # a foreign calculator may raise anything
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        send(out, answer)


if __name__ == "__main__":
    main(sys.argv[1])
