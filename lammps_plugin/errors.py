"""What goes wrong around LAMMPS on purpose."""

from __future__ import annotations

from ase_voxpot.errors import VoxPotError

__all__ = ["BuildError", "DeckError"]


class BuildError(VoxPotError, RuntimeError):
    """LAMMPS, its headers, MPI or a compiler is missing, or of another version."""


class DeckError(VoxPotError, ValueError):
    """A deck asks for what cannot be given here."""
