"""``voxpot check``: numerical tests of invariances and derivatives of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from ase_voxpot.cli.options import Device, Dtype, Json, Model, Repeat, Seed
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.plotting.screen import console, table

__all__ = ["check"]


def check(
    model: Model = "motaw",
    structure: Annotated[
        str, typer.Option(help="Structure to try, or a random alloy; all species of the model by default.")
    ] = "",
    repeat: Repeat = 3,
    rattle: Annotated[float, typer.Option(help="Å, random displacement of the atoms.")] = 0.15,
    json: Json = None,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Measure by how much a model breaks invariances and derivatives.

    Rotation, translation and repetition of a rattled cell, forces and stress against
    central differences, and a steerable network in closed form against the same with cubes filled.

    voxpot check
    voxpot check --model runs/plain/plain.safetensors --dtype float64
    """
    from dataclasses import asdict

    import numpy as np

    from ase_voxpot.physics.invariance import examine
    from ase_voxpot.storage.files import write_json
    from ase_voxpot.structures import open_structure
    from ase_voxpot.weights import find_model, load_potential, read_header

    check_targets(json)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    source = structure or "bcc:" + "".join(potential.spec.species)
    card = read_header(find_model(model))["card"]
    atoms = open_structure(source, repeat=repeat, rng=rng, card=card)
    atoms.rattle(rattle, rng=rng)
    found = examine(potential, atoms, rng)
    rows = table(f"{model}, {len(atoms)} atoms of {source}, {dtype}", "law", "broken by", "unit")
    for name, label, unit in LAWS:
        value = getattr(found, name)
        rows.add_row(label, "–" if value is None else f"{value:.2g}", unit)
    console().print(rows)
    if json is not None:
        write_json(json, {"model": model, "dtype": dtype, "structure": source, "atoms": len(atoms), **asdict(found)})


LAWS = (
    ("rotation", "forces turn with the structure", "meV/Å"),
    ("rotated_energy", "energy does not", "meV/atom"),
    ("translation", "forces do not change when moved and wrapped", "meV/Å"),
    ("supercell", "a repeated cell costs the multiple", "meV/atom"),
    ("forces", "forces are the slope of the energy", "relative"),
    ("stress", "stress is the slope by strain", "relative"),
    ("voxels", "a sum over voxels gives the same forces", "meV/Å"),
)
