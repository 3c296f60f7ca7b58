"""Conditions on new crystals, as rows of numbers.

A row has a column per quantity and a flag per element; NaN stands for unknown.  Values outside the range of the
training crystals are refused, not clipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError, DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Bool, Float

__all__ = ["MEASURES", "Conditions", "Quantity", "quantity_of"]

MEASURES: dict[str, tuple[Callable[[Atoms], float], str]] = {
    "atoms": (len, ""),
    "volume_per_atom": (lambda atoms: float(atoms.cell.volume) / len(atoms), "Å³"),
}
"""Quantities computed from a crystal: function and unit."""
EXACTLY, AMONG = "elements", "contains"
"""Names of conditions on elements: exactly these, or at least these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A numerical condition, with the range of the training crystals."""

    name: str
    low: float
    high: float
    unit: str = ""
    whole: bool = False  # counts are

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise SpecError(f"{self.name}: expected a range from low to high, got {self.low} to {self.high}")

    def check(self, text: str) -> float:
        """The number in ``text``.

        Raises:
            ConfigError: not a number, or out of the range.
        """
        kind = "a whole number" if self.whole else "a number"
        unit = f" {self.unit}" if self.unit else ""
        wanted = f"condition {self.name}: expected {kind} from {self.low:g} to {self.high:g}{unit}"
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high or (self.whole and value != round(value)):
            raise ConfigError(f"{wanted}, the range of the training crystals; got {text.strip() or 'nothing'}")
        return value


def quantity_of(name: str, values: Float[np.ndarray, " crystal"], *, unit: str = "", whole: bool = False) -> Quantity:
    """A quantity with the range of ``values``; NaN is passed over.

    The ends are rounded outwards to four digits, so that printed values are within the range.

    Raises:
        DataError: there is no value.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        raise DataError(f"expected crystals whose {name} is known, got none")
    low, high = (
        float(Context(prec=4, rounding=rounding).create_decimal(repr(float(end))))
        for end, rounding in ((known.min(), ROUND_FLOOR), (known.max(), ROUND_CEILING))
    )
    return Quantity(name=name, low=low, high=high, unit=unit, whole=whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All conditions: quantities, then a flag per element.

    >>> asked = Conditions(quantities=(Quantity(name="atoms", low=1, high=9, whole=True),), elements=("O", "Ti"))
    >>> asked.parse(["atoms=3", "contains=O"])
    array([ 3.,  1., nan])
    """

    quantities: tuple[Quantity, ...] = ()
    elements: tuple[str, ...] = ()
    most: int = 118  # elements of a training crystal

    @classmethod
    def seen_in(
        cls,
        atoms: Sequence[Atoms],
        *,
        measures: Sequence[str] = (),
        values: Mapping[str, tuple[Float[np.ndarray, " crystal"], str]] | None = None,
    ) -> Conditions:
        """Conditions of the training crystals.

        Args:
            atoms: the training crystals, with the elements that are supported.
            measures: names in ``MEASURES``.
            values: further quantities by name, NaN where unknown, and their units.

        Raises:
            DataError: a quantity without any value.
        """
        from ase.data import atomic_numbers

        quantities = []
        for name in measures:
            measure, unit = MEASURES[name]
            seen = np.array([measure(a) for a in atoms], float)
            quantities.append(quantity_of(name, seen, unit=unit, whole=name == "atoms"))
        for name, (known, unit) in (values or {}).items():
            quantities.append(quantity_of(name, np.asarray(known, float), unit=unit))
        kinds = [set(a.get_chemical_symbols()) for a in atoms]
        elements = tuple(sorted(set().union(*kinds), key=atomic_numbers.__getitem__))
        return cls(quantities=tuple(quantities), elements=elements, most=max(map(len, kinds), default=1))

    @property
    def size(self) -> int:
        """Columns of a row."""
        return len(self.quantities) + len(self.elements)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the conditions."""
        return (*(q.name for q in self.quantities), *((EXACTLY, AMONG) if self.elements else ()))

    def table(
        self, atoms: Sequence[Atoms], values: Mapping[str, Float[np.ndarray, " crystal"]] | None = None
    ) -> Float[np.ndarray, "crystal column"]:
        """A row per crystal, NaN for unknown quantities."""
        rows = np.full((len(atoms), self.size), np.nan)
        for column, quantity in enumerate(self.quantities):
            if values is not None and quantity.name in values:
                rows[:, column] = values[quantity.name]
            elif quantity.name in MEASURES:
                rows[:, column] = [MEASURES[quantity.name][0](a) for a in atoms]
        for row, crystal in zip(rows, atoms, strict=True):
            symbols = set(crystal.get_chemical_symbols())
            row[len(self.quantities) :] = [s in symbols for s in self.elements]
        return rows

    def parse(self, texts: Sequence[str]) -> Float[np.ndarray, " column"]:
        """The row of texts such as ``volume_per_atom=15``, ``elements=Ba,Ti,O`` or ``contains=O``.

        Raises:
            ConfigError: an unknown name, a name that comes twice, a value out of range.
        """
        row, result = np.full(self.size, np.nan), set()
        for text in texts:
            name, equals, value = (part.strip() for part in text.partition("="))
            if not equals or name not in self.names:
                known = ", ".join(self.names) or "none, as this model knows of no condition"
                raise ConfigError(f"condition: expected NAME=VALUE with a name of {known}; got {text!r}")
            group = EXACTLY if name == AMONG else name
            if group in result:
                raise ConfigError(f"condition {name}: expected once, got it again in {text!r}")
            result.add(group)
            if group == EXACTLY:
                row[len(self.quantities) :] = self._flags(name, value)
            else:
                column = [q.name for q in self.quantities].index(name)
                row[column] = self.quantities[column].check(value)
        return row

    def _flags(self, name: str, value: str) -> Float[np.ndarray, " element"]:
        symbols = [s.strip() for s in value.split(",") if s.strip()]
        unknown = [s for s in symbols if s not in self.elements]
        if unknown or not symbols:
            got = ", ".join(unknown) or "none"
            raise ConfigError(f"condition {name}: expected some of {','.join(self.elements)}; got {got}")
        if len(set(symbols)) > self.most:
            raise ConfigError(
                f"condition {name}: expected up to {self.most} elements, as the training crystals have; "
                f"got {len(set(symbols))}"
            )
        flags = np.full(len(self.elements), np.nan if name == AMONG else 0.0)
        flags[[self.elements.index(s) for s in symbols]] = 1.0
        return flags

    def forgetful(
        self, table: Float[np.ndarray, "row column"], rng: np.random.Generator
    ) -> Float[np.ndarray, "row column"]:
        """Rows with a random part set to unknown, so that any condition may be left open.

        Every row drops each of its quantities, and its elements, with a random probability; a third of those that
        keep elements keep only some of them (``contains``).
        """
        out, first = table.copy(), len(self.quantities)
        chance = rng.random((len(out), 1))
        out[:, :first][rng.random((len(out), first)) < chance] = np.nan
        flags = out[:, first:]
        vague = rng.random((len(out), 1)) < 1 / 3
        flags[vague & ((flags == 0) | (rng.random(flags.shape) < chance))] = np.nan
        flags[(rng.random((len(out), 1)) < chance)[:, 0]] = np.nan
        return out

    def kept(
        self, wanted: Float[np.ndarray, " column"], atoms: Sequence[Atoms]
    ) -> dict[str, dict[str, float | str | None]]:
        """Requested and obtained values of quantities and elements.

        Returns:
            By condition: requested value, mean and deviation of the crystals, or the share with the elements.
        """
        seen = self.table(atoms)
        out: dict[str, dict[str, float | str | None]] = {}
        for column, quantity in enumerate(self.quantities):
            if np.isnan(wanted[column]):
                continue
            known = len(atoms) > 0 and quantity.name in MEASURES
            mean, spread = (float(f(seen[:, column])) if known else None for f in (np.mean, np.std))
            out[quantity.name] = {"asked": float(wanted[column]), "mean": mean, "deviation": spread}
        flags = wanted[len(self.quantities) :]
        asked = ~np.isnan(flags)
        if asked.any():
            name = EXACTLY if asked.all() else AMONG
            symbols = ",".join(s for s, f in zip(self.elements, flags, strict=True) if f == 1)
            right: Bool[np.ndarray, " crystal"] = (seen[:, len(self.quantities) :] == flags)[:, asked].all(1)
            out[name] = {"asked": symbols, "share": float(right.mean()) if len(atoms) else None}
        return out
