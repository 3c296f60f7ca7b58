"""The last layer by least squares: energies, forces and virials are linear in its weights.

With every other weight as it is, a prediction per unit weight of the last layer is a column of the matrix X of

    Σ_r ω_r (e_r - X_r v)² + ς² Σ_k (Σ_r ω_r X_rk²) v_k²    least in the change v of the weights

where e are the errors on training frames and ω the weights of the loss.  Errors beyond the δ of the Huber loss count
δ/|e| of the others, with e of the solution before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_training.potential.batches import Predictor, collate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Float
    from torch import nn

    from ase_voxpot.network.inputs import Representation
    from voxpot_training.config import LossConfig
    from voxpot_training.potential.batches import Batch, Example

__all__ = ["least_squares", "solve_last_layer"]

TOGETHER = 16
"""Frames of a batch."""
SOLUTIONS = 3
"""With weights of large errors from the one before."""


def solve_last_layer(
    network: nn.Module,
    examples: Sequence[Example],
    representation: Representation,
    loss: LossConfig,
    *,
    ridge: float = 1e-3,
) -> None:
    """Replace the weights of the last layer.

    Args:
        network: with ``dense`` layers.
        examples: frames to fit.
        representation: of the inputs of the network.
        loss: weights, of the end of a training.
        ridge: ς.
    """
    last: torch.Tensor = network.dense.weights[-1]  # type: ignore[union-attr,index] # of every network
    before = last.detach().clone()
    batches = [collate(examples[k : k + TOGETHER], before) for k in range(0, len(examples), TOGETHER)]
    predict = Predictor(representation)

    def predicted(weights: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            last.copy_(weights)
        results = (predict(network, batch, train=False) for batch in batches)
        return np.concatenate([_rows(r.energy, r.forces, r.virial) for r in results])

    labels = np.concatenate([_rows(b.energy, b.forces, b.virial) for b in batches])
    scales = [_scales(batch, loss) for batch in batches]
    weights, bounds = (np.concatenate(parts) for parts in zip(*scales, strict=True))
    errors = labels - predicted(before)
    one = torch.eye(before.numel(), dtype=before.dtype).view(-1, *before.shape)
    columns = np.stack([predicted(unit) for unit in one], axis=1)
    change = least_squares(columns, errors, weights, bounds, ridge=ridge)
    with torch.no_grad():
        last.copy_(before + torch.from_numpy(change).to(before).view_as(before))


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
        weighted = columns * mine[:, None]
        matrix = columns.T @ weighted
        matrix[np.diag_indices_from(matrix)] *= 1 + ridge**2
        change = np.linalg.solve(matrix, weighted.T @ errors)
    return change


def _rows(*parts: torch.Tensor) -> np.ndarray:
    return np.concatenate([part.detach().double().numpy().ravel() for part in parts])


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
