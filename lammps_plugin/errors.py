"""What goes wrong around LAMMPS on purpose."""

from __future__ import annotations

import sys
import traceback

from ase_voxpot.errors import VoxPotError

__all__ = ["BuildError", "DeckError", "explain"]


class BuildError(VoxPotError, RuntimeError):
    """LAMMPS, its headers, MPI or a compiler is missing, or of another version."""


class DeckError(VoxPotError, ValueError):
    """A deck asks for what cannot be given here."""


def explain(error: BaseException) -> str:
    """One sentence; a fault that nobody foresaw also shows where it happened."""
    if isinstance(error, VoxPotError):
        return " ".join(str(error).split())
    sys.stderr.write("".join(traceback.format_exception(error)))
    sys.stderr.flush()
    return f"the model failed ({type(error).__name__}: {' '.join(str(error).split())})"
