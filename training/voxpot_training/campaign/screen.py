"""Progress of a campaign in the terminal: a bar for every stage, a table with a row for every round."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ase_voxpot.plotting.screen import console, table
from voxpot_training.campaign.rounds import Observer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from voxpot_training.campaign.records import Report

__all__ = ["Screen", "round_rows"]

NAMES = {"explore": "structures", "label": "labels", "train": "training", "judge": "errors", "properties": "properties"}
HEADS = (
    "round",
    "made",
    "labelled",
    "set\naside",
    "new labels\nmeV/atom",
    "\nmeV/Å",
    "hold-out\nmeV/atom",
    "\nmeV/Å",
    "uncertainty\nmeV/atom",
    "labelling\ns",
    "training\ns",
)


class Screen(Observer):
    """Prints on stdout after every round, and shows bars on stderr where that is a terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[failed]}"),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Screen:
        """Begin to show bars."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bars."""
        self._bar.stop()

    def stage(self, name: str, total: int) -> Callable[[str], None]:
        """A new bar in place of those before."""
        for old in self._bar.task_ids:
            self._bar.remove_task(old)
        task = self._bar.add_task(NAMES.get(name, name), total=total, failed="")
        failed = 0

        def ended(outcome: str) -> None:
            nonlocal failed
            failed += outcome == "failed"
            told = f"{failed} failed" if failed else ""
            self._bar.update(task, advance=outcome != "failed", failed=told)

        return ended

    def round(self, report: Report) -> None:
        """Print the table so far with its last row, or that row alone where it cannot be rewritten."""
        out: Any = table(f"{report.name}, round {report.rounds[-1].number}", *HEADS)
        for row in round_rows(report)[-1:]:
            out.add_row(*row)
        console().print(out)

    def note(self, sentence: str) -> None:
        """Print a sentence."""
        console().print(sentence, soft_wrap=True)


def round_rows(report: Report) -> list[list[str]]:
    """The columns ``HEADS`` of every round."""

    def errors(found: dict[str, Any] | None) -> list[str]:
        if found is None:
            return ["–", "–"]
        return [f"{found['total']['energy_mae']:.2f}", f"{found['total']['force_mae']:.1f}"]

    return [
        [
            str(r.number),
            str(sum(r.candidates.values())),
            str(sum(r.labelled.values())),
            str(r.aside),
            *errors(r.new),
            *errors(r.holdout),
            "–" if r.after is None else f"{r.after['high']:.2f}",
            f"{r.label_seconds:.1f}",
            f"{r.train_seconds:.0f}",
        ]
        for r in report.rounds
    ]
