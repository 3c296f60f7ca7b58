"""The command ``voxpot``: parses, calls, prints.

Every verb has its own module here, which parses options, calls other packages and prints.  A ``VoxPotError``
is printed as one sentence on stderr, with exit status 2.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.benchmark import benchmark
from ase_voxpot.cli.check import check
from ase_voxpot.cli.defects import defects
from ase_voxpot.cli.diffusion import diffusion
from ase_voxpot.cli.elastic import elastic
from ase_voxpot.cli.eos import eos
from ase_voxpot.cli.evaluate import evaluate
from ase_voxpot.cli.info import info
from ase_voxpot.cli.mc import mc
from ase_voxpot.cli.md import md
from ase_voxpot.cli.melt import melt
from ase_voxpot.cli.options import renamed
from ase_voxpot.cli.phonons import phonons
from ase_voxpot.cli.physics import physics
from ase_voxpot.cli.relax import relax
from ase_voxpot.cli.select import select
from ase_voxpot.cli.validate import validate
from ase_voxpot.cli.warmup import warmup
from ase_voxpot.errors import VoxPotError
from ase_voxpot.extensions import Verb, extensions, load_extension
from ase_voxpot.extras import EXTRAS, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "main"]

REFUSED = 2
"""Exit status for input that cannot be used."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""ClickException, whose module depends on the version of typer."""

app = typer.Typer(
    name="voxpot",
    help="Machine-learned interatomic potentials: simulate, compute properties, compare with DFT, train.",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], **renamed(out="output", count="number")},
)
PANELS = {
    "Simulate": (relax, md, mc),
    "Properties": (eos, elastic, phonons, defects, diffusion, melt),
    "Trust": (evaluate, validate, physics, check, benchmark),
    "Models and data": (info, select, warmup),
}
"""The commands of this package by panel of ``voxpot --help``."""


def _broken(name: str, error: VoxPotError) -> Verb:
    """A command in place of one that cannot be loaded; it raises the reason."""

    def command() -> None:
        raise error

    command.__name__ = name
    command.__doc__ = f"Cannot be loaded: {error}"
    return Verb(command, settings={"allow_extra_args": True, "ignore_unknown_options": True})


def extra_verbs() -> dict[str, Verb]:
    """The commands that other packages add, by name."""
    verbs = {}
    for name, point in extensions("voxpot.verbs").items():
        try:
            loaded = load_extension(point)
        except VoxPotError as error:
            loaded = _broken(name, error)
        verbs[name] = loaded if isinstance(loaded, Verb) else Verb(loaded)
    return verbs


for panel, verbs in PANELS.items():
    for verb in verbs:
        app.command(rich_help_panel=panel)(verb)
for name, extra in extra_verbs().items():
    app.command(name, rich_help_panel=extra.panel, context_settings=dict(extra.settings))(extra.function)


def _version(wanted: bool) -> None:
    if wanted:
        from ase_voxpot import __version__

        typer.echo(f"voxpot {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Machine-learned interatomic potentials: simulate, compute properties, compare with DFT, train."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; its exit status.

    Args:
        arguments: what stands behind ``voxpot``; that of the process by default.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command = typer.main.get_command(app)
    try:
        status = command.main(args=arguments, prog_name="voxpot", standalone_mode=False)
    except USAGE_ERROR as error:
        return _refuse(f"{error.format_message()} (voxpot --help shows what there is)")
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Exception as error:
        sentence = _sentence(error, arguments[0])
        if sentence is None:
            raise
        return _refuse(sentence)
    if status == INTERRUPTED:
        _refuse("interrupted")
    return status if isinstance(status, int) else 0


def _sentence(error: Exception, verb: str) -> str | None:
    """Message of an error that is printed without a traceback; None for other errors."""
    if isinstance(error, VoxPotError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        return str(missing(error.name, f"voxpot {verb}"))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return "there is not enough memory for a structure of this size; make it smaller"
    return None


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"voxpot: {' '.join(sentence.split())}\n")
    return REFUSED
