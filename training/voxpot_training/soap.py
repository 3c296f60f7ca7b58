"""SOAP: Adam in the slowly turning eigenbasis of the gradients' covariances (Vyas et al., arXiv:2409.11321, 2024).

For a matrix W [row, column] with gradient G, averages of G Gᵀ and Gᵀ G are kept, and their eigenvectors Q_L and Q_R
by one step of a power iteration now and then.  Adam's second moments are those of Q_Lᵀ G Q_R: inputs and outputs of a
layer that always occur together are one coordinate, with a step of its own.  Both moments are kept in the eigenbasis.
Tall matrices are cut into blocks of rows with bases of their own, as costs grow with the square of the number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

__all__ = ["Soap"]

TINY = 1e-8
"""Added to the root of the second moment."""
FAINT = 1e-4
"""The same, relative to the root mean square over the matrix: directions whose gradient is rounding alone stay."""
SOONEST = 10
"""Least number of steps between two changes of a basis."""
PER_STEP = 8
"""Rows of a basis per step between its changes, as its cost grows with the cube of its size."""
LARGEST = 640
"""Rows or columns beyond which a side keeps its own coordinates."""
BLOCK, LEAST = 160, 32
"""Rows beyond which a matrix is cut into blocks of equal height, and the least height."""


class Soap(torch.optim.Optimizer):
    """SOAP for parameters that are stacks of matrices, [stack, row, column], Adam for all others."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.95),
        memory: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        """Options as of ``torch.optim.AdamW``.

        Args:
            parameters: to be optimised.
            lr: learning rate, about that of Adam.
            betas: memory of the first and the second moments, per step.
            memory: of the covariances, per step.
            weight_decay: decoupled from the gradient.
        """
        super().__init__(list(parameters), {"lr": lr, "betas": betas, "memory": memory, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change the parameters by their gradients; the first call learns bases alone."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._change(parameter, parameter.grad, group)

    def _change(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, (first, second) = self.state[parameter], group["betas"]
        if parameter.ndim == 3:
            columns = parameter.shape[2]
            height = state["left"].shape[1] if "left" in state else _height(parameter.shape[1])
            parameter, gradient = (t.view(-1, height, columns) for t in (parameter, gradient.contiguous()))
        if not state:
            state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(parameter)}
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        step = int(state["step"])
        if parameter.ndim == 3:
            sizes = zip(("left", "right"), parameter.shape[1:], strict=True)
            for side in (side for side, size in sizes if 1 < size <= LARGEST):
                _learn_basis(state, side, gradient, group["memory"], step)
            step -= 1
            if not step:
                return
        mean, square, turned = state["exp_avg"], state["exp_avg_sq"], _turn(gradient, state)
        mean.lerp_(turned, 1 - first)
        square.mul_(second).addcmul_(turned, turned, value=1 - second)
        size = (square / (1 - second**step)).sqrt_()
        if parameter.ndim == 3:
            size += FAINT * size.square().mean((-2, -1), keepdim=True).sqrt()
        change = mean / size.add_(TINY)
        if group["weight_decay"]:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(_turn_back(change, state), alpha=-group["lr"] / (1 - first**step))


def _height(rows: int) -> int:
    """Rows of a block: the largest divisor that ``BLOCK`` and ``LEAST`` allow, or all of them.

    >>> _height(640), _height(440), _height(150), _height(701)
    (160, 110, 150, 701)
    """
    return next((n for n in range(min(BLOCK, rows), LEAST - 1, -1) if rows % n == 0), rows)


def _turn(matrix: Tensor, state: dict[str, Tensor]) -> Tensor:
    """From rows and columns to the eigenbases."""
    if "left" in state:
        matrix = state["left"].mT @ matrix
    return matrix @ state["right"] if "right" in state else matrix


def _turn_back(matrix: Tensor, state: dict[str, Tensor]) -> Tensor:
    if "left" in state:
        matrix = state["left"] @ matrix
    return matrix @ state["right"].mT if "right" in state else matrix


def _learn_basis(state: dict[str, Tensor], side: str, gradient: Tensor, memory: float, step: int) -> None:
    """Add a gradient to the covariance of a side, and turn its basis, and the moments in it, when it is time to."""
    seen = gradient @ gradient.mT if side == "left" else gradient.mT @ gradient
    if side not in state:
        state[f"{side}_covariance"] = seen * (1 - memory)
        state[side] = torch.linalg.eigh(seen).eigenvectors.flip(-1).contiguous()
        return
    covariance, basis = state[f"{side}_covariance"], state[side]
    covariance.lerp_(seen, 1 - memory)
    if step % max(SOONEST, basis.shape[-1] // PER_STEP):
        return
    variance = (basis * (covariance @ basis)).sum(-2)
    order = variance.argsort(stable=True, dim=-1, descending=True)
    sorted_basis = torch.take_along_dim(basis, order[..., None, :], -1)
    state[side] = torch.linalg.qr(covariance @ sorted_basis).Q.contiguous()  # as a checkpoint gives it back
    between, mean, square = state[side].mT @ basis, state["exp_avg"], state["exp_avg_sq"]
    if side == "left":
        state["exp_avg"] = between @ mean
        state["exp_avg_sq"] = torch.take_along_dim(square, order[..., :, None], -2)
    else:
        state["exp_avg"] = mean @ between.mT
        state["exp_avg_sq"] = torch.take_along_dim(square, order[..., None, :], -1)
