"""Posterior of the weights of the last layer, calibrated on validation frames.

Every training frame A whose energy was learned is one equation for the weights of the last layer: φ_A/n_A times
them is its energy per atom, wrong by e_A.  With s the RMS error of the frames that count, or, of a frame
in support, which may be far from all others, the root of the squares of the typical error and its own (the weights
of a Cauchy likelihood), and w_A = (weight in the loss, capped in support) / s², the information and its covariance are

    F = Σ_A w_A φ_A φ_Aᵀ / n_A²  + ς² D,    C = F⁻¹,    D = diag of the sum
    V = α² (C + C M C),                     M = Σ_A w_A² e_A² φ_A φ_Aᵀ / n_A²

C is the posterior of Bigi et al. (2024), the reciprocal of their prediction rigidity.  The second
term is the correction for errors of unequal size (White, Econometrica 48, 817, 1980): hot
frames have larger errors than relaxed ones, and directions determined by hot frames alone are more uncertain.  α,
c and d of the reported energies σ = c s^d maximise the likelihood of the errors on validation
frames, with d at most 1; ς is the smallest value whose likelihood is at least a tenth of the maximum.

For forces, u_i = |L_Z φ_i| is the distance of an atom from the training atoms of its element, those with large
errors weighted less (the weights of a Cauchy likelihood):

    L_ZᵀL_Z = (Σ_i w_i φ_i φ_iᵀ / (|ΔF_i|²/3 + f²) + ς² D)⁻¹,    σ_F,i = a |L_Z φ_i|^b
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.uncertainty import Calibration, Uncertainty, block_root
from voxpot_training.potential.trials import sum_by_species

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from voxpot_training.potential.trials import Trial

__all__ = ["posterior_of"]

RIDGES = 10.0 ** np.arange(-9, 1)
EVIDENCE = float(np.log(10))
"""Least significant difference of log-likelihoods."""
POWERS = np.arange(0.2, 2.01, 0.05)
STEEPEST = 1.0
"""Largest d: far from the data a linear layer overestimates, and a steeper power of it would do so all the more."""
FLOOR = 0.02
"""eV/Å, f: errors of forces below do not make an atom more informative."""
BENDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Candidates of the bend u₀: quantiles of u over validation atoms."""
BENDING = 10.0
"""Least gain of the log-likelihood by a bend."""
UNSEEN = 1e-6
"""Least element of D relative to the largest, so that the prior covers directions without data."""
TYPICAL = 1.4826
"""Standard deviation over median of the size, of normal errors."""
TINY = 1e-6
"""eV/atom, least RMS error."""


def posterior_of(train: Sequence[Trial], valid: Sequence[Trial], *, species: int) -> Uncertainty:
    """The uncertainty of a potential from its trials on training and validation frames.

    Raises:
        DataError: no validation frames, no energies to train on, or errors that are not finite.
    """
    if not train or not valid:
        raise DataError(f"expected frames to train on and to validate with, got {len(train)} and {len(valid)}")
    if not all(np.isfinite(t.energy) and np.isfinite(t.forces).all() for t in (*train, *valid)):
        raise DataError("expected finite errors on all frames, got NaN or infinity; the model cannot be trusted at all")
    learned = [t for t in train if t.weight * t.energy_weight > 0]
    if not learned:
        raise DataError("expected frames whose energies were trained on, got forces alone")
    rows = np.stack([sum_by_species(t, species) for t in learned])
    errors = np.array([t.energy for t in learned])
    noise = _noise(learned, errors)
    weights = np.array([t.weight * t.energy_weight for t in learned]) / noise**2
    information = (rows * weights[:, None]).T @ rows
    meat = (rows * (weights**2 * errors**2)[:, None]).T @ rows
    tried = np.stack([sum_by_species(t, species) for t in valid])
    wrong = np.array([t.energy for t in valid])
    ridge, factor, covariance = _most_likely(information, meat, tried, wrong)
    local = np.stack([block_root(_local(train, kind, ridge)) for kind in range(species)])
    relation = _force_relation(valid, local)
    plain = Calibration(
        energy_limit=1.0,
        atom_limit=1.0,
        **relation,
        noise=float(noise.min()),
        factor=factor,
        ridge=ridge,
    )
    draft = Uncertainty(block_root(covariance), local, plain)
    result = [draft.of_features(t.inputs[:, :-1], t.species) for t in valid]
    deviations = np.array([s.energy / t.atoms for s, t in zip(result, valid, strict=True)])
    energy_scale, energy_power = _power_law(deviations, wrong**2, steepest=STEEPEST)
    found = replace(
        plain,
        energy_limit=float(deviations.max()),
        atom_limit=max(float(s.energies.max()) for s in result),
        energy_scale=energy_scale,
        energy_power=energy_power,
    )
    return Uncertainty(draft.root, draft.local, found)


