"""Study of accuracy against cost of architectures: ``python -m voxpot_training.potential.study STUDY.toml``.

A study is a config of a training, a time for each, and variants that change some of its keys:

    base = "motaw.toml"
    minutes = 4.0
    set.schedule.batch_atoms = 600

    [[variants]]
    name = "degree 3"
    set.model.network.degree = 3

A ``set`` at the top applies to all.  A variant may name an ``optimiser`` of ``rivals``, which configs do not know, and
have its ``last_layer`` solved by least squares after the training, in some more time.  It may also train ``without``
some data files of the config, those of support alone, as all variants are scored on the same frames.

Every variant trains for the same CPU time on the same frames and is scored on the validation frames, and on as many
of those that it has learned, spread over all of them; the hold-out is not used.  Its cost is the CPU time per atom of
energy, forces and stress of one cell.  Variants that are in ``study.csv`` are not trained again.
"""

from __future__ import annotations

import sys
import time
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import ConfigError, VoxPotError
from ase_voxpot.plotting import screen
from ase_voxpot.spec import decode
from ase_voxpot.structures import random_alloy
from voxpot_training.cards import count_parameters
from voxpot_training.config import Source, TrainConfig
from voxpot_training.learning import read_log
from voxpot_training.potential.study_rows import Row, keep_rows, plot_study, read_rows, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase_voxpot.potential import Potential

__all__ = ["Study", "Variant", "load_study", "run_study"]

ATOMS = 686
"""Atoms of the cell for timings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Keys of the base config, dotted or nested, and their other values; and what configs do not know."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)
    optimiser: Literal["", "kalman", "kalman-energies", "muon"] = ""
    last_layer: bool = False  # by least squares, after the training
    without: tuple[str, ...] = ()  # data files of the base config


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Variants to compare."""

    base: str  # a config beside this file
    minutes: float  # of CPU time, for each
    variants: tuple[Variant, ...]
    set: dict[str, Any] = field(default_factory=dict)  # for all of them


def load_study(path: Path) -> tuple[Study, dict[str, TrainConfig]]:
    """Read a study; every variant's config is checked before anything is trained.

    Raises:
        ConfigError: broken TOML, unknown keys, two variants of one name.
    """
    try:
        data = tomllib.loads(path.read_text())
        variants = [_variant(dict(v)) for v in data.pop("variants")]
        common = data.pop("set", {})
        study = decode(Study, {**data, "variants": []})
        base = merged(tomllib.loads((path.parent / study.base).read_text()), common)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: expected base, minutes and variants with a name and a set of keys ({error})"
        ) from None
    if len({v.name for v in variants}) < len(variants):
        raise ConfigError(f"{path}: expected a name of its own for every variant, got {[v.name for v in variants]}")
    configs = {}
    for variant in variants:
        config = decode(TrainConfig, merged(base, variant.set), where=variant.name)
        schedule = replace(config.schedule, minutes=study.minutes, clock="cpu", epochs=10**6)
        sources = _without(config.data, variant)
        configs[variant.name] = replace(config, name=variant.name, schedule=schedule, data=sources)
    return replace(study, variants=tuple(variants), set=common), configs


def _variant(table: dict[str, Any]) -> Variant:
    changes = table.pop("set", {})
    return replace(decode(Variant, table, where="variants"), set=changes)


