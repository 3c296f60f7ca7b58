"""Equations of state, and zeros of energy between two sources."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.units import GPa

from voxpot_training.campaign.metals import equations_of_state, zero_between

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")  # spglib


def crystals(symbol, volumes, *, shift=0.0, cubic=False, shear=0.0, rattle=0.0):
    frames = [bulk(symbol, cubic=cubic) for _ in volumes]
    for atoms, volume in zip(frames, volumes, strict=True):
        deformation = np.eye(3) * volume ** (1 / 3)
        deformation[0, 1] = shear
        atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        atoms.rattle(rattle, seed=1)
        atoms.calc = EMT()
    energies = [a.get_potential_energy() + shift * len(a) for a in frames]
    return frames, energies, [a.get_forces() for a in frames]


def joined(*parts):
    return tuple(sum((list(p[k]) for p in parts), []) for k in range(3))


VOLUMES = (0.9, 0.94, 0.98, 1.02, 1.06)


def test_the_minimum_is_that_of_a_fine_search():
    found = equations_of_state(*crystals("Cu", VOLUMES))["Cu"]
    frames, energies, _ = crystals("Cu", np.linspace(0.95, 1.02, 141))
    least = int(np.argmin(energies))

    assert found.energy == pytest.approx(energies[least], abs=2e-4)
    assert found.volume == pytest.approx(frames[least].get_volume(), rel=2e-3)
    assert 120 < found.modulus < 150  # EMT has 134 GPa


def test_other_cells_of_the_crystal_count_and_strained_or_hot_ones_do_not():
    plain = crystals("Cu", VOLUMES)
    more = joined(
        plain,
        crystals("Cu", (0.96, 1.0), cubic=True),
        crystals("Cu", (0.97, 1.01), shear=0.05),
        crystals("Cu", (0.95, 1.03), cubic=True, rattle=0.1),
    )

    one, other = (equations_of_state(*part)["Cu"] for part in (plain, more))
    assert other.energy == pytest.approx(one.energy, abs=1e-3)
    assert other.volume == pytest.approx(one.volume, rel=2e-3)


def test_two_zeros_are_told_apart_even_at_other_volumes():
    here = equations_of_state(*joined(crystals("Cu", VOLUMES), crystals("Au", VOLUMES)))
    there = equations_of_state(
        *joined(
            crystals("Cu", (0.92, 0.96, 1.0, 1.04, 1.08), shift=-3.0),
            crystals("Au", (0.93, 0.97, 1.01, 1.05), shift=1.5),
        )
    )

    zero = zero_between(here, there)
    for symbol, shift in {"Cu": 3.0, "Au": -1.5}.items():
        metal = bulk(symbol, "fcc", a=(4 * here[symbol].volume) ** (1 / 3))
        assert zero.energy(metal) == pytest.approx(shift, abs=2e-3)
        assert zero.pressures[symbol] == pytest.approx(0, abs=0.3)  # GPa; the fits are to other volumes


def harmonic(symbol, volumes, *, energy, rest, modulus):
    """Frames, energies and forces of a crystal with E0 + B (V - V0)² / 2 V0, moduli in GPa."""
    frames = [bulk(symbol, "fcc", a=(4 * v) ** (1 / 3)) for v in volumes]
    energies = [energy + modulus * GPa * (v - rest) ** 2 / (2 * rest) for v in volumes]
    return frames, energies, [np.zeros((1, 3)) for _ in volumes]


def test_metals_of_another_lattice_constant_are_brought_in_line_over_volume():
    volumes = np.linspace(10.8, 12.8, 7)
    here = harmonic("Cu", volumes, energy=-3.0, rest=11.8, modulus=140)
    there = harmonic("Cu", volumes, energy=-1.0, rest=11.6, modulus=140)
    zero = zero_between(equations_of_state(*here), equations_of_state(*there))

    frames, energies, _ = there
    found = [e + zero.energy(a) for a, e in zip(frames, energies, strict=True)]
    assert found == pytest.approx(here[1], abs=2e-3)
    assert zero.pressures["Cu"] == pytest.approx(140 * 0.2 / 11.7, rel=0.05)


def test_errors_of_volume_of_a_model_are_no_pressures():
    volumes = np.linspace(10.8, 12.8, 7)
    here = harmonic("Cu", volumes, energy=-3.0, rest=11.8, modulus=140)
    there = harmonic("Cu", volumes, energy=-1.0, rest=11.6, modulus=140)
    zero = zero_between(equations_of_state(*here), equations_of_state(*there), pressures=False)

    assert zero.pressures == {}
    assert zero.offsets["Cu"] == pytest.approx(-2.0, abs=1e-3)


def test_few_volumes_leave_the_lowest():
    found = equations_of_state(*crystals("Au", (0.98, 1.05)))["Au"]

    assert found.modulus is None
    assert found.energy == min(crystals("Au", (0.98, 1.05))[1])
