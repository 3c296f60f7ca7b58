"""The rounds of a campaign.

The folder of a campaign holds

    learn.html, learn.json       the report
    NAME.safetensors, NAME.toml  the potential of the last round, and how it was trained
    frames.extxyz                all labels but the hold-out
    holdout.extxyz               labels that are never trained on
    set_aside.csv                frames without a label, and why
    rounds/                      the new labels of every round
    tasks/                       one result file for every task: explore, labels, train, judge, properties

A campaign that is started again takes from ``tasks`` what is there.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.tasks.keys import key_of, structure_key
from ase_voxpot.tasks.running import Failure, run_tasks
from voxpot_training.campaign.alloys import alloy_of
from voxpot_training.campaign.checks import expectations
from voxpot_training.campaign.choose import choose_by_distance, choose_by_uncertainty
from voxpot_training.campaign.comparison import by_crystal, labeller_tasks, model_tasks
from voxpot_training.campaign.explore import explore_tasks, fresh, read_structures, write_structures
from voxpot_training.campaign.judging import JudgeTask
from voxpot_training.campaign.labellers.opening import functional_of, open_labeller
from voxpot_training.campaign.labelling import label_frames, with_label, write_set_aside
from voxpot_training.campaign.recipe import FRESH, recipe_of
from voxpot_training.campaign.records import Report, Round, Stage
from voxpot_training.campaign.training import Trained, TrainTask, drawn, labels_key, read_trained
from voxpot_training.zeros import Zero

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms

    from ase_voxpot.potential import Potential
    from ase_voxpot.tasks.executors import Backend
    from ase_voxpot.tasks.running import Task
    from voxpot_training.campaign.choose import Choice
    from voxpot_training.campaign.comparison import PropertyTask
    from voxpot_training.campaign.config import LearnConfig
    from voxpot_training.campaign.labelling import Labelled
    from voxpot_training.campaign.recipe import Recipe

__all__ = ["Campaign", "Observer"]

FEWEST = 10
"""Labels; fewer cannot be trained on."""
MILLI = 1000.0
"""meV in an eV."""


class Observer:
    """Is told what happens; does nothing with it."""

    def stage(self, name: str, total: int) -> Callable[[str], None]:
        """A stage with so many tasks begins; the answer is called with the outcome of each."""
        return lambda outcome: None

    def round(self, report: Report) -> None:
        """A round has ended."""

    def note(self, sentence: str) -> None:
        """Something that the user should know."""


@dataclass(slots=True)
class Campaign:
    """A campaign in its folder."""

    config: LearnConfig
    folder: Path
    beside: Path  # folder of its configuration
    backend: Backend
    observer: Observer = field(default_factory=Observer)
    after_round: Callable[[Report], None] = lambda report: None  # writes the page
    _frames: list[Atoms] = field(default_factory=list)  # labelled, in their order
    _known: set[str] = field(default_factory=set)  # keys of structures that were given to the labeller
    _trained: Trained | None = None
    _recipe: Recipe | None = None
    _seconds: float = 0.0  # of labelling

    def run(self) -> Report:
        """Rounds until errors are small enough, or what may be spent is spent.

        Raises:
            ConfigError: the labeller or the training cannot be made; too few labels.
            DataError: a task that everything depends on failed.
        """
        labeller = open_labeller(self.config.labeller)
        labeller.check()
        alloy = alloy_of(self.config.alloy)
        report = Report(
            name=self.config.title,
            species=self.config.alloy.species,
            lattice=alloy.lattice,
            labeller=self.config.labeller.use,
            functional=functional_of(self.config.labeller),
        )
        self._trained = self._given()
        try:
            if self._trained is not None:
                self._describe(report, f"start: {self.config.train.start}", model_tasks(self.config, self._trained))
            for number in range(self.config.stop.rounds):
                row = Round(number=number)
                report.rounds.append(row)
                report.end = self._round(row, report, labeller.cost)
                self._compare(report)
                self._write(report)
                self.observer.round(report)
                if report.end != "running":
                    break
        finally:
            labeller.close()
        return report

    def _round(self, row: Round, report: Report, cost: Callable[[Atoms], float]) -> str:
        """One round; why the campaign ends with it, or ``running``."""
        potential = self._potential()
        candidates = self._explore(row)
        choice = self._choose(candidates, potential, [cost(a) for a in candidates], row.number)
        row.chosen = _kinds(choice.frames)
        row.before = _spread(choice.before)
        if not choice.frames:
            return "nothing left that is worth a label"
        found = self._label(choice, potential, row, report)
        if found.waiting:
            places = str(self.folder / "tasks" / "labels")
            return f"{len(found.waiting)} labels wait for VASP below {places}; start again when they are computed"
        labelled = [
            with_label(a, x, functional=report.functional) for a, x in zip(found.frames, found.labels, strict=True)
        ]
        self._frames += labelled
        self._prepare()
        if potential is not None and labelled:
            row.new = self._judge(labelled, self.folder / "rounds" / f"new-{row.number}.extxyz")
        report.compositions += [_composition(atoms, row.number) for atoms in labelled]
        end = self._end(row)
        self._train(row, last=end != "running")
        row.after = _spread(_uncertainties(self._potential(), candidates))
        return end

    def _compare(self, report: Report) -> None:
        """Properties by the potential of the first training and by the last, and by the labeller after the first."""
        rounds = [r.number for r in report.rounds if r.frames]
        if not rounds or self._trained is None:
            return
        first = len(rounds) == 1 and rounds[0] == report.rounds[-1].number
        name = f"round {rounds[-1]}"
        if (first or report.end != "running") and name not in [stage.name for stage in report.properties]:
            self._describe(report, name, model_tasks(self.config, self._trained))
        if first:
            tasks, told = labeller_tasks(self.config, self._seconds / sum(map(len, self._frames)))
            if told:
                self._remark(report, told)
            self._describe(report, "labeller", tasks)
        report.properties.sort(key=lambda stage: stage.name == "labeller")

    def _describe(self, report: Report, name: str, tasks: Sequence[PropertyTask]) -> None:
        """Add the properties that tasks compute to the report."""
        if tasks:
            observe = self.observer.stage("properties", len(tasks))
            found = by_crystal(tasks, self.folder / "tasks" / "properties", self.backend, observe=observe)
            report.properties.append(Stage(name=name, crystals=found))

    def _end(self, row: Round) -> str:
        """Why this round is the last; ``running`` if it is not."""
        stop = self.config.stop
        if row.new is not None:
            energy, forces = row.new["total"]["energy_mae"], row.new["total"]["force_mae"]
            if energy <= stop.energy and forces <= stop.forces:
                return f"new labels confirmed the potential: {energy:.2f} meV/atom, {forces:.1f} meV/Å"
        if stop.labels is not None and len(self._frames) >= stop.labels:
            return f"{len(self._frames)} labels, of {stop.labels} that were asked for"
        if stop.hours is not None and self._seconds >= 3600 * stop.hours:
            return f"{self._seconds / 3600:.1f} hours of labelling, of {stop.hours:g} that were asked for"
        if row.number + 1 == stop.rounds:
            return f"{stop.rounds} rounds, as asked for"
        return "running"

    def _explore(self, row: Round) -> list[Atoms]:
        """Structures of the round that are not known."""
        tasks = explore_tasks(
            row.number,
            self.config.seed,
            self.config.alloy,
            self.config.explore,
            model=self._trained.checksum if self._trained else "",
            weights=str(self._trained.weights) if self._trained else "",
        )
        files = self._run("explore", tasks)
        found = fresh((a for file in files for a in read_structures(file)), self._known)
        row.candidates = _kinds(found)
        return found

    def _choose(
        self, frames: Sequence[Atoms], potential: Potential | None, costs: Sequence[float], number: int
    ) -> Choice:
        select, stop = self.config.select, self.config.stop
        count = select.labels if number else select.of_first_round
        if stop.labels is not None:
            count = min(count, stop.labels - len(self._frames))
        if potential is None:
            return choose_by_distance(frames, costs, alloy_of(self.config.alloy), select, count)
        choice = choose_by_uncertainty(potential, frames, costs, select, count, least=stop.energy / MILLI)
        if not number:
            metals = [a for a in frames if a.info.get("config_type") == "metals"]
            rest = [a for a in choice.frames if a.info.get("config_type") != "metals"]
            choice = replace(choice, frames=[*metals, *rest])
        return choice

    def _label(self, choice: Choice, potential: Potential | None, row: Round, report: Report) -> Labelled:
        known = potential if self._recipe is not None else None  # of another zero of energy until metals are labelled
        expected = expectations(known, choice.frames, self._recipe.zero if self._recipe else Zero())
        observe = self.observer.stage("label", len(choice.frames))
        folder = self.folder / "tasks" / "labels"
        found = label_frames(
            choice.frames, self.config.labeller, folder, self.backend, expected=expected, observe=observe
        )
        self._known |= {structure_key(atoms) for atoms in choice.frames}
        self._seconds += found.seconds
        row.labelled, row.aside, row.waiting = _kinds(found.frames), len(found.aside), len(found.waiting)
        row.stresses = sum(label.stress is not None for label in found.labels)
        row.label_seconds = round(found.seconds, 2)
        report.aside += found.aside
        write_set_aside(self.folder / "set_aside.csv", report.aside)
        if found.frames and row.stresses < len(found.frames):
            missing = len(found.frames) - row.stresses
            self._remark(
                report, f"{missing} labels of round {row.number} have no stress; energies and forces are used."
            )
        if not found.frames and not found.waiting:
            raise DataError(
                f"none of {len(choice.frames)} frames could be labelled; the first: {found.aside[0].reason}"
                f" (all reasons are in {self.folder / 'set_aside.csv'})"
            )
        return found

    def _remark(self, report: Report, sentence: str) -> None:
        report.notes.append(sentence)
        self.observer.note(sentence)

    def _prepare(self) -> None:
        """Write the labels, and find the training and the zero of energy that fit them.

        Raises:
            ConfigError: too few labels, or no metals where they are needed.
        """
        held, used = self._sides()
        if len(used) < FEWEST:
            raise ConfigError(f"expected at least {FEWEST} labels to train on, got {len(used)}; raise select.first")
        file = self.folder / "frames.extxyz"
        write_structures(file, used)
        write_structures(self.folder / "holdout.extxyz", held)
        if self._recipe is None:
            target = self.folder / f"{self.config.title}.toml"
            self._recipe = recipe_of(self.config, self.beside, labels=file, target=target)
        self._recipe.learn_zero(file)

    def _sides(self) -> tuple[list[Atoms], list[Atoms]]:
        """Labels that are held out, and those that are used."""
        share = self.config.select.holdout
        held = [_is_held(atoms, share) for atoms in self._frames]
        pairs = list(zip(self._frames, held, strict=True))
        return [a for a, out in pairs if out], [a for a, out in pairs if not out]

    def _train(self, row: Round, *, last: bool) -> None:
        """Train on all labels but the hold-out, and judge by the hold-out."""
        held, used = self._sides()
        recipe = self._recipe
        if recipe is None:
            raise DataError("expected a recipe of the training, got none")
        file = self.folder / "frames.extxyz"
        weights, start = self._start()
        task = TrainTask(
            config=recipe.of_round(used, last=last),
            labels=key_of([labels_key(used), recipe.data_digests()]),
            zero=recipe.zero,
            start=start,
            threads=self.config.train.threads,
            file=str(file.resolve()),
            weights=weights,
            beside=str(recipe.beside.resolve()),
        )
        self._trained = read_trained(self._run("train", [task])[0])
        row.frames, row.held, row.train_seconds = len(used), len(held), self._trained.seconds
        shutil.copyfile(self._trained.weights, self.folder / f"{self.config.title}.safetensors")
        if held:
            row.holdout = self._judge(held, self.folder / "holdout.extxyz")
        row.physics = self._judge(used, file)["physics"]

    def _start(self) -> tuple[str, str]:
        """The file of the weights to start from and its checksum; empty for random ones."""
        start = self.config.train.start
        if start == "last" and self._trained is not None:
            return str(self._trained.weights), self._trained.checksum
        given = self._given()
        return ("", "") if given is None else (str(given.weights), given.checksum)

    def _given(self) -> Trained | None:
        """The model to start from; None if the campaign starts from nothing."""
        start = self.config.train.start
        if start in FRESH:
            return None
        from ase_voxpot.weights import find_model

        path = find_model(start).resolve()
        return Trained(weights=path, checksum=hashlib.sha256(path.read_bytes()).hexdigest(), seconds=0.0, facts={})

    def _judge(self, frames: Sequence[Atoms], file: Path) -> dict[str, Any]:
        """Errors of the present potential on labels."""
        import json

        if self._trained is None:
            raise DataError("expected a potential to judge, got none")
        file.parent.mkdir(parents=True, exist_ok=True)
        write_structures(file, frames)
        task = JudgeTask(
            model=self._trained.checksum,
            labels=labels_key(frames),
            zero=self._recipe.zero if self._recipe else Zero(),
            weights=str(self._trained.weights),
            file=str(file.resolve()),
        )
        found: dict[str, Any] = json.loads(self._run("judge", [task])[0].read_text(encoding="utf-8"))
        return found

    def _run(self, kind: str, tasks: Sequence[Task]) -> list[Path]:
        """The result files of tasks that all have to succeed.

        Raises:
            DataError: one did not; with its reason.
        """
        observe = self.observer.stage(kind, len(tasks))
        found = run_tasks(
            tasks,
            self.folder / "tasks" / kind,
            self.backend,
            observe=lambda task, result: observe("failed" if isinstance(result, Failure) else kind),
        )
        answer = []
        for task in tasks:
            result = found[task.key]
            if isinstance(result, Failure):
                raise DataError(f"{kind}: {result.reason}")
            if result is None:
                raise DataError(f"{kind}: a task wrote no result")
            answer.append(result)
        return answer

    def _potential(self) -> Potential | None:
        from ase_voxpot.weights import load_potential

        return None if self._trained is None else load_potential(self._trained.weights)

    def _write(self, report: Report) -> None:
        report.save(self.folder / "learn.json")
        self.after_round(report)


def _is_held(atoms: Atoms, share: float) -> bool:
    """Whether a label is never trained on: drawn by its structure, so that it is the same for ever."""
    return atoms.info.get("config_type") != "metals" and drawn(atoms, "holdout", share)


def _kinds(frames: Sequence[Atoms]) -> dict[str, int]:
    return dict(Counter(str(atoms.info.get("config_type", "default")) for atoms in frames))


def _composition(atoms: Atoms, number: int) -> dict[str, Any]:
    shares = {s: n / len(atoms) for s, n in Counter(atoms.get_chemical_symbols()).items()}
    return {"kind": str(atoms.info.get("config_type", "default")), "round": number, "shares": shares}


def _spread(values: Any) -> dict[str, float] | None:
    """Median, 90th percentile and maximum of uncertainties, in meV/atom; None without any."""
    if not len(values):
        return None
    found = MILLI * np.asarray(values)
    return {"median": float(np.median(found)), "high": float(np.quantile(found, 0.9)), "largest": float(found.max())}


def _uncertainties(potential: Potential | None, frames: Sequence[Atoms]) -> list[float]:
    """eV/atom, of every frame that the potential can evaluate."""
    if potential is None or potential.uncertainty is None:
        return []
    results = potential.stream(frames, uncertainty=True)
    return [r.uncertainty.energy / len(r.energies) for r in results if r.uncertainty is not None]
