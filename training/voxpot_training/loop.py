"""The one training loop: Adam, warm-up and cosine, averaged weights, checkpoints, a log.

What is trained is a ``Task``; the loop knows nothing of atoms.  It writes to its folder

    checkpoint.safetensors   after every epoch, to be taken up again
    log.csv                  one line per epoch

and hands back the averaged weights that were best on the validation set.
"""

from __future__ import annotations

import csv
import math
import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ase_voxpot.errors import DivergenceError
from voxpot_training.checkpoints import load_checkpoint, save_checkpoint
from voxpot_training.distributed import average_gradients, rank

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor, nn

    from voxpot_training.config import Schedule

__all__ = ["Task", "fit"]


class Task(Protocol):
    """What the loop has to be told about a model and its data."""

    network: nn.Module

    def batches(self, epoch: int) -> Iterable[Any]:
        """The batches of an epoch, always the same for the same number."""

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Loss to descend, and figures for the log; ``progress`` goes from 0 to 1."""

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Figures of the validation set; the one called ``score`` chooses the best."""


def _rate(schedule: Schedule, progress: float) -> float:
    """Linear warm-up, then half a cosine down to the final rate."""
    if progress < schedule.warmup:
        return schedule.rate * max(progress / schedule.warmup, 0.01)
    turn = (progress - schedule.warmup) / (1 - schedule.warmup)
    return schedule.final_rate + (schedule.rate - schedule.final_rate) * 0.5 * (1 + math.cos(math.pi * min(turn, 1)))


def _bar(quiet: bool) -> Progress:
    figures = TextColumn("[dim]{task.fields[figures]}")
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(), figures)
    return Progress(*columns, disable=quiet)


class _Log:
    """``log.csv``: a line per epoch, cut back to the epoch a training is taken up from."""

    def __init__(self, path: Path, epoch: int) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        if epoch and path.is_file():
            with path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["epoch"]) < epoch]

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        names = list(dict.fromkeys(name for r in self.rows for name in r))
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


def fit(task: Task, schedule: Schedule, folder: Path, *, resume: bool, quiet: bool = False) -> nn.Module:
    """Train until the schedule ends.

    Args:
        task: network, batches, loss and validation.
        schedule: rates and length.
        folder: where checkpoint and log go.
        resume: take up the checkpoint of the folder if there is one.
        quiet: no progress bar.

    Returns:
        A copy of the network with the averaged weights that scored best in validation.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    network = task.network
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.averaging))
    best = AveragedModel(network)
    best_path, path = folder / "best.safetensors", folder / "checkpoint.safetensors"
    state: dict[str, Any] = {"epoch": 0, "seconds": 0.0, "score": math.inf}
    if resume and path.is_file():
        state = load_checkpoint(path, network, average, optimiser)
        if best_path.is_file():
            load_checkpoint(best_path, best, best, None)
    log = _Log(folder / "log.csv", state["epoch"])
    limit = math.inf if schedule.minutes is None else 60 * schedule.minutes
    began = time.monotonic() - state["seconds"]

    def progress_at(epoch: float) -> float:
        return min(max(epoch / schedule.epochs, (time.monotonic() - began) / limit), 1.0)

    with _bar(quiet or rank() != 0) as bar:
        line = bar.add_task("training", total=1.0, figures="", completed=progress_at(state["epoch"]))
        for epoch in range(state["epoch"], schedule.epochs):
            if progress_at(epoch) >= 1:
                break
            row: dict[str, Any] = {"epoch": epoch}
            row |= _epoch(task, optimiser, average, schedule, epoch, progress_at)
            over = progress_at(epoch + 1) >= 1
            if over or epoch % schedule.validate_every == schedule.validate_every - 1:
                row |= task.validate(average.module)
                if row["score"] < state["score"]:
                    state["score"] = row["score"]
                    best.module.load_state_dict(average.module.state_dict())
                    if rank() == 0:
                        save_checkpoint(best_path, best, best, None, state)
            state |= {"epoch": epoch + 1, "seconds": time.monotonic() - began}
            row["seconds"] = round(state["seconds"], 1)
            if rank() == 0:
                log.add({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
                save_checkpoint(path, network, average, optimiser, state)
            shown = "  ".join(f"{k} {v:.3g}" for k, v in row.items() if isinstance(v, float) and k != "seconds")
            bar.update(line, completed=progress_at(epoch + 1), figures=shown)
    return best.module if math.isfinite(state["score"]) else average.module


def _epoch(
    task: Task,
    optimiser: torch.optim.Optimizer,
    average: AveragedModel,
    schedule: Schedule,
    epoch: int,
    progress_at: Any,
) -> dict[str, float]:
    """One pass over the batches; the means of what the task reports."""
    sums: dict[str, float] = {}
    batches = list(task.batches(epoch))
    for number, batch in enumerate(batches):
        progress = progress_at(epoch + number / len(batches))
        if progress >= 1 and number:
            batches = batches[:number]
            break
        for group in optimiser.param_groups:
            group["lr"] = _rate(schedule, progress)
        loss, figures = task.loss(batch, progress)
        if not math.isfinite(float(loss.detach())):
            raise DivergenceError(f"the loss is not finite in epoch {epoch}; lower schedule.rate or look at the labels")
        optimiser.zero_grad()
        loss.backward()
        average_gradients(task.network.parameters())
        torch.nn.utils.clip_grad_norm_(task.network.parameters(), schedule.clip)
        optimiser.step()
        average.update_parameters(task.network)
        for name, value in (("loss", float(loss.detach())), *figures.items()):
            sums[name] = sums.get(name, 0.0) + value
    return {"rate": _rate(schedule, progress_at(epoch)), **{k: float(np.round(v / len(batches), 9)) for k, v in sums.items()}}
