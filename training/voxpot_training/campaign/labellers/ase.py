"""Labels by an ASE calculator, in a process of its own that can be ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError
from voxpot_training.campaign.labellers.outcome import Label, LabellerError
from voxpot_training.campaign.labellers.served import LENGTH, send

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

__all__ = ["AseLabeller"]

STARTING = 300.0
"""s, until a calculator that is not made has failed."""


class AseLabeller:
    """The calculator of ``module:factory`` or ``file.py:factory``, as ``--calculator`` and ``--peer`` have it.

    The process is started with the first frame, serves all that follow, and is started again after one that took too
    long or crashed.
    """

    def __init__(self, target: str, *, limit: float, seconds: float | None = None) -> None:
        """Name the calculator; it is made with the first frame.

        Args:
            target: ``module:factory[:argument]``.
            limit: s, for a frame.
            seconds: known cost of a frame of ten atoms.
        """
        self.name = target
        self._limit, self._seconds = limit, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def check(self) -> None:
        """Start the process, so that a calculator that cannot be made is known before anything else.

        Raises:
            ConfigError: it cannot.
        """
        self._started()

    def label(self, atoms: Atoms, folder: Path) -> Label:
        """As ``Labeller``; ``folder`` is not used."""
        process = self._started()
        began = time.monotonic()
        try:
            if process.stdin is None:
                raise EOFError
            send(process.stdin, atoms)  # type: ignore[arg-type] # a buffered pipe
            answer = self._read(process, began + self._limit)
        except TimeoutError:
            self.close()
            raise LabellerError(f"no label after {self._limit:g} s: the time limit") from None
        except (EOFError, OSError):
            status, told = process.wait(), self._last_line()
            self.close()
            raise LabellerError(f"the process of the calculator ended (status {status}){told}") from None
        if "error" in answer:
            raise LabellerError(str(answer["error"]))
        stress = answer.get("stress")
        return Label(
            energy=float(answer["energy"]),
            forces=np.asarray(answer["forces"], float),
            stress=None if stress is None else np.asarray(stress, float),
            seconds=round(time.monotonic() - began, 3),
        )

    def cost(self, atoms: Atoms) -> float:
        """As ``Labeller``: in proportion to the atoms, 0.05 s for ten unless it is known."""
        return (0.05 if self._seconds is None else self._seconds) * len(atoms) / 10

    def close(self) -> None:
        """End the process, and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, self._log):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._log = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._log = TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "voxpot_training.campaign.labellers.served", self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *filter(None, sys.path)])},
        )
        try:
            answer = self._read(self._process, time.monotonic() + STARTING)
        except (EOFError, TimeoutError, OSError):
            answer = {"error": f"labeller {self.name!r}: its process did not start{self._last_line()}"}
        if "error" in answer:
            self.close()
            raise ConfigError(str(answer["error"]).replace("peer", "labeller", 1))
        return self._process

    def _last_line(self) -> str:
        """The last line that the process printed, for a message."""
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read()[-4000:].decode("utf-8", errors="replace").split("\n")
        printed = [line.strip() for line in lines if line.strip()]
        return f": {printed[-1][:200]}" if printed else ""

    @staticmethod
    def _read(process: subprocess.Popen[bytes], until: float) -> dict[str, Any]:
        """One message.

        Raises:
            TimeoutError: nothing came until then.
            EOFError: the process ended.
        """
        import pickle

        if process.stdout is None:
            raise EOFError
        number = process.stdout.fileno()

        def take(size: int) -> bytes:
            data = b""
            while len(data) < size:
                ready, _, _ = select.select([number], [], [], max(until - time.monotonic(), 0))
                if not ready:
                    raise TimeoutError
                more = os.read(number, size - len(data))
                if not more:
                    raise EOFError
                data += more
            return data

        (size,) = LENGTH.unpack(take(LENGTH.size))
        found: dict[str, Any] = pickle.loads(take(size))
        return found
