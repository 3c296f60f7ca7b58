"""Names and shapes of the arrays of a steerable network, as they are stored."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase_voxpot.spec import SteerableSpec

__all__ = ["FITTED", "KINDS", "invariant_count", "steerable_shapes"]

FITTED = ("whiten", "mean", "scale")
"""Arrays that standardise the training data and are not learned."""
KINDS = 5
"""Kinds of triple and quadruple products, see ``network.steerable``."""


def invariant_count(spec: SteerableSpec) -> int:
    """Number of invariants of an atom: two per channel and degree, ``KINDS`` per product channel."""
    return 2 * spec.channels * (spec.degree + 1) + KINDS * spec.products


def steerable_shapes(spec: SteerableSpec, *, radial: int, species: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes; ``network.steerable`` says what they mean.

    >>> from ase_voxpot.spec import SteerableSpec
    >>> spec = SteerableSpec(degree=1, channels=4, products=0, hidden=(8,))
    >>> steerable_shapes(spec, radial=2, species=3)["pairs"]
    (2, 6, 4)
    """
    degrees, inputs, invariants = spec.degree + 1, species * radial, invariant_count(spec)
    shapes: dict[str, tuple[int, ...]] = {
        "whiten": (degrees, inputs, inputs),
        "pairs": (degrees, inputs, spec.channels),
        "mean": (invariants,),
        "scale": (invariants,),
    }
    if spec.products:
        shapes["fields"] = (min(spec.degree, spec.product_degree) + 1, inputs, spec.products)
    widths = (invariants, *spec.hidden, 1)
    for layer, (a, b) in enumerate(pairwise(widths)):
        shapes[f"dense.weights.{layer}"] = (species, a, b)
        if layer < len(spec.hidden):
            shapes[f"dense.biases.{layer}"] = (species, b)
    return shapes
