"""Every shipped model against the numbers it is sold with."""

from __future__ import annotations

import os
from itertools import combinations_with_replacement

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.eos import EquationOfState
from ase.units import GPa

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.frames.labels import labels_of
from ase_voxpot.network.outline import in_one_line
from ase_voxpot.properties.defects import vacancy
from ase_voxpot.scoring import predict, score
from ase_voxpot.weights import find_model, load_potential, read_header, shipped_models
from voxpot_training.potential.probes import probes

PBE = {"Nb": (3.322, 176), "Mo": (3.169, 273), "Ta": (3.322, 200), "W": (3.190, 316)}
"""Lattice constant in Å and bulk modulus in GPa of bcc, from the strained cells of the training data."""
COHESION = {"Nb": 7.57, "Mo": 6.82, "Ta": 8.10, "W": 8.90}
"""eV per atom: C. Kittel, Introduction to Solid State Physics (8th ed.), chapter 3."""
VACANCY = {"Mo": 2.80, "Ta": 2.88, "W": 3.23}
"""eV, PBE: P.-W. Ma and S. L. Dudarev, Phys. Rev. Materials 3, 013605 (2019)."""


@pytest.fixture(scope="module", params=shipped_models())
def model(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def calculator(model) -> VoxPotCalculator:
    return VoxPotCalculator(model, device="cpu")


def symbols(model: str) -> tuple[str, ...]:
    return load_potential(model, device="cpu").spec.species


def test_they_are_there_and_light():
    assert {"motaw", "motaw-fast"} <= set(shipped_models())
    for name in shipped_models():
        assert find_model(name).stat().st_size < 3e6
        assert find_model(name).with_suffix(".md").is_file()


def test_their_cards_describe_the_network_that_they_are(model):
    spec = load_potential(model, device="cpu").spec

    assert in_one_line(spec) in find_model(model).with_suffix(".md").read_text(encoding="utf-8")


def test_the_metals_have_the_lattice_and_the_stiffness_of_dft(model, calculator):
    for symbol in symbols(model):
        constant, modulus = PBE[symbol]
        volumes, energies = [], []
        for a in constant * np.linspace(0.98, 1.02, 9):
            atoms = bulk(symbol, "bcc", a=a)
            atoms.calc = calculator
            volumes.append(atoms.get_volume())
            energies.append(atoms.get_potential_energy())

        volume, _, stiffness = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()

        assert (2 * volume) ** (1 / 3) == pytest.approx(constant, rel=2e-3), symbol
        assert stiffness / GPa == pytest.approx(modulus, rel=0.1), symbol


def test_vacancies_cost_what_dft_says(model, calculator):
    for symbol in set(symbols(model)) & set(VACANCY):
        crystal = bulk(symbol, "bcc", a=PBE[symbol][0], cubic=True).repeat(3)
        found = vacancy(crystal, calculator)
        assert found.formation == pytest.approx(VACANCY[symbol], abs=0.3), symbol


def test_close_pairs_repel_ever_more(model, calculator):
    for pair in combinations_with_replacement(symbols(model), 2):
        energies = []
        for r in np.arange(0.5, 1.5, 0.05):
            atoms = Atoms(pair, positions=[[0, 0, 0], [r, 0, 0]], calculator=calculator)
            energies.append(atoms.get_potential_energy())

        assert (np.diff(energies) < 0).all(), pair
        assert energies[0] > energies[-1] + 500, pair


@pytest.mark.parametrize("lattice", ["bcc", "fcc"])
def test_a_metal_resists_compression_ever_more(model, calculator, lattice):
    """To a third of its volume; a minimum on the way would be a false crystal that a squeezed cell falls into."""
    for symbol in symbols(model):
        energies = []
        edge = PBE[symbol][0] * {"bcc": 1, "fcc": 2}[lattice] ** (1 / 3)  # of the same volume per atom
        for share in np.linspace(0.95, 0.7, 26):
            atoms = bulk(symbol, lattice, a=share * edge)
            atoms.calc = calculator
            energies.append(atoms.get_potential_energy())

        assert (np.diff(energies) > 0).all(), symbol


@pytest.mark.parametrize("distance", [2.6, 2.9, 3.2, 3.5, 3.8, 4.1, 4.4, 4.7])
def test_pairs_alone_attract_until_they_touch(model, calculator, distance):
    """No deep minimum beyond the distance of neighbours in the metals."""
    for pair in combinations_with_replacement(symbols(model), 2):
        atoms = Atoms(pair, positions=[[0, 0, 0], [distance, 0, 0]], calculator=calculator)
        assert atoms.get_forces()[0, 0] > -0.3, pair


def test_a_free_atom_costs_what_its_metal_costs_to_take_apart(model, calculator):
    for symbol in symbols(model):
        free = Atoms(symbol, positions=[[0, 0, 0]], calculator=calculator)
        metal = bulk(symbol, "bcc", a=PBE[symbol][0])
        metal.calc = calculator
        gained = free.get_potential_energy() - metal.get_potential_energy()
        assert gained == pytest.approx(COHESION[symbol], abs=0.05), symbol


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="VOXPOT_DATA does not name the data sets")
def test_the_errors_on_the_card_can_be_measured_again(model):
    from voxpot_training.potential.holdout import holdout_of

    card = read_header(find_model(model))["card"]["holdout"]
    frames = holdout_of(model)

    found = score(frames, labels_of(frames), list(predict(load_potential(model, device="cpu"), frames))).total

    assert found.frames == card["frames"]
    for name in ("energy_mae", "energy_mae_offset", "energy_rmse", "force_mae", "force_rmse", "stress_mae"):
        assert getattr(found, name) == pytest.approx(card[name], rel=1e-2), name
    assert found.energy_mae < 4.0
    assert found.energy_mae_offset < 3.0
    assert found.force_mae < 80.0
    assert found.force_rmse < 125.0


