"""Forces and virial from energies, for inference and training.

The derivatives of the energies with respect to the inputs of the network (views) are computed by
torch, those with respect to the offsets of the pairs by the representation:

    dE/dd_ij = gather(dE/dview),   F_k = Σ_j dE/dd_kj - Σ_i dE/dd_ik,   W = Σ_ij d_ij ⊗ dE/dd_ij

so that stress = W / V with ASE's sign.  ``gather`` is linear in dE/dview, with
``deposit_tangent`` as its transpose, and that is all a loss on forces needs to be
differentiated by the weights: no second derivative of the painting is ever made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.network.inputs import Representation, Scene

__all__ = ["forces_from_pairs", "pair_gradient", "virial_from_pairs"]


class _Gather(torch.autograd.Function):
    """``representation.gather`` with ``deposit_tangent`` as its backward pass."""

    @staticmethod
    def forward(ctx: Any, field: Tensor, representation: Representation, scene: Scene) -> Tensor:
        ctx.representation, ctx.scene = representation, scene
        return representation.gather(field.detach(), scene)

    @staticmethod
    def backward(ctx: Any, *tangents: Tensor) -> tuple[Tensor, None, None]:
        return ctx.representation.deposit_tangent(tangents[0], ctx.scene), None, None


def pair_gradient(
    energies: Float[Tensor, " atom"],
    view: Float[Tensor, ...],
    representation: Representation,
    scene: Scene,
    *,
    differentiable: bool = False,
) -> Float[Tensor, "pair 3"]:
    """dE/dd_ij of every pair, in eV/Å.

    Args:
        energies: the network's energies, computed from ``view``.
        view: a leaf that requires gradients, from ``representation.deposit``.
        representation: computed the view.
        scene: the pairs of the view.
        differentiable: keep the graph, for a loss that holds forces.
    """
    (field,) = torch.autograd.grad(energies.sum(), view, create_graph=differentiable)
    if differentiable:
        gradient: Tensor = _Gather.apply(field, representation, scene)  # type: ignore[no-untyped-call]
        return gradient
    return representation.gather(field, scene)


def forces_from_pairs(
    gradient: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    neighbour: Int[Tensor, " pair"],
    atoms: int,
) -> Float[Tensor, "atom 3"]:
    """Forces in eV/Å, in the precision of ``gradient``."""
    forces = gradient.new_zeros(atoms, 3)
    return forces.index_add(0, centre, gradient).index_add(0, neighbour, -gradient)


def virial_from_pairs(
    gradient: Float[Tensor, "pair 3"],
    offset: Float[Tensor, "pair 3"],
    owner: Int[Tensor, " pair"],
    count: int,
) -> Float[Tensor, "owner 3 3"]:
    """Σ d ⊗ dE/dd in eV for each owner (a structure or an atom): the derivative by strain."""
    products = offset[:, :, None] * gradient[:, None, :]
    return gradient.new_zeros(count, 3, 3).index_add(0, owner, products)
