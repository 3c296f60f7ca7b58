"""Relaxing atoms, and the cell with them if asked, by the optimisers of ASE."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import ConfigError, DivergenceError, StructureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["FREE", "OPTIMISERS", "Progress", "relax"]

OPTIMISERS = {"fire": "FIRE", "bfgs": "BFGS", "lbfgs": "LBFGS"}
"""Names of the classes in ``ase.optimize``."""
FREE = ("atoms", "cell")
"""What may move: the atoms alone, or the atoms and the cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a relaxation stands."""

    step: int
    energy: float  # eV
    force: float  # eV/Å, largest of all atoms
    stress: Float[np.ndarray, " 6"] | None  # GPa, Voigt; None without periodicity in three directions


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
    """Move ``atoms`` downhill until no force exceeds ``fmax``.

    Args:
        atoms: with a calculator; moved along.
        optimiser: one of ``OPTIMISERS``.
        free: one of ``FREE``.
        pressure: GPa, on a free cell.
        fmax: eV/Å; with a free cell also the bound on V·(stress + pressure)/N.
        steps: at most so many.
        observe: called at every step, the first included.

    Returns:
        Where it ended, and whether ``fmax`` was reached.

    Raises:
        ConfigError: unknown optimiser or bounds that make no sense.
        StructureError: the structure has no energy, or no cell to relax.
        DivergenceError: the atoms ran away.
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
    if free == "cell" and not atoms.pbc.all():
        raise StructureError("relaxing the cell needs one periodic in three directions; relax the atoms alone")
    atoms.get_potential_energy()  # an energy that never existed is no divergence
    target: Any = FrechetCellFilter(atoms, scalar_pressure=pressure * GPa) if free == "cell" else atoms
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


def _progress(atoms: Atoms, step: int) -> Progress:
    forces = atoms.get_forces()
    return Progress(
        step=step,
        energy=float(atoms.get_potential_energy()),
        force=float(np.sqrt((forces**2).sum(axis=1).max())),
        stress=atoms.get_stress() / GPa if atoms.pbc.all() else None,
    )


def _refuse_runaway(progress: Progress) -> None:
    if not (np.isfinite(progress.energy) and np.isfinite(progress.force)):
        raise DivergenceError(
            f"the relaxation diverged at step {progress.step} (energy or forces are not finite); "
            "try the optimizer fire or a better start"
        )
