"""Configuration of a training, read from TOML into frozen dataclasses.

    TrainConfig
    ├── data        files, keys and zeros of their labels, weights
    ├── split       which frames are held out, block by block
    ├── model       descriptor, network, baseline
    ├── loss        weights of energies, forces and stresses, and their schedule
    └── schedule    learning rate, batches, epochs

Unknown keys are refused with the list of known ones.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from ase.data import atomic_numbers

from ase_voxpot.errors import ConfigError
from ase_voxpot.spec import Cubes, Density, NetworkSpec, SteerableSpec, decode, renew

T = TypeVar("T")

__all__ = [
    "BlockRule",
    "LossConfig",
    "ModelConfig",
    "PotentialSchedule",
    "Schedule",
    "Source",
    "SplitConfig",
    "TrainConfig",
    "check_name_and_seed",
    "config_from",
    "expect",
    "load_config",
    "read_toml",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Labelled frames of one file, looked up beside the config, below ``VOXPOT_DATA`` and in ``training/data``.

    ``file`` may be a system of DeePMD-kit, or a pattern of files that were computed with the same settings.

    The keys of the labels fall back to the results of a stored calculator; a virial (virial = -volume × stress if
    ``virial_sign`` is -1) stands in for a stress.  Ionic steps of VASP without electronic convergence are left out
    unless ``unconverged`` is set.  ``offsets`` are added to the energies per atom of an element, to bring labels
    with another zero in line; an offset of 0.0 states that the zero is correct and skips the check.  ``pressures`` are
    added to the pressure per atom of an element, where another code gives the metals another lattice constant: energies
    are lowered by pressure times volume, so that offsets are those at no volume.  Alloys are under ``mixing_pressure``
    more, see ``zeros.Zero``, for which the ``volumes`` of the elements are needed.  Frames of a source that is
    ``support`` are trained on with ``weight``, energies with ``energy_weight`` times as much, and never held out or
    scored.  ``emphasis`` multiplies the share in the loss of frames whose ``config_type note`` matches a regular
    expression: for groups of few frames that determine a property, such as small strains.  An epoch draws ``share`` of
    the frames, where it is given; else all, or ``schedule.support`` of those that support.
    """

    file: str
    energy_key: str = "REF_energy"
    forces_key: str = "REF_forces"
    stress_key: str = "REF_stress"
    virial_key: str = "REF_virial"
    virial_sign: int = -1
    unconverged: bool = False
    offsets: dict[str, float] = field(default_factory=dict)  # eV per atom
    pressures: dict[str, float] = field(default_factory=dict)  # GPa
    mixing_pressure: float = 0.0  # GPa
    volumes: dict[str, float] = field(default_factory=dict)  # Å³ per atom
    weight: float = 1.0
    energy_weight: float = 1.0
    emphasis: dict[str, float] = field(default_factory=dict)  # factor per pattern
    support: bool = False
    share: float | None = None

    def __post_init__(self) -> None:
        if self.share is not None:
            expect(0 < self.share <= 1, f"data.share of {self.file}", "a share from 0 to 1, not 0", self.share)
        if not self.weight > 0:
            raise ConfigError(f"data.weight must be positive, got {self.weight} for {self.file}")
        expect(self.virial_sign in (-1, 1), f"data.virial_sign of {self.file}", "-1 or 1", self.virial_sign)
        expect(self.energy_weight >= 0, f"data.energy_weight of {self.file}", "zero or more", self.energy_weight)
        for key in ("offsets", "pressures", "volumes"):
            for symbol in getattr(self, key):
                expect(symbol in atomic_numbers, f"data.{key} of {self.file}", "chemical symbols", repr(symbol))
        for symbol, volume in self.volumes.items():
            expect(volume > 0, f"data.volumes.{symbol} of {self.file}", "a volume in Å³", volume)
        for pattern, factor in self.emphasis.items():
            _check_emphasis(pattern, factor, self.file)


