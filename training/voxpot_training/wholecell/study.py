"""Networks and folders of a whole-cell study."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voxpot_training.wholecell.experiment import voxels_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ase_voxpot.potential import Potential
    from voxpot_training.wholecell.config import WholeCellConfig
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.model import WholeCellModel
    from voxpot_training.wholecell.splits import Split
    from voxpot_training.wholecell.voxelizer import WholeCellSpec

__all__ = ["Entry", "Study"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of a study."""

    split: str
    box: str
    n: int
    shape: str
    narrow: bool  # with the second γ, not that of the paper

    @property
    def name(self) -> str:
        """Name as in the figures of the paper."""
        return "dense" if self.shape == "dense" else f"{self.box}-{self.n}"


@dataclass(slots=True)
class Study:
    """Frames, splits and trained networks."""

    config: WholeCellConfig
    folder: Path
    frames: FrameSet
    splits: dict[str, Split]
    models: dict[Entry, WholeCellModel]
    potentials: dict[str, Potential]  # atom-centred, by split

    def voxels(self, spec: WholeCellSpec) -> np.ndarray:
        """Voxels of all frames."""
        return voxels_of(self.frames, spec, self.folder / "voxels", threads=os.cpu_count() or 1)

    def spec(self, entry: Entry) -> WholeCellSpec:
        """Spec of the voxels of a network."""
        gamma = self.config.narrow if entry.narrow else self.config.voxels.gamma
        return replace(self.config.voxels, box=entry.box, n=entry.n, gamma=gamma)  # type: ignore[arg-type]

    def place(self, entry: Entry) -> Path:
        """Folder of a training."""
        return self.folder / "networks" / entry.split / (entry.name + ("-narrow" if entry.narrow else ""))

    def losses(self, entry: Entry) -> Path:
        """Log of a training."""
        return self.place(entry) / "log.csv"

    def entries(self, split: str, *, narrow: bool) -> list[Entry]:
        """The networks of one split and γ."""
        return [e for e in self.models if e.split == split and e.narrow == narrow]

    def model(self, split: str, name: str, *, narrow: bool) -> WholeCellModel:
        """One network by its name."""
        return next(self.models[e] for e in self.entries(split, narrow=narrow) if e.name == name)