@pytest.fixture(scope="module")
def probed(model) -> dict[str, list[float]]:
    """How far the shipped model extrapolates on structures that no potential of solids was made for."""
    potential = load_potential(model, device="cpu")
    card = read_header(find_model(model))["card"]
    made = probes(potential.spec.species, card, np.random.default_rng(0))
    return {n: [potential.evaluate(a, uncertainty=True).uncertainty.extrapolation for a in s] for n, s in made.items()}


def test_solid_solutions_are_known(probed):
    assert max(probed["random alloy"] + probed["random alloy, warm"]) < 1.5


@pytest.mark.parametrize(
    "name",
    [
        "elements in simple cubic",
        "volume of 60 %",
        "volume of 200 %",
        "dimers at 2.2 Å",
        "free atoms",
        "liquid far too hot",
        "gas at the density of the solid",
    ],
)
def test_what_is_far_from_the_data_is_flagged(name, probed):
    assert min(probed[name]) > 2.0


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="VOXPOT_DATA does not name the data sets")
def test_uncertainties_on_the_hold_out_are_as_large_as_errors(model):
    from voxpot_training.potential.holdout import holdout_of
    from voxpot_training.potential.reliability import measure, summary
    from voxpot_training.potential.trials import try_frame

    potential = load_potential(model, device="cpu")
    frames = holdout_of(model)
    trials = [try_frame(potential, a, label) for a, label in zip(frames, labels_of(frames), strict=True)]

    found = summary(measure(trials, potential.known_uncertainty()))

    card = read_header(find_model(model))["card"]["uncertainty"]
    for kind, least in (("energy", 0.3), ("forces", 0.5)):
        assert found[kind]["spearman"] == pytest.approx(card[kind]["spearman"], abs=0.05)
        assert found[kind]["spearman"] > least
        assert found[kind]["within_95"] > 0.85
    for kind in ("energy", "forces"):
        assert 0.5 < found[kind]["sigma"] / found[kind]["rms_error"] < 2.0, kind


def test_its_card_says_how_its_data_were_computed(model):
    method = read_header(find_model(model))["card"]["method"]

    assert method == {"code": "VASP", "functional": "PBE", "cutoff": 520.0}
