"""Short descriptions of the inputs and layers of a network, for model cards and ``voxpot info``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.descriptor import fold_of
from ase_voxpot.network.shapes import invariant_count
from ase_voxpot.spec import SteerableSpec, encode

if TYPE_CHECKING:
    from ase_voxpot.spec import Grid, NetworkSpec

__all__ = ["in_one_line", "outline"]


def outline(grid: Grid, network: NetworkSpec) -> dict[str, str]:
    """Descriptions of the inputs and layers of a network, by name.

    >>> from ase_voxpot.spec import Grid, PlainSpec
    >>> outline(Grid(n=8, spacing=1.2, width=0.9, cutoff=5), PlainSpec(channels=(4, 4), hidden=(8,)))["cubes"]
    '8³ voxels of 1.2 Å, σ 0.9 Å, 1 radial function per element'
    """
    if not isinstance(network, SteerableSpec):
        layers = ", ".join(f"{k} {v}" for k, v in encode(network).items() if k != "kind")
        return {"cubes": _voxels(grid), "layers": layers}
    top = min(network.degree, network.product_degree)
    return {
        "cubes": "none: the limit of fine voxels, summed in closed form",
        "radial functions": _radial(grid, network),
        "solid harmonics": f"to l = {network.degree}",
        "power spectrum": f"{network.channels} channels",
        "products": f"triple and quadruple, {network.products} channels to l = {top}" if network.products else "none",
        "layers": " - ".join(map(str, (invariant_count(network), *network.hidden, 1))) + ", for each element",
    }


def in_one_line(grid: Grid, network: NetworkSpec) -> str:
    """A network in one line."""
    if not isinstance(network, SteerableSpec):
        return _voxels(grid)
    products = f"triple and quadruple products of {network.products}" if network.products else "no products"
    return (
        f"{_count(grid)} and solid harmonics to l = {network.degree}, "
        f"power spectrum of {network.channels} channels, {products}"
    )


def _count(grid: Grid) -> str:
    return f"{grid.shells} radial function{'s' if grid.shells > 1 else ''} per element"


def _voxels(grid: Grid) -> str:
    return f"{grid.n}³ voxels of {grid.spacing:g} Å, σ {grid.width:g} Å, {_count(grid)}"


def _radial(grid: Grid, network: SteerableSpec) -> str:
    narrowing = fold_of(grid, network).narrowing
    window = f" exp(-κr²/2), κ = {narrowing:.3g} Å⁻²" if narrowing else ""
    return f"{grid.shells} per element, (1 - r²/r_c²)³ cos(π q r/r_c){window}"
