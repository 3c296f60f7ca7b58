"""Errors of the potential of a campaign on frames that it has not seen.

    python -m voxpot_training.campaign.assess CONFIG

The frames are of the kinds of ``explore``, made with another seed, and of molecular dynamics by the labeller itself,
where that is an ASE calculator.  They are labelled in the folder ``fresh`` of the campaign, whose tasks are not
repeated.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ase_voxpot.cli.options import Json, Scheduler, Workers, parse_kelvins
from ase_voxpot.errors import ConfigError, DataError, VoxPotError
from ase_voxpot.scoring import predict, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.scoring import Figures, Prediction
    from voxpot_training.campaign.config import LearnConfig
    from voxpot_training.campaign.labelling import Labelled

__all__ = ["errors_by_kind", "errors_of"]

TOGETHER = {
    "random alloys": ("random", "strained", "rattled"),
    "dynamics of the labeller": ("dynamics",),
}
"""Kinds whose errors are given together; those of all others follow."""
OTHERS = "all other kinds"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def errors_by_kind(
    frames: Sequence[Atoms], labels: Sequence[Labels], predictions: Sequence[Prediction]
) -> dict[str, dict[str, Figures]]:
    """Errors by kind, and together.

    Args:
        frames: any.
        labels: of the frames; their groups are the kinds.
        predictions: of the frames, with the same zero of energy.

    Returns:
        ``kinds`` by kind of structure; ``together`` for random alloys, dynamics of the labeller and all other kinds, as
        far as there are such frames.
    """
    group_of = {kind: name for name, some in TOGETHER.items() for kind in some}
    joined = [replace(label, group=group_of.get(label.group, OTHERS)) for label in labels]
    found = score(frames, joined, predictions).groups
    together = {name: found[name] for name in (*TOGETHER, OTHERS) if name in found}
    return {"kinds": dict(score(frames, labels, predictions).groups), "together": together}


@app.command()
def assess(
    config: Annotated[Path, typer.Argument(help="TOML file that describes the campaign.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the campaign; runs/NAME by default.")
    ] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="Fresh structures of every kind.")] = 40,
    seed: Annotated[
        int | None, typer.Option(help="Of the fresh structures; one more than that of CONFIG if not given.")
    ] = None,
    temperature: Annotated[
        str,
        typer.Option(
            "--temperature", "-T", help="K, with commas between, of the labeller's own dynamics; '' for none."
        ),
    ] = "300,600,900,1200,1500",
    json: Json = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
) -> None:
    """Print the errors of the potential of a campaign on fresh frames, by kind.

    python -m voxpot_training.campaign.assess cuau.toml --workers 2
    python -m voxpot_training.campaign.assess cuau.toml --output runs/cuau --number 10 -T 300,900
    """
    from voxpot_training.campaign.config import load_learn_config

    try:
        settings = load_learn_config(config)
        kelvins = parse_kelvins(temperature) if temperature.strip() else []
        _refuse_unfit(settings, number, seed)
        folder = output or Path("runs") / settings.title
        other = settings.seed + 1 if seed is None else seed
        found, told = _labelled(settings, folder, number, other, kelvins, workers=workers, scheduler=scheduler)
        errors = errors_of(settings, config.resolve().parent, folder, found)
        _print(errors, f"{settings.title} on fresh frames, MAE", told)
        if json is not None:
            from ase_voxpot.storage.files import write_json

            write_json(json, {part: {n: asdict(f) for n, f in some.items()} for part, some in errors.items()})
    except VoxPotError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None


def _refuse_unfit(settings: LearnConfig, number: int, seed: int | None) -> None:
    if number < 1:
        raise ConfigError(f"number: expected a whole number from 1 on, got {number}")
    if seed == settings.seed:
        raise ConfigError(f"seed: expected another one than that of the campaign, got {seed}: its frames are known")


def _labelled(
    settings: LearnConfig,
    folder: Path,
    number: int,
    seed: int,
    kelvins: list[float],
    *,
    workers: int,
    scheduler: str | None,
) -> tuple[Labelled, list[str]]:
    """Labels of fresh frames, and what is to be told of them."""
    from ase_voxpot.tasks import backend_of
    from voxpot_training.campaign.explore import read_structures
    from voxpot_training.campaign.fresh import label_fresh
    from voxpot_training.campaign.labellers.opening import is_calculator
    from voxpot_training.campaign.screen import Screen

    files = [folder / f"{name}.extxyz" for name in ("frames", "holdout")]
    if not all(file.is_file() for file in (*files, _model(settings, folder))):
        raise ConfigError(
            f"{folder}: expected the folder of a campaign that has ended, got none; run voxpot learn first"
        )
    told = []
    if kelvins and not is_calculator(settings.labeller):
        kelvins = []
        told.append(f"{settings.labeller.use} is no ASE calculator: no molecular dynamics of its own")
    backend = backend_of(workers=workers, scheduler=scheduler)
    try:
        with Screen() as screen:
            found = label_fresh(
                settings,
                folder / "fresh",
                backend,
                known=[atoms for file in files for atoms in read_structures(file)],
                number=number,
                seed=seed,
                temperatures=kelvins,
                observe=screen.stage,
            )
    finally:
        backend.close()
    if not found.frames:
        raise DataError(f"none of the fresh frames has a label; the first: {_first(found)}")
    told += [f"{len(found.aside)} frames were set aside, the first: {_first(found)}"] if found.aside else []
    told += [f"{len(found.waiting)} labels wait below {folder / 'fresh' / 'labels'}"] if found.waiting else []
    return found, told


def _first(found: Labelled) -> str:
    return f"{found.aside[0].frame}: {found.aside[0].reason}" if found.aside else "it is computed elsewhere"


def _model(settings: LearnConfig, folder: Path) -> Path:
    return folder / f"{settings.title}.safetensors"


def errors_of(settings: LearnConfig, beside: Path, folder: Path, found: Labelled) -> dict[str, dict[str, Figures]]:
    """Errors of the potential of a campaign on labels, at its zero of energy.

    Args:
        settings: of the campaign.
        beside: folder of its configuration.
        folder: of the campaign; the labels are written to ``fresh/frames.extxyz`` there.
        found: labels.

    Returns:
        As ``errors_by_kind``.

    Raises:
        ConfigError: the zero of energy cannot be found, as of ``Recipe.learn_zero``.
    """
    from ase_voxpot.frames.labelled import read_labelled
    from ase_voxpot.weights import load_potential
    from voxpot_training.campaign.explore import write_structures
    from voxpot_training.campaign.labellers.opening import functional_of
    from voxpot_training.campaign.labelling import with_label
    from voxpot_training.campaign.recipe import recipe_of

    functional, file = functional_of(settings.labeller), folder / "fresh" / "frames.extxyz"
    pairs = zip(found.frames, found.labels, strict=True)
    write_structures(file, [with_label(atoms, label, functional=functional) for atoms, label in pairs])
    read, used = read_labelled(file), folder / "frames.extxyz"
    recipe = recipe_of(settings, beside, labels=used, target=folder / f"{settings.title}.toml")
    zero = recipe.learn_zero(used)
    labels = [zero.applied(x, a) for x, a in zip(read.labels, read.frames, strict=True)]
    predictions = list(predict(load_potential(_model(settings, folder)), read.frames))
    return errors_by_kind(read.frames, labels, predictions)


def _print(errors: dict[str, dict[str, Figures]], title: str, told: list[str]) -> None:
    from ase_voxpot.plotting.screen import console, table

    for part, heading in (("kinds", "kind"), ("together", "together")):
        rows = table(title if part == "kinds" else "", heading, "frames", "atoms", "meV/atom", "meV/Å")
        for name, f in errors[part].items():
            rows.add_row(name, f"{f.frames:,}", f"{f.atoms:,}", f"{f.energy_mae:.2f}", f"{f.force_mae:.1f}")
        console().print(rows)
    for sentence in told:
        console().print(sentence, soft_wrap=True)


if __name__ == "__main__":
    app()
