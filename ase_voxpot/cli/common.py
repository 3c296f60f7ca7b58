"""Options that several verbs share, and how they print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from ase_voxpot.scoring import Figures, Scores

__all__ = [
    "Constant",
    "Device",
    "Dtype",
    "Model",
    "Repeat",
    "Seed",
    "Structure",
    "console",
    "progress_bar",
    "refuse_same_names",
    "score_table",
    "structure_with_calculator",
    "table",
    "total_table",
]

UNITS = "energies in meV/atom, forces in meV/Å, stress in GPa"
HEADERS = ("frames", "atoms", "E MAE", "offset", "E RMSE", "F MAE", "F RMSE", "S MAE")

Model = Annotated[str, typer.Option("--model", "-m", help="Name of a shipped model, or path of a weight file.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda.")]
Dtype = Annotated[str, typer.Option(help="Precision inside the network: float32 or float64.")]
Structure = Annotated[
    str, typer.Argument(help="Structure file, or a random alloy such as bcc:MoTaW.", show_default=False)
]
Repeat = Annotated[int, typer.Option("--repeat", "-r", help="Repeat the cell so often in each direction.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Constant = Annotated[
    float | None,
    typer.Option("--lattice", help="Lattice constant of a random alloy in Å; Vegard's law without it."),
]


def console() -> Console:
    """Where results go: stdout; into a file or pipe wide enough that no number is cut."""
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


def refuse_same_names(names: Sequence[str]) -> None:
    """Models and peers are told apart by their names.

    Raises:
        ConfigError: two share one.
    """
    from ase_voxpot.errors import ConfigError

    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ConfigError(f"peer: two are called {', '.join(twins)}; give one another name, as in other=module:factory")


def structure_with_calculator(
    source: str,
    *,
    model: str,
    device: str,
    dtype: str,
    repeat: int,
    seed: int,
    constant: float | None,
    uncertainty: bool = False,
) -> Any:
    """The structure that ``source`` names, with the model as its calculator.

    Raises:
        VoxPotError: of the structure or of the model.
    """
    import numpy as np

    from ase_voxpot.calculator import VoxPotCalculator
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.structures import open_structure
    from ase_voxpot.weights import find_model, read_header

    if seed < 0:
        raise ConfigError(f"seed: expected a whole number from 0 on, got {seed}")
    card = read_header(find_model(model))["card"]
    atoms = open_structure(source, repeat=repeat, rng=np.random.default_rng(seed), constant=constant, card=card)
    atoms.calc = VoxPotCalculator(model, device=device, dtype=dtype, uncertainty=uncertainty)  # type: ignore[arg-type]
    return atoms
