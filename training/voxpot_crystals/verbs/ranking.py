"""Ranking of new crystals for ``voxpot generate``: by a property model, or by formation energies of a potential.

    python -m voxpot_crystals.verbs.ranking crystals.extxyz --rank nbmotaw --known train.extxyz

does the same to the crystals of a file, to compare a generator with another source.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.plotting.screen import console, table
from voxpot_crystals.verbs.measures import ByModel, ByPotential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.methods import Method

__all__ = ["potential_of", "ranked", "ranking_of", "relaxing"]

ROWS = 10
"""Of the table; the file has all."""
NEAR = 0.025
"""eV/atom above the hull, about kT at room temperature, up to which a compound may well exist."""
SAME = 0.001
"""eV/atom; relaxations of one compound differ by less."""


def potential_of(text: str) -> Method | None:
    """The potential of a shipped name or weight file; None of any other text or file."""
    from ase_voxpot.errors import WeightsError
    from ase_voxpot.methods import Method

    method = Method(text=text)
    try:
        found = method.card
    except WeightsError:
        return None
    return None if found is None else method


def ranking_of(rank: str, *, hull: bool) -> ByModel | ByPotential:
    """What ``--rank`` names: a potential, else a property model.

    Args:
        rank: a name or a file.
        hull: whether distances from the convex hull will be wanted of a potential.

    Raises:
        WeightsError: neither; ``ConfigError`` a potential whose card names no lattice of the elements.
        MissingPackageError: pymatgen is not installed, which makes the hull.
    """
    from dataclasses import replace

    from ase_voxpot.errors import WeightsError
    from ase_voxpot.extras import require
    from ase_voxpot.properties.formation import elements_at_rest
    from ase_voxpot.weights import shipped_models
    from voxpot_crystals.regression.predict import load_predictor

    potential = potential_of(rank)
    if potential is not None:
        if hull:
            require("pymatgen", "the convex hull")
        potential = replace(potential, dtype="float64")  # for small differences of large energies
        return ByPotential(potential, elements_at_rest(potential))
    try:
        return ByModel(rank, load_predictor(rank))
    except WeightsError as error:
        if Path(rank).is_file():
            raise
        raise WeightsError(f"rank: {error}, nor of a potential ({', '.join(shipped_models())})") from None


def relaxing(text: str) -> Method:
    """What ``--relax`` names: a potential, else a factory of calculators.

    Raises:
        ConfigError: neither.
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.methods import Method
    from ase_voxpot.weights import shipped_models

    potential = potential_of(text)
    if potential is None and ":" not in text:
        raise ConfigError(
            f"relax: expected a potential ({', '.join(shipped_models())}, or a weight file), module:factory or "
            f"file.py:factory, got {text!r}"
        )
    return potential or Method(text=text, own=False)


def ranked(
    made: Sequence[Atoms],
    ranking: ByModel | ByPotential,
    known: Sequence[Atoms],
    figures: dict[str, Any],
    *,
    workers: int,
    scheduler: str | None,
) -> list[Atoms]:
    """The crystals, lowest first, those without a value last; a table of the first, all in ``figures``.

    Args:
        made: new crystals; their ``info`` gets the values.
        ranking: what they are ranked by.
        known: crystals that span the hull.
        figures: gets a row per crystal.
        workers: processes of this machine.
        scheduler: of Dask, in place of workers.
    """
    ranking.mark(made, known, workers=workers, scheduler=scheduler)
    order = sorted(made, key=lambda a: [a.info.get(key, float("inf")) for key in ranking.first])
    columns = {k: name for k, name in ranking.columns.items() if any(k in a.info for a in made)} or ranking.columns
    shown = table(ranking.title, "crystal", "index", *columns.values())
    rows = figures["ranked"] = []
    for crystal in order:
        info = {key: crystal.info.get(key) for key in ("index", *columns)}
        rows.append({"formula": crystal.get_chemical_formula(), **info})
    for row in rows[:ROWS]:
        numbers = ("–" if row[key] is None else f"{round(row[key], 3) + 0.0:.3f}" for key in columns)
        shown.add_row(row["formula"], str(row["index"]), *numbers)
    console().print(shown)
    above = [a.info["energy_above_hull"] for a in order if "energy_above_hull" in a.info]
    if above:
        counts = {"crystals": len(above), "below": sum(e < -SAME for e in above), "near": sum(e < NEAR for e in above)}
        figures["hull"] = counts
        console().print(
            f"{counts['below']} of {len(above)} more than {1000 * SAME:g} meV/atom below the hull of the known "
            f"crystals, {counts['near']} less than {1000 * NEAR:g} meV/atom above it"
        )
    return order


def main() -> None:
    """Screen and rank the crystals of a file."""
    import argparse

    from ase_voxpot.frames.labels import read_frames
    from voxpot_crystals.latent.voxel_vae.screening import faults

    parser = argparse.ArgumentParser(prog="python -m voxpot_crystals.verbs.ranking", description=__doc__)
    parser.add_argument("crystals", type=Path, help="extended XYZ")
    parser.add_argument("--rank", required=True, help="a potential or a property model")
    parser.add_argument("--known", type=Path, help="known crystals")
    parser.add_argument("--passed", action="store_true", help="rank only crystals that pass the screening")
    asked = parser.parse_args()
    made, known = read_frames(asked.crystals), read_frames(asked.known) if asked.known else []
    for index, (atoms, reason) in enumerate(zip(made, faults(made, known), strict=True)):
        atoms.info |= {"index": index, "screened": reason or "passed"}
    passed = [a for a in made if a.info["screened"] == "passed"]
    console().print(f"{len(passed)} of {len(made)} crystals pass the screening")
    ranking = ranking_of(asked.rank, hull=bool(known))
    ranked(passed if asked.passed else made, ranking, known, {}, workers=1, scheduler=None)


if __name__ == "__main__":
    main()
