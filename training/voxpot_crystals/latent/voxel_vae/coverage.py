"""Coverage of real crystals by generated ones, and distances of their distributions.

The metrics of CDVAE (T. Xie et al., ICLR 2022).  With d_s and d_c the Euclidean distances of structure and
composition fingerprints (see ``fingerprints``) and their cut-offs δ_s and δ_c,

    COV-R = share of real crystals with       min d_s ≤ δ_s and min d_c ≤ δ_c    over the generated ones
    COV-P = share of generated crystals with  min d_s ≤ δ_s and min d_c ≤ δ_c    over the real ones

The two minima may be those of two different crystals: a real structure and another one's formula together
count as covered.  Therefore a stricter share, called *joint*, is also given, for which both must be
near in one crystal.  Generated crystals without a fingerprint count as not covered.

Distances of distributions are Wasserstein's (earth mover's): of densities, of numbers of elements, and of any property
that is predicted.  As in CDVAE, these are taken over the valid ones of the generated crystals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.units import _amu

from ase_voxpot.errors import DataError
from voxpot_crystals.latent.voxel_vae.fingerprints import Fingerprints, fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Bool, Float

__all__ = ["PEROVSKITES", "Coverage", "Cutoffs", "coverage", "density", "wasserstein"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """Distances within which a crystal is covered."""

    structure: float
    composition: float  # in units of our spreads: 0.96 of CDVAE's number


PEROVSKITES = Cutoffs(structure=0.2, composition=3.84)
"""CDVAE's of perov-5 (and of carbon-24), 0.2 and 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Shares from 0 to 1."""

    recall: float
    precision: float
    joint_recall: float
    joint_precision: float


def coverage(
    generated: Sequence[Atoms] | Fingerprints,
    real: Sequence[Atoms] | Fingerprints,
    cutoffs: Cutoffs = PEROVSKITES,
    *,
    store: Path | None = None,
) -> Coverage:
    """COV-R and COV-P.

    Args:
        generated: crystals, or fingerprints of them.
        real: likewise; usually held-out crystals.
        cutoffs: those of the data set.
        store: where structure fingerprints are kept, see ``fingerprints``.

    Raises:
        DataError: no crystals on one side.
        ConfigError: pymatgen is not installed.
    """
    made, true = (s if isinstance(s, Fingerprints) else fingerprints(s, store=store) for s in (generated, real))
    if not len(made.structure) or not len(true.structure):
        raise DataError(f"coverage: expected crystals on both sides, got {len(made.structure)}, {len(true.structure)}")
    near_structure = _near(made.structure, true.structure, cutoffs.structure)
    near_composition = _near(made.composition, true.composition, cutoffs.composition)
    # a crystal without a structure fingerprint does not count by its formula either
    near_composition &= np.isfinite(made.structure).all(1)[:, None]
    both = near_structure & near_composition
    covered = [near_structure.any(axis) & near_composition.any(axis) for axis in (0, 1)]
    return Coverage(
        recall=float(covered[0].mean()),
        precision=float(covered[1].mean()),
        joint_recall=float(both.any(0).mean()),
        joint_precision=float(both.any(1).mean()),
    )


def _near(
    made: Float[np.ndarray, "made feature"], true: Float[np.ndarray, "true feature"], within: float
) -> Bool[np.ndarray, "made true"]:
    from scipy.spatial.distance import cdist

    near: np.ndarray = cdist(made, true) <= within  # false of NaN
    return near


def density(atoms: Atoms) -> float:
    """Mass density in g/cm³.

    >>> from ase.build import bulk
    >>> round(density(bulk("W", "bcc", a=3.165)), 1)
    19.3
    """
    return float(atoms.get_masses().sum() * _amu * 1e3 / (atoms.get_volume() * 1e-24))


def wasserstein(
    generated: Sequence[Atoms],
    real: Sequence[Atoms],
    predict: Callable[[Sequence[Atoms]], Float[np.ndarray, " crystal"]] | None = None,
) -> dict[str, float]:
    """Distances between distributions, in the unit of each property.

    Args:
        generated: the valid ones.
        real: reference crystals.
        predict: a property of every crystal, from any model.

    Returns:
        ``density`` in g/cm³, ``elements`` (how many there are in a crystal) and, with ``predict``, ``property``.

    Raises:
        DataError: no crystals on one side.
    """
    from scipy.stats import wasserstein_distance

    if not len(generated) or not len(real):
        raise DataError(f"wasserstein: expected crystals on both sides, got {len(generated)} and {len(real)}")
    measures: dict[str, Callable[[Sequence[Atoms]], Sequence[float] | np.ndarray]] = {
        "density": lambda crystals: [density(a) for a in crystals],
        "elements": lambda crystals: [float(len(set(a.numbers.tolist()))) for a in crystals],
    }
    if predict is not None:
        measures["property"] = predict
    return {name: float(wasserstein_distance(m(generated), m(real))) for name, m in measures.items()}
