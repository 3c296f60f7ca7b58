"""FLOP and bytes per atom of an evaluation, counted from the sizes of a steerable model.

A multiply-add counts two; an exponential, a logarithm or a root counts one.  Bytes are
the arrays that a stage reads and those it writes, each once.  The arrays of a block of atoms
stay in the L1 or L2 cache, so that only candidate pairs and results pass through main
memory.  With H harmonics up to degree L, S shells, I = species · S inputs, K and Q
channels of squares and products, G points on the sphere, X invariants and P pairs per atom:

    neighbours   9 per candidate, one in every sphere of cutoff + skin
    deposit      P (2 H S + ...)     outer products of harmonics and shells
    mixtures     2 I (H K + H' Q)    one matrix per degree
    squares      4 H K
    sphere       G H' Q              from harmonics to points, antipodes sharing the even and the odd part
    products     13 G Q
    dense        4 Σ widths · widths, both ways; 10 per invariant and 12 per hidden unit
    gather       P (4 H S + 8 H + ...)
    forces       24 P                sums over pairs, and the virial

The adjoint of a matrix product costs as much as the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.errors import ConfigError
from ase_voxpot.network.sphere import sphere_rule
from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from ase_voxpot.benchmark.machine import Peaks
    from ase_voxpot.spec import NetworkSpec, PotentialSpec

__all__ = ["Cost", "count", "floor", "sphere_points"]

HARMONIC, SLOPE, SHELL, WAVE = 5, 14, 3, 32
"""FLOP of one solid harmonic, of its gradient, of one shell by recursion, and of the first cosine."""
INDEX, REAL = 4, 8
"""Bytes of a number of an atom, and of a coordinate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One stage, per atom."""

    stage: str
    flops: float
    bytes: float
    cached: float = 0.0  # of these bytes, those that stay in the cache

    def floor(self, peaks: Peaks) -> float:
        """Lower bound of the seconds per atom on a machine with these peak rates."""
        return max(self.flops / peaks.flops, (self.bytes - self.cached) / peaks.bandwidth)


def floor(costs: list[Cost], peaks: Peaks) -> float:
    """Seconds per atom of all stages, one after the other."""
    return sum(cost.floor(peaks) for cost in costs)


def sphere_points(network: NetworkSpec) -> int:
    """Points at which a network multiplies fields, 0 if it does not."""
    if not isinstance(network, SteerableSpec) or not network.products:
        return 0
    return len(sphere_rule(min(network.degree, network.product_degree))[1])


def count(spec: PotentialSpec, *, pairs: float, points: int, itemsize: int, skin: float = 0.0) -> list[Cost]:
    """The stages of energy, forces and virial in the order in which they run.

    Args:
        spec: of a steerable potential.
        pairs: per atom, within the cutoff.
        points: on the sphere where fields are multiplied.
        itemsize: bytes of a number in the network.
        skin: Å, by which the list of candidates reaches further.

    Raises:
        ConfigError: another kind of network.
    """
    net = spec.network
    if not isinstance(net, SteerableSpec):
        raise ConfigError(f"stages are counted for steerable networks, got {net.kind!r}")
    shells, inputs, h = spec.descriptor.radial, spec.channels, (net.degree + 1) ** 2
    candidates = pairs * (1 + skin / spec.cutoff) ** 3
    seen, squares = h * inputs, h * net.channels
    invariants = 2 * net.channels * (net.degree + 1) + 5 * net.products
    widths = (invariants, *net.hidden, 1)
    dense = sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    paint = 2 * h * shells + HARMONIC * h + SHELL * shells + WAVE
    read = pairs * (3 * REAL + INDEX) / itemsize  # in units of the numbers of the network, as all that stays near

    def cost(stage: str, flops: float, numbers: float, far: float = 0.0) -> Cost:
        return Cost(stage=stage, flops=flops, bytes=numbers * itemsize + far, cached=numbers * itemsize)

    forwards = [
        cost("neighbours", 9 * candidates, read + pairs * INDEX / itemsize, candidates * 2 * INDEX + 3 * REAL),
        cost("deposit", pairs * paint, seen + read),
        cost("mixtures", 2 * inputs * squares, seen + squares),
        cost("squares", 4 * squares, squares + 2 * net.channels * (net.degree + 1)),
    ]
    middle = [cost("dense", 4 * dense + 10 * invariants + 12 * sum(net.hidden), 2 * invariants)]
    backwards = [
        cost("squares, adjoint", 6 * squares, 2 * squares + 2 * net.channels * (net.degree + 1)),
        cost("mixtures, adjoint", 2 * inputs * squares, seen + squares),
    ]
    if net.products:
        degree = min(net.degree, net.product_degree)
        mixed, fields = (degree + 1) ** 2 * net.products, points * net.products
        to_sphere, mix = points * mixed, 2 * inputs * mixed
        forwards += [
            cost("fields", mix, seen + mixed),
            cost("sphere", to_sphere, mixed + fields),
            cost("products", 13 * fields, fields + 5 * net.products),
        ]
        backwards += [
            cost("products, adjoint", 22 * fields, 2 * fields + 5 * net.products),
            cost("sphere, adjoint", to_sphere, mixed + fields),
            cost("fields, adjoint", mix, 2 * seen + mixed),
        ]
    see = pairs * (4 * h * shells + 8 * h + (HARMONIC + SLOPE) * h + 3 * SHELL * shells + 2 * WAVE)
    last = [
        cost("gather", see, seen + read + pairs * 3 * REAL / itemsize),
        cost("forces", 24 * pairs, pairs * (6 * REAL + INDEX) / itemsize, 4 * REAL),
    ]
    return [*forwards, *middle, *backwards, *last]
