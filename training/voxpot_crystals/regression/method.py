"""Interface of a property model for training, model files and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from ase import Atoms
    from torch import nn

__all__ = ["Method"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Features of crystals, and the network that takes them.

    ``prepare`` turns crystals into items once; ``collate`` makes of some items what the network takes as its
    only argument: unchanged, rotated or perturbed one by one by a generator (training), or all by the view of a
    number (prediction, if there are several views). The network returns one number per crystal, of about mean 0
    and standard deviation 1.
    """

    kind: str
    spec: type[Any]  # frozen dataclass of features and network
    adapt: Callable[[Any, Sequence[Atoms]], Any]  # the spec with parameters of the training crystals
    prepare: Callable[[Sequence[Atoms], Any], Sequence[Any]]
    collate: Callable[[Sequence[Any], Any, np.random.Generator | int | None], Any]
    network: Callable[[Any], nn.Module]
    views: Callable[[Any], int] = lambda spec: 1  # that a prediction is averaged over; 1 is as they are
    finish: Callable[[Any, Any, Sequence[Any], np.ndarray, int], None] | None = None
    """Function of network, spec, items, targets and seed that is called after the gradient descent."""
