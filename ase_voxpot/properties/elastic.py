"""The elastic tensor from stresses under strain, ions relaxed: at equilibrium, and over large strains.

At equilibrium it is the slope of stress against strain, from strains of half a per cent.  Some published
tables are linear fits over strains of up to ten per cent; ``elastic_regression`` reproduces these.

Voigt order xx yy zz yz xz xy, shear strains as γ = 2ε, everything in GPa.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DivergenceError
from ase_voxpot.properties.cells import relaxed, to_rest, wide
from ase_voxpot.properties.moduli import VOIGT, Elasticity, elasticity, point_group, symmetrised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = [
    "Ensemble",
    "Measured",
    "deformations",
    "elastic_ensemble",
    "elastic_regression",
    "elastic_tensor",
    "ensemble",
    "fit_tensor",
    "gradients",
    "measure",
    "rest",
    "strained_stresses",
    "strains",
    "tensor_of",
]

SIZES = (-0.005, -0.0025, 0.0025, 0.005)
"""Strains of each of the six components; opposite signs cancel quadratic terms."""
LARGE = tuple(k / 100 for k in range(-10, 11) if k)
"""Stretches and shears of the strained cells of Li et al., npj Comput. Mater. 6:70 (2020)."""


STRAIGHT = 0.9
"""Least coefficient of determination of the linear fit; above 0.999 for stable crystals."""
NEAR_SITE = 0.01
"""Å, within which atoms of a relaxed cell are on their sites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The tensor of one structure before it is averaged over a point group."""

    tensor: Float[np.ndarray, "6 6"]  # GPa
    cell: Atoms  # at rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Elasticity of several decorations of one alloy; of a single structure, one."""

    members: list[Elasticity]  # each averaged over the symmetry of the lattice
    mean: Elasticity  # of the mean tensor
    cells: list[Atoms]  # at rest
    rotations: Float[np.ndarray, "rotation 3 3"]  # of the point group that was averaged over

    def error(self, name: str) -> float | None:
        """Standard error of a number of ``Elasticity`` over the decorations; None of a single one."""
        values = [getattr(m, name) for m in self.members]
        return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def elastic_ensemble(
    structures: Sequence[Atoms],
    calculator: Any,
    *,
    like: Atoms | None = None,
    sizes: Sequence[float] | None = None,
    observe: Callable[[], None] = lambda: None,
) -> Ensemble:
    """Elasticity of one material from several structures (decorations).

    Ions and cell of each are relaxed; its tensor is averaged over a point group.

    Args:
        structures: periodic, near equilibrium; not changed.
        calculator: with stress.
        like: whose point group to average over: of a random alloy, its lattice of one
            element; by default that of the first structure, relaxed if this has higher symmetry.
        sizes: regression over strains this large, instead of slopes at equilibrium.
        observe: called after every strained cell, ``strains(sizes)`` times per structure.

    Raises:
        DivergenceError: a relaxation did not converge.
    """
    parts = [measure(atoms, calculator, sizes=sizes, observe=observe) for atoms in structures]
    return ensemble(parts, structures[0] if like is None else like, known=like is not None)


def measure(
    atoms: Atoms,
    calculator: Any,
    *,
    sizes: Sequence[float] | None = None,
    observe: Callable[[], None] = lambda: None,
) -> Measured:
    """The tensor of one structure, cell and ions relaxed; arguments and errors as of ``elastic_ensemble``."""
    cell = rest(atoms, calculator)
    if sizes is None:
        return Measured(tensor=elastic_tensor(cell, calculator, observe=observe), cell=cell)
    return Measured(tensor=elastic_regression(cell, calculator, sizes=sizes, observe=observe), cell=cell)


def ensemble(parts: Sequence[Measured], like: Atoms, *, known: bool) -> Ensemble:
    """Elasticity of one material from the tensors of several structures.

    Args:
        parts: one per structure.
        like: whose point group to average over.
        known: whether that is the symmetry of the material; else that of the first relaxed cell is used, if higher.
    """
    rotations = point_group(like)
    if not known:
        found = point_group(parts[0].cell, tolerance=NEAR_SITE)
        rotations = found if len(found) > len(rotations) else rotations
    members = [elasticity(symmetrised(part.tensor, rotations)) for part in parts]
    mean = elasticity(np.mean([m.tensor for m in members], axis=0))
    return Ensemble(members=members, mean=mean, cells=[part.cell for part in parts], rotations=rotations)


def rest(atoms: Atoms, calculator: Any) -> Atoms:
    """A relaxed supercell, at least ``cells.WIDTH`` wide; for one element the volume may be the only degree of freedom.

    Raises:
        DivergenceError: the relaxation did not converge.
    """
    if len(set(atoms.numbers)) == 1:
        return wide(to_rest(atoms, calculator))
    return relaxed(wide(atoms), calculator, free="cell")


def strains(sizes: Sequence[float] | None) -> int:
    """Strained cells per structure."""
    return 6 * len(SIZES) if sizes is None else 6 * len(sizes) + 1