def _check_emphasis(pattern: str, factor: float, file: str) -> None:
    """Check a pattern of ``Source.emphasis``.

    Raises:
        ConfigError: a factor that is not positive, or no regular expression.
    """
    if not factor > 0:
        raise ConfigError(f"data.emphasis must be positive, got {factor} for {pattern!r} of {file}")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"data.emphasis of {file}: {pattern!r} is no regular expression ({error})") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRule:
    """Assignment of the frames of some groups to blocks by ``info``.

    ``group`` and ``name`` are regular expressions, searched in ``config_type`` and in
    ``info[key]``.  The named groups of ``name`` identify the block; a part called ``index`` is
    the time along a run instead, and a run is cut into contiguous pieces.
    """

    group: str
    name: str
    key: str = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """Fractions of blocks for validation and hold-out."""

    validation: float = 0.05
    holdout: float = 0.10
    gap: int = 1  # frames of a run left out between the parts
    consecutive: int = 1  # frames in a row that stay together where no rule applies
    seed: int = 0
    rules: tuple[BlockRule, ...] = ()

    def __post_init__(self) -> None:
        expect(self.consecutive >= 1, "split.consecutive", "a whole number from 1 on", self.consecutive)
        expect(self.gap >= 0, "split.gap", "0 or more frames", self.gap)
        expect(self.seed >= 0, "split.seed", "a whole number from 0 on", self.seed)
        if not (0 <= self.validation < 1 and 0 <= self.holdout < 1 and self.validation + self.holdout < 1):
            raise ConfigError(
                f"split.validation and split.holdout must be fractions that leave something to train on, "
                f"got {self.validation} and {self.holdout}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The potential to be trained; energies of free atoms in eV, fitted where left out."""

    species: tuple[str, ...]
    descriptor: Density | Cubes = field(default_factory=Density)
    network: NetworkSpec = field(default_factory=SteerableSpec)
    reference: dict[str, float] = field(default_factory=dict)
    zbl_inner: float = 1.0
    zbl_outer: float = 2.2

    renew = staticmethod(renew)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Huber losses: quadratic below ``*_delta``, linear beyond.

    The weight of the energies goes geometrically from ``energy`` to ``energy_final``
    while the learning rate falls: forces are learned first, then energies.
    """

    energy: float = 10.0
    energy_final: float = 100.0
    energy_delta: float = 0.02  # eV/atom
    force: float = 5.0
    force_delta: float = 0.5  # eV/Å
    virial: float = 1.0
    virial_delta: float = 0.1  # eV/atom

    def __post_init__(self) -> None:
        for name in ("energy", "energy_final", "energy_delta", "force_delta", "virial_delta"):
            expect(getattr(self, name) > 0, f"loss.{name}", "more than 0", getattr(self, name))
        for name in ("force", "virial"):
            expect(getattr(self, name) >= 0, f"loss.{name}", "0 or more", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Optimiser and schedule: linear warm-up, cosine decay to ``final_rate``.

    Training ends after ``epochs`` or ``minutes``, whichever comes first; the schedule follows whichever is nearer to
    its end.  With ``clock = "cpu"`` minutes of CPU time count, for comparable trainings on a shared machine.
    """

    epochs: int = 100
    minutes: float | None = None
    clock: Literal["wall", "cpu"] = "wall"  # what ``minutes`` counts
    optimiser: Literal["adam", "soap"] = "adam"
    rate: float = 3e-3
    final_rate: float = 1e-5
    warmup: float = 0.02  # fraction of the training
    clip: float = 5.0  # norm of the gradient
    decay: float = 0.0  # of the weights, decoupled from the gradient
    averaging: float = 0.995  # per step, exponential average of the weights
    validate_every: int = 5  # epochs

    def __post_init__(self) -> None:
        expect(self.epochs >= 1, "schedule.epochs", "a whole number from 1 on", self.epochs)
        expect(self.minutes is None or self.minutes > 0, "schedule.minutes", "more than 0", self.minutes)
        expect(self.rate > 0, "schedule.rate", "more than 0", self.rate)
        expect(self.final_rate >= 0, "schedule.final_rate", "0 or more", self.final_rate)
        expect(0 <= self.warmup < 1, "schedule.warmup", "a share from 0 to less than 1", self.warmup)
        expect(self.clip > 0, "schedule.clip", "more than 0", self.clip)
        expect(self.decay >= 0, "schedule.decay", "0 or more", self.decay)
        expect(0 <= self.averaging < 1, "schedule.averaging", "a share from 0 to less than 1", self.averaging)
        expect(self.validate_every >= 1, "schedule.validate_every", "a whole number from 1 on", self.validate_every)

    def in_short(self, epochs: int) -> Self:
        """The same over a few epochs, as a test."""
        return replace(self, epochs=epochs, minutes=None, validate_every=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialSchedule(Schedule):
    """A schedule for atomic structures, with the frames of an epoch."""

    optimiser: Literal["adam", "soap"] = "soap"  # slots and order of the fields are those of ``Schedule``
    batch_atoms: int = 600
    support: float = 1.0  # share of the supporting frames that an epoch draws
    rotate: bool = False  # rotate every structure at random (networks that are not equivariant)

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)  # slots leave super() without its class
        expect(self.batch_atoms >= 1, "schedule.batch_atoms", "a whole number from 1 on", self.batch_atoms)
        expect(0 <= self.support <= 1, "schedule.support", "a share from 0 to 1", self.support)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Method of the reference calculations, for the card."""

    code: str
    functional: str  # in the names of ``ase_voxpot.validation.settings``: PBE, PBEsol, r2SCAN …
    cutoff: float | None = None  # eV, of plane waves


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One training, from data to a model file."""

    name: str
    data: tuple[Source, ...]
    model: ModelConfig
    split: SplitConfig = field(default_factory=SplitConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: PotentialSchedule = field(default_factory=PotentialSchedule)
    seed: int = 0
    start: str | None = None  # a model to start from: a shipped name or a path
    about: str = ""  # for the model card
    validity: str = ""  # for the model card: range of validity
    method: Method | None = None  # for the model card: runs of VASP are compared with it
    lattice: dict[str, dict[str, float]] = field(default_factory=dict)  # Å per lattice and element, for the card

    def __post_init__(self) -> None:
        check_name_and_seed(self.name, self.seed)
        for lattice, constants in self.lattice.items():
            for element, constant in constants.items():
                expect(constant > 0, f"lattice.{lattice}.{element}", "a length in Å", constant)


def expect(holds: bool, key: str, wanted: str, got: object) -> None:
    """Check a value of a configuration.

    Raises:
        ConfigError: ``holds`` is not true; names the key, what was expected and what came.
    """
    if not holds:
        raise ConfigError(f"{key}: expected {wanted}, got {got}")


def check_name_and_seed(name: str, seed: int) -> None:
    """Check the name and the seed of a training.

    Raises:
        ConfigError: a name that is not a file name, or an invalid seed.
    """
    expect(Path(name).name == name and name not in ("", ".."), "name", "the name of a file without folders", repr(name))
    expect(0 <= seed < 2**63, "seed", "a whole number from 0 on, below 2^63", seed)


def load_config(path: Path) -> TrainConfig:
    """Read and check the TOML file of a potential.

    Raises:
        ConfigError: missing file, broken TOML, unknown or missing keys, wrong types.
        SpecError: inconsistent values.
    """
    return config_from(TrainConfig, path)


def config_from(kind: type[T], path: Path) -> T:
    """The TOML file ``path`` as the frozen value ``kind``; its key ``kind`` is left to ``voxpot train``.

    Raises:
        ConfigError: missing file, broken TOML, unknown or missing keys, wrong types.
        SpecError: inconsistent values.
    """
    data = read_toml(path)
    data.pop("kind", None)
    try:
        return decode(kind, data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def run_folder(out: str | Path | None, name: str) -> Path:
    """Where a training of this name writes; ``runs/NAME`` by default."""
    return Path(out) if out else Path("runs") / name


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: missing file or broken TOML.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML, got something else ({error})") from None
