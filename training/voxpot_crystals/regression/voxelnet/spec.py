"""Specification of a VoxelNet, stored with its weights.

VoxelNetSpec
├── elements   those of the crystals that it was made for
└── reader     VoxelReader | ShellReader
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ase.data import chemical_symbols

from ase_voxpot.errors import SpecError
from voxpot_crystals.regression.elements import HEAVIEST
from voxpot_crystals.regression.voxelnet.grids import Window

__all__ = ["ShellReader", "VoxelNetSpec", "VoxelReader"]

WIDEST = 1000


def _check_counts(where: str, counts: dict[str, Any]) -> None:
    wrong = {name: count for name, count in counts.items() if not 1 <= count <= WIDEST}
    if wrong:
        raise SpecError(f"{where}: expected counts from 1 to {WIDEST}, got {wrong}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelReader:
    """Convolutions on the voxels of a crystal turned at random; the defaults are the published network.

    On moduli every element is a channel, and elements without training data are refused.
    On cross-spectra the filters of a pair of elements are made of ``channels``
    numbers of each, learned mixtures of tabulated properties.
    """

    kind: Literal["voxels"] = "voxels"
    window: Window = field(default_factory=Window)
    filters: int = 16
    hidden: tuple[int, ...] = (32, 8)
    channels: int = 6  # numbers per element, on cross-spectra
    closed: bool = False  # periodic convolutions in φ, on the spherical grid
    views: int = 5  # orientations that a prediction is averaged over

    def __post_init__(self) -> None:
        counts = {n: getattr(self, n) for n in ("filters", "channels", "views")}
        _check_counts("reader", counts | {f"hidden[{k}]": h for k, h in enumerate(self.hidden)})
        if self.window.n < 18:
            raise SpecError(f"reader.window.n: expected at least 18, which the convolutions take, got {self.window.n}")
        if self.closed and self.window.shape != "spherical":
            raise SpecError("reader.closed: expected a spherical grid, whose φ is closed, got a cartesian one")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellReader:
    """Powder spectra of pairs of elements, mixed by features of the elements, and dense layers.

    The spectra are invariant under rotation, so that there is one view.
    """

    kind: Literal["shells"] = "shells"
    shells: int = 32
    reach: float = 7.854  # 1/Å, end of the last shell
    width: float = 0.1  # Å, σ of an atom
    degree: int = 0  # highest l of the harmonics whose power is seen
    channels: int = 8  # numbers per element
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        counts = {n: getattr(self, n) for n in ("shells", "channels")}
        _check_counts("reader", counts | {f"hidden[{k}]": h for k, h in enumerate(self.hidden)})
        if not 1 <= self.reach <= 30:
            raise SpecError(f"reader.reach: expected 1 to 30 1/Å, got {self.reach:g}")
        if not 0 <= self.width <= 10:
            raise SpecError(f"reader.width: expected 0 to 10 Å, got {self.width:g}")
        if self.degree not in (0, 2, 4, 6, 8):
            raise SpecError(f"reader.degree: expected 0, 2, 4, 6 or 8, got {self.degree}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelNetSpec:
    """Elements, features and network."""

    elements: tuple[str, ...] = ()  # in training taken from the crystals
    reader: VoxelReader | ShellReader

    def __post_init__(self) -> None:
        foreign = [s for s in self.elements if s not in chemical_symbols[1 : HEAVIEST + 1]]
        if foreign or len(set(self.elements)) != len(self.elements):
            raise SpecError(f"elements: expected distinct elements up to Z = {HEAVIEST}, got {self.elements}")
