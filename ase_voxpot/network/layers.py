"""Dense layers of which every chemical species has its own, and the logarithm in front of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import silu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["SpeciesDense", "asinh"]


class _Asinh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.copysign(((x * x + 1).sqrt_() + x.abs()).log_(), x)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return cotangents[0] * (x * x + 1).rsqrt()


def asinh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """As ``torch.asinh``, from operations that torch vectorises, ten times faster."""
    result: Tensor = _Asinh.apply(x)  # type: ignore[no-untyped-call]
    return result


class SpeciesDense(nn.Module):
    """A perceptron per species: SiLU between the layers, one number out.

    The last layer has no bias, as the output for an atom without neighbours is
    subtracted.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], *, species: int) -> None:
        super().__init__()
        widths = (inputs, *hidden, 1)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(species, a, b) / math.sqrt(a))
            for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(species, b)) for b in widths[1:-1])

    @property
    def width(self) -> int:
        """Number of inputs of the last, linear layer."""
        return int(self.weights[-1].shape[1])

    def hidden(self, x: Float[Tensor, "atom input"], kind: int) -> Float[Tensor, "atom feature"]:
        """Inputs of the last, linear layer of one species."""
        for weight, bias in zip(self.weights[:-1], self.biases, strict=True):
            x = silu(torch.addmm(bias[kind], x, weight[kind]))
        return x

    def one(self, x: Float[Tensor, "atom input"], kind: int) -> Float[Tensor, " atom"]:
        """Output of the layers of one species."""
        return (self.hidden(x, kind) @ self.weights[-1][kind])[:, 0]

    def forward(
        self,
        x: Float[Tensor, "atom input"],
        species: Int[Tensor, " atom"],
        *,
        features: Float[Tensor, "atom feature"] | None = None,
    ) -> Float[Tensor, " atom"]:
        """Every atom through the layers of its species; ``features`` is filled with the inputs of the last layer."""
        out = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for kind in range(self.weights[0].shape[0]):
            mine = (species == kind).nonzero()[:, 0]
            if len(mine):
                h = self.hidden(x[mine], kind)
                out = out.index_add(0, mine, (h @ self.weights[-1][kind])[:, 0])
                if features is not None:
                    features[mine] = h.detach()
        return out

    def constant(self, x: Float[Tensor, " input"]) -> Float[Tensor, " species"]:
        """Output of every species for one input."""
        return torch.cat([self.one(x[None], kind) for kind in range(self.weights[0].shape[0])])
