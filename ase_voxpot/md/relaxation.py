"""Relaxation of atoms, and optionally of the cell, by the optimisers of ASE."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import ConfigError, DivergenceError, StructureError
from ase_voxpot.peers import stress_or_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["FREE", "OPTIMISERS", "Progress", "relax"]

OPTIMISERS = {"fire": "FIRE", "bfgs": "BFGS", "lbfgs": "LBFGS"}
"""Names of the classes in ``ase.optimize``."""
FREE = ("atoms", "cell")
"""Degrees of freedom: the atoms, or the atoms and the cell."""


VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Axes of the components of a stress or strain, in the order of ASE."""
ASKEW = 1e-6
"""Relative tolerance of the components of a periodic vector along an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """State of a relaxation."""

    step: int
    energy: float  # eV
    force: float  # eV/Å, largest of all atoms
    stress: Float[np.ndarray, " 6"] | None  # GPa, Voigt; None where the cell spans no volume


def relax(
    atoms: Atoms,
    *,
    optimiser: str = "fire",
    free: Literal["atoms", "cell"] = "atoms",
    pressure: float = 0.0,
    fmax: float = 0.01,
    steps: int = 500,
    observe: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Progress, bool]:
    """Minimise the energy of ``atoms`` until no force exceeds ``fmax``.

    Args:
        atoms: with a calculator; changed in place.
        optimiser: one of ``OPTIMISERS``.
        free: one of ``FREE``.  The cell of a slab or wire is strained along its periodic directions only, which
            must lie in a plane or along an axis of x, y and z.
        pressure: GPa, on a free cell that is periodic in three directions.
        fmax: eV/Å; with a free cell also the bound on V·(stress + pressure)/N.
        steps: largest number of steps.
        observe: called at every step, the first included.

    Returns:
        The last state, and whether ``fmax`` was reached.

    Raises:
        ConfigError: unknown optimiser or invalid bounds.
        StructureError: the structure has no energy, or no cell that can be relaxed so.
        DivergenceError: positions or energies diverge.
    """
    import ase.optimize
    from ase.filters import FrechetCellFilter

    if optimiser not in OPTIMISERS:
        raise ConfigError(f"optimizer: expected one of {', '.join(OPTIMISERS)}, got {optimiser!r}")
    if not (0 < fmax < 100 and steps >= 1 and abs(pressure) < 1e4):
        raise ConfigError(
            f"expected fmax between 0 and 100 eV/Å, at least one step and a pressure within ±1e4 GPa, "
            f"got {fmax}, {steps} and {pressure}"
        )
    mask = _free_strains(atoms, pressure) if free == "cell" else None
    atoms.get_potential_energy()  # raises StructureError, not DivergenceError, if the start has no energy
    target: Any = atoms if mask is None else FrechetCellFilter(atoms, mask=mask, scalar_pressure=pressure * GPa)
    dynamics = getattr(ase.optimize, OPTIMISERS[optimiser])(target, logfile=None)

    def watch() -> None:
        progress = _progress(atoms, dynamics.nsteps)
        _refuse_runaway(progress)
        observe(progress)

    dynamics.attach(watch)
    try:
        with warnings.catch_warnings():
            # SciPy's own estimate of its logarithm of a strain, 5e-13, at every step
            warnings.filterwarnings("ignore", "logm result may be inaccurate", RuntimeWarning)
            reached = bool(dynamics.run(fmax=fmax, steps=steps))
    except (StructureError, np.linalg.LinAlgError) as error:
        raise DivergenceError(
            f"the relaxation diverged at step {dynamics.nsteps} ({error}); try the optimizer fire or a better start"
        ) from None
    return _progress(atoms, dynamics.nsteps), reached


def _free_strains(atoms: Atoms, pressure: float) -> list[bool]:
    """Which strains (Voigt xx yy zz yz xz xy) leave the vacuum of a slab or wire as it is.

    Raises:
        StructureError: not periodic, no volume, periodic vectors not along axes, or a pressure on vacuum.
    """
    pbc = np.asarray(atoms.pbc)
    if not pbc.any() or atoms.cell.rank < 3:
        raise StructureError(
            "relaxing the cell needs three cell vectors and a periodic direction, got vectors of lengths "
            f"{', '.join(f'{length:g}' for length in atoms.cell.lengths())} Å with pbc {pbc}; relax the atoms alone"
        )
    if pbc.all():
        return [True] * 6
    if pressure:
        raise StructureError(
            f"expected a cell periodic in three directions to put under pressure, got pbc {pbc}, "
            "where the volume holds vacuum; leave the pressure out"
        )
    periodic = atoms.cell[:][pbc]
    axes = (np.abs(periodic) > ASKEW * np.linalg.norm(periodic, axis=1, keepdims=True)).any(axis=0)
    if axes.sum() != len(periodic):
        raise StructureError(
            f"relaxing the cell of a structure with pbc {pbc} needs periodic vectors along x, y or z, or in a plane of "
            f"two of them, got {periodic.round(4).tolist()}; turn the structure, or relax the atoms alone"
        )
    return [bool(axes[a] and axes[b]) for a, b in VOIGT]


def _progress(atoms: Atoms, step: int) -> Progress:
    forces, stress = atoms.get_forces(), stress_or_none(atoms)
    return Progress(
        step=step,
        energy=float(atoms.get_potential_energy()),
        force=float(np.sqrt((forces**2).sum(axis=1).max())),
        stress=None if stress is None else stress / GPa,
    )


def _refuse_runaway(progress: Progress) -> None:
    if not (np.isfinite(progress.energy) and np.isfinite(progress.force)):
        raise DivergenceError(
            f"the relaxation diverged at step {progress.step} (energy or forces are not finite); "
            "try the optimizer fire or a better start"
        )
