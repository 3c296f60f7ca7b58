"""Data-parallel training by several processes of ``torchrun``.

Every process evaluates an equal share of each batch, and the gradients are averaged over processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["average_gradients", "rank", "processes", "share", "together"]


def processes() -> int:
    """Number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process; 0 writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def together() -> AbstractContextManager[None]:
    """Context of the process group; does nothing if not started by ``torchrun``."""
    from contextlib import contextmanager

    @contextmanager
    def joined() -> Iterator[None]:
        if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
            yield
            return
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        try:
            yield
        finally:
            distributed.destroy_process_group()

    return joined()


def share(batch: list[int]) -> list[int]:
    """This process' part of a batch of frame numbers; every process gets at least one."""
    count = processes()
    if len(batch) < count:
        batch = [batch[k % len(batch)] for k in range(count)]
    return batch[rank() :: count]


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes."""
    if processes() == 1:
        return
    for parameter in parameters:
        if parameter.grad is not None:
            distributed.all_reduce(parameter.grad)
            parameter.grad /= processes()
