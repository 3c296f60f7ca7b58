"""Short descriptions of the inputs and layers of a network, for model cards and ``voxpot info``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.network.shapes import invariant_count
from ase_voxpot.spec import Cubes, encode

if TYPE_CHECKING:
    from ase_voxpot.spec import Density, PotentialSpec

__all__ = ["in_one_line", "outline"]


def outline(spec: PotentialSpec) -> dict[str, str]:
    """What there is to know of the inputs and layers of a network, by name.

    >>> from ase_voxpot.spec import BaselineSpec, PotentialSpec
    >>> outline(PotentialSpec(species=("W",), baseline=BaselineSpec(reference=(0.0,))))["power spectrum"]
    '32 channels'
    """
    network = spec.network
    if isinstance(spec.descriptor, Cubes) or network.kind != "steerable":
        layers = ", ".join(f"{k} {v}" for k, v in encode(network).items() if k != "kind")
        return {"cubes": _input(spec.descriptor), "layers": layers}
    top = min(network.degree, network.product_degree)
    return {
        "cubes": "none: the limit of fine voxels, summed in closed form",
        "radial functions": _radial(spec.descriptor),
        "solid harmonics": f"to l = {network.degree}",
        "power spectrum": f"{network.channels} channels",
        "products": f"triple and quadruple, {network.products} channels to l = {top}" if network.products else "none",
        "layers": " - ".join(map(str, (invariant_count(network), *network.hidden, 1))) + ", for each element",
    }


def in_one_line(spec: PotentialSpec) -> str:
    """The most important of it."""
    network = spec.network
    if network.kind != "steerable":
        return _input(spec.descriptor)
    products = f"triple and quadruple products of {network.products}" if network.products else "no products"
    return (
        f"{_count(spec.descriptor)} and solid harmonics to l = {network.degree}, "
        f"power spectrum of {network.channels} channels, {products}"
    )


def _count(descriptor: Density | Cubes) -> str:
    return f"{descriptor.radial} radial function{'s' if descriptor.radial > 1 else ''} per element"


def _input(descriptor: Density | Cubes) -> str:
    if not isinstance(descriptor, Cubes):
        return _count(descriptor)
    return f"{descriptor.n}³ voxels of {descriptor.spacing:g} Å, σ {descriptor.width:g} Å, {_count(descriptor)}"


def _radial(density: Density) -> str:
    window = f" exp(-κr²/2), κ = {density.narrowing:.3g} Å⁻²" if density.narrowing else ""
    return f"{density.radial} per element, (1 - r²/r_c²)³ cos(π q r/r_c){window}"