def gradients(sizes: Sequence[float] | None) -> Float[np.ndarray, "strain 3 3"]:
    """Deformation gradients F of the strained cells: symmetric ones near rest, or ``deformations(sizes)``."""
    return np.eye(3) + np.array([_matrix(voigt) for voigt in _applied()]) if sizes is None else deformations(sizes)


def _applied() -> Float[np.ndarray, "strain 6"]:
    """Strains near rest, one component after the other."""
    return np.array([size * np.eye(6)[component] for component in range(6) for size in SIZES])


def strained_stresses(
    atoms: Atoms,
    calculator: Any,
    changes: Float[np.ndarray, "strain 3 3"],
    *,
    fmax: float = 0.002,
    observe: Callable[[], None] = lambda: None,
) -> Float[np.ndarray, "strain 6"]:
    """Stresses of strained cells, ions relaxed, GPa, Voigt.

    Args:
        atoms: at rest, wide enough; not changed.
        calculator: with stress.
        changes: deformation gradients F, some of ``gradients``.
        fmax: eV/Å, for the ions.
        observe: called after every strained cell.

    Raises:
        DivergenceError: a relaxation did not converge.
    """
    stresses = []
    for gradient in changes:
        trial = atoms.copy()
        trial.set_cell(atoms.cell[:] @ gradient.T, scale_atoms=True)
        stresses.append(relaxed(trial, calculator, fmax=fmax).get_stress() / GPa)
        observe()
    return np.array(stresses)


def tensor_of(
    atoms: Atoms, stresses: Float[np.ndarray, "strain 6"], sizes: Sequence[float] | None
) -> Float[np.ndarray, "6 6"]:
    """The tensor in GPa from the stresses of all strained cells of ``gradients(sizes)``, in their order.

    Args:
        atoms: at rest, named in messages.
        stresses: GPa, as ``strained_stresses`` gives them.
        sizes: None for slopes at rest.

    Raises:
        DivergenceError: near rest, stress is not linear in strain.
    """
    if sizes is not None:
        return fit_tensor(gradients(sizes), stresses)
    applied = _applied()
    design = np.hstack([np.ones((len(applied), 1)), applied])  # with a constant, as the residual stress need not vanish
    tensor = np.linalg.lstsq(design, stresses, rcond=None)[0]
    _refuse_jumps(atoms, stresses, design @ tensor)
    return (tensor[1:] + tensor[1:].T) / 2


def elastic_tensor(
    atoms: Atoms, calculator: Any, *, fmax: float = 0.002, observe: Callable[[], None] = lambda: None
) -> Float[np.ndarray, "6 6"]:
    """Stress against strain by least squares, GPa, made symmetric.

    Args:
        atoms: at rest, wide enough; not changed.
        calculator: with stress.
        fmax: eV/Å, for the ions.
        observe: called after every strained cell.

    Raises:
        DivergenceError: the relaxation did not converge, or led to different minima.
    """
    found = strained_stresses(atoms, calculator, gradients(None), fmax=fmax, observe=observe)
    return tensor_of(atoms, found, None)


def _refuse_jumps(atoms: Atoms, stresses: Float[np.ndarray, "strain 6"], line: Float[np.ndarray, "strain 6"]) -> None:
    """Raise if stress is not linear in strain."""
    off = ((stresses - line) ** 2).sum()
    explained = 1 - off / max(((stresses - stresses.mean(axis=0)) ** 2).sum(), 1e-12)
    if explained < STRAIGHT:
        raise DivergenceError(
            f"{atoms.get_chemical_formula()}: expected stresses that grow in proportion to strain, got some that are "
            f"off by {np.sqrt(off / stresses.size):.1f} GPa (R² {explained:.2f}): ions fall to other places when the "
            "crystal is strained by half a per cent; it is not stable, relax it from a rattled start"
        )


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
    strains the two are not conjugate, but this reproduces the published constants.

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
    atoms: Atoms,
    calculator: Any,
    *,
    sizes: Sequence[float] = LARGE,
    fmax: float = 0.002,
    observe: Callable[[], None] = lambda: None,
) -> Float[np.ndarray, "6 6"]:
    """The tensor as Li *et al.* published it: a regression over stretches and shears of up to ten per cent.

    Their 121 cells per metal hold the crystal at rest and F = 1 + δ e_b e_aᵀ for six pairs
    a ≤ b of axes and δ = ±1, ±2 … ±10 %; the regression of their stresses is theirs to 1 GPa.

    Args:
        atoms: at rest, wide enough; not changed.
        calculator: with stress.
        sizes: δ.
        fmax: eV/Å, for the ions, which stay on their sites in a strained bcc or fcc element.
        observe: called after every strained cell.

    Raises:
        DivergenceError: the relaxation did not converge.
    """
    found = strained_stresses(atoms, calculator, gradients(sizes), fmax=fmax, observe=observe)
    return tensor_of(atoms, found, sizes)
