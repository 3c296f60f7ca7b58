"""Configuration of a study of whole-cell networks, read from TOML into frozen dataclasses.

    WholeCellConfig
    ├── frames      how they are made, or the folder that holds them
    ├── voxels      how they become voxels
    ├── cnn, dense  layers
    ├── schedule    rate, batches, epochs
    ├── potential   an atom-centred one, trained on the same frames
    └── quick       values with --quick

Unknown keys are refused with the list of known ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ase_voxpot.errors import ConfigError
from ase_voxpot.spec import BaselineSpec, Density, PotentialSpec, SteerableSpec, renew
from voxpot_training.config import LossConfig, PotentialSchedule, Schedule, check_name_and_seed, expect
from voxpot_training.wholecell.networks import NetworkSpec
from voxpot_training.wholecell.recipe import Recipe
from voxpot_training.wholecell.voxelizer import WholeCellSpec

__all__ = ["AtomCentred", "FrameSchedule", "Quick", "WholeCellConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSchedule(Schedule):
    """Adam as in the paper, which does not give its rate; no averaging of weights, which is not in the paper."""

    epochs: int = 500
    rate: float = 1e-3
    averaging: float = 0.0
    validate_every: int = 1
    batch: int = 64  # frames

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)  # slots leave super() without its class
        expect(self.batch >= 1, "schedule.batch", "a whole number from 1 on", self.batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomCentred:
    """An atom-centred potential as of ``voxpot train``."""

    descriptor: Density = Density(cutoff=4.8, radial=6)
    network: SteerableSpec = SteerableSpec(degree=3, channels=24, products=0, hidden=(32, 32))
    loss: LossConfig = LossConfig(energy=3.0, energy_final=100.0)
    schedule: PotentialSchedule = PotentialSchedule(epochs=40, batch_atoms=300, averaging=0.99, validate_every=2)
    frames: int = 10_000  # for training at most, evenly spaced, as neighbouring frames are similar

    renew = staticmethod(renew)

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(f"potential.frames: expected a whole number from 1 on, got {self.frames}")
        # descriptor and network have to fit, which is better known before everything else is trained
        PotentialSpec(
            species=("H",), descriptor=self.descriptor, network=self.network, baseline=BaselineSpec(reference=(0.0,))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """Reduced sizes, for two cores and a quarter of an hour."""

    frames: int = 3500
    epochs: int = 25
    batch: int = 32  # frames
    cnn_widths: tuple[int, ...] = (16, 64, 64)
    dense_widths: tuple[int, ...] = (512, 512)
    dropout: float = 0.0  # with dropout of 0.5, nothing is learned in so few steps
    potential_epochs: int = 4  # each frame tells the potential 54 neighbourhoods
    steps: int = 1000  # of dynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCellConfig:
    """All of a study."""

    name: str = "wholecell"
    data: str | None = None  # a folder of frames; made as ``frames`` says without it
    frames: Recipe = field(default_factory=Recipe)
    voxels: WholeCellSpec = field(default_factory=WholeCellSpec)
    resolutions: tuple[int, ...] = (4, 8, 16)
    cnn: NetworkSpec = field(default_factory=NetworkSpec)
    dense: NetworkSpec = field(default_factory=lambda: NetworkSpec(shape="dense", widths=(1024, 512)))
    schedule: FrameSchedule = field(default_factory=FrameSchedule)
    narrow: float = 0.05  # γ of the second set of networks: Gaussians narrower than distances
    validation: float = 0.3
    gammas: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
    potential: AtomCentred = field(default_factory=AtomCentred)
    shipped: str = "motaw-fast"  # a potential that was not trained on the frames, for comparison
    steps: int = 5000  # of dynamics with the network's forces
    seed: int = 0
    device: str = "auto"
    quick: Quick = field(default_factory=Quick)

    def __post_init__(self) -> None:
        check_name_and_seed(self.name, self.seed)
        if not 0 < self.validation < 0.9:
            raise ConfigError(f"validation: expected a part of the frames between 0 and 0.9, got {self.validation}")
        if not 0 < self.narrow < self.voxels.gamma:
            raise ConfigError(f"narrow: expected less than voxels.gamma = {self.voxels.gamma:g}, got {self.narrow:g}")
        if not self.resolutions or min(self.resolutions) < 1 or 8 not in self.resolutions:
            raise ConfigError(f"resolutions: expected numbers of voxels with 8 among them, got {self.resolutions}")

    def shortened(self) -> WholeCellConfig:
        """As ``quick`` says."""
        q = self.quick
        return replace(
            self,
            frames=replace(self.frames, frames=q.frames),
            cnn=replace(self.cnn, widths=q.cnn_widths, dropout=q.dropout),
            dense=replace(self.dense, widths=q.dense_widths, dropout=q.dropout),
            schedule=replace(self.schedule, epochs=q.epochs, batch=q.batch),
            potential=replace(self.potential, schedule=replace(self.potential.schedule, epochs=q.potential_epochs)),
            steps=q.steps,
        )
