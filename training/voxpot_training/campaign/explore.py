"""Tasks that make structures: one for every kind from geometry alone, one for every run of dynamics."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.tasks.keys import key_of, structure_key
from voxpot_training.campaign.alloys import alloy_of
from voxpot_training.campaign.config import GEOMETRIC, SAMPLED, AlloyConfig, ExploreConfig
from voxpot_training.campaign.geometries import VOLUMES, make_structures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ase import Atoms

__all__ = ["ExploreTask", "explore_tasks", "fresh", "read_structures", "write_structures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreTask:
    """Structures of one kind."""

    kind: str
    round: int
    number: int  # of the run
    seed: int
    alloy: AlloyConfig
    config: ExploreConfig
    model: str = ""  # key of the potential
    weights: str = field(default="", compare=False)  # its file
    suffix: str = ".extxyz"

    @property
    def key(self) -> str:
        """Of all that the structures depend on."""
        return key_of(self)

    def compute(self, draft: Path) -> None:
        """Write the structures."""
        rng = np.random.default_rng([self.seed, self.round, self.number, zlib.crc32(self.kind.encode())])
        alloy = alloy_of(self.alloy)
        if self.kind in GEOMETRIC:
            count = self.config.structures if self.kind != "metals" else len(VOLUMES) * len(alloy.species)
            found = make_structures(self.kind, alloy, self.config, count, rng)
        else:
            from voxpot_training.campaign.sampling import sample

            found = sample(self.kind, Path(self.weights), alloy, self.config, self.number, rng)
        for k, atoms in enumerate(found):
            atoms.info = {"id": f"{self.round}-{self.kind}-{self.number:02d}-{k:03d}", "config_type": self.kind}
        write_structures(draft, found)


def explore_tasks(
    round: int, seed: int, alloy: AlloyConfig, config: ExploreConfig, *, model: str = "", weights: str = ""
) -> list[ExploreTask]:
    """The tasks of a round; metals are made in the first alone, runs where there is a potential.

    Args:
        round: from 0 on.
        seed: of the campaign.
        alloy: elements and lattice.
        config: kinds and sizes.
        model: key of the potential, "" without one.
        weights: its file.
    """
    tasks = []
    for kind in config.kinds:
        if kind == "metals" and round > 0:
            continue
        sampled = kind in SAMPLED
        if sampled and not model:
            continue
        for number in range(config.runs if sampled else 1):
            known = {"model": model, "weights": weights} if sampled else {}
            tasks.append(
                ExploreTask(kind=kind, round=round, number=number, seed=seed, alloy=alloy, config=config, **known)
            )
    return tasks


def write_structures(path: Path, frames: Sequence[Atoms]) -> None:
    """Extended XYZ; an empty file without structures."""
    from ase.io import write

    if frames:
        write(path, list(frames), format="extxyz")
    else:
        path.write_text("", encoding="utf-8")


def read_structures(path: Path) -> list[Atoms]:
    """What ``write_structures`` wrote."""
    from ase.io import read

    if not path.stat().st_size:
        return []
    return list(read(path, ":", format="extxyz"))


def fresh(frames: Iterable[Atoms], known: Iterable[str]) -> list[Atoms]:
    """Structures whose key is not known, each once, in their order."""
    seen = set(known)
    answer = []
    for atoms in frames:
        key = structure_key(atoms)
        if key not in seen:
            seen.add(key)
            answer.append(atoms)
    return answer
