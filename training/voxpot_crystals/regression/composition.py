"""Features of a composition, and baselines on these alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import StructureError, UnknownElementError
from voxpot_crystals.regression.elements import HEAVIEST, element_features
from voxpot_crystals.regression.ionic import sums_of_radii
from voxpot_crystals.regression.perovskites import perovskite_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["BASELINES", "composition_features", "fractions"]


def fractions(atoms: Sequence[Atoms]) -> Float[np.ndarray, "crystal element"]:
    """Share of every element, by Z.

    Raises:
        UnknownElementError: beyond the elements that have features.
    """
    out = np.zeros((len(atoms), HEAVIEST + 1))
    for row, crystal in enumerate(atoms):
        if crystal.numbers.max() > HEAVIEST:
            raise UnknownElementError(
                f"crystal {row}: expected elements up to Z = {HEAVIEST}, got Z = {crystal.numbers.max()}"
            )
        np.add.at(out[row], crystal.numbers, 1 / len(crystal))
    return out


def composition_features(atoms: Sequence[Atoms]) -> Float[np.ndarray, "crystal feature"]:
    """Features that need no coordinates; of perovskites, also which element is on which site.

    Shares of the elements; mean, spread, least and greatest of their features.  If all
    crystals are perovskites: one-hot elements and features of A, B and X in this order.
    """
    share, table = fractions(atoms), element_features()
    mean = share @ table
    spread = np.sqrt(np.maximum(share @ table**2 - mean**2, 0))
    extremes = np.array([[*table[a.numbers].min(0), *table[a.numbers].max(0)] for a in atoms])
    columns = [share, mean, spread, extremes]
    try:
        sites = [perovskite_of(a) for a in atoms]
    except StructureError:
        return np.hstack(columns)
    from ase.data import atomic_numbers

    numbers = np.array([[atomic_numbers[s] for s in (p.a_site, p.b_site, p.anion)] for p in sites])
    onehot = np.eye(HEAVIEST + 1)[numbers].reshape(len(atoms), -1)
    return np.hstack([*columns, onehot, table[numbers].reshape(len(atoms), -1)])


def _ridge(train: Sequence[Atoms], target: np.ndarray, test: Sequence[Atoms]) -> np.ndarray:
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
    return _fit(model, composition_features, train, target, test)


def _boosting(train: Sequence[Atoms], target: np.ndarray, test: Sequence[Atoms]) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.06, min_samples_leaf=5, random_state=0)
    return _fit(model, composition_features, train, target, test)


def _tolerance(train: Sequence[Atoms], target: np.ndarray, test: Sequence[Atoms]) -> np.ndarray:
    from sklearn.linear_model import LinearRegression

    return _fit(LinearRegression(), sums_of_radii, train, target, test)


def _fit(
    model: object,
    features: Callable[[Sequence[Atoms]], np.ndarray],
    train: Sequence[Atoms],
    target: np.ndarray,
    test: Sequence[Atoms],
) -> np.ndarray:
    # one table, so that both sides have the same columns
    table = features([*train, *test])
    model.fit(table[: len(train)], target)  # type: ignore[attr-defined]
    predicted: np.ndarray = model.predict(table[len(train) :])  # type: ignore[attr-defined]
    return predicted


BASELINES: dict[str, Callable[[Sequence[Atoms], np.ndarray, Sequence[Atoms]], np.ndarray]] = {
    "composition, ridge": _ridge,
    "composition, boosted trees": _boosting,
    "sums of radii": _tolerance,
}
"""Train on crystals and targets, predict for others; the last is for perovskites alone."""
