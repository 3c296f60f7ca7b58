"""Observables of a Monte Carlo run: a row per sample, averages at the end."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import StructureError
from ase_voxpot.montecarlo.ensembles import VCSGC
from ase_voxpot.montecarlo.order import Lattice, long_range_order, superlattice_peaks, warren_cowley
from ase_voxpot.montecarlo.statistics import find_peak, heat_capacity
from ase_voxpot.statistics import Estimate, block_average

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.montecarlo.plan import Plan
    from ase_voxpot.montecarlo.records import Row
    from ase_voxpot.montecarlo.replicas import Replica

__all__ = ["DISCARDED", "Meter"]

DISCARDED = 0.25
"""Share of the samples at the beginning that averages leave out."""
STAGES = 10
"""Parts of an annealing with separate averages."""
FEWEST_TEMPERATURES = 5
"""Least height of a peak of the heat capacity."""


class Meter:
    """Computes the observables of one run."""

    def __init__(self, atoms: Atoms, plan: Plan, replica: Replica) -> None:
        """Find the lattice of the sites; without one there are no order parameters.

        Args:
            atoms: the structure, whose positions are the sites.
            plan: of the run.
            replica: any of the run.
        """
        self.plan = plan
        self.elements, terms = replica.walker.elements, replica.terms
        self.kinds = [int(k) for k in np.sort(terms.kinds)]
        self.sites = len(terms.sites)
        self.reason = ""
        """Reason why there are no order parameters, if there are none."""
        self.lattice: Lattice | None = None
        try:
            self.lattice = Lattice(atoms)
        except StructureError as error:
            self.reason = str(error)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Of unlike species, by number."""
        return list(combinations(self.kinds, 2))

    def name(self, *kinds: int) -> str:
        """Symbols with a dash between."""
        return "-".join(self.elements[k] for k in kinds)

    def row(self, replica: Replica, number: int, sample: int, temperature: float) -> Row:
        """A row of the log."""
        walker, tally = replica.walker, replica.tally
        row: Row = {
            "sweep": sample * self.plan.interval,
            "replica": float(number),
            "temperature_K": temperature,
            "energy_eV": walker.energy,
        }
        counts = np.bincount(walker.species, minlength=len(self.elements))
        row |= {f"n_{self.elements[k]}": float(counts[k]) for k in self.kinds}
        row["trials"], row["accepted"] = float(tally.trials.sum()), float(tally.accepted.sum())
        if self.lattice is None:
            return row
        for s, shell in enumerate(self.lattice.shells, 1):
            alpha = warren_cowley(walker.species, len(self.elements), shell)
            row |= {f"alpha{s}_{self.name(a, b)}": float(alpha[a, b]) for a, b in self.pairs}
            row |= {f"alpha{s}_{self.name(a, a)}": float(alpha[a, a]) for a in self.kinds}
        if self.lattice.sublattice is not None:
            eta = long_range_order(walker.species, len(self.elements), self.lattice.sublattice)
            row |= {f"eta_{self.elements[k]}": float(eta[k]) for k in self.kinds}
        return row

    def report(self, rows: list[Row], replicas: list[Replica], exchanges: np.ndarray) -> dict[str, Any]:
        """Averages, JSON-ready, for every temperature, or for every stage of an annealing.

        The first quarter of the samples at a temperature is left out; of an annealing only the start.
        """
        temperatures, copies = [], []
        for k, replica in enumerate(replicas):
            mine = [r for r in rows if r["replica"] == k]
            for part in self._parts(mine):
                entry, boot = self._averages(part, replica, k)
                temperatures.append(entry)
                copies.append(boot)
        out: dict[str, Any] = {
            "ensemble": self.plan.ensemble.name,
            "sites": self.sites,
            "sweeps": rows[-1]["sweep"],
            "annealed": self.plan.final_temperature is not None,
            "temperatures": temperatures,
            "exchange_acceptance": [float(a / t) if t else None for t, a in exchanges.T],
        }
        if len(replicas) >= FEWEST_TEMPERATURES:
            peak = find_peak(np.array(self.plan.temperatures), np.array(copies))
            out["transition"] = {
                "temperature_K": _plain(peak.temperature),
                "heat_capacity_kB": peak.height,
                "inside_the_range": peak.inside,
            }
        return out

    def _parts(self, rows: list[Row]) -> list[list[Row]]:
        """The samples that are averaged together."""
        if self.plan.final_temperature is None:
            return [rows[int(DISCARDED * len(rows)) :]]
        edges = np.linspace(1, len(rows), min(STAGES, len(rows) - 1) + 1).astype(int)
        return [rows[a:b] for a, b in zip(edges, edges[1:], strict=False)]

    def _averages(self, rows: list[Row], replica: Replica, number: int) -> tuple[dict[str, Any], np.ndarray]:
        def mean(column: str, per: float = 1.0) -> Estimate:
            return block_average(np.array([r[column] for r in rows]) / per)

        temperature = float(np.mean([r["temperature_K"] for r in rows]))
        rng = np.random.default_rng([self.plan.seed, number])
        energies = np.array([r["energy_eV"] for r in rows])
        capacity, copies = heat_capacity(energies, temperature, self.sites, rng=rng)
        entry: dict[str, Any] = {
            "temperature_K": temperature,
            "samples": len(rows),
            "energy_eV_per_atom": _plain(mean("energy_eV", len(replica.walker.species))),
            "heat_capacity_kB": _plain(capacity) if self.plan.final_temperature is None else None,
            "concentrations": {self.elements[k]: _plain(mean(f"n_{self.elements[k]}", self.sites)) for k in self.kinds},
            "acceptance": self._acceptance(replica),
        }
        for column in rows[0]:
            if column.startswith(("alpha", "eta")):
                known = all(np.isfinite(r[column]) for r in rows)
                entry[column] = _plain(mean(column)) if known else None
        if isinstance(self.plan.ensemble, VCSGC):
            c = {s: e["value"] for s, e in entry["concentrations"].items()}
            entry["free_energy_derivative_eV"] = self.plan.ensemble.derivatives(c, temperature)
        entry["structure_factor"] = self._peaks(replica)
        return entry, copies

    def _acceptance(self, replica: Replica) -> dict[str, float]:
        """Of every pair of species that was tried: swaps a-b, changes a->b."""
        tally, sign = replica.tally, "->" if replica.terms.flips else "-"
        return {
            f"{self.elements[a]}{sign}{self.elements[b]}": float(tally.accepted[a, b] / tally.trials[a, b])
            for a, b in np.argwhere(tally.trials)
        }

    def _peaks(self, replica: Replica) -> dict[str, Any]:
        """The largest superlattice peaks of the last configuration, if the cell is made of cubes."""
        repeats = None if self.lattice is None else cubic_repeats(self.lattice)
        if self.lattice is None or repeats is None or int(np.prod(repeats)) * self.sites > LARGEST:
            return {}
        found = {}
        for k in self.kinds:
            peaks = superlattice_peaks(self.lattice, replica.walker.species, k, repeats=repeats, count=3)
            found[self.elements[k]] = [{"hkl": list(hkl), "S": s} for hkl, s in peaks]
        return found


LARGEST = 50_000_000
"""Largest number of phases of a structure factor that is computed."""


def cubic_repeats(lattice: Lattice) -> tuple[int, int, int] | None:
    """How many cubes of bcc the cell holds along its vectors; None if it does not consist of such cubes."""
    lengths = np.linalg.norm(lattice.cell, axis=1)
    square = np.allclose(lattice.cell @ lattice.cell.T, np.diag(lengths**2), atol=1e-6 * lengths.max() ** 2)
    edge = lattice.shells[1].distance
    repeats = np.rint(lengths / edge)
    if not square or not np.allclose(repeats * edge, lengths, rtol=1e-3):
        return None
    return tuple(int(n) for n in repeats)  # type: ignore[return-value]


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "error": estimate.error}
