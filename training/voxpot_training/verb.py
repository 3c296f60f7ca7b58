"""``voxpot train``: train a potential on frames, or a model that a configuration describes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ase_voxpot.cli.options import Restart, Seed
from ase_voxpot.extensions import Verb

__all__ = ["TRAIN", "train"]


def train(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="One TOML file that describes the training, or files of labelled frames, systems of DeePMD-kit, or "
            "patterns.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for weights, log and pictures; runs/NAME by default.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="How long to train on frames; 10 by default.", min=0.05, show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the potential of frames; their elements by default.", show_default=False)
    ] = None,
    seed: Seed = 0,
    resume: Restart = False,
    quick: Annotated[bool, typer.Option("--quick", help="A few epochs only, as a test.")] = False,
) -> None:
    """Train a potential on labelled frames, or what a configuration file describes.

    From frames, in any format that ASE reads or in folders of DeePMD-kit, with energies, forces and, if there are any,
    stresses, a configuration is written to OUTPUT/NAME.toml and trained: species, energies of free atoms, cutoff,
    split and network follow from the frames and the time. A configuration trains a potential, or a model of its key
    kind.

    voxpot train frames.extxyz --minutes 10
    voxpot train OUTCAR.1 OUTCAR.2 --name mine --output runs/mine
    voxpot train 'runs/*/vasprun.xml.gz' --name mine
    voxpot train training/configs/motaw-dft.toml
    voxpot train mine.toml --output runs/mine --resume
    """
    from ase_voxpot.cli.refusals import refuse_seed
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.frames.deepmd import instead_of, is_system
    from ase_voxpot.frames.labelled import one_or_more
    from voxpot_training import kinds

    refuse_seed(seed)
    for path in sources:
        found = one_or_more(path)
        if len(found) == 1 and not found[0].is_file() and not is_system(found[0]):
            raise ConfigError(f"{path}: expected a configuration or a file of frames, got {instead_of(path)}")
    configured = [path for path in sources if path.suffix == ".toml"]
    if not configured:
        config, output = _drafted(sources, output, 10.0 if minutes is None else minutes, name, seed, resume)
    elif len(sources) > 1:
        raise ConfigError(f"expected one configuration, or files of frames alone, got {len(sources)} files")
    else:
        given = [k for k, v in (("--minutes", minutes), ("--name", name), ("--seed", seed or None)) if v is not None]
        if given:
            raise ConfigError(f"{', '.join(given)}: expected with frames alone; a configuration says it itself")
        config = sources[0]
    weights = kinds.train(config, out=output, resume=resume, quick=quick)
    typer.echo(f"wrote {weights}")


def _drafted(
    frames: list[Path], output: Path | None, minutes: float, name: str | None, seed: int, resume: bool
) -> tuple[Path, Path]:
    """The configuration for some frames, and the folder that it lies in; with ``resume`` that of before."""
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.storage.files import draft_of, make_parents
    from voxpot_training.potential.draft import draft_config, name_of

    name = name or name_of(frames)
    folder = output or Path("runs") / name
    config = make_parents(folder / f"{name}.toml")
    if resume and not config.is_file():
        raise ConfigError(f"{config}: expected the configuration of a training to resume, found none")
    if not resume:
        with draft_of(config) as draft:
            draft.write_text(draft_config(frames, name=name, minutes=minutes, seed=seed), encoding="utf-8")
        typer.echo(f"wrote {config}")
    return config, folder


TRAIN = Verb(train, "Models and data")
