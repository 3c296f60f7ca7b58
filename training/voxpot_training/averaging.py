"""Batch-normalisation statistics of averaged weights.

The running statistics of a batch normalisation belong to the weights of the training.  For averaged weights
they are computed again, without which the errors are far larger (P. Izmailov et al., UAI 2018, section 3.2).
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
    """Whether a network has batch normalisations."""
    return any(isinstance(part, _BatchNorm) for part in network.modules())


def settle(network: nn.Module, batches: Iterable[Any], run: Callable[[Any], Any]) -> None:
    """Recompute the batch-normalisation statistics of ``network``.

    Args:
        network: changed in its buffers alone.
        batches: training batches; the first ``ENOUGH`` are used.
        run: evaluates ``network`` on a batch in training mode.
    """
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
    with torch.no_grad(), torch.random.fork_rng(devices=[]):  # keeps the random numbers of the training
        for batch in islice(batches, ENOUGH):
            run(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
