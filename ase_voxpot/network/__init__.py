"""Neural networks for atomic energies, as torch modules.

``steerable`` is the default; ``plain`` and ``dense`` are baselines for comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.spec import Cubes, DenseSpec, PlainSpec, SteerableSpec

if TYPE_CHECKING:
    from torch import nn

    from ase_voxpot.spec import PotentialSpec

__all__ = ["build_network"]


def build_network(spec: PotentialSpec) -> nn.Module:
    """The network that ``spec`` describes, with random weights in float32."""
    from ase_voxpot.network.dense import DenseNetwork
    from ase_voxpot.network.plain import PlainNetwork
    from ase_voxpot.network.steerable import SteerableNetwork

    species = len(spec.species)
    match spec.network:
        case SteerableSpec():
            return SteerableNetwork(spec.network, radial=spec.descriptor.radial, species=species)
        case PlainSpec() if isinstance(spec.descriptor, Cubes):
            return PlainNetwork(spec.network, spec.descriptor, species=species)
        case DenseSpec() if isinstance(spec.descriptor, Cubes):
            return DenseNetwork(spec.network, spec.descriptor, species=species)
    raise TypeError(f"no {spec.network.kind} network reads {spec.descriptor.kind}")
