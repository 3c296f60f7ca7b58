"""Averages over runs that differ in their seeds.

The error of a mean is the larger of two: that of the scatter of the runs, which is uncertain for few of them, and
that which the errors of the runs, found from their blocks, leave of their mean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.properties.viscosity import Viscosity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_voxpot.properties.diffusion import Diffusion

__all__ = ["averaged", "mean_of_runs"]


def mean_of_runs(values: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Mean of the results of several runs, and its error.

    >>> mean_of_runs([1.0, 3.0], [0.1, 0.1])
    (2.0, 1.0)

    Args:
        values: one or more.
        errors: standard errors, one per value.
    """
    inside = float(np.sqrt(np.sum(np.square(errors)))) / len(values)
    scatter = float(np.std(values, ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), max(inside, float(scatter))


def averaged(runs: Sequence[Diffusion]) -> Diffusion:
    """The mean of several runs of equal length at one temperature; a single one is returned as it is."""
    if len(runs) == 1:
        return runs[0]
    first = runs[0]
    means = {n: mean_of_runs([r.coefficients[n] for r in runs], [r.errors[n] for r in runs]) for n in first.errors}
    lengths = [r.length for r in runs if r.length is not None]
    return replace(
        first,
        temperature=float(np.mean([r.temperature for r in runs])),
        volume=float(np.mean([r.volume for r in runs])),
        displacements={n: np.mean([r.displacements[n] for r in runs], axis=0) for n in first.displacements},
        coefficients={n: value for n, (value, _) in means.items()},
        errors={n: error for n, (_, error) in means.items()},
        length=float(np.mean(lengths)) if len(lengths) == len(runs) else None,
        viscosity=_viscosity([r.viscosity for r in runs if r.viscosity is not None]),
    )


def _viscosity(found: Sequence[Viscosity]) -> Viscosity | None:
    """Their mean; None of a solid."""
    errors = [v.error for v in found if v.error is not None]
    if not errors:  # given by the user, or none
        return found[0] if found else None
    value, error = mean_of_runs([v.value for v in found], errors)
    return Viscosity(value=value, error=error)
