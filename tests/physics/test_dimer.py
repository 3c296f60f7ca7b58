from __future__ import annotations

from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.io import read

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.physics.dimer import dimer_curve, lattice_curve

DISTANCES = np.linspace(0.8, 6, 105)


def test_a_sound_pair_repels_and_has_one_bottom():
    found = dimer_curve(("W", "W"), LennardJones(sigma=2.2, epsilon=1.0, rc=8.0), DISTANCES)

    assert found.monotone
    assert found.minima == 1
    assert found.bottom == pytest.approx(2.2 * 2 ** (1 / 6), abs=0.05)
    assert found.wall > 1e4


class Hole(LennardJones):
    """Falls inwards again, and ripples."""

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        r = self.atoms.get_distance(0, 1)
        self.results["energy"] = -2.0 * np.exp(-(((r - 1.0) / 0.3) ** 2)) - np.exp(-(((r - 3.0) / 0.5) ** 2))


def test_a_hole_is_seen():
    found = dimer_curve(("W", "W"), Hole(sigma=2.2, rc=8.0), DISTANCES)

    assert found.minima == 2
    assert found.bottom == pytest.approx(1.0, abs=0.06)


def test_an_energy_that_falls_to_the_end_is_not_monotone():
    found = dimer_curve(("W", "W"), LennardJones(sigma=2.2, epsilon=-1.0, rc=8.0), DISTANCES)

    assert not found.monotone
    assert found.wall == 0


def test_a_lattice_has_its_bottom_where_it_rests(fcc):
    calculator = MorsePotential(r0=4 / np.sqrt(2), rho0=6.0, epsilon=0.4, rcut1=3.2, rcut2=3.8)

    found = lattice_curve(fcc, calculator, np.linspace(2.0, 4.4, 41))

    assert found.bottom == pytest.approx(4 / np.sqrt(2), abs=0.1)
    assert found.monotone
    assert found.minima == 1


DATA = Path(__file__).parents[2] / "training" / "data" / "alloy"


@pytest.mark.parametrize("pair", [("Mo", "Mo"), ("Mo", "Ta"), ("Mo", "W"), ("Ta", "Ta"), ("Ta", "W"), ("W", "W")])
def test_the_shipped_model_has_no_hole_between_two_atoms(pair):
    found = dimer_curve(pair, VoxPotCalculator("motaw", device="cpu"), DISTANCES)

    assert found.monotone
    assert found.wall > 500


@pytest.mark.parametrize("pair", list(combinations_with_replacement(("Mo", "Ta", "W"), 2)))
def test_ripples_between_two_atoms_are_small_beside_their_bond(pair):
    found = dimer_curve(pair, VoxPotCalculator("motaw", device="cpu"), DISTANCES)

    assert np.diff(found.energies[: int(np.argmin(found.energies)) + 1]).max() < 0.7
    assert found.wall > 500


@pytest.mark.parametrize("model", ["motaw", "nbmotaw"])
def test_pairs_alone_are_those_of_dft(model):
    """Labels of GPAW in the data, from where the repulsion takes over; energies above those of free atoms."""
    calculator = VoxPotCalculator(model, device="cpu")
    labels = {atoms.info["id"]: atoms for atoms in read(DATA / "motaw_gpaw_dimers.extxyz.gz", ":")}
    apart = {s: labels[f"dimer-Mo{s}-5.20"].get_potential_energy() for s in ("Mo", "Ta", "W")}
    free = {s: energy - apart["Mo"] / 2 for s, energy in apart.items()}  # atoms 5.2 Å from each other
    for name, labelled in labels.items():
        if labelled.get_distance(0, 1) > 1.45:
            expected = labelled.get_potential_energy() - sum(free[s] for s in labelled.symbols)
            atoms = Atoms(labelled.symbols, positions=labelled.positions, calculator=calculator)
            alone = sum(calculator.get_potential_energy(Atoms(s, [[0, 0, 0]])) for s in labelled.symbols)
            assert atoms.get_potential_energy() - alone == pytest.approx(expected, abs=1.1, rel=0.1), name


@pytest.mark.parametrize(("model", "tolerance"), [("motaw", 0.03), ("nbmotaw", 0.04)])
def test_squeezed_metals_cost_what_dft_says(model, tolerance):
    """To 45 % of the volume, above the metal at rest; simple cubic cells are further off."""
    calculator = VoxPotCalculator(model, device="cpu")
    labels = {atoms.info["id"]: atoms for atoms in read(DATA / "motaw_gpaw_squeezed.extxyz.gz", ":")}
    for name, labelled in labels.items():
        _, symbol, lattice, ratio = name.split("-")
        if lattice in ("bcc", "fcc") and 0.45 <= float(ratio) < 0.8:
            rest = labels[f"squeezed-{symbol}-bcc-1.00"]
            found = calculator.get_potential_energy(labelled) - calculator.get_potential_energy(rest)
            expected = labelled.get_potential_energy() - rest.get_potential_energy()
            assert found == pytest.approx(expected, rel=tolerance, abs=0.05), name
