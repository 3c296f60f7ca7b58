"""SOAP: Adam in the slowly turning eigenbasis of the gradients' covariances (Vyas et al., arXiv:2409.11321, 2024).

For a matrix W [row, column] with gradient G, averages of G Gᵀ and Gᵀ G are kept, and their eigenvectors Q_L and Q_R
by one step of a power iteration now and then.  Adam's second moments are those of Q_Lᵀ G Q_R: inputs and outputs of a
layer that always occur together are one coordinate, with a step of its own.  Both moments are kept in the eigenbasis.
Tall matrices are cut into blocks of rows with bases of their own, as costs grow with the square of the number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ase_voxpot.simd.threads import spread, thread_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
TOGETHER = 6
"""Matrices of a stack that one thread changes together."""
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
        self.threads = thread_count()

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change the parameters by their gradients; the first call learns bases alone.

        Slices of the stacks are spread over ``threads``, each changed by operations of torch on one thread: results do
        not depend on their number.
        """
        slices = [
            piece
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
            for piece in self._slices(parameter, parameter.grad, group)
        ]
        slices.sort(key=_cost)
        slices.insert(0, slices.pop())  # beside long operations the many short ones do not wait for Python's lock
        before = torch.get_num_threads()

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            torch.set_num_threads(1)  # of this thread
            with torch.no_grad():
                for begin, end in pieces:
                    for piece in slices[begin:end]:
                        piece.change()

        try:
            spread(work, len(slices), threads=self.threads, largest=1)
        finally:
            torch.set_num_threads(before)

    def _slices(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> list[_Slice]:
        """A parameter with its gradient and state in slices of a few matrices."""
        state = self.state[parameter]
        weights = parameter.detach()
        if parameter.ndim == 3:
            height = state["exp_avg"].shape[1] if state else _height(parameter.shape[1])
            weights, gradient = (t.view(-1, height, t.shape[2]) for t in (weights, gradient.contiguous()))
        if not state:
            state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(weights)}
            state["exp_avg_sq"] = torch.zeros_like(weights)
            for side, size in zip(("left", "right"), weights.shape[1:] if weights.ndim == 3 else (), strict=False):
                if 1 < size <= LARGEST:
                    shape = len(weights), size, size
                    state |= {key: weights.new_zeros(shape) for key in (side, f"{side}_covariance")}
        state["step"] += 1
        step, arrays = int(state["step"]), {key: value for key, value in state.items() if key != "step"}
        if weights.ndim < 3:
            return [_Slice(weights, gradient, arrays, group, step)]
        return [
            _Slice(
                weights[k : k + TOGETHER],
                gradient[k : k + TOGETHER],
                {n: a[k : k + TOGETHER] for n, a in arrays.items()},
                group,
                step,
            )
            for k in range(0, len(weights), TOGETHER)
        ]


class _Slice(NamedTuple):
    """Some matrices of a stack, or a parameter without any."""

    weights: Tensor
    gradient: Tensor
    state: dict[str, Tensor]  # changed in place
    group: dict[str, Any]
    step: int  # from 1 on

    def change(self) -> None:
        """One step of the optimiser."""
        weights, gradient, state, group, step = self
        first, second = group["betas"]
        if weights.ndim == 3:
            for side in ("left", "right"):
                if side in state:
                    _learn_basis(state, side, gradient, group["memory"], step)
            step -= 1
            if not step:
                return
        mean, square, turned = state["exp_avg"], state["exp_avg_sq"], _turn(gradient, state)
        mean.lerp_(turned, 1 - first)
        square.mul_(second).addcmul_(turned, turned, value=1 - second)
        size = (square / (1 - second**step)).sqrt_()
        if weights.ndim == 3:
            size += FAINT * size.square().mean((-2, -1), keepdim=True).sqrt()
        change = mean / size.add_(TINY)
        if group["weight_decay"]:
            weights.mul_(1 - group["lr"] * group["weight_decay"])
        weights.add_(_turn_back(change, state), alpha=-group["lr"] / (1 - first**step))


def _cost(piece: _Slice) -> int:
    """About the number of multiplications."""
    return piece.weights.numel() * sum(piece.weights.shape[1:])


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
    covariance, basis = state[f"{side}_covariance"], state[side]
    left, right = (gradient, gradient.mT) if side == "left" else (gradient.mT, gradient)
    covariance.baddbmm_(left, right, beta=memory, alpha=1 - memory)
    if step == 1:
        basis.copy_(torch.linalg.eigh(covariance).eigenvectors.flip(-1))
        return
    if step % max(SOONEST, basis.shape[-1] // PER_STEP):
        return
    variance = (basis * (covariance @ basis)).sum(-2)
    order = variance.argsort(stable=True, dim=-1, descending=True)
    sorted_basis = torch.take_along_dim(basis, order[..., None, :], -1)
    turned = torch.linalg.qr(covariance @ sorted_basis).Q
    between, mean, square = turned.mT @ basis, state["exp_avg"], state["exp_avg_sq"]
    basis.copy_(turned)
    if side == "left":
        mean.copy_(between @ mean)
        square.copy_(torch.take_along_dim(square, order[..., :, None], -2))
    else:
        mean.copy_(mean @ between.mT)
        square.copy_(torch.take_along_dim(square, order[..., None, :], -1))
