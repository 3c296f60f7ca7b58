"""Labels of many frames: one task each, retries, and what is set aside.

The folder of labels holds, by the key of a frame and its labeller,

    KEY.json             the label
    KEY.refused.json     why there is none, and after how many attempts
    KEY.work/            files of a program or of VASP
    KEY.running          while it is labelled
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ase.calculators.singlepoint import SinglePointCalculator

from ase_voxpot.spec import encode
from ase_voxpot.storage.files import draft_of, write_json
from ase_voxpot.tasks.keys import key_of, structure_key
from ase_voxpot.tasks.running import Failure, run_tasks
from voxpot_training.campaign.checks import fault_of, outliers
from voxpot_training.campaign.labellers.opening import functional_of, identity_of, labeller_here
from voxpot_training.campaign.labellers.outcome import Label, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms

    from ase_voxpot.tasks.executors import Backend
    from voxpot_training.campaign.checks import Expectation
    from voxpot_training.campaign.config import LabellerConfig

__all__ = ["Aside", "Labelled", "label_frames", "with_label", "write_set_aside"]

KEPT_FILES = ("vasp",)
"""Labellers whose files stay after a label is read."""


@dataclass(frozen=True, slots=True)
class LabelTask:
    """One frame to be labelled."""

    key: str
    labeller: str  # its configuration, as JSON
    atoms: Atoms = field(compare=False)
    place: str = field(compare=False)  # folder for files of the labeller
    suffix: str = ".json"

    def compute(self, draft: Path) -> None:
        """Write the label, or nothing where it is waited for."""
        from pathlib import Path

        labeller = labeller_here(self.labeller)
        work = Path(self.place)
        found = labeller.label(self.atoms, work)
        if isinstance(found, Waiting):
            return
        write_json(draft, found.to_json())
        if labeller.name not in KEPT_FILES:
            shutil.rmtree(work, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Aside:
    """A frame that has no label to train on."""

    frame: str
    kind: str
    formula: str
    atoms: int
    attempts: int
    reason: str


@dataclass(slots=True)
class Labelled:
    """Labels of some frames."""

    frames: list[Atoms] = field(default_factory=list)  # as given, without results
    labels: list[Label] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    waiting: list[Atoms] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  # where those that wait are computed
    seconds: float = 0.0  # that all labels took, those of earlier starts included


def label_frames(
    frames: Sequence[Atoms],
    config: LabellerConfig,
    folder: Path,
    backend: Backend,
    *,
    expected: Sequence[Expectation | None] | None = None,
    observe: Callable[[str], None] = lambda text: None,
) -> Labelled:
    """Label frames that are not labelled yet.

    Args:
        frames: structures; ``info["id"]`` names them in messages, ``info["config_type"]`` their kind.
        config: of the labeller.
        folder: of labels, which all workers see.
        backend: runs the tasks.
        expected: of every frame, by the potential of the round before.
        observe: called with ``labelled``, ``waiting`` or ``failed`` for every frame that ends.

    Returns:
        Labels that are taken, in the order of the frames; equal frames have one label.
    """
    text = json.dumps(encode(config), sort_keys=True)
    identity = identity_of(config)
    tasks = []
    for atoms in frames:
        key = key_of([structure_key(atoms), identity])
        tasks.append(LabelTask(key, text, _bare(atoms), str((folder / f"{key}.work").resolve())))
    guesses = dict(zip((t.key for t in tasks), expected or [None] * len(tasks), strict=True))
    refused = {t.key: _Refusal.load(folder, t.key, config) for t in tasks}
    open_tasks = {t.key: t for t in tasks if refused[t.key].attempts <= config.retries}
    labels: dict[str, Label] = {}
    waiting: set[str] = set()

    def seen(task: LabelTask, result: Path | Failure | None) -> None:
        observe("failed" if isinstance(result, Failure) else "waiting" if result is None else "labelled")

    while open_tasks:
        found = run_tasks(list(open_tasks.values()), folder, backend, observe=seen)
        waiting |= {key for key, result in found.items() if result is None}
        again = {}
        for key, result in found.items():
            task = open_tasks[key]
            answer = None if result is None else _taken(task, result, config, guesses[key])
            if isinstance(answer, Label):
                labels[key] = answer
            elif answer is not None and refused[key].add(folder, key, answer) <= config.retries:
                again[key] = task
        open_tasks = again
    return _sorted(frames, tasks, labels, refused, waiting)


def _taken(
    task: LabelTask, result: Path | Failure, config: LabellerConfig, expected: Expectation | None
) -> Label | str:
    """The label of a task, or the reason why it is not taken, with which its file is removed."""
    if isinstance(result, Failure):
        return result.reason.removeprefix("LabellerError: ")
    label = _read(result)
    reason: str | None = "a file of a label that cannot be read"
    if label is not None:
        reason = fault_of(task.atoms, label, config, functional=functional_of(config), expected=expected)
        if reason is None:
            return label
    result.unlink(missing_ok=True)
    return str(reason)


def _sorted(
    frames: Sequence[Atoms],
    tasks: Sequence[LabelTask],
    labels: dict[str, Label],
    refused: dict[str, _Refusal],
    waiting: set[str],
) -> Labelled:
    """Labels in the order of the frames."""
    answer = Labelled()
    done: set[str] = set()
    for atoms, task in zip(frames, tasks, strict=True):
        if task.key in done:
            continue
        done.add(task.key)
        if task.key in labels:
            answer.frames.append(atoms)
            answer.labels.append(labels[task.key])
            answer.seconds += labels[task.key].seconds
        elif task.key in waiting:
            answer.waiting.append(atoms)
            answer.places.append(task.place)
        else:
            answer.aside.append(_aside(atoms, refused[task.key].attempts, refused[task.key].reason))
    far = outliers(answer.frames, answer.labels)
    for number in sorted(far, reverse=True):
        answer.aside.append(_aside(answer.frames[number], 1, far[number]))
        del answer.frames[number], answer.labels[number]
    return answer


def _aside(atoms: Atoms, attempts: int, reason: str) -> Aside:
    name, kind = str(atoms.info.get("id", "")), str(atoms.info.get("config_type", "default"))
    return Aside(name, kind, atoms.get_chemical_formula(), len(atoms), attempts, reason)


@dataclass(slots=True)
class _Refusal:
    """Attempts at a label that failed, kept in a file."""

    attempts: int = 0
    reason: str = ""
    limits: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def load(folder: Path, key: str, config: LabellerConfig) -> _Refusal:
        """What is known of a label; nothing if limits were changed since, which may help it."""
        limits = {k: getattr(config, k) for k in ("limit", "stress", "force_limit", "energy_limit", "command")}
        try:
            data = json.loads((folder / f"{key}.refused.json").read_text(encoding="utf-8"))
            if data["limits"] == limits:
                return _Refusal(int(data["attempts"]), str(data["reason"]), limits)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return _Refusal(limits=limits)

    def add(self, folder: Path, key: str, reason: str) -> int:
        """One more attempt that failed; how many there were."""
        self.attempts, self.reason = self.attempts + 1, reason
        data = {"attempts": self.attempts, "reason": reason, "limits": self.limits}
        write_json(folder / f"{key}.refused.json", data)
        return self.attempts


def _read(path: Path) -> Label | None:
    try:
        return Label.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _bare(atoms: Atoms) -> Atoms:
    """Elements, positions and cell alone."""
    from ase import Atoms

    return Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def with_label(atoms: Atoms, label: Label, *, functional: str = "") -> Atoms:
    """A copy of a frame with its label as ASE's writers store it, and what is known of the label in ``info``."""
    copy = atoms.copy()
    known = {k: v for k, v in atoms.info.items() if not k.startswith("REF_")}
    for name in [n for n in copy.arrays if n.startswith("REF_")]:
        del copy.arrays[name]
    copy.info = {k: v for k, v in label.facts.items() if v != ""} | known
    if functional:
        copy.info["functional"] = functional
    copy.info["seconds"] = label.seconds
    results: dict[str, Any] = {"energy": label.energy, "free_energy": label.energy, "forces": label.forces}
    if label.stress is not None:
        results["stress"] = label.stress
    copy.calc = SinglePointCalculator(copy, **results)
    return copy


def write_set_aside(path: Path, aside: Sequence[Aside]) -> None:
    """The table of frames without a label; a file of before is removed where there are none."""
    if not aside:
        path.unlink(missing_ok=True)
        return
    with draft_of(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "kind", "formula", "atoms", "attempts", "reason"])
        writer.writerows([a.frame, a.kind, a.formula, a.atoms, a.attempts, a.reason] for a in aside)
