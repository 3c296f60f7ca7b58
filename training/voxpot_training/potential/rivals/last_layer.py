"""The last layer by least squares: energies, forces and virials are linear in its weights.

With all others as they are, a prediction per unit weight of the last layer is a column of the matrix X of

    Σ_r ω_r (e_r - X_r v)² + ς² Σ_k (Σ_r ω_r X_rk²) v_k²    least in the change v of the weights

where e are the errors on training frames and ω the weights of the loss.  Errors beyond the δ of the Huber loss count
δ/|e| of the others, with e of the solution before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from ase_voxpot.engines.derivatives import virial_from_pairs
from ase_voxpot.neighbours.loops import forces_from_arrays
from voxpot_training.potential.batches import VOIGT, Predictor, collate, make_example

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float

    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.potential import Potential
    from voxpot_training.config import LossConfig
    from voxpot_training.data import Frames
    from voxpot_training.gradients import GradientEngine
    from voxpot_training.potential.batches import Batch, Example, Prediction
    from voxpot_training.splits import Split

__all__ = ["columns_of", "least_squares", "rows_of", "solve_last_layer"]

TOGETHER = 16
"""Frames of a batch."""
SOLUTIONS = 3
"""With weights of large errors from the one before."""


def solve_last_layer(
    potential: Potential, frames: Frames, split: Split, loss: LossConfig, *, ridge: float = 1e-2
) -> None:
    """Replace the weights of the last layer of a steerable network on the CPU.

    Args:
        potential: trained.
        frames: labelled.
        split: of them; those to train on are fitted.
        loss: weights, of the end of a training.
        ridge: ς.
    """
    network = cast("SteerableNetwork", potential.network)
    last = network.dense.weights[-1].detach()
    predict = Predictor(potential.representation)
    parts = []
    for start in range(0, len(split.train), TOGETHER):
        batch = collate([_example(potential, frames, k) for k in split.train[start : start + TOGETHER]], last)
        errors = rows_of(batch) - rows_of(predict(network, batch, train=False))
        parts.append((columns_of(predict.engine_for(network), network, batch), errors, *_scales(batch, loss)))
    columns, errors, weights, bounds = (np.concatenate(part) for part in zip(*parts, strict=True))
    change = least_squares(columns, errors, weights, bounds, ridge=ridge)
    last += torch.from_numpy(change).to(last).view_as(last)


def _example(potential: Potential, frames: Frames, row: int) -> Example:
    weight = frames.weights[row] * frames.emphasis[row]
    return make_example(frames.atoms[row], frames.labels[row], potential.spec, weight=weight)


def columns_of(engine: GradientEngine, network: SteerableNetwork, batch: Batch) -> Float[np.ndarray, "row weight"]:
    """Predictions for a batch per unit weight of the last layer, in the order of ``rows_of``.

    A pass finds the slopes of one feature of every atom, which belong to the weight of the element of the atom.
    """
    learned, fixed = engine.tensors_of(network)
    arrays = {name: tensor.detach().numpy() for name, tensor in (learned | fixed).items()}
    name = f"dense.weights.{len(network.dense.weights) - 1}"
    kinds, width, _ = arrays[name].shape
    pairs, atoms, frames = batch.scene.pairs, len(batch.owner), len(batch.sizes)
    sizes, offset, home = (
        batch.sizes.numpy(),
        torch.from_numpy(pairs.offset),
        torch.from_numpy(batch.owner[pairs.centre]),
    )
    columns = np.empty((7 * frames + 3 * atoms, kinds, width), np.float32)
    for feature in range(width):
        arrays[name] = np.zeros_like(arrays[name])
        arrays[name][:, feature] = 1
        energies, slopes = engine.first(arrays, pairs, batch.species, batch.scene.channel)
        for kind in range(kinds):
            energy = np.bincount(batch.owner, energies * (batch.species == kind), minlength=frames)
            mine = slopes * (batch.species[pairs.centre] == kind)[:, None]
            forces = forces_from_arrays(mine, pairs.centre, pairs.neighbour, atoms)
            virial = virial_from_pairs(torch.from_numpy(mine).double(), offset, home, frames).numpy()
            virial = virial.reshape(frames, 9)[:, VOIGT] / sizes[:, None]
            columns[:, kind, feature] = np.concatenate([energy / sizes, forces.ravel(), virial.ravel()])
    return columns.reshape(len(columns), -1)


def least_squares(
    columns: Float[np.ndarray, "row weight"],
    errors: Float[np.ndarray, " row"],
    weights: Float[np.ndarray, " row"],
    bounds: Float[np.ndarray, " row"],
    *,
    ridge: float,
) -> Float[np.ndarray, " weight"]:
    """The change v of the weights, see above; ``bounds`` are the δ of every row."""
    change = np.zeros(columns.shape[1])
    for _ in range(SOLUTIONS):
        left = np.abs(errors - columns @ change)
        mine = weights * np.minimum(1, bounds / np.maximum(left, 1e-12))
        weighted = columns * mine[:, None].astype(columns.dtype)
        matrix = columns.T @ weighted
        matrix[np.diag_indices_from(matrix)] *= 1 + ridge**2
        change = np.linalg.solve(matrix, weighted.T @ errors)
    return change


def rows_of(of: Batch | Prediction) -> Float[np.ndarray, " row"]:
    """Energies, forces and virials in a row."""
    return np.concatenate([part.double().numpy().ravel() for part in (of.energy, of.forces, of.virial)])


def _scales(batch: Batch, loss: LossConfig) -> tuple[np.ndarray, np.ndarray]:
    """Weights ω of the rows of a batch, up to a factor, and the δ of each."""
    frames, atoms = len(batch.sizes), len(batch.owner)
    frame, virial = batch.weight.double().numpy(), batch.virial_weight.double().numpy()
    mean = frames / atoms  # the loss of forces is a mean over atoms, the others over frames
    parts: Iterable[tuple[np.ndarray, float, float]] = (
        (frame, loss.energy_final, loss.energy_delta),
        (np.repeat(frame[batch.owner], 3) * mean / 3, loss.force, loss.force_delta),
        (np.repeat(virial, 6) / 6, loss.virial, loss.virial_delta),
    )
    rows = [(factor * of / delta, np.full(len(of), delta)) for of, factor, delta in parts]
    weights, bounds = (np.concatenate(found) for found in zip(*rows, strict=True))
    return weights, bounds
