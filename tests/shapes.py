"""Shapes in signatures are claims; under test they are checked at every call.

Only where arrays go in and out: modules of compiled kernels cannot be wrapped.  Imports
that exist for annotations alone are made real while these modules load; everything
they load in turn is imported before, so that nobody else notices.
"""

from __future__ import annotations

import importlib
import typing

import ase.build  # noqa: F401
import ase.units  # noqa: F401
import beartype
import jaxtyping
import numba  # noqa: F401
import scipy.integrate  # noqa: F401
import torch.func  # noqa: F401

__all__ = ["check_shapes", "checker"]

CHECKED = [
    "ase_voxpot.descriptor.radial",
    "ase_voxpot.baseline.energies",
    "ase_voxpot.neighbours.verlet",
    "ase_voxpot.voxelize.reference",
    "voxpot_training.wholecell.reference",
    "ase_voxpot.voxelize.gpu",
    "ase_voxpot.descriptor.autograd",
    "ase_voxpot.network.layers",
    "ase_voxpot.network.dense",
    "ase_voxpot.network.plain",
    "ase_voxpot.network.steerable",
]
checker = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))  # an int will do for a float


def check_shapes() -> None:
    """Load the modules with checks around their functions."""
    before = typing.TYPE_CHECKING
    typing.TYPE_CHECKING = True
    try:
        with jaxtyping.install_import_hook(CHECKED, "tests.shapes.checker"):
            for name in CHECKED:
                importlib.import_module(name)
    finally:
        typing.TYPE_CHECKING = before
