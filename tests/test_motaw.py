"""The shipped model against the numbers it is sold with."""

from __future__ import annotations

import os

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.eos import EquationOfState
from ase.units import GPa

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.labels import labels_of
from ase_voxpot.scoring import predict, score
from ase_voxpot.weights import find_model, load_potential, read_header
from voxpot_training.potential.probes import probes

PBE = {"Mo": (3.169, 273), "Ta": (3.322, 200), "W": (3.190, 316)}
"""Lattice constant in Å and bulk modulus in GPa of bcc, from the strained cells of the training data."""


@pytest.fixture(scope="module")
def calculator() -> VoxPotCalculator:
    return VoxPotCalculator("motaw", device="cpu")


@pytest.mark.parametrize("symbol", PBE)
def test_the_metals_have_the_lattice_and_the_stiffness_of_dft(symbol, calculator):
    constant, modulus = PBE[symbol]
    volumes, energies = [], []
    for a in constant * np.linspace(0.98, 1.02, 9):
        atoms = bulk(symbol, "bcc", a=a)
        atoms.calc = calculator
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy())

    volume, _, stiffness = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()

    assert (2 * volume) ** (1 / 3) == pytest.approx(constant, rel=2e-3)
    assert stiffness / GPa == pytest.approx(modulus, rel=0.1)


@pytest.mark.parametrize("pair", ["MoMo", "TaTa", "WW", "MoTa", "MoW", "TaW"])
def test_close_pairs_repel_ever_more(pair, calculator):
    energies = []
    for r in np.arange(0.5, 1.5, 0.05):
        atoms = Atoms(pair, positions=[[0, 0, 0], [r, 0, 0]], calculator=calculator)
        energies.append(atoms.get_potential_energy())

    assert (np.diff(energies) < 0).all()
    assert energies[0] > energies[-1] + 500


def test_a_free_atom_costs_what_its_metal_costs_to_take_apart(calculator):
    for symbol, cohesion in (("Mo", 6.82), ("Ta", 8.10), ("W", 8.90)):
        free = Atoms(symbol, positions=[[0, 0, 0]], calculator=calculator)
        metal = bulk(symbol, "bcc", a=PBE[symbol][0])
        metal.calc = calculator
        assert free.get_potential_energy() - metal.get_potential_energy() == pytest.approx(cohesion, abs=0.05)


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="VOXPOT_DATA does not name the data sets")
def test_the_errors_on_the_card_can_be_measured_again():
    from voxpot_training.potential.holdout import holdout_of

    card = read_header(find_model("motaw"))["card"]["holdout"]
    frames = holdout_of("motaw")

    found = score(frames, labels_of(frames), list(predict(load_potential("motaw", device="cpu"), frames))).total

    assert found.frames == card["frames"]
    for name in ("energy_mae", "energy_mae_offset", "energy_rmse", "force_mae", "force_rmse", "stress_mae"):
        assert getattr(found, name) == pytest.approx(card[name], rel=1e-2), name
    assert found.energy_mae < 4.0
    assert found.force_mae < 100.0


@pytest.fixture(scope="module")
def probed() -> dict[str, list[float]]:
    """How far the shipped model extrapolates on structures that no potential of solids was made for."""
    potential = load_potential("motaw", device="cpu")
    card = read_header(find_model("motaw"))["card"]
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
def test_uncertainties_on_the_hold_out_are_as_large_as_errors():
    from voxpot_training.potential.holdout import holdout_of
    from voxpot_training.potential.reliability import measure, summary
    from voxpot_training.potential.trials import try_frame

    potential = load_potential("motaw", device="cpu")
    frames = holdout_of("motaw")
    trials = [try_frame(potential, a, label) for a, label in zip(frames, labels_of(frames), strict=True)]

    found = summary(measure(trials, potential.known_uncertainty()))

    card = read_header(find_model("motaw"))["card"]["uncertainty"]
    for kind, least in (("energy", 0.3), ("forces", 0.5)):
        assert found[kind]["spearman"] == pytest.approx(card[kind]["spearman"], abs=0.05)
        assert found[kind]["spearman"] > least
        assert 0.5 < found[kind]["sigma"] / found[kind]["rms_error"] < 2.0
        assert found[kind]["within_95"] > 0.85
