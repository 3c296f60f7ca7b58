"""Result of decoding a latent vector: a crystal, or the reason of a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.errors import StructureError
from voxpot_crystals.structures.checks import check_crystal

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Decoded", "sound"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A crystal, or the reason why there is none."""

    atoms: Atoms | None
    failure: str = ""


def sound(decoded: Decoded) -> Decoded:
    """The same, unless atoms overlap."""
    if decoded.atoms is None:
        return decoded
    try:
        check_crystal(decoded.atoms)
    except StructureError:
        return Decoded(None, "overlapping atoms")
    return decoded
