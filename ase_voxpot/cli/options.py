"""Options shared by several verbs; their defaults are in the signatures of the verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "Calculator",
    "Crystals",
    "Decorate",
    "Decorations",
    "Device",
    "Dtype",
    "Json",
    "Lattice",
    "Model",
    "ModelOfCrystals",
    "Peers",
    "Prefix",
    "Pressure",
    "Repeat",
    "Restart",
    "Scheduler",
    "Seed",
    "Seeds",
    "Strict",
    "Structure",
    "Supercell",
    "Timestep",
    "Unconverged",
    "Vacant",
    "Workers",
    "parse_kelvins",
    "parts",
]

FACTORY = "module:factory[:argument] or file.py:factory[:argument]"

Structure = Annotated[
    str,
    typer.Argument(
        help="Structure file (the last of several structures), or a random alloy such as bcc:MoTaW.",
        show_default=False,
    ),
]
Crystals = Annotated[Path, typer.Argument(help="Crystals in any format of ASE.", show_default=False)]

Model = Annotated[str, typer.Option("--model", "-m", help="Name of a shipped model, or path of a weight file.")]
ModelOfCrystals = Annotated[
    str, typer.Option("--model", "-m", help="Name of a shipped model of crystals, or path of a model file.")
]
Calculator = Annotated[
    str | None,
    typer.Option("--calculator", "-c", help=f"Another calculator than a model: {FACTORY}.", show_default=False),
]
Peers = Annotated[
    list[str] | None,
    typer.Option(
        "--peer", "-p", help=f"Another calculator beside the model, [NAME=]{FACTORY}; may be given several times."
    ),
]
Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda.")]
Dtype = Annotated[str, typer.Option(help="Precision inside the network: float32 or float64.")]

Repeat = Annotated[int, typer.Option("--repeat", "-r", help="Number of repeats of the cell in each direction.")]
Supercell = Annotated[
    int | None,
    typer.Option(
        "--repeat",
        "-r",
        help="Repeat the cell so often in each direction; if not given 3 for a random alloy, until it is 9 Å wide with "
        "--decorate, and 1 else.",
        show_default=False,
    ),
]
Lattice = Annotated[
    float | None, typer.Option(help="Lattice constant of a random alloy in Å; Vegard's law without it.")
]
Decorate = Annotated[
    bool,
    typer.Option(
        "--decorate", help="Fill partially occupied sites of a file at random (--seed), each kind by its shares."
    ),
]
Vacant = Annotated[
    bool, typer.Option("--vacant", help="With --decorate: leave sites empty that are occupied less than once.")
]
Decorations = Annotated[
    int, typer.Option("--decorations", help="Of a random alloy, with seeds one after the other; results are pooled.")
]
Seed = Annotated[int, typer.Option(help="Seed of random numbers.")]
Seeds = Annotated[
    int,
    typer.Option("--seeds", help="Independent runs, with seeds one after the other; the results are averaged."),
]
Pressure = Annotated[float, typer.Option("--pressure", "-P", help="GPa, with a variable cell.")]
Timestep = Annotated[float, typer.Option(help="fs.")]

Strict = Annotated[
    bool,
    typer.Option("--strict", help="Stop at the first invalid frame, with exit status 2, and write nothing."),
]
Unconverged = Annotated[
    bool,
    typer.Option("--unconverged", help="Score ionic steps of VASP whose electronic loop did not converge (NELM), too."),
]

Prefix = Annotated[Path, typer.Option("--output", "-o", help="Prefix of the names of all files of the run.")]
Restart = Annotated[bool, typer.Option("--restart", "--resume", help="Continue from the last checkpoint.")]
Workers = Annotated[int, typer.Option("--workers", "-w", help="Processes of this machine.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Address of a Dask scheduler, or the file that it wrote, in place of workers.", show_default=False
    ),
]
Json = Annotated[Path | None, typer.Option(help="Write the results here (JSON).", show_default=False)]


def renamed(**names: str) -> dict[str, Any]:
    """Context settings by which older names of options are accepted, without being listed in the help.

    >>> renamed(out="output")["token_normalize_func"]("out")
    'output'
    """
    return {"token_normalize_func": lambda name: names.get(name, name)}


def parts(text: str) -> list[str]:
    """The items of an option, which are separated by commas.

    >>> parts("Mo, Ta,")
    ['Mo', 'Ta']
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_kelvins(text: str) -> list[float]:
    """Temperatures in K, ascending.

    >>> parse_kelvins("3600,3400")
    [3400.0, 3600.0]

    Raises:
        ConfigError: no numbers, or one of them twice.
    """
    from ase_voxpot.errors import ConfigError

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or len(set(found)) != len(found):
        raise ConfigError(f"temperature: expected different numbers with commas between, got {text!r}")
    return sorted(found)
