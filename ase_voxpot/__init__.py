"""Machine-learned interatomic potentials for ASE and LAMMPS.

>>> from ase_voxpot import VoxPotCalculator  # doctest: +SKIP
>>> atoms.calc = VoxPotCalculator("motaw")  # doctest: +SKIP

Importing the package loads neither torch nor Numba nor ASE; the names below arrive when they
are first used.  From then on ``ase.calculators.calculator.get_calculator_class("voxpot")`` finds
the calculator, and so do those who go through it: ``ase.db``, ``ase.gui``, ``ase run``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_voxpot.calculator import VoxPotCalculator
    from ase_voxpot.errors import VoxPotError
    from ase_voxpot.potential import Potential, Result
    from ase_voxpot.weights import load_potential, save_potential, shipped_models

__all__ = [
    "Potential",
    "Result",
    "VoxPotCalculator",
    "VoxPotError",
    "__version__",
    "load_potential",
    "save_potential",
    "shipped_models",
]

__version__ = "0.1.0"

_HOMES = {
    "Potential": "potential",
    "Result": "potential",
    "VoxPotCalculator": "calculator",
    "VoxPotError": "errors",
    "load_potential": "weights",
    "save_potential": "weights",
    "shipped_models": "weights",
}


ASE_NAMES = {"Voxpot": "VoxPotCalculator"}
"""Name under which ASE looks up the class of ``voxpot``."""

# where ASE looks for a calculator that it was not told of; telling it would load ASE with this package
sys.modules.setdefault("ase.calculators.voxpot", sys.modules[__name__])


def __getattr__(name: str) -> Any:
    """Import a public name on first access."""
    name = ASE_NAMES.get(name, name)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
