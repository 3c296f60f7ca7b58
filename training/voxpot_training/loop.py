"""The training loop of all models: an optimiser, warm-up and cosine, averaged weights, checkpoints, a log.

Models and data are a ``Task``.  The loop writes to its folder

    checkpoint.safetensors   after every epoch, for restarts
    log.csv                  one line per epoch

and returns the averaged weights with the best validation score.
"""

from __future__ import annotations

import csv
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ase_voxpot.errors import ConfigError, DivergenceError
from voxpot_training.averaging import has_batch_norms, settle
from voxpot_training.checkpoints import load_checkpoint, save_checkpoint
from voxpot_training.distributed import average_gradients, rank
from voxpot_training.soap import Soap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from torch import Tensor

    from voxpot_training.config import Schedule

__all__ = ["Task", "fit", "one_thread"]

Network = TypeVar("Network", bound=nn.Module)
OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.AdamW, "soap": Soap}


class Task(Protocol[Network]):
    """A model, its data and its loss.

    A method ``unsound(batch)``, where there is one, says what in a batch makes the loss infinite or NaN.  A method
    ``optimiser(parameters, lr=, weight_decay=)`` makes an optimiser in place of that of the schedule.
    """

    network: Network

    @property
    def batches_per_epoch(self) -> float:
        """About; the schedule within an epoch goes by it."""

    def batches(self, epoch: int) -> Iterable[Any]:
        """The batches of an epoch, always the same for the same number."""

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Loss, and values for the log; ``progress`` goes from 0 to 1."""

    def validate(self, network: Network) -> dict[str, float]:
        """Errors on the validation set; the lowest ``score`` is the best."""


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
    """``log.csv``: a line per epoch, cut back to the epoch of a restart."""

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


class _Clock:
    """Progress of a training, by epochs or by minutes, whichever is nearer to the end."""

    def __init__(self, schedule: Schedule, seconds: float) -> None:
        self._schedule = schedule
        self._now = time.process_time if schedule.clock == "cpu" else time.monotonic
        self._began = self._now() - seconds

    @property
    def seconds(self) -> float:
        return self._now() - self._began

    def progress(self, epoch: float) -> float:
        """0 at the start, 1 at the end; ``epoch`` may be a fraction."""
        by_epochs = epoch / self._schedule.epochs
        by_time = 0.0 if self._schedule.minutes is None else self.seconds / (60 * self._schedule.minutes)
        return float(min(max(by_epochs, by_time), 1.0))


class _Memory:
    """The files of a training: checkpoint, best weights, log."""

    def __init__(self, folder: Path, task: Task[Any], average: AveragedModel, optimiser: torch.optim.Optimizer) -> None:
        self._folder, self._task, self._average, self._optimiser = folder, task, average, optimiser
        self.best = AveragedModel(task.network)
        self.state: dict[str, Any] = {"epoch": 0, "seconds": 0.0, "score": math.inf}

    def recall(self, schedule: Schedule) -> None:
        """Restore the checkpoint of the folder, if there is one.

        Raises:
            ConfigError: it is of a training with another optimiser.
        """
        path, best = self._folder / "checkpoint.safetensors", self._folder / "best.safetensors"
        if path.is_file():
            self.state = load_checkpoint(path, self._task.network, self._average, self._optimiser)
            before = self.state.get("optimiser", "adam")
            if before != schedule.optimiser:
                raise ConfigError(
                    f"{path}: expected a checkpoint of schedule.optimiser = {schedule.optimiser!r}, "
                    f"got one of {before!r}; change it, or start anew in another folder"
                )
        if path.is_file() and best.is_file():
            load_checkpoint(best, self.best, self.best, None)

    def consider(self, score: float) -> None:
        """Keep the averaged weights if they are the best so far."""
        if score >= self.state["score"]:
            return
        self.state["score"] = score
        self.best.module.load_state_dict(self._average.module.state_dict())
        if rank() == 0:
            save_checkpoint(self._folder / "best.safetensors", self.best, self.best, None, self.state)

    def keep(self, epoch: int, seconds: float) -> None:
        """Write the checkpoint after ``epoch`` epochs."""
        self.state |= {"epoch": epoch, "seconds": seconds}
        if rank() == 0:
            path = self._folder / "checkpoint.safetensors"
            save_checkpoint(path, self._task.network, self._average, self._optimiser, self.state)


def fit(
    task: Task[Network], schedule: Schedule, folder: Path, *, resume: bool, quiet: bool = False, title: str = "training"
) -> Network:
    """Train until the schedule ends.

    Args:
        task: network, batches, loss and validation.
        schedule: rates and length.
        folder: for checkpoint and log.
        resume: continue from the checkpoint of the folder if there is one.
        quiet: no progress bar.
        title: of the progress bar.

    Returns:
        A copy of the network with the averaged weights of the best validation score.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    make: Callable[..., torch.optim.Optimizer] = getattr(task, "optimiser", OPTIMISERS[schedule.optimiser])
    optimiser = make(task.network.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    average = AveragedModel(task.network, multi_avg_fn=get_ema_multi_avg_fn(schedule.averaging))
    memory = _Memory(folder, task, average, optimiser)
    if resume:
        memory.recall(schedule)
    memory.state["optimiser"] = schedule.optimiser
    log = _Log(folder / "log.csv", memory.state["epoch"])
    clock = _Clock(schedule, memory.state["seconds"])
    with _bar(quiet or rank() != 0) as bar:
        line = bar.add_task(title, total=1.0, figures="")
        for epoch in range(memory.state["epoch"], schedule.epochs):
            if clock.progress(epoch) >= 1:
                break
            row: dict[str, Any] = {"epoch": epoch, **_epoch(task, optimiser, average, schedule, epoch, clock)}
            if clock.progress(epoch + 1) >= 1 or (epoch + 1) % schedule.validate_every == 0:
                averaged: Network = average.module  # type: ignore[assignment] # AveragedModel copies what it is given
                _settle(task, averaged, epoch)
                row |= task.validate(averaged)
                memory.consider(row["score"])
            row["seconds"] = round(clock.seconds, 1)
            if rank() == 0:  # the log first: lines beyond the checkpoint are cut off at a restart
                log.add({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
            memory.keep(epoch + 1, clock.seconds)
            shown = "  ".join(f"{k} {v:.3g}" for k, v in row.items() if isinstance(v, float) and k != "seconds")
            bar.update(line, completed=clock.progress(epoch + 1), figures=shown)
    found_best = math.isfinite(memory.state["score"])
    chosen: Network = (memory.best if found_best else average).module  # type: ignore[assignment] # as above
    return chosen


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, as in the steps of the optimisers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _settle(task: Task[Network], averaged: Network, epoch: int) -> None:
    """Recompute the batch-normalisation statistics of averaged weights."""
    if not has_batch_norms(averaged):
        return
    own = task.network
    task.network = averaged
    try:
        settle(averaged, task.batches(epoch), lambda batch: task.loss(batch, 1.0))
    finally:
        task.network = own


def _epoch(
    task: Task[Any],
    optimiser: torch.optim.Optimizer,
    average: AveragedModel,
    schedule: Schedule,
    epoch: int,
    clock: _Clock,
) -> dict[str, float]:
    """One pass over the batches; means of the values for the log."""
    sums: dict[str, float] = {}
    batches, parameters = task.batches(epoch), list(task.network.parameters())
    done = 0
    for number, batch in enumerate(batches):
        progress = clock.progress(epoch + number / task.batches_per_epoch)
        if progress >= 1 and number:
            break
        for group in optimiser.param_groups:
            group["lr"] = _rate(schedule, progress)
        loss, figures = task.loss(batch, progress)
        if not math.isfinite(float(loss.detach())):
            unsound: Callable[[Any], str] = getattr(task, "unsound", lambda batch: "")
            raise DivergenceError(
                f"the loss is not finite in epoch {epoch}{unsound(batch)}; lower schedule.rate or look at the labels; "
                "the last checkpoint is kept"
            )
        optimiser.zero_grad()
        loss.backward()
        average_gradients(parameters)
        with one_thread():  # sums of torch depend on the number of threads in their last bits
            torch.nn.utils.clip_grad_norm_(parameters, schedule.clip)
            optimiser.step()
            average.update_parameters(task.network)
        for name, value in (("loss", float(loss.detach())), *figures.items()):
            sums[name] = sums.get(name, 0.0) + value
        done = number + 1
    return {"rate": _rate(schedule, clock.progress(epoch)), **{k: v / done for k, v in sums.items()}}
