"""Division of atoms into chunks that fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ase_voxpot.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_chunks"]


def in_chunks(atoms: int, size: int, work: Callable[[int, int], None], *, device: torch.device) -> None:
    """Call ``work(start, stop)`` for one chunk of atoms after the other.

    A chunk for which the device has too little memory is halved, and so are those after it.

    Args:
        atoms: how many there are.
        size: how many to begin with.
        work: may be called again for atoms for which it has failed.
        device: where the work is done.

    Raises:
        DeviceError: even one atom is too many.
    """
    start = 0
    while start < atoms:
        stop = min(start + size, atoms)
        try:
            work(start, stop)
        except torch.OutOfMemoryError:
            size = (stop - start) // 2
        else:
            start = stop
            continue
        if size == 0:
            raise DeviceError(
                f"expected memory on {device} for one atom of {atoms} at a time, got too little; "
                "end what else runs there or use device='cpu'"
            )
        if device.type == "cuda":
            torch.cuda.empty_cache()  # outside of the except clause, whose traceback holds tensors
