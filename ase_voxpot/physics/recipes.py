"""Workflows of the benchmark on an element, a pair or an alloy, and the values that they report."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.physics import compounds, dimer, mixing, modes, planar, screw, stability, stiffness, surfaces
from ase_voxpot.properties import cells, defects, elastic, eos, moduli, phonons, thermal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["FULL", "QUICK", "WORKFLOWS", "Answer", "Effort", "Frames", "Setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Sizes of cells and numbers of samples."""

    repeat: int = 5  # cubic cells along the edge of a supercell with an interstitial
    vacancy: int = 4  # the same with a vacancy
    decorations: int = 6
    width: float = phonons.WIDTH  # Å, of the cell for phonons
    steps: int = 10_000  # of 2 fs
    points: int = 81  # of a dimer curve
    faults: int = 11  # points of a stacking fault line
    translations: int = 4  # of a grain across the tilt axis
    stride: int = 1  # every so many labelled frames


FULL = Effort()
QUICK = Effort(repeat=3, vacancy=3, decorations=2, width=12.0, steps=500, points=41, faults=5, translations=1, stride=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Labelled frames of binaries, and the elements by the same method."""

    pairs: Mapping[str, tuple[Sequence[Any], Sequence[float]]]  # by "MoTa": structures, energies in eV
    elements: Mapping[str, float]  # eV/atom


Answer = dict[str, Any]
"""``figures``: numbers by quantity; ``curves``: lists to draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a workflow needs beside calculator and subject."""

    effort: Effort
    frames: Frames | None
    observe: Callable[[float], None]  # the share that is done


def _rest(symbol: str, calculator: Any) -> Any:
    return cells.at_rest(cells.element(symbol), calculator)


def _eos(calculator: Any, subject: str, setting: Setting) -> Answer:
    curve = eos.equation_of_state(cells.element(subject), calculator)
    constant = (2 * curve.volume) ** (1 / 3)
    return {
        "figures": {"a0": constant, "B": curve.bulk_modulus, "dB": curve.derivative, "E0": curve.energy},
        "curves": {"volume": curve.volumes, "energy": curve.energies - curve.energy},
    }


def _elastic(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal = cells.wide(_rest(subject, calculator))
    found = moduli.elasticity(elastic.elastic_tensor(crystal, calculator))
    figures = {"C11": found.c11, "C12": found.c12, "C44": found.c44, "G": found.shear, "zener": found.zener}
    return {"figures": figures, "curves": {"tensor": found.tensor}}


def _finite_strain(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal = cells.wide(_rest(subject, calculator))
    found = moduli.elasticity(elastic.elastic_regression(crystal, calculator))
    figures = {"C11_finite": found.c11, "C12_finite": found.c12, "C44_finite": found.c44}
    return {"figures": figures, "curves": {"tensor": found.tensor}}


def _vacancy(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal = _rest(subject, calculator).repeat(setting.effort.vacancy)
    found = defects.vacancy(crystal, calculator)
    setting.observe(0.3)
    moved = defects.vacancy_migration(crystal, calculator)
    return {
        "figures": {"E_vac": found.formation, "E_vac_unrelaxed": found.unrelaxed, "E_mig": moved.barrier},
        "curves": {"band": moved.energies},
    }


def _interstitial(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal = _rest(subject, calculator)
    figures = {}
    for k, kind in enumerate(defects.INTERSTITIALS):
        figures[f"SIA_{kind}"] = defects.interstitial(crystal, calculator, kind, repeat=setting.effort.repeat)
        setting.observe((k + 1) / len(defects.INTERSTITIALS))
    return {"figures": figures, "curves": {}}


def _surfaces(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal = _rest(subject, calculator)
    planes = {"110": (1, 1, 0), "100": (1, 0, 0), "111": (1, 1, 1)}
    found = {name: surfaces.surface_energy(crystal, calculator, plane) for name, plane in planes.items()}
    return {"figures": {f"gamma_{name}": s.energy for name, s in found.items()}, "curves": {}}


def _faults(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal, figures = _rest(subject, calculator), {}
    curves: dict[str, Any] = {}
    for k, plane in enumerate(planar.PLANES):
        found = planar.stacking_fault(crystal, calculator, plane, points=setting.effort.faults)
        figures[f"USF_{plane}"] = found.unstable
        curves |= {"shift": found.shift, plane: found.energy}
        setting.observe((k + 1) / len(planar.PLANES))
    return {"figures": figures, "curves": curves}


def _boundaries(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal, figures = _rest(subject, calculator), {}
    tried = (min(2, setting.effort.translations), setting.effort.translations)
    for k, name in enumerate(planar.BOUNDARIES):
        figures[f"GB_{name}"] = planar.tilt_boundary(crystal, calculator, name, translations=tried)
        setting.observe((k + 1) / len(planar.BOUNDARIES))
    return {"figures": figures, "curves": {}}


def _screw(calculator: Any, subject: str, setting: Setting) -> Answer:
    found = screw.screw_dislocation(_rest(subject, calculator), calculator)
    figures = {"E_Peierls": 1e3 * found.barrier, "E_hard": 1e3 * found.hard, "polarity": found.shift}
    return {"figures": figures, "curves": {"place": found.place, "path": 1e3 * found.path}}


def _stiffness(calculator: Any, subject: str, setting: Setting) -> Answer:
    crystal = _rest(subject, calculator).repeat(setting.effort.vacancy)
    values = {d: stiffness.self_force_constant(crystal, calculator, d) for d in (0.03, 0.1)}
    return {"figures": {f"K_{100 * d:.0f}": k for d, k in values.items()}, "curves": {}}


def _modes(calculator: Any, subject: str, setting: Setting) -> Answer:
    return {"figures": modes.force_constants(subject, calculator), "curves": {}}


def _phonons(calculator: Any, subject: str, setting: Setting) -> Answer:
    found = phonons.phonons(_rest(subject, calculator), calculator, width=setting.effort.width)
    figures = {"nu_max": found.highest, "nu_min": found.lowest}
    if {"H", "N", "P"} <= set(found.special):
        figures |= {"nu_H": found.special["H"].mean(), "nu_P": found.special["P"].mean()}
        figures |= {f"nu_N_{k + 1}": nu for k, nu in enumerate(sorted(found.special["N"]))}
    curves = {"path": found.path, "branches": found.branches, "grid": found.grid, "density": found.density}
    ticks = {"places": list(found.ticks), "names": list(found.ticks.values())}
    return {"figures": figures, "curves": curves | ticks}


def _thermal(calculator: Any, subject: str, setting: Setting) -> Answer:
    found = thermal.thermal_expansion(
        cells.element(subject),
        calculator,
        observe=lambda done: setting.observe(done / len(thermal.VOLUMES)),
    )
    figures = {f"alpha_{T}": 1e6 * found.at(T) for T in (300, 1000)}
    return {"figures": figures, "curves": {"temperature": found.temperatures, "expansion": 1e6 * found.expansion}}


def _parts(subject: str) -> list[str]:
    from ase.formula import Formula

    return list(Formula(subject).count())


def _elements(calculator: Any, symbols: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Energies in eV/atom and lattice constants in Å."""
    crystals = {s: _rest(s, calculator) for s in symbols}
    energies = {s: cells.energy_per_atom(cells.wide(c), calculator) for s, c in crystals.items()}
    return energies, {s: float(c.cell.lengths()[0]) for s, c in crystals.items()}


def _mixing(calculator: Any, subject: str, setting: Setting) -> Answer:
    parts = _parts(subject)
    energies, constants = _elements(calculator, parts)
    figures: dict[str, float] = {}
    if len(parts) == 2:
        mean = float(np.mean(list(constants.values())))
        orders = [(kind, kind, tuple(parts)) for kind in mixing.ORDERED]
        for name, kind, pair in [*orders, ("D0_3_reverse", "D0_3", tuple(parts[::-1]))]:
            atoms = cells.wide(mixing.ordered(kind, pair, mean))  # type: ignore[arg-type]
            rest = cells.relaxed(atoms, calculator, free="cell")
            figures[f"E_{name}"] = mixing.mixing_energy(rest, calculator, energies)
    setting.observe(0.2)
    rng = np.random.default_rng(0)
    found = mixing.random_mixing(subject, calculator, energies, constants, rng, decorations=setting.effort.decorations)
    figures |= {"E_random": found.relaxed, "E_random_error": found.error, "E_random_unrelaxed": found.unrelaxed}
    return {"figures": figures, "curves": {"values": found.values}}


def _compounds(calculator: Any, subject: str, setting: Setting) -> Answer:
    found = compounds.formation_energies(_parts(subject), calculator)
    known = compounds.DFT.get(subject, {})
    figures = found | ({"F_mae": np.mean([abs(found[k] - e) for k, e in known.items()])} if len(known) > 1 else {})
    return {"figures": figures, "curves": {}}


def _against_frames(calculator: Any, subject: str, setting: Setting) -> Answer:
    if setting.frames is None or subject not in setting.frames.pairs:
        raise DataError(f"expected labelled frames of {subject}, got none")
    structures, labels = setting.frames.pairs[subject]
    every = slice(None, None, setting.effort.stride)
    parts = _parts(subject)
    energies, _ = _elements(calculator, parts)
    found = mixing.compare(
        structures[every],
        labels[every],
        setting.frames.elements,
        calculator,
        energies,
        (parts[0], parts[1]),
    )
    rows = mixing.by_fraction(found)
    return {
        "figures": {"dft_deviation": found.deviation, "dft_mae": found.mae},
        "curves": {
            "fraction": found.fraction,
            "reference": found.reference,
            "found": found.found,
            "compositions": list(rows),
            "deviations": [d for d, _ in rows.values()],
            "maes": [m for _, m in rows.values()],
        },
    }


def _stability(calculator: Any, subject: str, setting: Setting) -> Answer:
    from ase_voxpot.structures import random_alloy

    parts = _parts(subject)
    _, constants = _elements(calculator, parts)
    card = {"lattice": {"bcc": constants}}
    crystal = random_alloy(f"bcc:{subject}", repeat=3, rng=np.random.default_rng(0), card=card)
    steps = setting.effort.steps
    found = stability.endure(crystal, calculator, steps=steps, observe=lambda step: setting.observe(step / steps))
    return {
        "figures": {"stable": float(found.stable), "time": found.time, "closest": found.closest},
        "curves": {
            "times": found.times,
            "temperatures": found.temperatures,
            "energies": found.energies,
            "distances": found.distances,
            "reason": found.reason,
        },
    }


def _dimer(calculator: Any, subject: str, setting: Setting) -> Answer:
    pair = _parts(subject) * (1 if len(_parts(subject)) == 2 else 2)
    distances = np.linspace(0.8, 6.0, setting.effort.points)
    found = dimer.dimer_curve((pair[0], pair[1]), calculator, distances)
    return {
        "figures": {"monotone": float(found.monotone), "minima": found.minima, "wall": found.wall},
        "curves": {"distance": found.distances, "energy": found.energies - found.energies[-1]},
    }


def _lattice(calculator: Any, subject: str, setting: Setting) -> Answer:
    distances = np.geomspace(0.8, 5.5, setting.effort.points // 2)
    found = dimer.lattice_curve(cells.element(subject), calculator, distances)
    return {
        "figures": {"lattice_monotone": float(found.monotone), "lattice_minima": found.minima},
        "curves": {"distance": found.distances, "energy": found.energies - found.energies[-1]},
    }


def _each(elements: Sequence[str]) -> list[str]:
    return list(elements)


def _pairs(elements: Sequence[str]) -> list[str]:
    return ["".join(pair) for pair in combinations(elements, 2)]


def _pairs_and_triples(elements: Sequence[str]) -> list[str]:
    return [*_pairs(elements), *("".join(triple) for triple in combinations(elements, 3))]


def _alloys(elements: Sequence[str]) -> list[str]:
    return [*_pairs(elements), *(["".join(elements)] if len(elements) > 2 else [])]


def _bonds(elements: Sequence[str]) -> list[str]:
    return [*elements, *_pairs(elements)]


def _all(elements: Sequence[str]) -> list[str]:
    return ["".join(elements)]


WORKFLOWS: dict[str, tuple[Callable[[Any, str, Setting], Answer], Callable[[Sequence[str]], list[str]]]] = {
    "eos": (_eos, _each),
    "elastic": (_elastic, _each),
    "finite-strain": (_finite_strain, _each),
    "vacancy": (_vacancy, _each),
    "interstitial": (_interstitial, _each),
    "surfaces": (_surfaces, _each),
    "faults": (_faults, _each),
    "boundaries": (_boundaries, _each),
    "screw": (_screw, _each),
    "stiffness": (_stiffness, _each),
    "modes": (_modes, lambda elements: [e for e in elements if e in modes.EDGE]),
    "phonons": (_phonons, _each),
    "thermal": (_thermal, _each),
    "mixing": (_mixing, _alloys),
    "compounds": (_compounds, _pairs_and_triples),
    "dft-mixing": (_against_frames, _pairs),
    "dimer": (_dimer, _bonds),
    "lattice": (_lattice, _each),
    "stability": (_stability, _all),
}
"""What is computed, and of which subjects, given the elements."""
