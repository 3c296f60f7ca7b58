"""The shipped model on the bench."""

from __future__ import annotations

import os

import pytest

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.physics.bench import Task, run
from ase_voxpot.physics.binaries import find_frames
from ase_voxpot.physics.recipes import QUICK
from ase_voxpot.physics.references import LAWS, REFERENCES


@pytest.fixture(scope="module")
def figures():
    calculator = VoxPotCalculator("motaw", device="cpu")

    def compute(workflow, subject, frames=None):
        return run(calculator, Task(workflow=workflow, subject=subject), QUICK, frames, lambda share: None)["figures"]

    return compute


@pytest.mark.parametrize("symbol", ["Mo", "Ta", "W"])
@pytest.mark.parametrize(
    ("workflow", "quantities"),
    [
        ("eos", ("a0", "B")),
        ("elastic", ("C11", "C12", "C44")),
        ("finite-strain", ("C11_finite", "C12_finite", "C44_finite")),
        ("surfaces", ("gamma_110", "gamma_100", "gamma_111")),
        ("phonons", ("nu_min",)),
        ("dimer", ("monotone",)),
        ("lattice", ("lattice_monotone",)),
    ],
)
def test_the_metals_are_within_tolerance_of_first_principles(figures, symbol, workflow, quantities):
    found = figures(workflow, symbol)

    for name in quantities:
        assert (REFERENCES[symbol] | LAWS)[name].accepts(found[name]), f"{name} of {symbol}: {found[name]}"


@pytest.mark.data
@pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="VOXPOT_DATA does not name the data sets")
@pytest.mark.parametrize("pair", ["MoTa", "MoW", "TaW"])
def test_random_binaries_mix_as_first_principles_say(figures, pair):
    found = figures("dft-mixing", pair, find_frames())

    assert found["dft_mae"] < 5  # meV/atom


def test_planar_defects_of_tungsten_are_in_order(figures):
    faults, boundaries, stiffness = (figures(name, "W") for name in ("faults", "boundaries", "stiffness"))

    assert 1.6 < faults["USF_110"] < faults["USF_112"] < 2.1  # J/m²
    assert 0.5 < boundaries["GB_S3_112"] < boundaries["GB_S5_310"] < 3
    assert stiffness["K_3"] == pytest.approx(stiffness["K_10"], rel=0.1)


@pytest.mark.parametrize("symbol", ["Mo", "Ta", "W"])
def test_cores_of_screw_dislocations_are_compact(figures, symbol):
    found = figures("screw", symbol)

    assert REFERENCES[symbol]["polarity"].accepts(found["polarity"])
    assert 0 < found["E_Peierls"] < 150  # meV/b