def _noise(train: Sequence[Trial], errors: Float[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """Noise s of every frame in eV/atom: the RMS error of those that count, in support the typical and its own."""
    support = np.array([t.support for t in train])
    noise = np.empty(len(train))
    if not support.all():
        noise[~support] = max(float(np.sqrt((errors[~support] ** 2).mean())), TINY)
    if support.any():
        typical = max(TYPICAL * float(np.median(np.abs(errors[support]))), TINY)
        noise[support] = np.sqrt(typical**2 + errors[support] ** 2)
    return noise


def _inverse(information: Float[np.ndarray, "row row"], ridge: float) -> Float[np.ndarray, "row row"]:
    """Inverse with a prior that is proportional to the diagonal."""
    diagonal = np.diag(information)
    scale = np.sqrt(np.maximum(diagonal, UNSEEN * diagonal.max()))
    outer = np.outer(scale, scale)
    return np.linalg.inv(information / outer + ridge * np.eye(len(scale))) / outer


def _most_likely(
    information: Float[np.ndarray, "row row"],
    meat: Float[np.ndarray, "row row"],
    rows: Float[np.ndarray, "frame row"],
    errors: Float[np.ndarray, " frame"],
) -> tuple[float, float, Float[np.ndarray, "row row"]]:
    """The weakest prior ς² that the validation frames cannot tell from the most likely one, with its α and V."""
    found = []
    for ridge in RIDGES:
        plain = _inverse(information, ridge)
        covariance = plain + plain @ meat @ plain
        variance = np.einsum("fi,ij,fj->f", rows, covariance, rows).clip(min=1e-30)
        factor = max(float((errors**2 / variance).mean()), 1e-12)
        scale, power = _power_law(np.sqrt(variance), errors**2, steepest=STEEPEST)
        surprise = float(np.log(scale * variance ** (power / 2)).mean())  # the mean of e²/σ² is one for every ridge
        found.append((surprise, float(ridge), float(np.sqrt(factor)), factor * covariance))
    best = min(f[0] for f in found)
    return next(f[1:] for f in found if (f[0] - best) * len(errors) < EVIDENCE)


def _local(train: Sequence[Trial], kind: int, ridge: float) -> Float[np.ndarray, "input input"]:
    """Inverse information matrix of the atoms of one species, in arbitrary units."""
    width = train[0].inputs.shape[1]
    information = np.zeros((width, width))
    for trial in train:
        mine = trial.species == kind
        if mine.any():
            inputs = trial.inputs[mine].astype(float)
            weight = trial.weight / ((trial.forces[mine] ** 2).mean(axis=1) + FLOOR**2)
            information += (inputs * weight[:, None]).T @ inputs
    if not information.any():
        information = np.eye(width)
    return _inverse(information, ridge)


def _force_relation(valid: Sequence[Trial], local: Float[np.ndarray, "species input input"]) -> dict[str, Any]:
    """Parameters of ``Calibration`` for forces: the bent power of u with the greatest likelihood."""
    unusual, squares = [], []
    for trial in valid:
        for kind in range(len(local)):
            mine = (trial.species == kind) & trial.free
            unusual.append(np.linalg.norm(trial.inputs[mine].astype(float) @ local[kind].T, axis=1))
            squares.append((trial.forces[mine] ** 2).mean(axis=1))
    u = np.concatenate(unusual)
    if not len(u):  # relaxed crystals determine no relation
        return {"force_scale": 0.0, "force_power": 1.0}
    scale, power, bend, beyond = _bent_power_law(u, np.concatenate(squares))
    return {"force_scale": scale, "force_power": power, "force_bend": bend, "force_beyond": beyond}


def _bent_power_law(
    deviations: Float[np.ndarray, " value"], squares: Float[np.ndarray, " value"]
) -> tuple[float, float, float | None, float]:
    """Factor, exponent, bend and the exponent beyond it; no bend where it makes the errors hardly more likely."""
    u = deviations.clip(min=1e-30)
    scale, power = _power_law(u, squares)
    widths = scale * u**power
    plain = float((np.log(widths**2) + squares / widths**2).mean())
    best: tuple[float, float, float, float | None, float] = (plain - 2 * BENDING / len(u), scale, power, None, 1.0)
    for bend in np.unique(np.quantile(u, BENDS)):
        for b in POWERS:
            below = np.minimum(u, bend) ** b
            for beyond in np.arange(0.0, b, 0.1):
                shape = (below * np.maximum(u / bend, 1.0) ** beyond) ** 2
                factor = float(np.mean(squares / shape))
                surprise = float(np.log(factor * shape).mean()) + 1
                if surprise < best[0]:
                    best = (surprise, factor**0.5, float(b), float(bend), float(beyond))
    return best[1:]


def _power_law(
    deviations: Float[np.ndarray, " value"], squares: Float[np.ndarray, " value"], *, steepest: float = np.inf
) -> tuple[float, float]:
    """Factor a and exponent b of widths a u^b under which Gaussian errors, squares given, are most likely."""
    u = deviations.clip(min=1e-30)
    powers = POWERS[: np.searchsorted(POWERS, steepest + 1e-9)]
    surprises = [float(np.log(np.mean(squares / u ** (2 * b)) * u ** (2 * b)).mean()) for b in powers]
    power = float(powers[int(np.argmin(surprises))])
    return float(np.sqrt(np.mean(squares / u ** (2 * power)))), power
