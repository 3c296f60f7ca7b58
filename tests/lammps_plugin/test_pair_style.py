"""The pair style against the calculator: two ways to the same numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.filters import UnitCellFilter
from ase.md.verlet import VelocityVerlet
from ase.optimize import LBFGS
from numpy.testing import assert_allclose

from ase_voxpot import VoxPotCalculator
from tests.lammps_plugin.decks import (
    MVV2E,
    PAIR,
    PRESSURE,
    START,
    VOIGT,
    forces_of,
    pressure_of,
    same_as_calculator,
    start,
)

pytestmark = pytest.mark.lammps


def slab(alloy):
    alloy.cell[2] = [0, 0, 25]
    return alloy


def close_pair(alloy):
    alloy.positions[1] = alloy.positions[0] + [0.9, 0.8, 0.7]  # inside the repulsion
    return alloy


def one_element(alloy):
    alloy.symbols[:] = "Ta"
    return alloy


@pytest.mark.parametrize("shape", [lambda a: a, slab, close_pair, one_element], ids=["bulk", "slab", "close", "one"])
def test_energy_forces_and_pressure_are_those_of_the_calculator(lmp, write_data, alloy, calculator, shape):
    atoms = shape(alloy)

    start(lmp, write_data(atoms))
    lmp.command("run 0")

    same_as_calculator(lmp, atoms, calculator)


def test_a_cell_smaller_than_the_cutoff_is_seen_through_its_images(lmp, write_data, alloy, calculator):
    atoms = alloy[:2].copy()
    atoms.set_cell([[3.1, 0, 0], [0.3, 3.2, 0], [0.1, -0.2, 3.3]])
    atoms.positions = [[0, 0, 0], [1.7, 1.5, 1.6]]

    start(lmp, write_data(atoms))
    lmp.command("run 0")

    same_as_calculator(lmp, atoms, calculator)


def test_open_boundaries_are_open(lmp, write_data, alloy, calculator):
    atoms = alloy
    atoms.set_cell([20, 21, 22])
    atoms.center()
    atoms.pbc = False

    start(lmp, write_data(atoms), boundary="s s s")
    lmp.command("run 0")

    same_as_calculator(lmp, atoms, calculator)


def test_single_precision_is_the_default_and_agrees_with_the_calculator_in_it(lmp, write_data, alloy):
    start(lmp, write_data(alloy), "pair_style voxpot\npair_coeff * * motaw Mo Ta W\n")
    lmp.command("run 0")

    alloy.calc = VoxPotCalculator("motaw", device="cpu")
    assert_allclose(lmp.get_thermo("pe"), alloy.get_potential_energy(), rtol=1e-6)
    assert_allclose(forces_of(lmp, alloy), alloy.get_forces(), atol=1e-4)


def test_elements_map_onto_types_in_any_order(lmp, write_data, alloy, calculator):
    start(lmp, write_data(alloy), PAIR.replace("Mo Ta W", "W Ta W"))
    lmp.command("run 0")

    alloy.symbols = ["W" if s == "Mo" else s for s in alloy.symbols]
    same_as_calculator(lmp, alloy, calculator)


def test_energies_and_virials_of_atoms_sum_to_those_of_the_structure(lmp, write_data, alloy, calculator, tmp_path):
    start(lmp, write_data(alloy))
    lmp.commands_string(
        "compute e all pe/atom\ncompute s all stress/atom NULL virial\ncompute c all centroid/stress/atom NULL virial\n"
        "thermo_style custom step pe press pxx pyy pzz pxy pxz pyz\nrun 0\n"
        f"dump d all custom 1 {tmp_path}/none.dump id c_e c_s[*] c_c[*]\nrun 0 post no"
    )
    energies = lmp.numpy.extract_compute("e", 1, 1)[: len(alloy)]
    half = lmp.numpy.extract_compute("s", 1, 2)[: len(alloy)]
    centroid = lmp.numpy.extract_compute("c", 1, 2)[: len(alloy)]
    tags = lmp.numpy.extract_atom("id")[: len(alloy)]
    order = np.argsort(tags)

    alloy.calc = calculator
    assert_allclose(energies[order], alloy.get_potential_energies(), rtol=0, atol=1e-9)
    pressure = np.array([lmp.get_thermo(p) for p in ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")])
    assert_allclose(-half.sum(axis=0) / alloy.get_volume(), pressure, rtol=1e-6)
    assert_allclose(-centroid[:, :6].sum(axis=0) / alloy.get_volume(), pressure, rtol=1e-5)
    assert_allclose(centroid[:, 6:].sum(axis=0), centroid[:, 3:6].sum(axis=0), rtol=1e-5)  # yx zx zy = xy xz yz


def test_centroid_virial_is_the_one_of_the_heat_current(lmp, write_data, alloy, calculator, tmp_path):
    """Fan et al., PRB 92, 094301 (2015): W_i = Σ_j r_ij ⊗ ∂E_j/∂r_ji, r_ij from i to j; LAMMPS' stress is -W."""
    from ase_voxpot.neighbours.verlet import VerletList, species_indices

    start(lmp, write_data(alloy))
    lmp.commands_string(
        f"compute c all centroid/stress/atom NULL virial\ndump d all custom 1 {tmp_path}/none.dump id c_c[*]\n"
        "run 0 post no"
    )
    given = lmp.numpy.extract_compute("c", 1, 2)[: len(alloy)][np.argsort(lmp.numpy.extract_atom("id")[: len(alloy)])]

    potential = calculator.potential
    pairs = VerletList(potential.cutoff).update(alloy)
    _, gradient = potential.of_pairs(pairs, species_indices(list(alloy.symbols), potential.spec.species))
    expected = np.zeros((len(alloy), 3, 3))
    for mover, d, g in zip(pairs.neighbour, pairs.offset, gradient, strict=True):
        expected[mover] -= np.outer(-d, g)
    rows, columns = [0, 1, 2, 0, 0, 1, 1, 2, 2], [0, 1, 2, 1, 2, 2, 0, 0, 1]
    assert_allclose(given / PRESSURE, expected[:, rows, columns], rtol=0, atol=1e-9 * np.abs(expected).max() + 1e-9)


