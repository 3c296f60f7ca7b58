"""Specifications of potentials: frozen dataclasses that are stored with the weights.

    PotentialSpec
    ├── species     the chemical elements, in the order of the channels
    ├── descriptor  Density | Cubes: the input of the network, with the cutoff
    ├── network     SteerableSpec | PlainSpec | DenseSpec
    └── baseline    energies of free atoms per element, and the ZBL repulsion

Values are checked when they are made; ``encode`` and ``decode`` turn them into
plain mappings (JSON, TOML) and back, and raise for unknown keys.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from ase.data import chemical_symbols

from ase_voxpot.errors import ConfigError, SpecError

__all__ = [
    "BaselineSpec",
    "Cubes",
    "DenseSpec",
    "Density",
    "NetworkSpec",
    "PlainSpec",
    "PotentialSpec",
    "SteerableSpec",
    "decode",
    "encode",
    "renew",
]

T = TypeVar("T")

LONGEST = 1e6
"""Å, largest length."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SpecError(message)


def _check_radial(cutoff: float, radial: int) -> None:
    _require(0 < cutoff < 20, f"descriptor.cutoff must lie between 0 and 20 Å, got {cutoff}")
    _require(1 <= radial <= 32, f"descriptor.radial must lie between 1 and 32 functions, got {radial}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """The density of neighbours around an atom in radial functions and solid harmonics, summed in closed form.

    The radial functions of every element are ``f_q(r) = (1 - (r/r_c)²)³ cos(π q r/r_c) exp(-κ r²/2)``,
    q = 0 … ``radial`` - 1.  See ``descriptor``.
    """

    kind: Literal["density"] = "density"
    cutoff: float = 5.0  # Å, r_c
    radial: int = 8  # radial functions per element
    narrowing: float = 0.0  # 1/Å², κ

    def __post_init__(self) -> None:
        _check_radial(self.cutoff, self.radial)
        _require(
            0 <= self.narrowing < 100, f"descriptor.narrowing must lie between 0 and 100 Å⁻², got {self.narrowing}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cubes:
    """A cube of ``n``³ voxels centred on every atom.

    A neighbour at distance r is a Gaussian of width σ (``width``) in each of the ``radial`` channels q of its
    element, with the weight ``f_q(r) = fade(r) cos(π q r / cutoff) exp(r² / 2 lift²)``; without a ``lift`` and with one
    channel the weight is the cutoff function.

    >>> Cubes(n=5, spacing=0.5, width=0.4, cutoff=3.0).reach  # Å, centre to face
    1.0
    """

    kind: Literal["cubes"] = "cubes"
    n: int
    spacing: float  # Å, distance h of neighbouring voxels
    width: float  # Å, σ of the Gaussians
    cutoff: float  # Å, farther neighbours are left out
    radial: int = 1  # channels per element
    lift: float | None = None  # Å

    def __post_init__(self) -> None:
        _require(self.n >= 2, f"descriptor.n must be at least 2 voxels per edge, got {self.n}")
        _require(0 < self.spacing < LONGEST, f"descriptor.spacing must be a positive length in Å, got {self.spacing}")
        _require(0 < self.width < LONGEST, f"descriptor.width must be a positive length in Å, got {self.width}")
        _check_radial(self.cutoff, self.radial)
        _require(
            self.lift is None or 0.2 * self.cutoff < self.lift < LONGEST,
            f"descriptor.lift must exceed a fifth of the cutoff (or weights overflow), got {self.lift} Å",
        )

    @property
    def reach(self) -> float:
        """Distance from the centre to the outermost voxel along an axis, in Å."""
        return 0.5 * (self.n - 1) * self.spacing


@dataclass(frozen=True, slots=True, kw_only=True)
class SteerableSpec:
    """Sums of solid harmonics over the neighbours, invariants of them, dense layers; see ``network.steerable``."""

    kind: Literal["steerable"] = "steerable"
    degree: int = 4  # highest l of the solid harmonics
    channels: int = 32  # learned mixtures of elements and radial functions per l, for pair products
    products: int = 24  # channels of the triple and quadruple products, 0 for none
    product_degree: int = 3  # highest l of the fields that are multiplied
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        _require(0 <= self.degree <= 8, f"network.degree must lie between 0 and 8, got {self.degree}")
        _require(self.channels >= 1, f"network.channels must be at least 1, got {self.channels}")
        _require(self.products >= 0, f"network.products must not be negative, got {self.products}")
        _require(self.product_degree >= 0, f"network.product_degree must not be negative, got {self.product_degree}")
        _require(all(h >= 1 for h in self.hidden), f"network.hidden must hold positive widths, got {self.hidden}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSpec:
    """3-D convolutions of 3³ voxels without padding, then dense layers."""

    kind: Literal["plain"] = "plain"
    channels: tuple[int, ...] = (24, 32, 48)
    hidden: tuple[int, ...] = (64,)

    def __post_init__(self) -> None:
        _require(bool(self.channels), "network.channels must name at least one convolution")
        _require(all(c >= 1 for c in (*self.channels, *self.hidden)), "network widths must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseSpec:
    """Dense layers on the flattened cube, a baseline for comparison."""

    kind: Literal["dense"] = "dense"
    hidden: tuple[int, ...] = (128, 64)

    def __post_init__(self) -> None:
        _require(all(h >= 1 for h in self.hidden), f"network.hidden must hold positive widths, got {self.hidden}")


NetworkSpec = SteerableSpec | PlainSpec | DenseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSpec:
    """The part of the energy that is not learned.

    ``reference`` is the energy of a free atom per species, in eV.  The repulsion of
    Ziegler, Biersack and Littmark acts fully below ``zbl_inner`` and has faded out
    at ``zbl_outer``, in Å.
    """

    reference: tuple[float, ...]
    zbl_inner: float = 1.0
    zbl_outer: float = 2.2

    def __post_init__(self) -> None:
        _require(
            all(math.isfinite(e) for e in self.reference), f"baseline.reference must be finite, got {self.reference}"
        )
        _require(
            0 <= self.zbl_inner < self.zbl_outer,
            f"baseline needs 0 <= zbl_inner < zbl_outer, got {self.zbl_inner} and {self.zbl_outer} Å",
        )


def renew(data: Any) -> Any:
    """A spec, or the table ``model`` of a config, of schema 1 or 2 in the form of schema 3.

    There the table ``grid`` stood for both descriptors.  The energy of a steerable network depended on its n,
    spacing σ, width and lift λ, and on the ``filter_width`` w of the network, through
    κ = 1/(σ² + w²) - 1/λ² alone.  Anything else is returned as it is.
    """
    if not isinstance(data, dict) or not isinstance(data.get("grid"), dict) or "descriptor" in data:
        return data
    grid, network = dict(data["grid"]), data.get("network", {"kind": "steerable"})
    if "shells" in grid:
        grid["radial"] = grid.pop("shells")
    rest = {k: v for k, v in data.items() if k != "grid"}
    if not isinstance(network, dict) or network.get("kind") != "steerable":
        return rest | {"descriptor": {"kind": "cubes"} | grid}
    try:
        window = grid.pop("width") ** 2 + network.get("filter_width", 1.0) ** 2
        lift = grid.pop("lift", None)
        kappa = 1 / window - (0.0 if lift is None else lift**-2)
    except (KeyError, TypeError, ZeroDivisionError, OverflowError):
        return data  # refused by ``decode``
    kappa = kappa if abs(kappa) * window > 1e-12 else 0.0
    density = {"kind": "density", "narrowing": kappa} | {k: v for k, v in grid.items() if k not in ("n", "spacing")}
    return rest | {
        "descriptor": {"radial": 1} | density,
        "network": {k: v for k, v in network.items() if k != "filter_width"},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialSpec:
    """Everything about a potential but its weights."""

    species: tuple[str, ...]
    descriptor: Density | Cubes = field(default_factory=Density)
    network: NetworkSpec = field(default_factory=SteerableSpec)
    baseline: BaselineSpec

    renew = staticmethod(renew)

    def __post_init__(self) -> None:
        known = set(chemical_symbols[1:])
        foreign = [s for s in self.species if s not in known]
        _require(bool(self.species), "species must name at least one chemical element")
        _require(not foreign, f"species must be chemical symbols, got {', '.join(foreign)}")
        _require(len(set(self.species)) == len(self.species), f"species must be distinct, got {self.species}")
        energies, species = len(self.baseline.reference), len(self.species)
        _require(energies == species, f"baseline.reference needs one energy per species ({species}), got {energies}")
        kind, wanted = self.descriptor.kind, "density" if isinstance(self.network, SteerableSpec) else "cubes"
        _require(
            kind == wanted,
            f"descriptor: a {self.network.kind} network reads {wanted!r}, got {kind!r}; set descriptor.kind",
        )
        _require(
            self.baseline.zbl_outer <= self.cutoff,
            f"baseline.zbl_outer ({self.baseline.zbl_outer} Å) must not exceed descriptor.cutoff ({self.cutoff} Å)",
        )

    @property
    def cutoff(self) -> float:
        """Å, farther neighbours are left out."""
        return self.descriptor.cutoff

    @property
    def channels(self) -> int:
        """Input channels: species times radial functions."""
        return len(self.species) * self.descriptor.radial


def encode(value: Any) -> Any:
    """Turn a spec into mappings, lists, numbers and strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    return value


def decode(kind: type[T], data: Any, *, where: str = "") -> T:
    """Build the frozen value ``kind`` from a mapping read from JSON or TOML.

    Raises:
        ConfigError: on unknown or missing keys and on values of the wrong type; the
            sentence names the place, what was expected and what came.
        SpecError: on invalid values of the right type.
    """
    return typing.cast(T, _decode(kind, data, where))


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    place = where or "the top level"
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, data, where)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data, where)
    if origin is tuple:
        return _decode_list(typing.get_args(kind)[0], data, where)
    if origin is dict:
        return _decode_table(typing.get_args(kind)[1], data, where)
    if origin is Literal:
        if data not in typing.get_args(kind):
            raise ConfigError(f"{place}: expected one of {', '.join(map(repr, typing.get_args(kind)))}, got {data!r}")
        return data
    return _decode_scalar(kind, data, place)


