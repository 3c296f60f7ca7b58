"""``voxpot defects``: vacancies, jumps into them and exchanged atoms, over the sites of a crystal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, is_random, open_work
from ase_voxpot.cli.options import (
    Calculator,
    Decorate,
    Decorations,
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
    from collections.abc import Callable

    from ase import Atoms

    from ase_voxpot.methods import Method
    from ase_voxpot.properties.samples import Defects, Pool

__all__ = ["decoration", "defects"]

WIDTH = 11.0
"""Å, least width of the supercell without ``--repeat``."""
EDGE = 4
"""Cubic cells along the edge of a random alloy: 128 sites of bcc."""


def defects(
    structure: Structure,
    model: Model = "motaw",
    calculator: Calculator = None,
    sites: Annotated[int, typer.Option("--sites", "-n", help="Vacancies of every element of an alloy.")] = 10,
    swaps: Annotated[
        int, typer.Option(help="Exchanges of every pair of elements, nearest neighbours, and as many of distant atoms.")
    ] = 10,
    decorations: Decorations = 1,
    jumps: Annotated[int, typer.Option(help="Vacancies with barriers of jumps (nudged elastic band); slow.")] = 0,
    plot: Annotated[Path, typer.Option("--plot", help="Draw the energies of all sites here.")] = Path("defects.png"),
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
    """Compute vacancies and swaps, ions relaxed, sampled over the sites of an alloy.

    Formation energies are given for two sets of chemical potentials: of the elements in their own
    crystals, and of the alloy itself.  Without --repeat a random alloy has 4 cells along
    each edge, and other cells are made 11 Å wide.  Numbers of sites, swaps and jumps are those of
    each decoration; several workers may share the decorations, the numbers are those of one process.

    voxpot defects bcc:W --jumps 1
    voxpot defects bcc:MoTaW --sites 20 --swaps 20 --json motaw.json
    voxpot defects bcc:MoTaW --decorations 8 --workers 4
    voxpot defects fcc:CuAu --calculator ase.calculators.emt:EMT
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.properties.cells import wide
    from ase_voxpot.properties.drawings import draw_sites
    from ase_voxpot.properties.samples import Pool, steps
    from ase_voxpot.storage.files import write_json

    if sites < 1 or swaps < 0 or jumps < 0:
        raise ConfigError(f"expected at least one site, no fewer than 0 swaps and jumps, got {sites}, {swaps}, {jumps}")
    check_targets(json, plot=plot)
    times = EDGE if repeat is None and is_random(structure) else repeat
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure,
        method,
        repeat=times,
        seed=seed,
        lattice=lattice,
        decoration=decoration_of(decorate, vacant),
        width=WIDTH,
    )
    refuse_decorations(decorations, random=work.random)
    structures = [work.build(k) for k in range(decorations)]
    if repeat is None and not work.random:
        structures = [wide(atoms, WIDTH) for atoms in structures]
    counts = {"sites": sites, "swaps": swaps, "jumps": jumps}
    parts = [(method, atoms, seed + k, counts) for k, atoms in enumerate(structures)]
    each = steps(len(set(structures[0].symbols)), **counts)
    with progress("defects", decorations * each) as step:
        found = Pool(list(run_parts(decoration, parts, workers=workers, scheduler=scheduler, observe=step, steps=each)))
    size = found.members[0].atoms
    title = f"{work.title}, {size} sites" + (f", {decorations} decorations" if decorations > 1 else "")
    draw_sites(plot, found, title=title)
    if json is not None:
        write_json(json, _plain(found) | work.about | {"atoms": size})
    _print(found, title=title)
    console().print(f"wrote {plot}", soft_wrap=True)


def decoration(
    method: Method, atoms: Atoms, seed: int, counts: dict[str, int], *, observe: Callable[[], None] = lambda: None
) -> Defects:
    """Defects of one decoration, by a calculator of its own.

    Args:
        method: of the energy.
        atoms: the decoration.
        seed: with which the alloy was shuffled; chooses sites.
        counts: of sites, swaps and jumps, as of ``properties.samples.sample``.
        observe: called after every defect.
    """
    import numpy as np

    from ase_voxpot.properties.samples import sample

    rng = np.random.default_rng([seed, 1])  # independent of the numbers that shuffled the alloy
    return sample(atoms, method.make(), rng, **counts, observe=observe)


def _plain(found: Pool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "unit": "eV",
        "decorations": len(found.members),
        "chemical_potentials": found.potentials,
        "vacancies": {
            "decoration": [k for k, _, _ in found.vacant],
            "sites": [site for _, site, _ in found.vacant],
            "species": [symbol for _, _, symbol in found.vacant],
            "formation": {name: values.tolist() for name, values in found.formation.items()},
        },
        "barriers": found.barriers,
    }
    if found.swaps is not None:
        out["swaps"] = {
            "decoration": found.swapped,
            "pairs": found.swaps.pairs,
            "species": found.swaps.species,
            "near": found.swaps.near,
            "energies": found.swaps.energies.tolist(),
        }
    return out


def _print(found: Pool, *, title: str) -> None:
    import numpy as np

    from ase_voxpot.properties.sites import mean_error

    headers = ["vacancy of", "sites", "E_f, elements\neV", "least … most\neV"]
    formation, exchanged = found.formation, found.swaps
    headers += ["E_f, alloy\neV"] if "alloy" in formation else []
    rows = table(title, *headers)
    species = [symbol for _, _, symbol in found.vacant]
    for symbol in dict.fromkeys(species):
        own = np.array(species) == symbol
        values = formation["elements"][own]
        cells = [value_with_error(*mean_error(values), 3), f"{values.min():.2f} … {values.max():.2f}"]
        cells += [value_with_error(*mean_error(formation["alloy"][own]), 3)] if "alloy" in formation else []
        rows.add_row(symbol, str(int(own.sum())), *cells)
    out = console()
    out.print(rows)
    if exchanged is not None:
        rows = table("swaps", "", "neighbours\neV", "distant\neV", "spread\neV")
        for pair in dict.fromkeys(exchanged.species):
            mine = np.array(exchanged.species) == pair
            near = np.array(exchanged.near)
            cells = [
                value_with_error(*mean_error(exchanged.energies[mine & part]), 3) if (mine & part).any() else "–"
                for part in (near, ~near)
            ]
            rows.add_row(pair, *cells, f"{exchanged.energies[mine].std():.3f}")
        out.print(rows)
    for symbol, values in found.barriers.items():
        out.print(f"{symbol} jumps into a vacancy over {value_with_error(*mean_error(values), 3)} eV ({len(values)})")
