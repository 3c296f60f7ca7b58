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

CHECKED = (
    "descriptor.radial",
    "baseline.energies",
    "neighbours.verlet",
    "voxelize.reference",
    "voxelize.wholecell_reference",
    "voxelize.gpu",
    "descriptor.autograd",
    "network.layers",
    "network.dense",
    "network.plain",
    "network.steerable",
)
checker = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))  # an int will do for a float


def check_shapes() -> None:
    """Load the modules with checks around their functions."""
    names = [f"ase_voxpot.{name}" for name in CHECKED]
    before = typing.TYPE_CHECKING
    typing.TYPE_CHECKING = True
    try:
        with jaxtyping.install_import_hook(names, "tests.shapes.checker"):
            for name in names:
                importlib.import_module(name)
    finally:
        typing.TYPE_CHECKING = before
