"""Energies of alloys against their elements.

The mixing energy of a structure is its energy less that of its atoms in their own
crystals, per atom, in meV.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.build import bulk

from ase_voxpot.errors import ConfigError
from ase_voxpot.properties.cells import energy_per_atom, relaxed, wide
from ase_voxpot.structures import random_alloy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["ORDERED", "Agreement", "Ensemble", "by_fraction", "compare", "mixing_energy", "ordered", "random_mixing"]

MILLI = 1000.0
"""meV in an eV."""
FMAX = 0.01
"""eV/Å, for ions and cell."""

ORDERED = {"B2": (0, 0, 1, 1), "B32": (0, 1, 0, 1), "D0_3": (0, 0, 0, 1)}
"""Orders of two elements on the four face-centred sublattices of bcc: two of corners, two of centres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Mixing energies of random decorations, meV/atom."""

    relaxed: float  # mean, ions and cell relaxed
    error: float  # standard error of that mean
    unrelaxed: float  # mean, atoms on the sites of Vegard's lattice
    values: Float[np.ndarray, " decoration"]  # relaxed


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Mixing energies of labelled frames of two elements, by the labels and by a calculator, meV/atom."""

    fraction: Float[np.ndarray, " frame"]  # of the second element
    reference: Float[np.ndarray, " frame"]
    found: Float[np.ndarray, " frame"]
    deviation: float  # mean of found - reference
    mae: float


def ordered(kind: str, pair: tuple[str, str], constant: float) -> Atoms:
    """Cubic cell of 16 sites of an ordered bcc alloy.

    Args:
        kind: one of ``ORDERED``.
        pair: the elements; the second is the one that is rarer in D0_3.
        constant: Å, of the underlying bcc lattice.

    Raises:
        ConfigError: an unknown kind.

    >>> ordered("D0_3", ("Mo", "Ta"), 3.2).get_chemical_formula()
    'Mo12Ta4'
    """
    if kind not in ORDERED:
        raise ConfigError(f"order: expected one of {', '.join(ORDERED)}, got {kind!r}")
    atoms = bulk(pair[0], "bcc", a=constant, cubic=True).repeat(2)
    sites = np.round(2 * atoms.positions / constant).astype(int)  # all even on corners, all odd in centres
    centre = sites[:, 0] % 2
    sublattice = 2 * centre + ((sites.sum(axis=1) - centre) // 2 - centre) % 2
    atoms.symbols = [pair[ORDERED[kind][s]] for s in sublattice]
    return atoms


def mixing_energy(atoms: Atoms, calculator: Any, elements: Mapping[str, float]) -> float:
    """Mixing energy of a structure without relaxation, meV/atom.

    Args:
        atoms: the alloy.
        calculator: any.
        elements: eV/atom of every element in its own crystal, by the same calculator.
    """
    return MILLI * (energy_per_atom(atoms, calculator) - _of_elements(atoms, elements))


def _of_elements(atoms: Atoms, elements: Mapping[str, float]) -> float:
    return float(np.mean([elements[s] for s in atoms.get_chemical_symbols()]))


def random_mixing(
    formula: str,
    calculator: Any,
    elements: Mapping[str, float],
    constants: Mapping[str, float],
    rng: np.random.Generator,
    *,
    decorations: int = 6,
    repeat: int = 3,
) -> Ensemble:
    """Mixing energy of a random bcc alloy, over several decorations of a cubic cell.

    Args:
        formula: such as ``MoTaW`` or ``Mo3W``.
        calculator: with stress.
        elements: eV/atom of every element, by the same calculator.
        constants: Å, lattice constants of the elements; their mean is the initial one.
        rng: shuffles the sites.
        decorations: how many, at least two.
        repeat: cubic cells along each edge.

    Raises:
        DivergenceError: a relaxation did not converge.
    """
    before, after = [], []
    for _ in range(decorations):
        card = {"lattice": {"bcc": dict(constants)}}
        atoms = random_alloy(f"bcc:{formula}", repeat=repeat, rng=rng, card=card)
        before.append(mixing_energy(atoms, calculator, elements))
        rest = relaxed(atoms, calculator, free="cell", fmax=FMAX)
        after.append(MILLI * (rest.get_potential_energy() / len(rest) - _of_elements(rest, elements)))
    return Ensemble(
        relaxed=float(np.mean(after)),
        error=float(np.std(after, ddof=1) / np.sqrt(decorations)),
        unrelaxed=float(np.mean(before)),
        values=np.array(after),
    )


def compare(
    frames: Sequence[Atoms],
    energies: Sequence[float],
    references: Mapping[str, float],
    calculator: Any,
    elements: Mapping[str, float],
    pair: tuple[str, str],
) -> Agreement:
    """Mixing energies of labelled frames against those of a calculator, each with its own elements.

    Args:
        frames: of the two elements, not relaxed.
        energies: labels, eV per frame.
        references: eV/atom of both elements, by the method of the labels.
        calculator: any.
        elements: eV/atom of both elements, by the calculator.
        pair: the elements; fractions count the second.
    """
    found = np.array([mixing_energy(wide(a, 6.0), calculator, elements) for a in frames])
    labels = np.array(
        [MILLI * (e / len(a) - _of_elements(a, references)) for a, e in zip(frames, energies, strict=True)]
    )
    fraction = np.array([float(np.mean(a.symbols == pair[1])) for a in frames])
    return Agreement(
        fraction=fraction,
        reference=labels,
        found=found,
        deviation=float(np.mean(found - labels)),
        mae=float(np.abs(found - labels).mean()),
    )


def by_fraction(agreement: Agreement) -> dict[float, tuple[float, float]]:
    """Mean deviation and mean absolute deviation at every composition, meV/atom."""
    rows: dict[float, list[float]] = defaultdict(list)
    for x, difference in zip(agreement.fraction, agreement.found - agreement.reference, strict=True):
        rows[round(float(x), 6)].append(float(difference))
    return {x: (float(np.mean(d)), float(np.abs(d).mean())) for x, d in sorted(rows.items())}
