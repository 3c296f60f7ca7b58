"""A configuration for a potential of any frames: what ``voxpot train FRAMES`` writes before it trains.

The species and the energies of free atoms come from the frames, the cutoff and the range of the repulsion from the
distances between neighbours, the network from the time that there is.
"""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers
from ase.geometry import find_mic

from ase_voxpot.errors import ConfigError
from ase_voxpot.frames.labelled import read_labelled
from ase_voxpot.frames.labels import LabelKeys
from ase_voxpot.neighbours.verlet import VerletList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.frames.labels import Labels

__all__ = ["draft_config", "name_of"]

FEWEST = 10
"""Frames; fewer cannot be split."""
LOOKED_AT = 200
"""Frames, evenly spread, whose neighbours are measured."""
SEARCHED = 6.0
"""Å, farthest nearest neighbour that is looked for, and largest cutoff."""
LONG = 30.0
"""Minutes from which on the network with products of the density pays, see the study in the guide."""
NEAR = 0.8
"""Å; frames whose atoms moved less than this follow each other in a run."""

SMALL = "degree = 3\nchannels = 24\nproducts = 0\nhidden = [32, 32]"
LARGE = "degree = 4\nchannels = 32\nproducts = 24\nproduct_degree = 3\nhidden = [64, 64, 64]"

TEXT = """\
# Written by `voxpot train {sources}`; change it as you like, and train again with `voxpot train {name}.toml`.
name = {title}
seed = {seed}

{data}
[split] # of blocks of frames, to validate with and to score in the end
validation = 0.1
holdout = 0.1
consecutive = {consecutive} # frames in a row that stay together{why}

[model]
species = [{species}]
# eV, energies of free atoms: least squares over all frames; energies of real free atoms, where they are known, let the
# potential describe evaporation
reference = {{ {reference} }}
zbl_inner = {inner:.2f} # Å, the repulsion of nuclei acts fully below this
zbl_outer = {outer:.2f} # Å, and not at all above this

[model.descriptor]
kind = "density"
cutoff = {cutoff:.2f} # Å, 1.8 nearest-neighbour distances ({nearest:.2f} Å)
radial = {radial} # radial functions per element

[model.network]
kind = "steerable"
{network}

[loss]
energy = 3.0 # weight of energies in the beginning
energy_final = 100.0

[schedule]
minutes = {minutes:g}
epochs = 100000 # that is, as many as there is time for
rate = 3e-3
batch_atoms = {batch}
"""


@dataclass(frozen=True, slots=True)
class _Distances:
    """Å, between nearest neighbours: typical, and of the closest pairs."""

    typical: float
    closest: float


def name_of(paths: Sequence[Path]) -> str:
    """The elements of the frames in lower case, by atomic number: ``cuau``.

    Raises:
        DataError: a file cannot be read.
    """
    found = {s for path in paths for atoms in read_labelled(path, LabelKeys()).frames for s in atoms.symbols}
    return "".join(sorted(found, key=lambda s: atomic_numbers[s])).lower()


def draft_config(paths: Sequence[Path], *, name: str, minutes: float, seed: int = 0) -> str:
    """The text of a TOML file that trains on the frames of some files.

    Args:
        paths: labelled frames, in any format that ``voxpot evaluate`` reads, or patterns of such files.
        name: of the potential.
        minutes: that the training may take.
        seed: of all random numbers.

    Raises:
        DataError: a file cannot be read; ``MissingLabelsError`` frames have no labels.
        ConfigError: too few frames, or atoms without neighbours.
    """
    frames: list[Atoms] = []
    labels: list[Labels] = []
    for path in paths:
        found = read_labelled(path, LabelKeys())
        frames += found.frames
        labels += found.labels
    if len(frames) < FEWEST:
        raise ConfigError(f"expected at least {FEWEST} frames to train on and to score with, got {len(frames)}")
    species = sorted({s for atoms in frames for s in atoms.symbols}, key=lambda s: atomic_numbers[s])
    distances = _distances(frames)
    atoms = sum(map(len, frames))
    large = minutes >= LONG
    consecutive = _consecutive(frames)
    return TEXT.format(
        sources=" ".join(path.name if path.exists() else f"'{path}'" for path in paths),
        name=name,
        title=json.dumps(name, ensure_ascii=False),  # a JSON string is one of TOML, too
        seed=seed,
        data="\n".join(f"[[data]]\nfile = {json.dumps(_resolved(path), ensure_ascii=False)}\n" for path in paths),
        consecutive=consecutive,
        why=", as those of an MD run do" if consecutive > 1 else "",
        species=", ".join(f'"{s}"' for s in species),
        reference=", ".join(
            f"{s} = {e:.4f}" for s, e in zip(species, _references(frames, labels, species), strict=True)
        ),
        inner=0.45 * min(2.2, 0.8 * distances.closest),
        outer=min(2.2, 0.8 * distances.closest),
        cutoff=float(np.clip(1.8 * distances.typical, 4.5, SEARCHED)),
        nearest=distances.typical,
        radial=8 if large else 6,
        network=LARGE if large else SMALL,
        minutes=minutes,
        batch=int(np.clip(atoms / 40, 32, 600)),
    )


def _resolved(path: Path) -> str:
    """A full path; of a pattern, which must not change the meaning of the folder that it starts from."""
    if path.exists() or path.is_absolute():
        return str(path.resolve())
    return str(Path(glob.escape(str(Path.cwd()))) / path)


def _distances(frames: Sequence[Atoms]) -> _Distances:
    """Nearest neighbours in some of the frames.

    Raises:
        ConfigError: no atom has a neighbour within ``SEARCHED``.
    """
    nearest = []
    for k in np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int)):
        pairs = VerletList(SEARCHED).update(frames[k])
        if len(pairs):
            least = np.full(len(frames[k]), np.inf)
            np.minimum.at(least, pairs.centre, np.linalg.norm(pairs.offset, axis=1))
            nearest.append(least[np.isfinite(least)])
    if not nearest:
        raise ConfigError(f"expected frames in which atoms have neighbours within {SEARCHED:g} Å, got none")
    found = np.concatenate(nearest)
    return _Distances(float(np.median(found)), float(np.quantile(found, 0.01)))


def _references(
    frames: Sequence[Atoms], labels: Sequence[Labels], species: Sequence[str]
) -> Float[np.ndarray, " species"]:
    """Least squares of the energies over the composition; the shortest solution where several fit, in eV."""
    count = np.array([[np.sum(atoms.symbols == s) for s in species] for atoms in frames], float)
    size = count.sum(axis=1)
    energy = np.array([label.energy for label in labels])
    return np.linalg.lstsq(count / size[:, None], energy / size, rcond=None)[0]


def _consecutive(frames: Sequence[Atoms]) -> int:
    """Frames in a row that belong to one block: 1 unless most frames follow each other as in an MD run."""
    follow = [_follows(a, b) for a, b in zip(frames, frames[1:], strict=False)]
    return int(np.clip(len(frames) // 20, 2, 50)) if np.mean(follow) > 0.5 else 1


def _follows(before: Atoms, after: Atoms) -> bool:
    if len(before) != len(after) or (before.numbers != after.numbers).any():
        return False
    if not np.allclose(before.cell, after.cell, atol=0.05 * max(1.0, float(np.abs(before.cell).max()))):
        return False
    moved = find_mic(after.positions - before.positions, after.cell, after.pbc)[1]
    return bool(moved.max() < NEAR)
