"""The pair style in company: what else LAMMPS does, and other styles beside it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot import VoxPotCalculator
from tests.lammps_plugin.decks import PAIR, forces_of, pressure_of, same_as_calculator, start

pytestmark = pytest.mark.lammps


def test_atoms_may_come_nearer_than_there_was_room_for(lmp, write_data, alloy, calculator):
    """Half the volume, twice the neighbours."""
    start(lmp, write_data(alloy))
    lmp.command("run 0")
    lmp.commands_string(
        "change_box all x scale 0.8 y scale 0.8 z scale 0.8 xy final 0 xz final 0 yz final 0 remap\nrun 0"
    )

    order = np.argsort(lmp.numpy.extract_atom("id")[: len(alloy)])
    low, high, *_ = lmp.extract_box()
    alloy.set_cell(np.diag(np.subtract(high, low)))
    alloy.positions = lmp.numpy.extract_atom("x")[: len(alloy)][order] - low
    same_as_calculator(lmp, alloy, calculator)


@pytest.mark.parametrize(
    "command",
    [
        "pair_modify tail yes",
        "pair_modify shift yes",
        "atom_modify sort 1 3.0",
        "comm_style tiled",
        "comm_modify cutoff 12",
        "neighbor 0.1 bin",
        "neighbor 3.0 nsq",
        "run_style respa 1 pair 1",
    ],
)
def test_what_lammps_does_around_it_does_not_matter(lmp, write_data, alloy, command):
    run = "velocity all create 900 7 loop geom\nfix i all nve\nrun 6"
    start(lmp, write_data(alloy))
    lmp.commands_string(run)
    expected = [lmp.get_thermo(name) for name in ("pe", "press", "pxy")]
    lmp.command("clear")

    start(lmp, write_data(alloy))
    lmp.commands_string(command + "\n" + run)

    assert_allclose([lmp.get_thermo(name) for name in ("pe", "press", "pxy")], expected, rtol=1e-9)


def test_a_restart_goes_on_once_the_pair_style_is_said_again(lmp, write_data, alloy, tmp_path):
    """Weights stay in the model's own file, so a restart file holds none."""
    start(lmp, write_data(alloy))
    lmp.commands_string(f"run 0\nwrite_restart {tmp_path / 'restart'}")
    before = lmp.get_thermo("pe")
    lmp.commands_string(f"clear\nread_restart {tmp_path / 'restart'}\n{PAIR}run 0")

    assert_allclose(lmp.get_thermo("pe"), before, rtol=1e-14)


def test_another_precision_wants_its_model_said_again(lmp, write_data, alloy):
    start(lmp, write_data(alloy))
    lmp.command("run 0")
    double = lmp.get_thermo("pe")
    lmp.command("pair_style voxpot device cpu")

    with pytest.raises(Exception, match="pair coeffs are not set"):
        lmp.command("run 0")
    lmp.commands_string("pair_coeff * * motaw Mo Ta W\nrun 0")

    alloy.calc = VoxPotCalculator("motaw", device="cpu", dtype="float32")
    single = alloy.get_potential_energy()
    assert abs(lmp.get_thermo("pe") - single) < 1e-5
    assert min(abs(double - single), abs(double - lmp.get_thermo("pe"))) > 1e-8  # twice in float64: 1e-12


def test_an_overlay_adds_up(lmp, write_data, alloy, calculator):
    zbl = "pair_coeff * * zbl 42 42\n"
    start(
        lmp,
        write_data(alloy),
        "pair_style hybrid/overlay voxpot dtype float64 device cpu zbl 3.0 4.0\n"
        "pair_coeff * * voxpot motaw Mo Ta W\n" + zbl,
    )
    lmp.command("run 0")
    both, forces, pressure = lmp.get_thermo("pe"), forces_of(lmp, alloy), pressure_of(lmp)

    lmp.commands_string("pair_style zbl 3.0 4.0\npair_coeff * * 42 42\nrun 0")
    alloy.calc = calculator
    assert lmp.get_thermo("pe") > 0.1
    assert_allclose(both, lmp.get_thermo("pe") + alloy.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(forces, forces_of(lmp, alloy) + alloy.get_forces(), rtol=0, atol=1e-8)
    assert_allclose(pressure, pressure_of(lmp) + alloy.get_stress(), rtol=1e-5)


def test_types_left_to_another_style_are_not_seen(lmp, write_data, alloy, calculator):
    start(
        lmp,
        write_data(alloy),
        "pair_style hybrid/overlay voxpot dtype float64 device cpu zero 5.0\n"
        "pair_coeff * * voxpot motaw Mo NULL W\npair_coeff * * zero\n",
    )
    lmp.command("run 0")

    seen = np.array([symbol != "Ta" for symbol in alloy.symbols])
    rest = alloy[seen]
    rest.calc = calculator
    assert 0 < seen.sum() < len(alloy)
    assert_allclose(lmp.get_thermo("pe"), rest.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(forces_of(lmp, alloy)[seen], rest.get_forces(), rtol=0, atol=1e-8)
    assert_allclose(forces_of(lmp, alloy)[~seen], 0, atol=0)
