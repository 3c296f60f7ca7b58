"""Configuration of a campaign, read from TOML into frozen dataclasses.

    LearnConfig
    ├── alloy       elements, lattice
    ├── labeller    what computes energies and forces, limits of what is believed
    ├── explore     kinds of structures, and their sizes
    ├── select      how many are labelled in a round
    ├── train       minutes, data that are there already, model to start from
    ├── stop        errors and costs at which the campaign ends
    ├── report      properties of crystals that are computed by its potentials
    └── cluster     a queueing system, for Dask

Only ``alloy.species`` and ``labeller.use`` are needed.  Unknown keys are refused with the list of known ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ase.data import atomic_numbers

from ase_voxpot.errors import ConfigError
from voxpot_training.config import check_name_and_seed, config_from, expect

if TYPE_CHECKING:
    from pathlib import Path

    from ase_voxpot.tasks import Cluster
else:  # read by ``decode``
    from ase_voxpot.tasks.executors import Cluster

__all__ = [
    "GEOMETRIC",
    "KINDS",
    "SAMPLED",
    "AlloyConfig",
    "ExploreConfig",
    "LabellerConfig",
    "LearnConfig",
    "ReportConfig",
    "SelectConfig",
    "StopConfig",
    "TrainingConfig",
    "load_learn_config",
]

GEOMETRIC = (
    "metals",
    "ordered",
    "random",
    "strained",
    "rattled",
    "vacancy",
    "interstitial",
    "surface",
    "fault",
    "close",
    "liquid",
)
"""Kinds of structures from geometry alone; the first are taken first."""
SAMPLED = ("md", "mc")
"""Kinds that need a potential: molecular dynamics, Monte Carlo swaps with dynamics between them."""
KINDS = GEOMETRIC + SAMPLED
LATTICES = ("bcc", "fcc", "hcp", "sc", "diamond")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlloyConfig:
    """Elements and the crystal that their structures are made from."""

    species: tuple[str, ...]
    lattice: str = ""  # one of LATTICES; that of most elements by default
    constants: dict[str, float] = field(default_factory=dict)  # Å, by element; from ASE's reference states by default
    ratio: float = 1.633  # c/a of hcp

    def __post_init__(self) -> None:
        foreign = [s for s in self.species if s not in atomic_numbers or s == "X"]
        expect(bool(self.species) and not foreign, "alloy.species", "chemical symbols", ", ".join(foreign) or "none")
        expect(len(set(self.species)) == len(self.species), "alloy.species", "each element once", list(self.species))
        expect(self.lattice in ("", *LATTICES), "alloy.lattice", f"one of {', '.join(LATTICES)}", repr(self.lattice))
        unknown = sorted(set(self.constants) - set(self.species))
        expect(not unknown, "alloy.constants", "elements of alloy.species", ", ".join(unknown))
        for element, constant in self.constants.items():
            expect(0.5 < constant < 50, f"alloy.constants.{element}", "Å, between 0.5 and 50", constant)
        expect(1 < self.ratio < 3, "alloy.ratio", "c/a, between 1 and 3", self.ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabellerConfig:
    """What labels, and which labels are believed.

    ``use`` is ``module:factory`` (or ``file.py:factory``) of an ASE calculator, ``gpaw``, ``vasp``, or the command
    line of a program, with ``{input}`` and ``{output}`` in the places of its files; see ``labellers``.
    """

    use: str
    functional: str = ""  # PBE, r2SCAN …; "" where the labeller states none
    limit: float = 3600.0  # s, for a frame
    retries: int = 1  # of a frame whose label failed
    stress: bool = False  # whether labels without a stress are refused
    force_limit: float = 100.0  # eV/Å, largest component that is believed
    energy_limit: float = 0.5  # eV/atom, from the prediction of a potential, and SIGMAS times its uncertainty
    settings: dict[str, str] = field(default_factory=dict)  # for vasp: INCAR; for gpaw: cutoff, density
    command: str = ""  # for vasp: what runs it in a folder; without it the folders are only written
    set: str = "MPStaticSet"  # for vasp: class of pymatgen.io.vasp.sets
    potcars: bool = True  # for vasp: whether POTCARs are written; else POTCAR.spec, with their names
    seconds: float | None = None  # cost of a frame of ten atoms, for the estimate; as is known of the labeller

    def __post_init__(self) -> None:
        expect(bool(self.use.strip()), "labeller.use", "module:factory, gpaw, vasp or a command", repr(self.use))
        expect(0 < self.limit < 1e8, "labeller.limit", "seconds, more than 0", self.limit)
        expect(0 <= self.retries <= 10, "labeller.retries", "a whole number from 0 to 10", self.retries)
        expect(self.force_limit > 0, "labeller.force_limit", "more than 0 eV/Å", self.force_limit)
        expect(self.energy_limit > 0, "labeller.energy_limit", "more than 0 eV/atom", self.energy_limit)
        expect(self.seconds is None or self.seconds > 0, "labeller.seconds", "more than 0", self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreConfig:
    """Which structures are made in a round."""

    kinds: tuple[str, ...] = KINDS
    structures: int = 40  # of every kind from geometry alone, in a round
    runs: int = 8  # of molecular dynamics, and of Monte Carlo, in a round
    atoms: int = 8  # about, of the small cells
    large: int = 32  # about, of those with defects and of the runs
    order: int = 4  # atoms of the largest enumerated cells
    volume: float = 0.12  # largest relative change of the volume
    shear: float = 0.04  # of the strain, one standard deviation at most
    rattle: float = 0.25  # Å, one standard deviation at most
    closest: float = 0.6  # of the distance of nearest neighbours; no pair is closer
    temperatures: tuple[float, ...] = (300.0, 600.0, 1000.0, 1600.0, 2500.0)  # K, of the runs, in turns
    picoseconds: float = 2.0  # of a run of molecular dynamics
    samples: int = 8  # structures of a run
    grade: float = 3.0  # extrapolation grade at which dynamics stops

    def __post_init__(self) -> None:
        unknown = [k for k in self.kinds if k not in KINDS]
        expect(not unknown, "explore.kinds", f"some of {', '.join(KINDS)}", ", ".join(unknown))
        expect(bool(set(self.kinds) & set(GEOMETRIC)), "explore.kinds", f"one of {', '.join(GEOMETRIC)}", "none")
        for name in ("structures", "runs", "atoms", "large", "order", "samples"):
            value = getattr(self, name)
            expect(value >= 1, f"explore.{name}", "a whole number from 1 on", value)
        expect(self.order <= 8, "explore.order", "8 atoms or fewer: there are too many larger cells", self.order)
        expect(0 <= self.volume < 0.5, "explore.volume", "a share from 0 to less than 0.5", self.volume)
        expect(0 <= self.shear < 0.3, "explore.shear", "a strain from 0 to less than 0.3", self.shear)
        expect(0 < self.rattle < 1, "explore.rattle", "Å, between 0 and 1", self.rattle)
        expect(0.2 < self.closest < 1, "explore.closest", "a share between 0.2 and 1", self.closest)
        expect(bool(self.temperatures), "explore.temperatures", "one or more", "none")
        for kelvin in self.temperatures:
            expect(0 < kelvin < 1e5, "explore.temperatures", "K, between 0 and 1e5", kelvin)
        expect(0 < self.picoseconds < 1e6, "explore.picoseconds", "more than 0", self.picoseconds)
        expect(self.grade > 0, "explore.grade", "more than 0", self.grade)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectConfig:
    """Which structures of a round are labelled."""

    labels: int = 60  # in a round, at most
    first: int | None = None  # in the first round; twice as many by default
    thrift: float = 0.5  # exponent of the cost by which the gain of a label is divided
    share: float = 0.25  # of a round, that one kind may take
    holdout: float = 0.1  # share of the labels that is never trained on

    def __post_init__(self) -> None:
        expect(self.labels >= 1, "select.labels", "a whole number from 1 on", self.labels)
        expect(self.first is None or self.first >= 10, "select.first", "10 or more, to train on", self.first)
        expect(0 <= self.thrift <= 2, "select.thrift", "an exponent from 0 to 2", self.thrift)
        expect(0 < self.share <= 1, "select.share", "a share over 0, up to 1", self.share)
        expect(0 < self.holdout < 0.5, "select.holdout", "a share between 0 and 0.5", self.holdout)

    @property
    def of_first_round(self) -> int:
        """Labels of the first round."""
        return max(2 * self.labels, 20) if self.first is None else self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How the potential of a round is trained.

    With ``minutes`` the number of epochs depends on the speed of the machine; with ``epochs`` a campaign gives the same
    numbers wherever it runs.
    """

    minutes: float = 5.0  # of a round
    final: float | None = None  # minutes, of the last training; those of a round by default
    epochs: int | None = None  # of a round, in place of minutes
    start: str = "scratch"  # scratch, last (the potential of the round before), or a model
    config: str = ""  # a TOML file of voxpot train: network, loss, schedule and data that are there already
    clock: Literal["wall", "cpu"] = "wall"  # what minutes count
    threads: int = 1  # of a training

    def __post_init__(self) -> None:
        expect(self.minutes > 0, "train.minutes", "more than 0", self.minutes)
        expect(self.final is None or self.final > 0, "train.final", "more than 0", self.final)
        expect(self.epochs is None or self.epochs >= 1, "train.epochs", "a whole number from 1 on", self.epochs)
        expect(self.threads >= 1, "train.threads", "a whole number from 1 on", self.threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopConfig:
    """When the campaign ends: after so many rounds, or when labels of a round confirm the potential before it."""

    rounds: int = 6
    energy: float = 2.0  # meV/atom, MAE on new labels
    forces: float = 50.0  # meV/Å, MAE on new labels
    labels: int | None = None  # in all
    hours: float | None = None  # of labelling, in all
    ask: int = 2000  # labels in all, beyond which --yes is needed

    def __post_init__(self) -> None:
        expect(self.rounds >= 1, "stop.rounds", "a whole number from 1 on", self.rounds)
        expect(self.energy >= 0, "stop.energy", "0 or more meV/atom", self.energy)
        expect(self.forces >= 0, "stop.forces", "0 or more meV/Å", self.forces)
        expect(self.labels is None or self.labels >= 10, "stop.labels", "10 or more", self.labels)
        expect(self.hours is None or self.hours > 0, "stop.hours", "more than 0", self.hours)
        expect(self.ask >= 1, "stop.ask", "a whole number from 1 on", self.ask)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConfig:
    """Properties of crystals in the report, by the first and the last potential, and by the labeller."""

    properties: Literal["all", "elements", "none"] = "all"  # of the elements and their compounds, or of fewer
    reference: float = 300.0  # s, that a labeller may take for them, if it is an ASE calculator; 0 leaves it out

    def __post_init__(self) -> None:
        expect(self.reference >= 0, "report.reference", "0 or more seconds", self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnConfig:
    """One campaign."""

    alloy: AlloyConfig
    labeller: LabellerConfig
    name: str = ""  # of the potential; the elements by default
    explore: ExploreConfig = field(default_factory=ExploreConfig)
    select: SelectConfig = field(default_factory=SelectConfig)
    train: TrainingConfig = field(default_factory=TrainingConfig)
    stop: StopConfig = field(default_factory=StopConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    cluster: Cluster | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_name_and_seed(self.name or "x", self.seed)

    @property
    def title(self) -> str:
        """The name, or the elements by atomic number, as ``voxpot train`` names a potential."""
        return self.name or "".join(sorted(self.alloy.species, key=lambda s: atomic_numbers[s])).lower()


def load_learn_config(path: Path) -> LearnConfig:
    """Read and check the TOML file of a campaign.

    Raises:
        ConfigError: missing file, broken TOML, unknown or missing keys, wrong types or values.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: expected a configuration, got a folder")
    return config_from(LearnConfig, path)
