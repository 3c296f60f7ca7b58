"""What new crystals are ranked by: a property model, or formation energies of a potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

    from ase_voxpot.methods import Method

__all__ = ["ByModel", "ByPotential", "energies"]

PORTION = 32
"""Crystals whose energies are computed with one calculator."""


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
        lines += [] if above is None else [f"hull {round(above, 3) + 0.0:+.3f}".replace("-", "−")]  # 0.0: no −0.000
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
