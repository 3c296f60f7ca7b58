"""Uncertainty of a trained potential: posterior, calibration, tests on the hold-out.

    python -m voxpot_training.potential.uncertainty runs/mine/mine.safetensors

stores it in the model file and writes

    NAME.uncertainty.json    statistics in total, per group, and of structures far from the data
    NAME.uncertainty.png     a figure of these
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import ConfigError, SpecError, VoxPotError
from ase_voxpot.plotting.screen import console, progress_bar, table
from ase_voxpot.spec import decode
from ase_voxpot.storage.files import make_parents, write_json
from ase_voxpot.weights import find_model, load_potential, read_header, save_potential
from voxpot_training.config import TrainConfig, load_config
from voxpot_training.data import load_frames
from voxpot_training.potential.portrait import plot_reliability
from voxpot_training.potential.posterior import posterior_of
from voxpot_training.potential.prepare import split_sources
from voxpot_training.potential.probes import probes
from voxpot_training.potential.reliability import measure, summary
from voxpot_training.potential.trials import try_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from ase_voxpot.potential import Potential
    from voxpot_training.data import Frames
    from voxpot_training.potential.trials import Trial
    from voxpot_training.splits import Split

__all__ = ["WIDEST", "add_uncertainty", "judge", "uncertainty_table", "with_uncertainty"]

SUPPORT = 2000
"""Largest number of supporting frames; more are sampled at random."""
TRUST = 0.05
"""Largest weight of each of these: weights in the loss make up for small cells and rare kinds, and are no evidence."""
WIDEST = 1024
"""Inputs of the last layer per species, beyond which the matrices would be larger than the model."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def add_uncertainty(potential: Potential, frames: Frames, split: Split, config: TrainConfig) -> None:
    """Compute ``potential.uncertainty`` from the frames that it was trained on and validated with.

    Raises:
        SpecError: the last layer is too wide.
        DataError: no validation frames, or errors that are not finite.
    """
    if potential.width > WIDEST:
        raise SpecError(
            f"the uncertainty needs at most {WIDEST} features before the last layer, "
            f"got {potential.width}; add a narrower layer at the end of network.hidden"
        )
    train = _trials(potential, frames, *_thinned(frames, split, config), what="training frames")
    valid = _trials(potential, frames, split.validation, [1.0] * len(split.validation), what="validation frames")
    potential.uncertainty = posterior_of(train, valid, species=len(potential.spec.species))


def with_uncertainty(
    potential: Potential, frames: Frames, split: Split, config: TrainConfig, card: dict[str, Any], model: Path
) -> dict[str, Any]:
    """Add the uncertainty, test it, write model, JSON and figure; returns the result of ``judge``.

    Args:
        potential: without an uncertainty, or with one to be replaced.
        frames: all frames of the training.
        split: their sides.
        config: of the training.
        card: of the model; the figures in total are added to what is written.
        model: file to write.
    """
    add_uncertainty(potential, frames, split, config)
    report = judge(potential, frames, split, card, name=model.stem, picture=_beside(model, "png"))
    write_json(_beside(model, "json"), report)
    totals = {kind: {k: round(v, 3) for k, v in report[kind].items() if v is not None} for kind in ("energy", "forces")}
    save_potential(potential, model, card=card | {"uncertainty": totals})
    return report


def _beside(model: Path, suffix: str) -> Path:
    return model.with_name(f"{model.stem}.uncertainty.{suffix}")


def _thinned(frames: Frames, split: Split, config: TrainConfig) -> tuple[list[int], list[float]]:
    """Rows of the training, with the weight of each as evidence; not more of the support than needed."""
    counting = [k for k in split.train if not frames.support[k]]
    support = [k for k in split.train if frames.support[k]]
    chosen = np.random.default_rng(config.seed).permutation(support)[:SUPPORT].tolist()
    left = len(support) / max(len(chosen), 1)
    shares = frames.shares or [None] * len(frames.atoms)
    drawn = [config.schedule.support if shares[k] is None else shares[k] for k in chosen]
    weights = [min(left * share * frames.weights[k], TRUST) for k, share in zip(chosen, drawn, strict=True)]
    return counting + chosen, [frames.weights[k] for k in counting] + weights


def _trials(
    potential: Potential, frames: Frames, rows: Sequence[int], weights: Sequence[float], *, what: str
) -> list[Trial]:
    factors = frames.energy_weights or [1.0] * len(frames.atoms)
    with progress_bar() as bar:
        return [
            try_frame(
                potential,
                frames.atoms[k],
                frames.labels[k],
                weight=w,
                energy_weight=factors[k],
                support=frames.support[k],
            )
            for k, w in bar.track(list(zip(rows, weights, strict=True)), description=what)
        ]


