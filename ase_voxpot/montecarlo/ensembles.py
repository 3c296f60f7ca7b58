"""Ensembles of alloy thermodynamics: the weights of configurations.

A configuration σ of N sites with n_c atoms of species c has the weight exp(-βE(σ) - Φ(n)), where

    canonical       n is fixed, Φ = 0; trials swap two unlike atoms
    semi-grand      Φ = -β Σ_c μ_c n_c; only differences of the μ_c matter; trials change one atom
    VCSGC           Φ = κ N Σ_c (n_c/N + φ_c/2)²; the same trials, at any concentration, also where
                    phases separate (Sadigh et al., Phys. Rev. B 85, 184203, 2012)

Names and signs of φ and κ are those of mchammer: φ_c = -2 c₀ corresponds to the concentration c₀, the
sum runs over the species that have a φ (all but one), and the derivative of the free energy
per site by the concentration is -2 kT κ (⟨n_c⟩/N + φ_c/2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float, Int

__all__ = ["VCSGC", "Bias", "Canonical", "Ensemble", "SemiGrand", "bias_change"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


def _check_values(name: str, values: Mapping[str, float]) -> None:
    for symbol, value in values.items():
        _require(symbol in atomic_numbers and symbol != "X", f"{name}: expected chemical symbols, got {symbol!r}")
        _require(bool(np.isfinite(value)), f"{name}: expected a finite number for {symbol}, got {value}")


class Bias(NamedTuple):
    """Parameters of Φ for every species, zero for those without."""

    mu: Float[np.ndarray, " species"]  # eV
    kappa: Float[np.ndarray, " species"]
    phi: Float[np.ndarray, " species"]


def bias_change(counts: Int[np.ndarray, " species"], a: int, b: int, beta: float, bias: Bias) -> float:
    """Change of Φ when one atom of species ``a`` becomes one of species ``b``."""
    sites = counts.sum()
    change = -beta * (bias.mu[b] - bias.mu[a])
    change += bias.kappa[a] * (1 / sites - 2 * counts[a] / sites - bias.phi[a])
    change += bias.kappa[b] * (1 / sites + 2 * counts[b] / sites + bias.phi[b])
    return change


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """Swaps of unlike atoms: the composition does not change."""

    elements: tuple[str, ...] = ()  # that take part; all of the structure by default

    flips = False
    name = "canonical"

    def __post_init__(self) -> None:
        _check_values("elements", dict.fromkeys(self.elements, 0.0))
        _require(
            len(set(self.elements)) == len(self.elements) != 1,
            f"elements: expected two or more different elements to swap, got {', '.join(self.elements)}",
        )

    def bias(self, species: Sequence[str]) -> Bias:
        """Φ over ``species``."""
        return Bias(*np.zeros((3, len(species))))


@dataclass(frozen=True, slots=True, kw_only=True)
class SemiGrand:
    """Changes of single atoms at given differences of the chemical potential."""

    chemical_potentials: dict[str, float] = field(default_factory=dict)  # eV

    flips = True
    name = "sgc"

    def __post_init__(self) -> None:
        _check_values("chemical potentials", self.chemical_potentials)
        _require(
            len(self.chemical_potentials) > 1,
            f"chemical potentials: expected those of two or more elements, got {list(self.chemical_potentials)}",
        )

    @property
    def elements(self) -> tuple[str, ...]:
        """Those that take part."""
        return tuple(self.chemical_potentials)

    def bias(self, species: Sequence[str]) -> Bias:
        """Φ over ``species``."""
        mu = np.array([self.chemical_potentials.get(s, 0.0) for s in species])
        return Bias(mu, np.zeros(len(species)), np.zeros(len(species)))


@dataclass(frozen=True, slots=True, kw_only=True)
class VCSGC:
    """Changes of single atoms around a concentration, with a variance that κ constrains."""

    phis: dict[str, float] = field(default_factory=dict)
    kappa: float = 200.0
    elements: tuple[str, ...] = ()  # that take part; all of the structure by default

    flips = True
    name = "vcsgc"

    def __post_init__(self) -> None:
        _check_values("phis", self.phis)
        _check_values("elements", dict.fromkeys(self.elements, 0.0))
        _require(0 < self.kappa < 1e9, f"kappa: expected a number over 0, got {self.kappa}")
        _require(bool(self.phis), "phis: expected one for all elements but one, got none")
        missing = set(self.phis) - set(self.elements or self.phis)
        _require(not missing, f"phis: {', '.join(sorted(missing))} takes no part; expected only elements that do")

    def bias(self, species: Sequence[str]) -> Bias:
        """Φ over ``species``."""
        phi = np.array([self.phis.get(s, 0.0) for s in species])
        kappa = np.array([self.kappa * (s in self.phis) for s in species])
        return Bias(np.zeros(len(species)), kappa, phi)

    def derivatives(self, concentrations: Mapping[str, float], temperature: float) -> dict[str, float]:
        """EV per site, of the free energy by the concentration of each species with a φ."""
        from ase.units import kB

        return {s: -2 * kB * temperature * self.kappa * (concentrations[s] + phi / 2) for s, phi in self.phis.items()}


Ensemble = Canonical | SemiGrand | VCSGC
