"""Weights as NumPy arrays, checked against the network that a spec describes.

No compiled function imports this module: a change of the errors or of the spec leaves the cache valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ArchitectureError
from ase_voxpot.extras import require
from ase_voxpot.network.shapes import steerable_shapes
from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase_voxpot.spec import PotentialSpec

__all__ = ["checked_arrays"]


def checked_arrays(spec: PotentialSpec, arrays: Mapping[str, np.ndarray], dtype: np.dtype) -> dict[str, np.ndarray]:
    """Copies of ``arrays`` in one precision, if their names and shapes are those of the network.

    Raises:
        ArchitectureError: they are those of another network.
        MissingPackageError: the network needs torch, which is not installed.
    """
    wanted, given = _shapes(spec), {name: tuple(array.shape) for name, array in arrays.items()}
    if wanted != given:
        names = sorted(set(wanted) ^ set(given)) or sorted(name for name in wanted if wanted[name] != given[name])
        raise ArchitectureError(
            f"holds the weights of another network than {spec.network.kind!r} "
            f"as its spec describes it (first difference: {names[0]}); load it with the spec it was trained with"
        )
    return {name: np.array(array, dtype, order="C") for name, array in arrays.items()}


def _shapes(spec: PotentialSpec) -> dict[str, tuple[int, ...]]:
    if isinstance(spec.network, SteerableSpec):
        return steerable_shapes(spec.network, radial=spec.descriptor.radial, species=len(spec.species))
    torch = require("torch", f"a {spec.network.kind} network")
    from ase_voxpot.network import build_network

    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in build_network(spec).state_dict().items()}
