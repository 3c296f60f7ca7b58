"""Run the workflows of the benchmark for several calculators and materials, storing each result in a file.

A result is kept under calculator, workflow and subject (an element, a pair, an alloy)
and is not computed again for the same calculator and effort.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.physics.recipes import WORKFLOWS, Answer, Effort, Frames, Setting
from ase_voxpot.storage.files import make_parents, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase_voxpot.peers import Peer

__all__ = ["Results", "Task", "run", "tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One workflow on one subject."""

    workflow: str
    subject: str


def tasks(elements: Sequence[str], only: Sequence[str], frames: Frames | None) -> list[Task]:
    """All tasks of one calculator.

    Args:
        elements: symbols, each once.
        only: names of workflows; all without any.
        frames: labelled binaries; without them, workflows that need them are left out.

    Raises:
        ConfigError: an unknown workflow.
    """
    unknown = [name for name in only if name not in WORKFLOWS]
    if unknown:
        raise ConfigError(f"only: unknown {', '.join(unknown)}; there are {', '.join(WORKFLOWS)}")
    known = set() if frames is None else set(frames.pairs)
    out = []
    for name in only or WORKFLOWS:
        subjects = WORKFLOWS[name][1](elements)
        out += [Task(workflow=name, subject=s) for s in subjects if name != "dft-mixing" or s in known]
    return out


class Results:
    """Results by calculator and task, in a file that is written after each."""

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            DataError: a file that is not one of results.
        """
        self.path = make_parents(path)
        self._kept: dict[str, Any] = {}
        if path.is_file():
            try:
                self._kept = json.loads(path.read_text(encoding="utf-8"))["calculators"]
            except (ValueError, KeyError, TypeError):
                raise DataError(
                    f"{path}: expected results of an earlier bench, got something else; name another folder"
                ) from None

    def find(self, peer: Peer, task: Task, effort: Effort) -> Answer | None:
        """The stored result of the same calculator and effort, or None."""
        kept = self._kept.get(peer.name, {})
        answer = kept.get("answers", {}).get(task.workflow, {}).get(task.subject)
        same = kept.get("identity") == peer.identity and answer is not None and answer["effort"] == asdict(effort)
        return answer if same else None

    def add(self, peer: Peer, task: Task, effort: Effort, answer: Answer) -> None:
        """Store a result; those of another calculator of the same name are deleted."""
        if self._kept.get(peer.name, {}).get("identity") != peer.identity:
            self._kept[peer.name] = {"identity": peer.identity, "answers": {}}
        answers = self._kept[peer.name]["answers"].setdefault(task.workflow, {})
        answers[task.subject] = answer | {"effort": asdict(effort)}
        write_json(self.path, {"calculators": self._kept})


def run(calculator: Any, task: Task, effort: Effort, frames: Frames | None, observe: Callable[[float], None]) -> Answer:
    """Run one task; an error of the calculator becomes its result.

    Args:
        calculator: any.
        task: workflow and subject.
        effort: sizes and numbers of samples.
        frames: labelled binaries.
        observe: called with the share that is done.

    Returns:
        ``figures`` and ``curves``, or ``error`` with one sentence; ``seconds`` of processor time.
    """
    begin = time.process_time()
    setting = Setting(effort=effort, frames=frames, observe=observe)
    try:
        answer = WORKFLOWS[task.workflow][0](calculator, task.subject, setting)
        answer = {"figures": _plain(answer["figures"]), "curves": _plain(answer["curves"])}
    except Exception as error:  # a foreign calculator may raise anything
        answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
    return answer | {"seconds": round(time.process_time() - begin, 2)}


def _plain(value: Any) -> Any:
    """As JSON has it; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, str):
        return value
    return float(f"{value:.9g}") if np.isfinite(value) else None
