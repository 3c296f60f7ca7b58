"""Training of one whole-cell network on one split.

Forces are in units of the largest component in the training frames, the
range of tanh.  The loss is the mean square over frames, atoms and components.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.spec import encode
from voxpot_training.loop import fit
from voxpot_training.wholecell.boxes import bounding_box
from voxpot_training.wholecell.model import WholeCellModel
from voxpot_training.wholecell.networks import NetworkSpec, build
from voxpot_training.wholecell.voxelizer import open_voxels, unit_length, voxelize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor, nn

    from voxpot_training.wholecell.config import FrameSchedule
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.splits import Split
    from voxpot_training.wholecell.voxelizer import WholeCellSpec

__all__ = ["ForceTask", "train_network", "voxels_of"]

PORTION = 256
"""Frames of a batch in evaluation."""


def voxels_of(frames: FrameSet, spec: WholeCellSpec, folder: Path, *, threads: int = 1) -> np.ndarray:
    """Voxels of all frames, in a file of ``folder`` that is made once."""
    source = json.dumps([encode(spec), len(frames), frames.about], sort_keys=True)
    path = folder / f"{spec.box}-{spec.n}-{hashlib.sha256(source.encode()).hexdigest()[:10]}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.part.npy")  # two studies may share a folder
        out = open_voxels(draft, len(frames), spec.n)
        voxelize(frames.positions, frames.numbers.astype(float), spec, out=out, threads=threads)
        out.flush()
        draft.replace(path)
    found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


@dataclass(slots=True)
class ForceTask:
    """A network and its frames as a ``Task``."""

    network: nn.Module
    voxels: np.ndarray  # [frame, n, n, n]
    targets: np.ndarray  # [frame, atom, 3], in units of the largest force
    split: Split
    batch: int  # frames
    seed: int
    device: torch.device

    @property
    def batches_per_epoch(self) -> float:
        """As many as the frames make."""
        return max(len(self.split.train) / self.batch, 1.0)

    def _portion(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        return tuple(torch.from_numpy(a[rows]).to(self.device) for a in (self.voxels, self.targets))  # type: ignore[return-value]

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The frames in an order drawn from (seed, epoch); dropout is drawn from it, too."""
        self.network.train()
        torch.manual_seed(self.seed * 100_003 + epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.split.train)
        for start in range(0, len(order), self.batch):
            yield self._portion(np.sort(order[start : start + self.batch]))

    def loss(self, batch: tuple[Tensor, Tensor], progress: float) -> tuple[Tensor, dict[str, float]]:
        """Mean square, dropout on."""
        return ((self.network(batch[0]) - batch[1]) ** 2).mean(), {}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """The same on the validation frames, dropout off."""
        network.eval()
        total = 0.0
        with torch.no_grad():
            for start in range(0, len(self.split.validation), PORTION):
                voxels, targets = self._portion(self.split.validation[start : start + PORTION])
                total += float(((network(voxels) - targets) ** 2).sum())
        loss = total / (len(self.split.validation) * self.targets[0].size)
        return {"valid_loss": loss, "score": loss}


def train_network(
    frames: FrameSet,
    voxels: np.ndarray,
    spec: WholeCellSpec,
    network: NetworkSpec,
    split: Split,
    schedule: FrameSchedule,
    folder: Path,
    *,
    seed: int = 0,
    device: str = "auto",
    resume: bool = True,
    quiet: bool = False,
    title: str = "training",
) -> WholeCellModel:
    """Train a network, or read the one that ``folder`` holds already.

    Args:
        frames: labelled.
        voxels: of all of them.
        spec: how they were made.
        network: its layers.
        split: rows for training and validation.
        schedule: of the training.
        folder: for checkpoint, log and model.
        seed: of weights, batches and dropout.
        device: ``auto`` takes a GPU if there is one.
        resume: continue from the checkpoint of the folder.
        quiet: no progress bar.
        title: of the progress bar.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    path = folder / "model.safetensors"
    if resume and path.is_file():
        return WholeCellModel.load(path)
    folder.mkdir(parents=True, exist_ok=True)
    where = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else device.replace("auto", "cpu"))
    force_scale = float(np.abs(frames.forces[split.train]).max())
    net = build(network, n=spec.n, atoms=len(frames.numbers), seed=seed)
    net.standardise.fit(*_moments(voxels, split.train))
    task = ForceTask(
        network=net.to(where),
        voxels=voxels,
        targets=frames.forces / np.float32(force_scale),
        split=split,
        batch=schedule.batch,
        seed=seed,
        device=where,
    )
    best = fit(task, schedule, folder, resume=resume, quiet=quiet, title=title)
    net.load_state_dict(best.state_dict())
    outer = spec.box == "obb"
    model = WholeCellModel(
        network=net.cpu().eval(),
        layers=network,
        voxels=spec,
        numbers=frames.numbers,
        cell=frames.cell,
        box=bounding_box(frames.positions, margin=spec.margin) if outer else None,
        unit=unit_length(frames.positions, spec) if outer else None,
        force_scale=force_scale,
    )
    model.save(path)
    return model


def _moments(voxels: np.ndarray, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every voxel, in two passes: the deviations may be tiny."""
    portions = [rows[k : k + PORTION] for k in range(0, len(rows), PORTION)]
    mean = sum(voxels[p].sum(axis=0, dtype=float) for p in portions) / len(rows)
    square = sum(((voxels[p] - mean) ** 2).sum(axis=0) for p in portions) / len(rows)
    return torch.from_numpy(mean).float(), torch.from_numpy(np.sqrt(square)).float()
