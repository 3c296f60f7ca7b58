"""Statistics of batches for averaged weights, which no batch ever went through.

A batch norm remembers means and variances of what the weights of the moment made of the last
batches.  Averaged weights make something else of them: used with the memory of the others they
are far worse than either (P. Izmailov et al., UAI 2018, section 3.2), and so the memory is made anew.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from torch import nn

__all__ = ["has_batch_norms", "settle"]

ENOUGH = 32
"""Batches that a mean is taken over."""


def has_batch_norms(network: nn.Module) -> bool:
    """Whether there is anything to settle."""
    return any(isinstance(part, _BatchNorm) for part in network.modules())


def settle(network: nn.Module, batches: Iterable[Any], run: Callable[[Any], Any]) -> None:
    """Give the batch norms of ``network`` the statistics of its own weights.

    Args:
        network: changed in its buffers alone.
        batches: training batches; the first ``ENOUGH`` are used.
        run: sends one through ``network`` in training mode.
    """
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
    with torch.no_grad(), torch.random.fork_rng(devices=[]):  # dropout must not change what training draws next
        for batch in islice(batches, ENOUGH):
            run(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
