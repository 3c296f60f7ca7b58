"""``voxpot evaluate``: how far a model is from labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ase_voxpot.cli.common import Device, Dtype, Model, console, progress_bar, score_table

__all__ = ["evaluate", "refuse_format"]


def evaluate(
    frames: Annotated[Path, typer.Argument(help="Labelled structures in any format of ASE.", show_default=False)],
    model: Model = "motaw",
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw predictions against labels here (PNG).")] = None,
    energy_key: Annotated[str, typer.Option(help="Energy in eV, in info.")] = "REF_energy",
    forces_key: Annotated[str, typer.Option(help="Forces in eV/Å, in arrays.")] = "REF_forces",
    stress_key: Annotated[str, typer.Option(help="Stress in eV/Å³, in info; may be missing.")] = "REF_stress",
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Score a model on labelled frames, per config_type and in total.

    Labels stand under the keys named, else in the results stored with the frames.
    "offset" is the energy error after the best constant per element is taken off.

    voxpot evaluate test.extxyz.gz --model motaw --json scores.json
    voxpot evaluate vasprun.xml --plot parity.png
    voxpot evaluate data.xyz --energy-key dft_energy --forces-key dft_forces
    """
    from ase_voxpot.files import make_room, write_json
    from ase_voxpot.labels import LabelKeys, labels_of, read_frames
    from ase_voxpot.scoring import predict, score
    from ase_voxpot.weights import load_potential

    for target in (json, plot):
        if target is not None:
            make_room(target)
    if plot is not None:
        refuse_format(plot)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    structures = read_frames(frames)
    labels = labels_of(structures, LabelKeys(energy=energy_key, forces=forces_key, stress=stress_key))
    predictions = []
    with progress_bar() as bar:
        task = bar.add_task("frames", total=len(structures))
        for prediction in predict(potential, structures):
            predictions.append(prediction)
            bar.advance(task)
    scores = score(structures, labels, predictions)
    if plot is not None:
        from ase_voxpot.plots import draw_parity

        draw_parity(plot, structures, labels, predictions, scores)
    if json is not None:
        write_json(json, scores.to_json(model=model))
    console().print(score_table(scores, title=f"{model} on {frames}"))


def refuse_format(plot: Path) -> None:
    """Before any work is spent.

    Raises:
        ConfigError: a suffix that no picture has.
    """
    from ase_voxpot.errors import ConfigError

    known = (".png", ".pdf", ".svg")
    if plot.suffix not in known:
        raise ConfigError(f"plot: expected a name that ends in {', '.join(known)}, got {str(plot)!r}")
