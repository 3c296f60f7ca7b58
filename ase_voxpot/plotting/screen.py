"""Output of commands: tables and progress bars."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from ase_voxpot.scoring import Figures, Scores

__all__ = ["console", "progress", "progress_bar", "score_table", "table", "total_table", "value_with_error"]

UNITS = "energies in meV/atom, forces in meV/Å, stress in GPa"
HEADERS = ("frames", "atoms", "E MAE", "offset", "E RMSE", "F MAE", "F RMSE", "S MAE")


def console() -> Console:
    """The console for results: stdout, in a file or pipe wide enough that no number is cut."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def progress_bar(*columns: str) -> Progress:
    """A bar on stderr, where that is a terminal; ``columns`` are formats of further text."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        *(TextColumn(c) for c in columns),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar that every call moves on by one."""
    with progress_bar() as bar:
        task = bar.add_task(name, total=total)
        yield lambda *_: bar.advance(task)


def table(title: str, *headers: str) -> Table:
    """A table with its first column on the left and numbers on the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    out = Table(
        title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1), collapse_padding=True
    )
    for k, header in enumerate(headers):
        out.add_column(header, justify="right" if k else "left", no_wrap=True)
    return out


def value_with_error(value: float, error: float | None, digits: int = 1) -> str:
    """A number with its standard error, if there is one.

    >>> value_with_error(101.23, 1.5)
    '101.2 ± 1.5'
    """
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def score_table(scores: Scores, *, title: str) -> Table:
    """The errors of every group, and of all frames."""
    rows = table(f"{title}\n{UNITS}", "group", *HEADERS)
    for name, figures in (*scores.groups.items(), ("total", scores.total)):
        last = name == list(scores.groups)[-1]
        style = "bold" if figures is scores.total else None
        rows.add_row(name, *_cells(figures), end_section=last, style=style)
    return rows


def total_table(scores: Mapping[str, Scores], *, title: str) -> Table:
    """The errors over all frames, calculator by calculator."""
    rows = table(f"{title}\n{UNITS}", "calculator", *HEADERS)
    for name, found in scores.items():
        rows.add_row(name, *_cells(found.total))
    return rows


def _cells(figures: Figures) -> list[str]:
    from dataclasses import astuple

    formats = ("d", "d", ".2f", ".2f", ".2f", ".1f", ".1f", ".3f")
    return ["–" if v is None else format(v, f) for v, f in zip(astuple(figures), formats, strict=True)]
