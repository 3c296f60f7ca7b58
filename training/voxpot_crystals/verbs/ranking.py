"""Ranking of new crystals for ``voxpot generate``: by a property model, or by formation energies of a potential.

    python -m voxpot_crystals.verbs.ranking crystals.extxyz --rank nbmotaw --known train.extxyz

does the same to the crystals of a file, to compare a generator with another source.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import console, progress, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

    from ase_voxpot.methods import Method

__all__ = ["ByModel", "ByPotential", "energies", "potential_of", "ranked", "ranking_of", "relaxing"]

PORTION = 32
"""Crystals whose energies are computed with one calculator."""
ROWS = 10
"""Of the table; the file has all."""
NEAR = 0.025
"""eV/atom above the hull, about kT at room temperature, up to which a compound may well exist."""


@dataclass(frozen=True, slots=True)
class ByModel:
    """Predictions of a property model; ``prediction`` and ``uncertainty`` in ``info``."""

    name: str
    predictor: Any
    columns: ClassVar = {"prediction": "prediction", "uncertainty": "uncertainty"}
    first: ClassVar = ("prediction",)

    @property
    def title(self) -> str:
        """Quantity, model and unit."""
        target = self.predictor.card.get("target", {})
        quantity = target.get("name") or target.get("key", "prediction")
        return f"{quantity} by {self.name}, {target.get('unit', '')}"

    def caption(self, info: Mapping[str, Any]) -> str:
        """Of a picture; empty without a prediction."""
        unit = self.predictor.card.get("target", {}).get("unit", "")
        return f"{info['prediction']:.2f} ± {info['uncertainty']:.2f} {unit}" if "prediction" in info else ""

    def mark(self, made: Sequence[Atoms], known: Sequence[Atoms], *, workers: int, scheduler: str | None) -> None:
        """Add predictions, or the reason why there is none, to ``info``."""
        from voxpot_crystals.verbs.predict import predictions

        with progress(self.name, len(made)) as step:
            found = predictions(self.predictor, self.name, made, workers=workers, scheduler=scheduler, observe=step)
        for k, crystal in enumerate(made):
            if k in found.refused:
                crystal.info["not_predicted"] = found.refused[k]
            else:
                crystal.info |= {"prediction": float(found.value[k]), "uncertainty": float(found.sigma[k])}


@dataclass(frozen=True, slots=True)
class ByPotential:
    """Formation energies of a potential, and distances from the hull of the known crystals by the same potential.

    ``info`` has ``formation_energy``, ``energy_uncertainty`` of models that know it, and ``energy_above_hull`` where
    crystals are known, all in eV/atom.
    """

    method: Method
    rest: Mapping[str, float]  # energies of the elements, eV/atom
    columns: ClassVar = {
        "energy_above_hull": "above the hull",
        "formation_energy": "formation energy",
        "energy_uncertainty": "uncertainty",
    }
    first: ClassVar = ("energy_above_hull", "formation_energy")

    @property
    def title(self) -> str:
        """Quantity, potential and unit."""
        return f"formation energy by {self.method.name}, eV/atom"

    def caption(self, info: Mapping[str, Any]) -> str:
        """Of a picture; empty without an energy."""
        if "formation_energy" not in info:
            return ""
        above = info.get("energy_above_hull")
        lines = [f"{info['formation_energy']:.3f} eV/atom".replace("-", "−")]
        lines += [] if above is None else [f"hull {above:+.3f}".replace("-", "−")]
        return "\n".join(lines)

    def mark(self, made: Sequence[Atoms], known: Sequence[Atoms], *, workers: int, scheduler: str | None) -> None:
        """Add energies, or the reason why there is none, to ``info``; known crystals of other elements do not count."""
        from voxpot_crystals.structures.hull import hull_distances

        others = [a for a in known if set(a.get_chemical_symbols()) <= set(self.rest)]
        everything = [*made, *others]
        parts = [(self.method, self.rest, everything[k : k + PORTION]) for k in range(0, len(everything), PORTION)]
        steps = [len(some) for *_, some in parts]
        with progress(self.method.name, len(everything)) as step:
            portions = run_parts(energies, parts, workers=workers, scheduler=scheduler, observe=step, steps=steps)
            found = [one for portion in portions for one in portion]
        for crystal, one in zip(made, found, strict=False):
            crystal.info |= one
        if not known:
            return
        fit = [a for a in made if "formation_energy" in a.info]
        base = {k: one["formation_energy"] for k, one in enumerate(found[len(made) :]) if "formation_energy" in one}
        own = [a.info["formation_energy"] for a in fit]
        above = hull_distances(fit, own, [others[k] for k in base], list(base.values()))
        for crystal, distance in zip(fit, above, strict=True):
            crystal.info["energy_above_hull"] = distance


def energies(
    method: Method,
    rest: Mapping[str, float],
    some: Sequence[Atoms],
    *,
    observe: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Entries of ``info`` for some crystals: energies in eV/atom, or under ``not_predicted`` why there are none.

    Args:
        method: of the potential.
        rest: energies of the elements, eV/atom.
        some: crystals; not changed.
        observe: called after every crystal.
    """
    from ase_voxpot.errors import StructureError
    from ase_voxpot.properties.formation import formation_energy

    calculator, found = method.make(), []
    unsure = calculator.potential.uncertainty is not None
    for crystal in some:
        atoms, one = crystal.copy(), dict[str, Any]()
        try:
            energy = float(calculator.get_property("energy", atoms))
            one["formation_energy"] = formation_energy(atoms, energy, rest)
            if unsure:
                one["energy_uncertainty"] = float(calculator.get_property("energy_uncertainty", atoms)) / len(atoms)
        except StructureError as error:
            one = {"not_predicted": str(error)}
        found.append(one)
        observe()
    return found


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
    from ase_voxpot.errors import WeightsError
    from ase_voxpot.extras import require
    from ase_voxpot.properties.formation import elements_at_rest
    from ase_voxpot.weights import shipped_models
    from voxpot_crystals.regression.predict import load_predictor

    potential = potential_of(rank)
    if potential is not None:
        if hull:
            require("pymatgen", "the convex hull")
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
        numbers = ("–" if row[key] is None else f"{row[key]:.3f}" for key in columns)
        shown.add_row(row["formula"], str(row["index"]), *numbers)
    console().print(shown)
    above = [a.info["energy_above_hull"] for a in order if "energy_above_hull" in a.info]
    if above:
        counts = {"crystals": len(above), "below": sum(e < 0 for e in above), "near": sum(e <= NEAR for e in above)}
        figures["hull"] = counts
        console().print(
            f"{counts['below']} of {len(above)} below the hull of the known crystals, {counts['near']} up to "
            f"{1000 * NEAR:g} meV/atom above it"
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
