"""Parsers of the options of ``voxpot mc`` that hold several numbers, and of the ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.cli.options import parts
from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from ase_voxpot.montecarlo.ensembles import Ensemble

__all__ = ["parse_ensemble", "parse_sizes", "parse_temperatures"]


def parse_temperatures(text: str) -> tuple[float, ...]:
    """K, of one temperature or of several.

    >>> parse_temperatures("300:900:300") == parse_temperatures("300,600,900")
    True

    Raises:
        ConfigError: no numbers, or far too many.
    """
    try:
        if ":" in text:
            start, stop, step = (float(part) for part in text.split(":"))
            if not 0 < step < 1e5 or (stop - start) / step > 1000:
                raise ValueError
            return tuple(start + k * step for k in range(int((stop - start) / step + 1e-9) + 1))
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"temperature: expected one, 300,600,900 or 300:1500:100 in K, got {text!r}") from None


def parse_sizes(text: str) -> list[int]:
    """Numbers of repeats.

    Raises:
        ConfigError: no whole numbers, or one of them twice.
    """
    try:
        found = [int(part) for part in parts(text)]
    except ValueError:
        raise ConfigError(f"sizes: expected whole numbers with commas between, got {text!r}") from None
    if len(set(found)) != len(found):
        raise ConfigError(f"sizes: expected different ones, got {text!r}")
    return found


def parse_ensemble(kind: str, elements: str, *, mu: str, phi: str, kappa: float) -> Ensemble:
    """The ensemble described by its name and parameters.

    Args:
        kind: canonical, sgc or vcsgc.
        elements: that take part, with commas between.
        mu: chemical potentials by element in eV, of sgc.
        phi: by element, of vcsgc.
        kappa: of vcsgc.

    Raises:
        ConfigError: no such ensemble, or it lacks what it needs, or has what it does not need.
    """
    from ase_voxpot.montecarlo import VCSGC, Canonical, SemiGrand

    some = tuple(parts(elements))
    wanted = {"canonical": "", "sgc": "mu", "vcsgc": "phi"}
    if kind not in wanted:
        raise ConfigError(f"ensemble: expected one of {', '.join(wanted)}, got {kind!r}")
    for name, text in (("mu", mu), ("phi", phi)):
        if bool(text) != (wanted[kind] == name):
            raise ConfigError(
                f"{name}: {kind} {'needs it, got none' if wanted[kind] == name else f'has none, got {text!r}'}"
            )
    if kind == "canonical":
        return Canonical(elements=some)
    if kind == "sgc":
        if some:
            raise ConfigError("elements: with sgc those that have a mu take part; leave it out")
        return SemiGrand(chemical_potentials=_values("mu", mu))
    return VCSGC(phis=_values("phi", phi), kappa=kappa, elements=some)


def _values(name: str, text: str) -> dict[str, float]:
    found = {}
    for part in parts(text):
        symbol, _, value = part.partition("=")
        try:
            found[symbol.strip()] = float(value)
        except ValueError:
            raise ConfigError(f"{name}: expected values by element such as Mo=0,Ta=-0.5, got {text!r}") from None
    return found
