"""Extended Kalman filter with a covariance in blocks, as in RLEKF (Hu et al., arXiv:2212.06989, 2022).

The state are the weights w, known up to a covariance P of which only blocks along the diagonal are kept.  A measurement
y, of which a prediction ŷ(w) has the gradient h = ∂ŷ/∂w and the error e = y - ŷ, changes them by

    k = P h,    a = 1 / (λ + h · k),    w ← w + a e k,    P ← (P - a k kᵀ) / λ

With λ = 1 and one block this is recursive least squares, exact where ŷ is linear in w.  The factor λ < 1 forgets
earlier measurements, made with worse weights; it approaches one, λ ← ν λ + 1 - ν.

Of several errors e_i the mean of |e_i| is one measurement: its error is that mean, and h is minus its gradient, so that
an ordinary backward pass of a loss gives both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jaxtyping import Int
    from torch import Tensor

__all__ = ["Kalman", "block_places"]


def block_places(counts: Sequence[int], size: int) -> Int[np.ndarray, " weight"]:
    """Place of every weight in a row of blocks of ``size`` places, some of which stay empty.

    Parameters of more weights than a block are cut into equal parts, those of fewer share a block.

    Args:
        counts: weights of every parameter.
        size: of the blocks.
    """
    places: list[np.ndarray] = []
    begin = used = 0
    for count in counts:
        for part in np.array_split(np.arange(count), max(-(-count // size), 1)):
            if used + len(part) > size:
                begin, used = begin + size, 0
            places.append(begin + used + np.arange(len(part)))
            used += len(part)
    return np.concatenate(places)


class Kalman(torch.optim.Optimizer):
    """The filter; gradients are those of the error of one measurement, which is not negative."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        error: Callable[[], float],
        lr: float = 1.0,
        block: int = 5120,
        forgetting: float = 0.98,
        growth: float = 0.9987,
        variance: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        """Options with the defaults of RLEKF.

        Args:
            parameters: to be optimised.
            error: gives that of the measurement whose gradient the parameters hold.
            lr: factor of the changes of weights.
            block: most weights of a block.
            forgetting: λ of the first step.
            growth: ν.
            variance: of a weight in the beginning.
            weight_decay: as of ``Soap``.
        """
        super().__init__(list(parameters), {"lr": lr, "weight_decay": weight_decay})
        self._error, self.forgetting, self._growth = error, forgetting, growth
        mine = self.param_groups[0]["params"]
        places = block_places([p.numel() for p in mine], block)
        self._places = torch.from_numpy(places).to(mine[0].device)
        one = torch.eye(block, dtype=mine[0].dtype, device=mine[0].device) * variance
        self.covariance = one.repeat(int(places[-1]) // block + 1, 1, 1)
        """P, [block, weight, weight]; too large for checkpoints."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change the parameters by one measurement."""
        group = self.param_groups[0]
        parameters, covariance = group["params"], self.covariance
        slope = covariance.new_zeros(covariance.shape[:2])
        slope.view(-1)[self._places] = -torch.cat([p.grad.flatten() for p in parameters])
        gain = (covariance @ slope[:, :, None])[:, :, 0]
        scale = 1 / (self.forgetting + float((slope * gain).sum()))
        change = gain.view(-1)[self._places].split([p.numel() for p in parameters])
        for parameter, part in zip(parameters, change, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(part.view_as(parameter), alpha=group["lr"] * scale * self._error())
        ratio = 1 / self.forgetting
        covariance.baddbmm_(gain[:, :, None], gain[:, None, :], beta=ratio, alpha=-scale * ratio)
        self.forgetting = self._growth * self.forgetting + 1 - self._growth
