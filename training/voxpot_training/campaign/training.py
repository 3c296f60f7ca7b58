"""The task that trains the potential of a round."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.storage.files import write_json
from ase_voxpot.tasks.keys import key_of, structure_key
from voxpot_training.config import Source, TrainConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

    from voxpot_training.data import Frames
    from voxpot_training.splits import Split
    from voxpot_training.zeros import Zero

__all__ = ["Trained", "TrainTask", "drawn", "read_trained"]

VALIDATION = 0.1
"""Share of the labels of a campaign by which weights are chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainTask:
    """One training: what was there already, and the labels of the campaign."""

    config: TrainConfig  # ``data`` holds what was there already
    labels: str  # a hash of the labels
    zero: Zero  # of the labels
    start: str = ""  # checksum of the weights that it starts from
    threads: int = field(default=1, compare=False)
    file: str = field(default="", compare=False)  # of the labels
    weights: str = field(default="", compare=False)  # that it starts from
    beside: str = field(default="", compare=False)  # folder in which files of ``config`` are looked up
    suffix: str = ".json"

    @property
    def key(self) -> str:
        """Of all that the weights depend on."""
        return key_of(self)

    def compute(self, draft: Path) -> None:
        """Train in a folder beside ``draft``, going on from a checkpoint there, and name the weights in it."""
        import torch

        work = draft.parent / f"{self.key}.work"
        work.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        threads = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with (work / "train.log").open("a", encoding="utf-8") as log, _output_to(log):
                facts = self._trained(work)
        finally:
            torch.set_num_threads(threads)
        weights = draft.parent / f"{self.key}.safetensors"
        (work / f"{self.config.name}.safetensors").replace(weights)
        shutil.copyfile(work / "log.csv", draft.parent / f"{self.key}.csv")
        shutil.rmtree(work)
        checksum = hashlib.sha256(weights.read_bytes()).hexdigest()
        seconds = round(time.monotonic() - began, 1)
        write_json(draft, facts | {"weights": weights.name, "checksum": checksum, "seconds": seconds})

    def _trained(self, work: Path) -> dict[str, Any]:
        """Train, add the uncertainty and save; numbers of frames and errors on the validation frames."""
        from ase_voxpot.scoring import predict, score
        from ase_voxpot.weights import save_potential
        from voxpot_training.potential.card import card_as_data
        from voxpot_training.potential.train import fit_frames, fresh_potential
        from voxpot_training.potential.uncertainty import add_uncertainty

        config = replace(self.config, start=self.weights or None)
        frames, split = self._data(config)
        potential = fresh_potential(config, frames)
        fit_frames(potential, config, frames, split, work, resume=True, quiet=True)
        rows = split.validation
        held, labels = [frames.atoms[k] for k in rows], [frames.labels[k] for k in rows]
        scores = score(held, labels, list(predict(potential, held)))
        add_uncertainty(potential, frames, split, config)
        folder = f"{Path(self.file).parent}/"  # which does not belong to the potential
        notes = [note.replace(folder, "") for note in frames.notes]
        card = card_as_data(replace(self.config, start=None), split, scores, notes)
        save_potential(potential, work / f"{config.name}.safetensors", card=card)
        total = scores.total
        return {
            "train": len(split.train),
            "validation": len(rows),
            "validation_energy": total.energy_mae,
            "validation_forces": total.force_mae,
            "notes": notes,
        }

    def _data(self, config: TrainConfig) -> tuple[Frames, Split]:
        """All frames; those of the campaign come last, and are split by their keys, always in the same way."""
        from ase_voxpot.frames.labelled import read_labelled
        from voxpot_training.data import load_frames
        from voxpot_training.potential.prepare import split_sources
        from voxpot_training.splits import Split

        own = Source(file=self.file, offsets=self.zero.offsets, pressures=self.zero.pressures)
        frames = load_frames([*config.data, own], config.model.species, Path(self.beside))
        first = len(frames.atoms) - len(read_labelled(self.file).frames)
        mine = range(first, len(frames.atoms))
        valid = [k for k in mine if _validates(frames.atoms[k])]
        if not config.data and not valid:
            valid = [mine[-1]]
        train = [k for k in mine if k not in set(valid)]
        if not first:
            return frames, Split(train=tuple(train), validation=tuple(valid), holdout=(), dropped=())
        base = split_sources(frames.first(first), config)
        return frames, replace(base, train=(*base.train, *train), validation=(*base.validation, *valid))


def _validates(atoms: Atoms) -> bool:
    return atoms.info.get("config_type") != "metals" and drawn(atoms, "validation", VALIDATION)


def drawn(atoms: Atoms, purpose: str, share: float) -> bool:
    """Whether a frame is one of a random ``share``, by its key: the same in every round and on every machine."""
    digest = hashlib.sha256(f"{purpose} {structure_key(atoms)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


@contextlib.contextmanager
def _output_to(stream: Any) -> Iterator[None]:
    """Tables and progress bars go to a file."""
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A potential of a round."""

    weights: Path
    checksum: str
    seconds: float
    facts: dict[str, Any]


def read_trained(path: Path) -> Trained:
    """The result of a ``TrainTask``."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    return Trained(
        weights=path.parent / facts["weights"], checksum=facts["checksum"], seconds=facts["seconds"], facts=facts
    )


def labels_key(frames: Sequence[Atoms]) -> str:
    """A hash of labelled frames: structures, energies and forces."""
    results = [atoms.calc.results if atoms.calc is not None else {} for atoms in frames]
    return key_of([[structure_key(a), r.get("energy"), r.get("forces")] for a, r in zip(frames, results, strict=True)])