def test_a_hundred_steps_are_the_same_trajectory(lmp, write_data, alloy, calculator, rng):
    alloy.set_momenta(rng.normal(size=(54, 3)) * np.sqrt(units.kB * 1200 * alloy.get_masses())[:, None])

    start(lmp, write_data(alloy))
    lmp.commands_string("timestep 0.001\nfix i all nve\nrun 100")
    positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    images = np.array(lmp.gather_atoms("image", 0, 3)).reshape(-1, 3)

    alloy.calc = calculator
    before = alloy.positions.copy()
    # LAMMPS' unit of time, in units of ASE
    VelocityVerlet(alloy, timestep=0.001 / np.sqrt(MVV2E)).run(100)
    assert np.abs(alloy.positions - before).max() > 0.3
    assert_allclose(positions + images @ alloy.cell[:], alloy.positions, rtol=0, atol=1e-8)
    assert_allclose(lmp.get_thermo("pe"), alloy.get_potential_energy(), rtol=0, atol=1e-7)
    assert_allclose(0.001 / np.sqrt(MVV2E), units.fs, rtol=1e-6)


def test_minimisers_reach_the_same_energy(lmp, write_data, alloy, calculator):
    start(lmp, write_data(alloy))
    lmp.commands_string("min_style cg\nminimize 0 1e-4 400 2000")

    alloy.calc = calculator
    LBFGS(alloy, logfile=None).run(fmax=1e-4, steps=400)
    assert_allclose(lmp.get_thermo("pe"), alloy.get_potential_energy(), rtol=0, atol=1e-5)


def test_a_relaxed_box_holds_the_energy_of_a_relaxed_cell(lmp, write_data, alloy, calculator, rng):
    """All six components free: `fix box/relax tri` against ASE's cell filter, from the same start."""
    alloy.set_cell(np.diag([9.6, 9.6, 9.6]), scale_atoms=True)
    alloy.set_scaled_positions(bulk("W", "bcc", a=3.2, cubic=True).repeat(3).get_scaled_positions())
    alloy.set_cell(alloy.cell[:] + [[0, 0, 0], [0.2, 0, 0], [-0.1, 0.1, 0]], scale_atoms=True)
    alloy.rattle(0.02, rng=rng)

    start(lmp, write_data(alloy))
    lmp.commands_string("fix b all box/relax tri 0.0 vmax 0.001\nmin_style cg\nmin_modify dmax 0.05")
    for _ in range(8):  # LAMMPS measures strain by the box it began with
        lmp.command("minimize 0 1e-5 300 2000")

    alloy.calc = calculator
    LBFGS(UnitCellFilter(alloy), logfile=None).run(fmax=1e-4, steps=300)
    assert abs(lmp.get_thermo("vol") / 9.6**3 - 1) > 1e-3
    assert_allclose(lmp.get_thermo("pe"), alloy.get_potential_energy(), rtol=0, atol=1e-5)
    assert_allclose(lmp.get_thermo("vol"), alloy.get_volume(), rtol=1e-4)