def judge(
    potential: Potential, frames: Frames, split: Split, card: dict[str, Any], *, name: str, picture: Path | None
) -> dict[str, Any]:
    """Test the uncertainty of ``potential`` on the hold-out and far from the data.

    Args:
        potential: with its uncertainty.
        frames: all frames of the training.
        split: their sides; without a hold-out the validation frames are used, which are not independent.
        card: for lattice constants.
        name: of the model, for the picture.
        picture: file to draw, or None.
    """
    known = potential.known_uncertainty()
    rows = split.holdout or split.validation
    found = measure(_trials(potential, frames, rows, [1.0] * len(rows), what="held-out frames"), known)
    far = _far(potential, card)
    if picture is not None:
        plot_reliability(picture, found, far, known.calibration, title=name)
    largest = np.array([found.sigma.max(), found.extrapolation.max()])
    return {
        **summary(found),
        "largest": {"energy": float(largest[0]), "extrapolation": float(largest[1])},
        "beyond_limits": float((found.extrapolation > 1).mean()),
        "far": {n: {"energy": e, "extrapolation": x} for n, (e, x) in far.items()},
    }


def _far(potential: Potential, card: dict[str, Any]) -> dict[str, tuple[list[float], list[float]]]:
    """meV/atom and extrapolation of the probes; none where the elements have no reference crystals."""
    try:
        made = probes(potential.spec.species, card, np.random.default_rng(0))
    except ConfigError:
        return {}
    out = {}
    for name, structures in made.items():
        result = [potential.evaluate(a, uncertainty=True).uncertainty for a in structures]
        energies = [1000 * s.energy / len(a) for s, a in zip(result, structures, strict=True) if s is not None]
        out[name] = (energies, [s.extrapolation for s in result if s is not None])
    return out


def uncertainty_table(report: dict[str, Any], *, title: str) -> Table:
    """The figures of ``judge`` per group."""
    units = "RMS uncertainty and RMS error in meV/atom and meV/Å, rank correlation, share of errors within 1 σ and 2 σ"
    heads = ("group", "frames", "E σ", "E err", "ρ", "1 σ", "2 σ", "F σ", "F err", "ρ", "1 σ", "2 σ")
    rows = table(f"{title}\n{units}", *heads)
    keys = (("sigma", True), ("rms_error", True), ("spearman", False), ("within_68", False), ("within_95", False))
    for name, part in (*report["groups"].items(), ("total", report)):
        cells = [
            "–"
            if part[kind].get(key) is None
            else format(part[kind][key], ".1f" if size and kind == "forces" else ".2f")
            for kind in ("energy", "forces")
            for key, size in keys
        ]
        last = name == list(report["groups"])[-1]
        style = "bold" if part is report else None
        rows.add_row(name, str(part["energy"]["count"]), *cells, end_section=last, style=style)
    return rows


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _far_table(report: dict[str, Any]) -> Table:
    rows = table(
        f"Far from the data; on the hold-out at most {report['largest']['energy']:.1f} meV/atom, "
        f"extrapolation {report['largest']['extrapolation']:.2f}",
        "structures",
        "least\nmeV/atom",
        "most\nmeV/atom",
        "least\nextrapolation",
    )
    for name, result in report["far"].items():
        energy = result["energy"]
        rows.add_row(name, f"{min(energy):.1f}", f"{max(energy):.1f}", f"{min(result['extrapolation']):.2g}")
    return rows


@app.command(context_settings=renamed(out="output"))
def main(
    model: Annotated[str, typer.Argument(help="Path of a weight file, or name of a shipped model.")],
    config: Annotated[Path | None, typer.Option(help="TOML file of the training; that in the card by default.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of MODEL.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Test the uncertainty of MODEL, change nothing.")] = False,
) -> None:
    """Add a calibrated uncertainty to a model, and judge it on the hold-out.

    python -m voxpot_training.potential.uncertainty runs/mine/mine.safetensors
    python -m voxpot_training.potential.uncertainty motaw --check --output look/motaw
    """
    try:
        _main(model, config, output, check=check)
    except VoxPotError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None


def _main(model: str, config: Path | None, out: Path | None, *, check: bool) -> None:
    path = find_model(model)
    card = read_header(path)["card"]
    if config is None and "config" not in card:
        raise ConfigError(f"{model}: expected a card that holds the config of the training, got none; give --config")
    settings = load_config(config) if config else decode(TrainConfig, card["config"], where="config")
    frames = load_frames(settings.data, settings.model.species, config.parent if config else Path())
    split = split_sources(frames, settings)
    potential = load_potential(path)
    if potential.spec.species != settings.model.species:
        raise ConfigError(
            f"{model}: expected a model of {', '.join(settings.model.species)} as the config has it, "
            f"got one of {', '.join(potential.spec.species)}"
        )
    target = Path(out or path)
    make_parents(target)
    if check:
        report = judge(potential, frames, split, card, name=path.stem, picture=_beside(target, "png"))
        write_json(_beside(target, "json"), report)
    else:
        report = with_uncertainty(potential, frames, split, settings, card, target)
    console().print(uncertainty_table(report, title=f"Uncertainty of {path.stem} on its hold-out"))
    console().print(_far_table(report))


if __name__ == "__main__":
    app()
