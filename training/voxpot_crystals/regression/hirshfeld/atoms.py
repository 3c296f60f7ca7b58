"""Spherical densities of the neutral atoms, hydrogen to curium.

The table in ``tables`` holds ln ρ(r) on one logarithmic grid for all atoms, as the
solver in ``hartree_fock`` gives it; this makes it again (half a minute):

    python -m voxpot_crystals.regression.hirshfeld.atoms

Grid and logarithm go through a cubic spline, which reproduces the solver to 1e-4.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from ase.units import Bohr
from rich.progress import track
from scipy.interpolate import CubicSpline

from ase_voxpot.errors import DataError, UnknownElementError
from ase_voxpot.storage.files import draft_of
from voxpot_crystals.regression.hirshfeld.configurations import HEAVIEST

if TYPE_CHECKING:
    from jaxtyping import Float

    from voxpot_crystals.regression.hirshfeld.hartree_fock import Atom

__all__ = ["TABLE", "Sampled", "log_density", "make_table", "sampled", "tabulate"]

TABLE = Path(__file__).parent / "tables" / "densities.npz"

NODES = np.geomspace(0.003, 30.0, 128)
"""bohr"""

FAINT = 1e-6
"""Electrons per Å³ below which a density is taken for zero; surfaces move by less than 2e-4 Å."""

SPACING = 0.0125
"""Å, of the uniform grid that the kernels look up."""


def tabulate(atom: Atom) -> Float[np.ndarray, " knot"]:
    """The logarithm of ρ on ``NODES``, for ρ in electrons per bohr³.

    Far out, where the density is lost in rounding, it goes on as it fell before.
    """
    r, logs = atom.basis.r, np.log(np.maximum(atom.density, 1e-300))
    heard = int(np.argmax(atom.density < 1e-16)) or len(r)
    inner = CubicSpline(np.log(r[:heard]), logs[:heard])
    edge = r[heard - 1]
    slope = float(inner(np.log(edge), 1)) / edge
    near = np.minimum(NODES, edge)
    cusp = 2 * atom.z * (r[0] - np.minimum(NODES, r[0]))  # below the first node of the solver
    return inner(np.log(np.maximum(near, r[0]))) + cusp + slope * (NODES - near)


def make_table(path: Path = TABLE) -> None:
    """Solve all atoms and write the table."""
    from voxpot_crystals.regression.hirshfeld.hartree_fock import solve_atom

    atoms = [solve_atom(z) for z in track(range(1, HEAVIEST + 1), description="atoms")]
    with draft_of(path) as draft:
        np.savez_compressed(
            draft,
            radius_bohr=NODES,
            log_density=np.array([tabulate(atom) for atom in atoms], np.float32),
            energy_hartree=np.array([atom.energy for atom in atoms]),
        )


@cache
def _splines() -> list[CubicSpline]:
    """Logarithms of ρ over those of r for every atom, in bohr."""
    try:
        with np.load(TABLE) as stored:
            return [CubicSpline(np.log(stored["radius_bohr"]), row.astype(float)) for row in stored["log_density"]]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{TABLE}: expected the table of atomic densities, got {error}; "
            "make it with python -m voxpot_crystals.regression.hirshfeld.atoms"
        ) from None


def log_density(z: int, r: Float[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
    """The logarithm of the density of a neutral atom.

    Args:
        z: atomic number.
        r: distances from the nucleus, in Å; nearer than 0.0016 Å counts as 0.0016 Å.

    Returns:
        The logarithm of the density in electrons per Å³.

    Raises:
        UnknownElementError: an element beyond the table.
    """
    if not 1 <= z <= HEAVIEST:
        known = f"expected elements from H to {chemical_symbols[HEAVIEST]}"
        name = chemical_symbols[z] if 0 <= z < len(chemical_symbols) else f"Z = {z}"
        raise UnknownElementError(f"{known}, got {name}, of which no atomic density is tabulated")
    bohr = np.maximum(np.asarray(r, float) / Bohr, NODES[0])
    spline = _splines()[z - 1]
    beyond = np.maximum(bohr - NODES[-1], 0.0)
    slope = spline(np.log(NODES[-1]), 1) / NODES[-1]
    return spline(np.log(np.minimum(bohr, NODES[-1]))) + slope * beyond - 3 * np.log(Bohr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A density on a uniform grid, for cubic Hermite interpolation by the kernels."""

    value: Float[np.ndarray, " sample"]  # electrons per Å³, at k SPACING
    slope: Float[np.ndarray, " sample"]  # the same per SPACING
    reach: float  # Å, beyond which the density is less than FAINT


@cache
def sampled(z: int, faint: float = FAINT) -> Sampled:
    """The density of an atom as the kernels take it.

    Slopes are limited (Fritsch and Carlson 1980) so that the interpolant stays positive
    where the grid is too coarse for the innermost shell.

    Raises:
        UnknownElementError: an element beyond the table.
    """
    r = SPACING * np.arange(int(16.0 / SPACING))
    value = np.exp(log_density(z, r))
    count = int(np.argmax(value < faint)) or len(r)
    r, value = r[: count + 2], value[: count + 2]
    step = 1e-4
    slope = SPACING * value * (log_density(z, r + step) - log_density(z, np.maximum(r - step, 0.0)))
    slope /= np.minimum(r, step) + step
    secant = np.diff(value)
    slope[:-1] = np.maximum(slope[:-1], 3 * secant)
    slope[1:] = np.maximum(slope[1:], 3 * secant)
    return Sampled(value=value, slope=np.minimum(slope, 0.0), reach=SPACING * count)


def main() -> None:
    """Make the table anew."""
    parser = argparse.ArgumentParser(
        prog="python -m voxpot_crystals.regression.hirshfeld.atoms", description="Make the table of atomic densities."
    )
    parser.add_argument(
        "--output", "-o", type=Path, default=TABLE, help="file to write (default: the one in the package)"
    )
    make_table(parser.parse_args().output)


if __name__ == "__main__":
    main()
