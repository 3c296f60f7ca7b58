"""The pair style against the calculator: two roads to the same numbers."""

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
from tests.lammps_plugin.conftest import MVV2E, PRESSURE

pytestmark = pytest.mark.lammps

VOIGT = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")
START = "units metal\natom_style atomic\natom_modify map yes\nboundary {boundary}\nread_data {data}\n"
PAIR = "pair_style voxpot dtype float64 device cpu\npair_coeff * * motaw Mo Ta W\n"


@pytest.fixture(scope="module")
def calculator():
    return VoxPotCalculator("motaw", device="cpu", dtype="float64")


def start(lmp, data, pair=PAIR, boundary="p p p"):
    lmp.commands_string(START.format(boundary=boundary, data=data) + pair)


def forces_of(lmp, atoms):
    return np.array(lmp.gather_atoms("f", 1, 3)).reshape(len(atoms), 3)


def pressure_of(lmp):
    """In eV/Å³, with the sign and order of ASE's stress."""
    return -np.array([lmp.get_thermo(name) for name in VOIGT]) / PRESSURE


def same_as_calculator(lmp, atoms, calculator):
    atoms = atoms.copy()
    atoms.calc = calculator
    assert_allclose(lmp.get_thermo("pe"), atoms.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(forces_of(lmp, atoms), atoms.get_forces(), rtol=0, atol=1e-8)
    if atoms.pbc.all():
        stress = atoms.get_stress()
        assert_allclose(pressure_of(lmp), stress, rtol=1e-6, atol=1e-6 * np.abs(stress).max())


def slab(alloy):
    alloy.cell[2] = [0, 0, 25]
    return alloy


def close_pair(alloy):
    alloy.positions[1] = alloy.positions[0] + [0.9, 0.8, 0.7]  # inside the repulsion
    return alloy


def one_element(alloy):
    alloy.symbols[:] = "Ta"
    return alloy


def small(alloy):
    """Narrower than the cutoff: atoms see their own images."""
    return alloy[:2].copy()


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
    from ase_voxpot.neighbours import VerletList, species_indices

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

    monkeypatch.setattr(serve, "NativePass", lambda _: None)
    asked = []
    inside = serve.Server.evaluate
    monkeypatch.setattr(serve.Server, "evaluate", lambda *a: (asked.append(1), inside(*a))[1])
    lmp.commands_string("pair_coeff * * motaw Mo Ta W\nrun 0")

    assert asked
    assert_allclose(lmp.get_thermo("pe"), energy, rtol=1e-14)
    assert_allclose(forces_of(lmp, alloy), forces, rtol=0, atol=1e-12)
    assert_allclose(pressure_of(lmp), pressure, rtol=1e-10, atol=1e-14)


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
    assert abs(lmp.get_thermo("pe") - single) < 1e-5 < abs(double - single)


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("units metal", "units real"), "expected 'units metal'"),
        (("units metal", "units metal\nnewton off"), "expected 'newton on'"),
        (("motaw Mo Ta W", "motaw Mo Ta Fe"), "the model knows Mo, Ta, W, but the structure holds Fe"),
        (("motaw Mo Ta W", "nosuch Mo Ta W"), "expected the name of a shipped model"),
        (("motaw Mo Ta W", "motaw Mo Ta"), "does not match"),
        (("* * motaw Mo", "1 2 motaw Mo"), "must start with [*] [*]"),
        (("* * motaw Mo Ta W", "* * motaw"), "expected 'pair_coeff [*] [*] MODEL ELEMENT"),
        (("dtype float64", "dtype float16"), "dtype must be 'float32' or 'float64'"),
        (("dtype float64", "precision double"), "expected .dtype float32"),
        (("device cpu", "device abacus"), "expected a device such as"),
        (("motaw Mo Ta W", "motaw Mo NULL W"), "pair coeffs are not set"),
        (("run 0", "pair_write 1 2 9 r 1.0 5.0 table.txt Mo"), "does not support pair_write"),
        (("run 0", "compute g all group/group all\nrun 0"), "does not support compute group/group"),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_sentence(lmp, write_data, alloy, change, sentence):
    deck = (START + PAIR).format(boundary="p p p", data=write_data(alloy)) + "run 0"

    with pytest.raises(Exception, match=sentence):
        lmp.commands_string(deck.replace(*change))


def test_atoms_at_the_same_place_are_refused(lmp, write_data, alloy):
    alloy.positions[1] = alloy.positions[0] + 1e-5
    start(lmp, write_data(alloy))

    with pytest.raises(Exception, match="atoms [12] and [12] are at the same place"):
        lmp.command("run 0")


def test_bonds_that_hide_neighbours_are_refused(lmp):
    lmp.commands_string(
        "units metal\natom_style bond\nlattice bcc 3.2\nregion b block 0 4 0 4 0 4\n"
        "create_box 1 b bond/types 1 extra/bond/per/atom 1 extra/special/per/atom 1\ncreate_atoms 1 box\nmass 1 184\n"
        "pair_style voxpot device cpu\npair_coeff * * motaw W\nbond_style zero\nbond_coeff 1 2.7\n"
        "special_bonds lj/coul 0.5 0.5 0.5"
    )

    with pytest.raises(Exception, match="bonded atoms must see each other"):
        lmp.command("run 0")


def test_hidden_neighbours_are_warned_of(lmp, write_data, alloy, tmp_path):
    start(lmp, write_data(alloy))
    lmp.commands_string("neigh_modify exclude type 1 1\nrun 0")
    lmp.close()

    assert "hides neighbours" in (tmp_path / "log.lammps").read_text()


def test_energies_of_single_atoms_need_the_neighbours_of_ghosts(lmp, write_data, alloy):
    wide = alloy.repeat(3)
    wide.set_cell(np.diag([28, 28, 28]), scale_atoms=True)
    start(lmp, write_data(wide), "pair_style voxpot device cpu\npair_coeff * * motaw Mo Ta W\n")
    lmp.commands_string("fix m all sgcmc 1 0.01 300 0.5 0.5 atomic/energy yes")

    with pytest.raises(Exception, match="set 'comm_modify cutoff 12' or more"):
        lmp.command("run 1")
