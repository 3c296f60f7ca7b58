"""``voxpot elastic``: the elastic tensor of a crystal or of a random alloy, and its moduli."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    Scheduler,
    Seed,
    Structure,
    Supercell,
    Vacant,
    Workers,
)
from ase_voxpot.cli.refusals import check_targets, refuse_decorations
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import console, progress, table, value_with_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.methods import Method
    from ase_voxpot.properties.elastic import Ensemble, Measured

__all__ = ["decoration", "elastic", "strained"]

CUBIC = {"c11": "C11", "c12": "C12", "c44": "C44", "zener": "Zener anisotropy 2 C44 / (C11 - C12)"}
MODULI = {
    "bulk": "bulk modulus, Hill",
    "bulk_voigt": "  Voigt",
    "bulk_reuss": "  Reuss",
    "shear": "shear modulus, Hill",
    "shear_voigt": "  Voigt",
    "shear_reuss": "  Reuss",
    "young": "Young's modulus, Hill",
    "poisson": "Poisson's ratio, Hill",
    "pugh": "Pugh's ratio K / G",
    "universal": "universal anisotropy",
    "softest": "smallest eigenvalue of the tensor",
}
SHARE = 4
"""Strained cells of a single structure that one calculator computes, whatever the number of workers."""
PLAIN = ("poisson", "pugh", "zener", "universal")
"""Dimensionless quantities."""


def elastic(
    structure: Structure,
    model: Model = "motaw",
    calculator: Calculator = None,
    decorations: Annotated[
        int | None,
        typer.Option(
            "--decorations",
            "-n",
            help="Of a random alloy, with seeds one after the other; 6 if not given.",
            show_default=False,
        ),
    ] = None,
    finite_strain: Annotated[
        bool,
        typer.Option(
            "--finite-strain",
            help="One line through strains of up to 10 %, as Li et al. (2020) published, instead of slopes at rest.",
        ),
    ] = False,
    plot: Annotated[Path, typer.Option("--plot", help="Draw the moduli here.")] = Path("elastic.png"),
    json: Json = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    repeat: Supercell = None,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Compute elastic constants and moduli, ions relaxed, with errors for a random alloy.

    Cell and ions are relaxed first.  The tensor is averaged over the point group
    of the crystal; of a random alloy, that of its lattice.  Errors are standard errors
    of the mean over the decorations, which several workers may share, as they share the
    strained cells of a single structure; the numbers are those of one process.

    voxpot elastic bcc:W
    voxpot elastic bcc:MoTaW --decorations 12 --workers 4 --json motaw.json
    voxpot elastic cell.cif --calculator ase.calculators.emt:EMT --plot tensor.png
    """
    from ase_voxpot.properties.drawings import draw_elastic
    from ase_voxpot.properties.elastic import LARGE, ensemble, strains
    from ase_voxpot.properties.moduli import is_cubic
    from ase_voxpot.storage.files import write_json

    check_targets(json, plot=plot)
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    refuse_decorations(decorations, random=work.random)
    count = decorations or (6 if work.random else 1)
    sizes = LARGE if finite_strain else None
    structures = [work.build(k) for k in range(count)]
    with progress("strained cells", count * strains(sizes)) as step:
        if count == 1:
            measured = [_one(method, structures[0], sizes, workers=workers, scheduler=scheduler, observe=step)]
        else:
            parts = [(method, atoms, sizes) for atoms in structures]
            steps = strains(sizes)
            measured = list(
                run_parts(decoration, parts, workers=workers, scheduler=scheduler, observe=step, steps=steps)
            )
    found = ensemble(measured, work.lattice() if work.random else structures[0], known=work.random)
    cubic = is_cubic(found.rotations)
    names = (CUBIC if cubic else {}) | MODULI
    draw_elastic(plot, found, title=work.title, cubic=cubic)
    if json is not None:
        write_json(json, _plain(found, list(names)) | work.about | {"cubic": cubic})
    _print(found, names, title=work.title, cubic=cubic)
    console().print(f"wrote {plot}", soft_wrap=True)


def decoration(
    method: Method,
    atoms: Atoms,
    sizes: Sequence[float] | None,
    *,
    observe: Callable[[], None] = lambda: None,
) -> Measured:
    """The tensor of one decoration, by a calculator of its own; arguments as of ``properties.elastic.measure``."""
    from dataclasses import replace

    from ase_voxpot.properties.elastic import measure

    found = measure(atoms, method.make(), sizes=sizes, observe=observe)
    return replace(found, cell=found.cell.copy())  # without the calculator


def _one(
    method: Method,
    atoms: Atoms,
    sizes: Sequence[float] | None,
    *,
    workers: int,
    scheduler: str | None,
    observe: Callable[[], None],
) -> Measured:
    """The tensor of a single structure: it is relaxed here, its strained cells are parts for the workers."""
    import numpy as np

    from ase_voxpot.properties.elastic import Measured, gradients, rest, tensor_of

    cell = rest(atoms, method.make()).copy()  # without the calculator
    changes = gradients(sizes)
    parts = [(method, cell, changes[k : k + SHARE]) for k in range(0, len(changes), SHARE)]
    steps = [len(part[2]) for part in parts]
    found = list(run_parts(strained, parts, workers=workers, scheduler=scheduler, observe=observe, steps=steps))
    return Measured(tensor=tensor_of(cell, np.concatenate(found), sizes), cell=cell)


def strained(
    method: Method,
    cell: Atoms,
    changes: Float[np.ndarray, "strain 3 3"],
    *,
    observe: Callable[[], None] = lambda: None,
) -> Float[np.ndarray, "strain 6"]:
    """Stresses of some strained cells, by a calculator of their own; see ``properties.elastic.strained_stresses``."""
    from ase_voxpot.properties.elastic import strained_stresses

    return strained_stresses(cell, method.make(), changes, observe=observe)


def _plain(found: Ensemble, names: list[str]) -> dict[str, Any]:
    return {
        "tensor": found.mean.tensor.tolist(),
        "unit": "GPa",
        "decorations": len(found.members),
        "atoms": len(found.cells[0]),
        "figures": {
            n: {
                "value": getattr(found.mean, n),
                "error": found.error(n),
                "decorations": [getattr(m, n) for m in found.members],
            }
            for n in names
        },
    }


def _print(found: Ensemble, names: dict[str, str], *, title: str, cubic: bool) -> None:
    count = len(found.members)
    many = f"\nmean of {count} decorations ± standard error" if count > 1 else ""
    rows = table(f"{title}, {len(found.cells[0])} atoms{many}", "", "GPa")
    for name, label in names.items():
        plain = name in PLAIN
        text = value_with_error(getattr(found.mean, name), found.error(name), 3 if plain else 1)
        rows.add_row(label + (" (no unit)" if plain else ""), text)
    out = console()
    if not cubic:
        out.print("stiffness (GPa), Voigt order xx yy zz yz xz xy")
        for line in found.mean.tensor:
            out.print(" ".join(f"{c:8.1f}" for c in line))
    out.print(rows)
    if found.mean.softest <= 0:
        out.print("not stable: a strain costs no energy")
