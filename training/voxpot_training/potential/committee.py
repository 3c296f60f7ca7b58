"""A committee: potentials that differ by their seed alone, whose mean labels frames for the training of another one.

    python -m voxpot_training.potential.committee training/configs/motaw-committee.toml --members 12

Networks of one training set agree where the data determine them; elsewhere their errors are largely independent, so
that the mean has smaller ones.  One network trained on frames that the mean has labelled inherits most of that:
distillation of an ensemble, Matin et al., arXiv:2503.14293 (2025).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

import numpy as np
import typer
from ase.calculators.calculator import Calculator, all_changes

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import ConfigError, VoxPotError
from ase_voxpot.plotting.screen import console, table
from ase_voxpot.weights import load_potential, save_potential
from voxpot_training.config import expect, load_config, run_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.potential import Potential
    from ase_voxpot.scoring import Prediction
    from voxpot_training.config import TrainConfig

__all__ = ["Committee", "MemberErrors", "errors_by_number", "member_file", "train_committee"]


def member_file(folder: Path, number: int) -> Path:
    """The model file of a member."""
    return folder / f"member-{number}.safetensors"


class Committee(Calculator):
    """Means of energies (eV), forces (eV/Å) and stress (eV/Å³) over the members in a folder.

    ``results["forces_spread"]``, eV/Å, is the standard deviation of the force on every atom, root mean square over
    the axes.
    """

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012 - as in ASE

    def __init__(self, folder: str) -> None:
        """Load all members that ``train_committee`` left there.

        Raises:
            ConfigError: there are none.
        """
        super().__init__()  # type: ignore[no-untyped-call] # as ASE's calculators are
        files = sorted(Path(folder).glob("member-*.safetensors"))
        if not files:
            raise ConfigError(f"{folder}: expected member-0.safetensors and others, got none; train a committee first")
        self.members = tuple(load_potential(str(file)) for file in files)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """As ASE calls it."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        structure = cast("Atoms", self.atoms)  # the copy that ASE keeps
        found = [member.evaluate(structure) for member in self.members]
        forces = np.array([result.forces for result in found])
        self.results = {
            "energy": float(np.mean([result.energy for result in found])),
            "forces": forces.mean(0),
            "stress": np.mean([result.stress for result in found], 0),
            "forces_spread": np.sqrt(forces.var(0).mean(1)),
        }


def train_committee(config: TrainConfig, beside: Path, folder: Path, members: int) -> None:
    """Train the members that the folder does not hold, one after the other; a stopped one goes on.

    Args:
        config: of each; the seed counts up from its own.
        beside: folder in which data files are looked up first.
        folder: for ``member-K.safetensors`` and a folder of checkpoints for each.
        members: how many.

    Raises:
        ConfigError: fewer than two.
    """
    from voxpot_training.potential.train import fit_potential

    expect(members >= 2, "--members", "a whole number from 2 on", members)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(members):
        if member_file(folder, number).is_file():
            continue
        own = replace(config, name=f"{config.name}-{number}", seed=config.seed + number)
        potential, _, _ = fit_potential(own, beside, folder / f"member-{number}", resume=True)
        save_potential(
            potential, member_file(folder, number), card={"about": config.about, "validity": config.validity}
        )


class MemberErrors(NamedTuple):
    """Errors of a mean of members."""

    energy: float  # MAE, meV/atom
    force: float  # MAE, meV/Å
    force_rms: float  # meV/Å


def errors_by_number(
    members: Sequence[Potential], frames: Sequence[Atoms], labels: Sequence[Labels]
) -> dict[int, MemberErrors]:
    """Errors of the mean of the first 1, 2, 4 … and of all members on labelled frames."""
    from ase_voxpot.scoring import predict

    found: list[list[Prediction]] = [list(predict(member, list(frames))) for member in members]
    sizes = np.array([len(atoms) for atoms in frames])
    energies = np.array([[result.energy for result in one] for one in found]) / sizes
    forces = np.array([np.concatenate([result.forces for result in one]) for one in found])
    wanted = np.array([label.energy for label in labels]) / sizes
    aims = np.concatenate([label.forces for label in labels])
    numbers = sorted({*(2**k for k in range(len(members).bit_length()) if 2**k <= len(members)), len(members)})
    out = {}
    for number in numbers:
        off = forces[:number].mean(0) - aims
        energy = np.abs(energies[:number].mean(0) - wanted).mean()
        found_errors = (energy, np.abs(off).mean(), np.sqrt((off**2).mean()))
        out[number] = MemberErrors(*(1e3 * float(error) for error in found_errors))
    return out


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=renamed(out="output"))
def main(
    config: Annotated[Path, typer.Argument(help="TOML file of a training; members differ by their seed.")],
    members: Annotated[int, typer.Option("--members", "-n", help="Number of potentials.")] = 12,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder; members there stay.")] = None,
) -> None:
    """Train a committee and show how its error on validation frames falls with its size.

    Example: python -m voxpot_training.potential.committee training/configs/motaw-committee.toml --members 12
    """
    try:
        settings = load_config(config)
        folder = run_folder(output, settings.name)
        train_committee(settings, config.parent, folder, members)
        rows = _validation(settings, config.parent, folder, members)
    except VoxPotError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    headers = ("members", "E MAE (meV/atom)", "F MAE (meV/Å)", "F RMSE (meV/Å)")
    shown = table(f"Means of members of {settings.name} on validation frames", *headers)
    for number, errors in rows.items():
        shown.add_row(str(number), f"{errors.energy:.2f}", f"{errors.force:.1f}", f"{errors.force_rms:.1f}")
    console().print(shown)


def _validation(config: TrainConfig, beside: Path, folder: Path, members: int) -> dict[int, MemberErrors]:
    from voxpot_training.data import load_frames
    from voxpot_training.potential.prepare import split_sources

    frames = load_frames(config.data, config.model.species, beside)
    rows = split_sources(frames, config).validation
    potentials = [load_potential(str(member_file(folder, k))) for k in range(members)]
    return errors_by_number(potentials, [frames.atoms[k] for k in rows], [frames.labels[k] for k in rows])


if __name__ == "__main__":
    app()
