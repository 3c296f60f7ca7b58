"""Labels by a program that reads a file of frames and writes one with labels.

The program may belong to another Python, a container or a queueing system; it gets one frame at a time, as extended
XYZ with ``info["id"] = "frame"``, and writes the same frame with energy, forces and, if it can, stress, under the
names that ``voxpot train`` reads or as ASE's writers store them.  ``info["converged"] = False`` marks a label that
is not to be taken; a file beside the output with the suffix ``.failed`` is a reason for failure.
"""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING

from ase.io import write

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.frames.labels import read_frames
from ase_voxpot.tasks.supervised import LATE, NOT_FOUND, run_supervised
from voxpot_training.campaign.labellers.outcome import Label, LabellerError, label_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms

__all__ = ["CommandLabeller", "words_of"]

SHOWN = 300
"""Characters of the output of a program that a reason quotes."""


def words_of(command: str) -> list[str]:
    """The words of a command line with ``{input}`` and ``{output}``.

    Raises:
        ConfigError: one of them is missing, or quotes do not match.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"labeller {command!r}: expected a command line, got one with {error}") from None
    for name in ("{input}", "{output}"):
        if not any(name in word for word in words):
            raise ConfigError(
                f"labeller {command!r}: expected a command with {{input}} and {{output}} in the places of its files, "
                f"or module:factory of an ASE calculator, gpaw or vasp; got none with {name}"
            )
    return words


class CommandLabeller:
    """Runs a program once for every frame."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        name: str,
        limit: float,
        cost: Callable[[Atoms], float],
        environment: dict[str, str] | None = None,
    ) -> None:
        """Describe the program.

        Args:
            words: the command; ``{input}``, ``{output}`` and ``{folder}`` are replaced.
            name: for messages.
            limit: s, for a frame; then the program is killed with all that it started.
            cost: about how many seconds a frame takes.
            environment: variables beside those of this process.
        """
        self.name = name
        self._words, self._limit, self._cost = list(words), limit, cost
        self._environment = environment or {}

    def label(self, atoms: Atoms, folder: Path) -> Label:
        """As ``Labeller``."""
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        source, target = folder / "input.extxyz", folder / "frame.extxyz"
        for old in (target, *folder.glob("*.failed"), *folder.glob("*.taken")):  # of an attempt before
            old.unlink(missing_ok=True)
        frame = atoms.copy()
        frame.info = {"id": "frame"}
        write(source, frame, format="extxyz")
        places = {"{input}": str(source), "{output}": str(target), "{folder}": str(folder)}
        words = [_filled(word, places) for word in self._words]
        began = time.monotonic()
        ended = run_supervised(words, limit=self._limit, folder=folder, environment=self._environment)
        seconds = round(time.monotonic() - began, 3)
        if ended.status == LATE and seconds >= self._limit:
            raise LabellerError(f"no label after {self._limit:g} s: the time limit")
        if ended.status == NOT_FOUND:
            raise LabellerError(f"{words[0]}: no such program; {_end(ended.output)}")
        if not target.is_file():
            reasons = [file.read_text(errors="replace") for file in folder.glob("*.failed")]
            told = " ".join(reasons[0].split())[:SHOWN] if reasons else _end(ended.output)
            raise LabellerError(f"no label (exit status {ended.status}): {told}")
        if ended.status != 0:
            raise LabellerError(f"exit status {ended.status}: {_end(ended.output)}")
        try:
            found = read_frames(target)
        except DataError as error:
            raise LabellerError(f"a label that cannot be read: {error}") from None
        if len(found) != 1:
            raise LabellerError(f"expected one labelled frame, got {len(found)}")
        return label_in(found[0], atoms, seconds=seconds)

    def cost(self, atoms: Atoms) -> float:
        """As ``Labeller``."""
        return self._cost(atoms)

    def check(self) -> None:
        """See whether the program is there.

        Raises:
            ConfigError: it is not.
        """
        from shutil import which

        if which(self._words[0]) is None:
            raise ConfigError(
                f"labeller {self.name}: expected a program that can be run, found no {self._words[0]}; "
                f"install it, or give its path (PATH is {os.environ.get('PATH', '')[:200]})"
            )

    def close(self) -> None:
        """Nothing stays between frames."""


def _filled(word: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(name, path)
    return word


def _end(output: str) -> str:
    """The last lines of what a program wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-2:])[-SHOWN:] or "it wrote nothing"