def _decode_list(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, list | tuple):
        raise ConfigError(f"{where or 'the top level'}: expected a list, got {data!r}")
    return tuple(_decode(kind, v, f"{where}[{k}]") for k, v in enumerate(data))


def _decode_table(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise ConfigError(f"{where or 'the top level'}: expected a table, got {data!r}")
    return {str(k): _decode(kind, v, f"{where}.{k}") for k, v in data.items()}


def _decode_scalar(kind: type, data: Any, place: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        if abs(data) > sys.float_info.max:
            raise ConfigError(f"{place}: expected float, got an integer that is too large for one")
        return float(data)
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise ConfigError(f"{place}: expected {kind.__name__}, got {data!r}")
    if isinstance(data, float) and not math.isfinite(data):  # accepted by Python's TOML and JSON
        raise ConfigError(f"{place}: expected a finite number, got {data}")
    return data


def _decode_fields(kind: Any, data: Any, where: str) -> Any:
    place = where or "the top level"
    if not isinstance(data, dict):
        raise ConfigError(f"{place}: expected a table with the keys of {kind.__name__}, got {data!r}")
    data = getattr(kind, "renew", dict)(data)  # older forms
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ConfigError(f"{place}: unknown key {', '.join(map(repr, unknown))}; known are {', '.join(known)}")
    missing = [
        name
        for name, f in known.items()
        if name not in data and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{place}: missing key {', '.join(map(repr, missing))}")
    prefix = f"{where}." if where else ""
    return kind(**{name: _decode(hints[name], value, prefix + name) for name, value in data.items()})


def _decode_union(options: tuple[Any, ...], data: Any, where: str) -> Any:
    """Choose among dataclasses by their ``kind``; ``X | None`` by the value."""
    if data is None and type(None) in options:
        return None
    options = tuple(o for o in options if o is not type(None))
    if len(options) == 1:
        return _decode(options[0], data, where)
    tagged = {typing.get_args(typing.get_type_hints(o)["kind"])[0]: o for o in options}
    tag = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(tag, str) or tag not in tagged:
        raise ConfigError(f"{where}.kind: expected one of {', '.join(map(repr, tagged))}, got {tag!r}")
    return _decode(tagged[tag], data, where)
