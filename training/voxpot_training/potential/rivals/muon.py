"""Muon: steps whose singular values are all about one (Jordan et al., 2024; scaled as by Liu et al., arXiv:2502.16982).

The momentum M = U S Vᵀ of a matrix of weights is replaced by U Vᵀ, by five steps of an odd polynomial that moves all
singular values towards one.  A factor of 0.2 √(larger side) makes the root mean square of a step that of Adam, so that
learning rates are those of Adam.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

__all__ = ["Muon", "orthogonalised"]

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of x, x³ and x⁵; steep at zero, and between 0.7 and 1.2 in the end."""
STEPS = 5
RMS = 0.2
"""Root mean square of a step, at a learning rate of one."""
TINY = 1e-8
"""Added to the norm, or to the root of the second moment."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """Matrices [stack, row, column] with their singular vectors, and singular values between about 0.7 and 1.2."""
    x = matrix.mT if matrix.shape[-2] > matrix.shape[-1] else matrix
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + TINY)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if matrix.shape[-2] > matrix.shape[-1] else x


class Muon(torch.optim.Optimizer):
    """Muon for parameters that are stacks of matrices, [stack, row, column], Adam for all others."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.95, 0.95),
        weight_decay: float = 0.0,
    ) -> None:
        """Options as of ``Soap``, and the memory of the momentum of matrices, per step."""
        options = {"lr": lr, "momentum": momentum, "betas": betas, "weight_decay": weight_decay}
        super().__init__(list(parameters), options)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change the parameters by their gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    if group["weight_decay"]:
                        parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix = parameter.ndim == 3 and min(parameter.shape[1:]) > 1
                    change = _by_muon if matrix else _by_adam
                    parameter.sub_(change(self.state[parameter], parameter.grad, group), alpha=group["lr"])


def _by_muon(state: dict[str, Tensor], gradient: Tensor, group: dict[str, Any]) -> Tensor:
    mean = state.setdefault("exp_avg", torch.zeros_like(gradient))
    mean.lerp_(gradient, 1 - group["momentum"])
    ahead = gradient.lerp(mean, group["momentum"])
    return orthogonalised(ahead) * (RMS * math.sqrt(max(gradient.shape[1:])))


def _by_adam(state: dict[str, Tensor], gradient: Tensor, group: dict[str, Any]) -> Tensor:
    (first, second), step = group["betas"], state.setdefault("step", torch.tensor(0.0))
    mean, square = (state.setdefault(key, torch.zeros_like(gradient)) for key in ("exp_avg", "exp_avg_sq"))
    step += 1
    mean.lerp_(gradient, 1 - first)
    square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
    return mean / (1 - first ** int(step)) / ((square / (1 - second ** int(step))).sqrt_() + TINY)
