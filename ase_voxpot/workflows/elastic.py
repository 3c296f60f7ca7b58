"""The elastic tensor from stresses under strain, ions relaxed: at rest, and over large strains.

At rest it is the slope of stress against strain, from strains of half a per cent.  Published
tables often hold something else, one straight line through strains of up to ten per
cent; there ``elastic_regression`` follows them.

Voigt order xx yy zz yz xz xy, shear strains as γ = 2ε, everything in GPa.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa

from ase_voxpot.workflows.cells import relaxed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Elasticity", "deformations", "elastic_regression", "elastic_tensor", "elasticity", "fit_tensor"]

SIZES = (-0.005, -0.0025, 0.0025, 0.005)
"""Strains, along each of the six components; opposite ones cancel what is not linear."""
LARGE = tuple(k / 100 for k in range(-10, 11) if k)
"""Stretches and shears of the strained cells of Li et al., npj Comput. Mater. 6:70 (2020)."""
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """An elastic tensor and what follows from it.

    The cubic constants are averages over the components that cubic symmetry makes
    equal: for a random alloy in a finite cell they differ a little.
    """

    tensor: Float[np.ndarray, "6 6"]  # GPa
    c11: float  # GPa
    c12: float  # GPa
    c44: float  # GPa
    bulk: float  # GPa, Hill: mean of Voigt and Reuss
    shear: float  # GPa, Hill
    young: float  # GPa, from Hill's moduli
    poisson: float
    zener: float  # anisotropy 2 C44 / (C11 - C12)
    softest: float  # GPa, smallest eigenvalue; a crystal with a negative one is not stable


def elastic_tensor(atoms: Atoms, calculator: Any, *, fmax: float = 0.002) -> Float[np.ndarray, "6 6"]:
    """Stress against strain by least squares, GPa, made symmetric.

    Args:
        atoms: at rest, wide enough; not changed.
        calculator: with stress.
        fmax: eV/Å, for the ions.

    Raises:
        DivergenceError: the ions found no rest.
    """
    strains, stresses = [], []
    for component in range(6):
        for size in SIZES:
            voigt = np.zeros(6)
            voigt[component] = size
            trial = atoms.copy()
            trial.set_cell(atoms.cell[:] @ (np.eye(3) + _matrix(voigt)), scale_atoms=True)
            strains.append(voigt)
            stresses.append(relaxed(trial, calculator, fmax=fmax).get_stress() / GPa)
    design = np.hstack([np.ones((len(strains), 1)), strains])  # the stress at rest need not vanish
    tensor = np.linalg.lstsq(design, np.array(stresses), rcond=None)[0][1:]
    return (tensor + tensor.T) / 2


def _matrix(voigt: Float[np.ndarray, " 6"]) -> Float[np.ndarray, "3 3"]:
    out = np.zeros((3, 3))
    for value, (a, b) in zip(voigt, VOIGT, strict=True):
        out[a, b] += value / 2
        out[b, a] += value / 2
    return out


def deformations(sizes: Sequence[float] = LARGE) -> Float[np.ndarray, "strain 3 3"]:
    """Gradients F = 1 + δ e_b e_aᵀ, a ≤ b: rest, three stretches along the axes, then shears yz, xz, xy.

    Args:
        sizes: δ; of a shear it is the tangent of its angle.

    >>> deformations([0.1])[:, 2, 1]
    array([0. , 0. , 0. , 0. , 0.1, 0. , 0. ])
    """
    out = [np.eye(3)]
    for pair in VOIGT:
        for size in sizes:
            gradient = np.eye(3)
            gradient[pair[::-1]] += size
            out.append(gradient)
    return np.array(out)


def fit_tensor(
    gradients: Float[np.ndarray, "strain 3 3"], stresses: Float[np.ndarray, "strain 6"]
) -> Float[np.ndarray, "6 6"]:
    """One straight line through all stresses against strain by least squares, GPa, made symmetric.

    Strains are those of Green and Lagrange, (FᵀF - 1) / 2; stresses are Cauchy's.  For large
    strains the two are no pair, but this is what reproduces the published constants.

    Args:
        gradients: F, by which vectors of the crystal at rest become those of the strained one.
        stresses: GPa, Voigt, in the axes of the strained cell; that at rest need not vanish.
    """
    green = (np.swapaxes(gradients, 1, 2) @ gradients - np.eye(3)) / 2
    voigt = np.stack([green[:, a, b] * (1 if a == b else 2) for a, b in VOIGT], axis=1)
    design = np.hstack([np.ones((len(voigt), 1)), voigt])
    tensor = np.linalg.lstsq(design, stresses, rcond=None)[0][1:]
    return (tensor + tensor.T) / 2


def elastic_regression(
    atoms: Atoms, calculator: Any, *, sizes: Sequence[float] = LARGE, fmax: float = 0.002
) -> Float[np.ndarray, "6 6"]:
    """The tensor as Li *et al.* published it: a regression over stretches and shears of up to ten per cent.

    Their 121 cells per metal hold the crystal at rest and F = 1 + δ e_b e_aᵀ for six pairs
    a ≤ b of axes and δ = ±1, ±2 … ±10 %; the regression of their stresses is theirs to 1 GPa.

    Args:
        atoms: at rest, wide enough; not changed.
        calculator: with stress.
        sizes: δ.
        fmax: eV/Å, for the ions, which stay on their sites in a strained bcc or fcc element.

    Raises:
        DivergenceError: the ions found no rest.
    """
    gradients = deformations(sizes)
    stresses = []
    for gradient in gradients:
        trial = atoms.copy()
        trial.set_cell(atoms.cell[:] @ gradient.T, scale_atoms=True)
        stresses.append(relaxed(trial, calculator, fmax=fmax).get_stress() / GPa)
    return fit_tensor(gradients, np.array(stresses))


def elasticity(tensor: Float[np.ndarray, "6 6"]) -> Elasticity:
    """Cubic averages and isotropic moduli (Hill, Proc. Phys. Soc. A 65, 349, 1952).

    Args:
        tensor: GPa, Voigt, invertible.
    """
    compliance = np.linalg.inv(tensor)
    corner, shears = np.trace(tensor[:3, :3]), np.trace(tensor[3:, 3:])
    rest = tensor[:3, :3].sum() - corner
    c11, c12, c44 = corner / 3, rest / 6, shears / 3
    voigt_bulk, voigt_shear = (corner + rest) / 9, (corner - rest / 2 + 3 * shears) / 15
    s_corner, s_shears = np.trace(compliance[:3, :3]), np.trace(compliance[3:, 3:])
    s_rest = compliance[:3, :3].sum() - s_corner
    reuss_bulk, reuss_shear = 1 / (s_corner + s_rest), 15 / (4 * s_corner - 2 * s_rest + 3 * s_shears)
    bulk, shear = (voigt_bulk + reuss_bulk) / 2, (voigt_shear + reuss_shear) / 2
    return Elasticity(
        tensor=tensor,
        c11=float(c11),
        c12=float(c12),
        c44=float(c44),
        bulk=float(bulk),
        shear=float(shear),
        young=float(9 * bulk * shear / (3 * bulk + shear)),
        poisson=float((3 * bulk - 2 * shear) / (6 * bulk + 2 * shear)),
        zener=float(2 * c44 / (c11 - c12)),
        softest=float(np.linalg.eigvalsh(tensor)[0]),
    )