def _without(data: tuple[Source, ...], variant: Variant) -> tuple[Source, ...]:
    """The sources that a variant trains on."""
    support = [source.file for source in data if source.support]
    if unknown := set(variant.without).difference(support):
        raise ConfigError(
            f"{variant.name}.without: expected files of the config with support = true, {support}, "
            f"got {sorted(unknown)}"
        )
    return tuple(source for source in data if source.file not in variant.without)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with some values replaced, table by table.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 5}})
    {'a': {'b': 5, 'c': 2}}
    """
    out = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if nested else value
    return out


def price(potential: Potential, lattice: float = 3.22) -> float:
    """CPU time of energy, forces and stress in µs per atom: the least of several calls."""
    from ase_voxpot.neighbours.verlet import VerletList

    side, rng = round((ATOMS / 2) ** (1 / 3)), np.random.default_rng(0)
    atoms = random_alloy("bcc:" + "".join(potential.spec.species), repeat=side, rng=rng, constant=lattice)
    neighbours = VerletList(potential.cutoff)
    times = []
    for _ in range(8):
        atoms.rattle(0.02, rng=rng)
        begin = time.process_time()
        potential.evaluate(atoms, neighbours=neighbours)
        times.append(time.process_time() - begin)
    return 1e6 * min(times) / len(atoms)


def _measure(config: TrainConfig, variant: Variant, beside: Path, folder: Path) -> Row:
    """Train one variant and score it on its validation frames."""
    from ase_voxpot.weights import save_potential
    from voxpot_training.potential.rivals.last_layer import solve_last_layer
    from voxpot_training.potential.rivals.tasks import RIVALS
    from voxpot_training.potential.train import PotentialTask, errors_on, fit_potential

    kind = RIVALS.get(variant.optimiser, PotentialTask)
    potential, frames, split = fit_potential(config, beside, folder, resume=True, kind=kind)
    if variant.last_layer:
        solve_last_layer(potential, frames, split, config.loss)
    save_potential(potential, folder / "model.safetensors", card={"name": config.name, "lattice": config.lattice})
    learned = [k for k in split.train if not frames.support[k]]
    some = learned[:: max(len(learned) // len(split.validation), 1)]
    train, errors = (errors_on(potential, frames, rows) for rows in (some, split.validation))
    return Row(
        name=config.name,
        parameters=count_parameters(potential.network),
        epochs=len(read_log(folder / "log.csv")),
        energy=errors["valid_energy"],
        force=errors["valid_force"],
        train_energy=train["valid_energy"],
        train_force=train["valid_force"],
        cost=price(potential),
    )


def priced(row: Row, config: TrainConfig) -> Row:
    """The row with its cost measured again, which does not depend on weights."""
    from ase_voxpot.potential import Potential
    from voxpot_training.potential.prepare import make_spec

    free = replace(config.model, reference=dict.fromkeys(config.model.species, 0.0))
    return replace(row, cost=price(Potential(make_spec(free, [], []))))


def run_study(path: Path, folder: Path, *, console: Console | None = None, prices: bool = False) -> list[Row]:
    """Train and measure every variant that ``folder`` does not hold yet.

    Args:
        path: of the study.
        folder: gets ``study.csv``, ``study.png`` and a folder per variant, with the weights in ``model.safetensors``.
        console: for the table, if given.
        prices: measure the costs of all variants again, on an idle machine.
    """
    study, configs = load_study(path)
    folder.mkdir(parents=True, exist_ok=True)
    rows = read_rows(folder / "study.csv")
    for number, variant in enumerate(study.variants):
        if variant.name not in {r.name for r in rows}:
            if console:
                console.print(f"[dim]{number + 1} of {len(study.variants)}[/]")
            place = folder / variant.name.replace(" ", "-")
            rows.append(_measure(configs[variant.name], variant, path.parent, place))
            keep_rows(folder / "study.csv", rows)
    if prices:
        rows = [priced(r, configs[r.name]) for r in rows if r.name in configs]
        keep_rows(folder / "study.csv", rows)
    order = [v.name for v in study.variants]
    rows = sorted((r for r in rows if r.name in order), key=lambda r: order.index(r.name))
    plot_study(rows, folder / "study.png", minutes=study.minutes)
    return rows


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=renamed(out="output"))
def main(
    study: Annotated[Path, typer.Argument(help="TOML file: base, minutes, variants.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder; variants that it holds are not trained again.")
    ] = Path("runs/study"),
    prices: Annotated[bool, typer.Option("--prices", help="Measure all costs again, side by side.")] = False,
) -> None:
    """Compare architectures at equal training time.

    Example: python -m voxpot_training.potential.study training/configs/study.toml
    """
    console = screen.console()
    try:
        rows = run_study(study, output, console=console, prices=prices)
    except VoxPotError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    console.print(table_of(rows, load_study(study)[0].minutes))


if __name__ == "__main__":
    app()
