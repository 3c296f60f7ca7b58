"""``voxpot defects``: vacancies, jumps into them and exchanged atoms, over the sites of a crystal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, is_random, open_work
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
from ase_voxpot.plotting.screen import console, progress, table, value_with_error

if TYPE_CHECKING:
    from ase_voxpot.properties.sites import Swaps, Vacancies

__all__ = ["defects"]

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
    jumps: Annotated[int, typer.Option(help="Vacancies with barriers of jumps (nudged elastic band); slow.")] = 0,
    plot: Annotated[Path, typer.Option("--plot", help="Draw the energies of all sites here.")] = Path("defects.png"),
    json: Json = None,
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
    each edge, and other cells are made 11 Å wide.

    voxpot defects bcc:W --jumps 1
    voxpot defects bcc:MoTaW --sites 20 --swaps 20 --json motaw.json
    voxpot defects fcc:CuAu --calculator ase.calculators.emt:EMT
    """
    import numpy as np

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.properties.cells import to_rest, wide
    from ase_voxpot.properties.drawings import draw_sites
    from ase_voxpot.properties.sites import alloy_potentials, element_potentials, swaps as exchange, vacancies as remove
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
    atoms = work.build(0)
    symbols = sorted(set(atoms.symbols))
    many = len(symbols) > 1
    rng = np.random.default_rng([seed, 1])  # independent of the numbers that shuffled the alloy
    if repeat is None and not work.random:
        atoms = wide(atoms, WIDTH)
    rest = to_rest(atoms, work.calculator)
    potentials = {"elements": element_potentials(symbols, work.calculator)}
    with progress("vacancies", sites * len(symbols)) as step:
        found = remove(rest, work.calculator, rng, samples=sites if many else 1, observe=step)
    exchanged = None
    if many:
        with progress("substitutions", 6 * len(symbols) * (len(symbols) - 1)) as step:
            potentials["alloy"] = alloy_potentials(rest, work.calculator, rng, observe=step)
        if swaps:
            with progress("swaps", len(symbols) * (len(symbols) - 1) * swaps) as step:
                exchanged = exchange(rest, work.calculator, rng, samples=swaps, observe=step)
    barriers = _jump(rest, work.calculator, found.sites[:: max(1, len(found.sites) // jumps)][:jumps] if jumps else [])
    draw_sites(plot, found, exchanged, potentials, barriers, title=f"{work.title}, {len(rest)} sites")
    if json is not None:
        write_json(
            json,
            _plain(found, exchanged, potentials, barriers) | work.about | {"atoms": len(rest)},
        )
    _print(found, exchanged, potentials, barriers, title=f"{work.title}, {len(rest)} sites")
    console().print(f"wrote {plot}", soft_wrap=True)


def _jump(rest: Any, calculator: Any, sites: list[int]) -> dict[str, list[float]]:
    """Barriers in eV by the element that jumps."""
    from ase_voxpot.properties.defects import vacancy_migration

    out: dict[str, list[float]] = {}
    if sites:
        with progress("jumps", len(sites)) as step:
            for site in sites:
                moved = vacancy_migration(rest, calculator, index=site)
                out.setdefault(str(rest.symbols[moved.jumper]), []).append(moved.barrier)
                step()
    return out


def _plain(
    found: Vacancies,
    exchanged: Swaps | None,
    potentials: dict[str, dict[str, float]],
    barriers: dict[str, list[float]],
) -> dict[str, Any]:
    out: dict[str, Any] = {
        "unit": "eV",
        "chemical_potentials": potentials,
        "vacancies": {
            "sites": found.sites,
            "species": found.species,
            "formation": {name: found.formation(mu).tolist() for name, mu in potentials.items()},
        },
        "barriers": barriers,
    }
    if exchanged is not None:
        out["swaps"] = {
            "pairs": exchanged.pairs,
            "species": exchanged.species,
            "near": exchanged.near,
            "energies": exchanged.energies.tolist(),
        }
    return out


def _print(
    found: Vacancies,
    exchanged: Swaps | None,
    potentials: dict[str, dict[str, float]],
    barriers: dict[str, list[float]],
    *,
    title: str,
) -> None:
    import numpy as np

    from ase_voxpot.properties.sites import mean_error

    headers = ["vacancy of", "sites", "E_f, elements\neV", "least … most\neV"]
    headers += ["E_f, alloy\neV"] if "alloy" in potentials else []
    rows = table(title, *headers)
    formation = {name: found.formation(mu) for name, mu in potentials.items()}
    for symbol in dict.fromkeys(found.species):
        own = np.array(found.species) == symbol
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
    for symbol, values in barriers.items():
        out.print(f"{symbol} jumps into a vacancy over {value_with_error(*mean_error(values), 3)} eV ({len(values)})")
