"""Exceptions of the LAMMPS interface."""

from __future__ import annotations

import sys
import traceback

from ase_voxpot.errors import VoxPotError

__all__ = ["BuildError", "DeckError", "explain"]


class BuildError(VoxPotError, RuntimeError):
    """LAMMPS, its headers, MPI or a compiler is missing, or of another version."""


class DeckError(VoxPotError, ValueError):
    """A deck with a command or setting that is not supported."""


def explain(error: BaseException) -> str:
    """One sentence; for an unexpected exception with its location in the source."""
    if isinstance(error, VoxPotError):
        return " ".join(str(error).split())
    sys.stderr.write("".join(traceback.format_exception(error)))
    sys.stderr.flush()
    return f"the model failed ({type(error).__name__}: {' '.join(str(error).split())})"
