"""``voxpot eos``: energy against volume and the equation of state through it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ase_voxpot.cli.material import decoration_of, find_method, open_work
from ase_voxpot.cli.options import (
    Calculator,
    Decorate,
    Device,
    Dtype,
    Json,
    Lattice,
    Model,
    Seed,
    Structure,
    Supercell,
    Vacant,
)
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.plotting.screen import console, progress, table

if TYPE_CHECKING:
    from ase_voxpot.properties.eos import VolumeCurve

__all__ = ["eos"]

UNEVEN = 1.0
"""GPa, deviation of the stress from the pressure above which the shape of a cell is not relaxed."""


def eos(
    structure: Structure,
    model: Model = "motaw",
    calculator: Calculator = None,
    span: Annotated[float, typer.Option(help="Range of volumes below and above equilibrium, per cent.")] = 6.0,
    points: Annotated[int, typer.Option("--points", "-n", help="Number of volumes.")] = 11,
    plot: Annotated[Path, typer.Option("--plot", help="Draw energies and pressures here.")] = Path("eos.png"),
    json: Json = None,
    repeat: Supercell = None,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Fit the Birch-Murnaghan equation of state to energies against volume.

    The shape of the cell is kept, ions are relaxed at every volume.  Pressures from
    stresses are printed beside those from the fit, as a check of the stresses.

    voxpot eos bcc:W
    voxpot eos bcc:MoTaW --span 10 --points 15 --json motaw.json
    voxpot eos cell.cif --calculator ase.calculators.emt:EMT --plot cell.pdf
    """
    from dataclasses import asdict

    from ase_voxpot.properties.drawings import draw_eos
    from ase_voxpot.properties.eos import equation_of_state
    from ase_voxpot.storage.files import write_json

    check_targets(json, plot=plot)
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    with progress("volumes", points) as step:
        found = equation_of_state(work.build(0), work.calculator, span=span / 100, points=points, observe=step)
    draw_eos(plot, found, title=work.title)
    if json is not None:
        plain = {k: v if isinstance(v, float) else v.tolist() for k, v in asdict(found).items()}
        units = {
            "volume": "Å³/atom",
            "energy": "eV/atom",
            "bulk_modulus": "GPa",
            "residual": "meV/atom",
            "uneven": "GPa",
        }
        write_json(json, plain | work.about | {"units": units})
    _print(found, title=work.title)
    console().print(f"wrote {plot}", soft_wrap=True)


def _print(found: VolumeCurve, *, title: str) -> None:
    rows = table(title, "V\nÅ³/atom", "E\neV/atom", "E - E0\nmeV/atom", "P, stress\nGPa", "P, fit\nGPa")
    fitted = found.fitted_pressure(found.volumes)
    for v, e, p, f in zip(found.volumes, found.energies, found.pressures, fitted, strict=True):
        rows.add_row(f"{v:.4f}", f"{e:.5f}", f"{1000 * (e - found.energy):.2f}", f"{p:.2f}", f"{f:.2f}")
    out = console()
    out.print(rows)
    out.print(
        f"V0 {found.volume:.4f} Å³/atom, E0 {found.energy:.5f} eV/atom, B0 {found.bulk_modulus:.1f} GPa, "
        f"B0' {found.derivative:.2f}; the fit is off by {found.residual:.3f} meV/atom (RMS)"
    )
    if found.uneven > UNEVEN:
        out.print(
            f"at V0 the cell is under stresses of up to {found.uneven:.1f} GPa beside its pressure, as its shape is "
            "kept: the crystal has less energy in another shape (voxpot relax --cell)",
            soft_wrap=True,
        )
