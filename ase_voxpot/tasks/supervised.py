"""External programs with a time limit, ended with all that they started.

This file is also the program that stands between: it runs a command in a group of processes of its own, and kills the
group after a time limit, or when its standard input ends, which it does when the process that holds the other end is
gone, however that came about.  It needs nothing but Python, so that it starts in hundredths of a second.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["LATE", "Ended", "run_supervised"]

LATE = 124
"""Exit status of a command that was ended after its time limit, as that of the program timeout."""
NOT_FOUND = 127
"""Exit status where there is no such program, as shells have it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int  # its exit status; LATE after the time limit, 128 + its number after a signal
    output: str  # what it wrote to stdout and stderr, the end of it


def run_supervised(
    command: Sequence[str], *, limit: float, folder: Path, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a command.

    Args:
        command: program and arguments.
        limit: s, until it is killed with all processes that it started.
        folder: where it runs, and where ``output.txt`` keeps what it writes.
        environment: variables beside those of this process.
    """
    line = [sys.executable, "-S", "-E", __file__, f"{limit:g}", *command]
    log = folder / "output.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            line,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            status = process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
    text = log.read_bytes()[-4000:].decode("utf-8", errors="replace")
    return Ended(status, text)


def _supervise(limit: float, command: Sequence[str]) -> int:
    """Run the command until it ends, the limit passes or standard input ends."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return NOT_FOUND
    gone = threading.Event()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        gone.set()

    threading.Thread(target=watch, daemon=True).start()
    until = time.monotonic() + limit
    pause = 0.002
    while process.poll() is None:
        if gone.wait(pause):
            break
        pause = min(2 * pause, 0.1)
        if time.monotonic() > until:
            _kill(process)
            return LATE
    _kill(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the group of a process, which outlives its leader where this started others."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(_supervise(float(sys.argv[1]), sys.argv[2:]))