@pytest.mark.parametrize("ranks", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_ranks_share_the_numbers_of_the_calculator(program, tmp_path, write_data, alloy, calculator, ranks):
    deck, forces, log = (tmp_path / name for name in ("run.in", "forces", "log"))
    deck.write_text(
        START.format(boundary="p p p", data=write_data(alloy))
        + PAIR
        + "thermo_style custom pe "
        + " ".join(VOIGT)
        + "\n"
        "thermo_modify format float %.16g\nrun 0\n"
        f"write_dump all custom {forces} fx fy fz modify sort id format float %.16g\n"
    )

    done = program("voxpot", "lmp", "-in", deck, "-log", log, ranks=ranks)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{ranks} by" in log.read_text() or f"on {ranks} procs" in log.read_text()
    energy, *pressure = map(float, re.search(r"PotEng.*\n(.*)\n", log.read_text()).group(1).split())
    alloy.calc = calculator
    stress = alloy.get_stress()
    assert_allclose(energy, alloy.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(np.loadtxt(forces, skiprows=9), alloy.get_forces(), rtol=0, atol=1e-8)
    assert_allclose(-np.array(pressure) / PRESSURE, stress, rtol=1e-6, atol=1e-6 * np.abs(stress).max())


def test_the_call_into_python_gives_the_numbers_of_the_compiled_pass(lmp, write_data, alloy, monkeypatch):
    from lammps_plugin import serve

    start(lmp, write_data(alloy))
    lmp.command("run 0")
    energy, forces, pressure = lmp.get_thermo("pe"), forces_of(lmp, alloy), pressure_of(lmp)

    monkeypatch.setattr(serve, "NativePass", lambda *_: None)
    asked = []
    inside = serve.Server.evaluate
    monkeypatch.setattr(serve.Server, "evaluate", lambda *a: (asked.append(1), inside(*a))[1])
    lmp.commands_string("pair_coeff * * motaw Mo Ta W\nrun 0")

    assert asked
    assert_allclose(lmp.get_thermo("pe"), energy, rtol=1e-14)
    assert_allclose(forces_of(lmp, alloy), forces, rtol=0, atol=1e-12)
    assert_allclose(pressure_of(lmp), pressure, rtol=1e-10, atol=1e-14)


# ---------------------------------------------------------------------- uncertainty

GUESSED = "fix guess all pair 1 voxpot extrapolation 1 energies_uncertainty 1 forces_uncertainty 1\n"


def guesses_of(lmp, atoms):
    tags = lmp.numpy.extract_atom("id")[: len(atoms)]
    return lmp.numpy.extract_fix("guess", 1, 2)[: len(atoms)][np.argsort(tags)]


def test_uncertainties_of_atoms_are_those_of_the_calculator(lmp, write_data, alloy):
    alloy.calc = VoxPotCalculator("motaw", device="cpu", dtype="float64", uncertainty=True)
    start(lmp, write_data(alloy))
    lmp.commands_string(GUESSED + "run 0")

    extrapolation, energies, forces = guesses_of(lmp, alloy).T

    alloy.get_potential_energy()
    assert_allclose(energies, alloy.calc.results["energies_uncertainty"], rtol=1e-6)
    assert_allclose(forces, alloy.calc.results["forces_uncertainty"], rtol=1e-6)
    assert 0 < extrapolation.max() <= alloy.calc.results["extrapolation"] * (1 + 1e-6)


def test_uncertainties_follow_the_atoms(lmp, write_data, alloy):
    calculator = VoxPotCalculator("motaw", device="cpu", dtype="float64", uncertainty=True)
    start(lmp, write_data(alloy))
    lmp.commands_string(GUESSED.replace("pair 1", "pair 2") + "velocity all create 9000 1\nfix move all nve\nrun 4")
    alloy.positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)

    calculator.calculate(alloy)
    assert_allclose(guesses_of(lmp, alloy)[:, 2], calculator.results["forces_uncertainty"], rtol=1e-6)


def test_a_run_stops_where_it_is_too_uncertain(lmp, write_data, alloy):
    start(lmp, write_data(alloy))
    lmp.commands_string(
        "fix guess all pair 5 voxpot extrapolation 1\ncompute worst all reduce max f_guess\n"
        "variable worst equal c_worst\nfix stop all halt 5 v_worst > 1.5 error soft\n"
        "thermo_style custom step pe c_worst\nvelocity all create 60000 1\nfix move all nve\nrun 200"
    )

    assert 0 < lmp.extract_global("ntimestep") < 200
    assert lmp.numpy.extract_fix("guess", 1, 1)[: len(alloy)].max() > 1.5


def test_a_field_that_is_not_there_is_refused(lmp, write_data, alloy):
    start(lmp, write_data(alloy))

    with pytest.raises(Exception, match=r"(?i)cannot extract .*gamma|fix pair"):
        lmp.command("fix guess all pair 1 voxpot gamma 1")
