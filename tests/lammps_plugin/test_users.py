"""What users of such programs report, by every way to the potential."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase import Atoms
from ase.filters import UnitCellFilter
from ase.optimize import LBFGS
from numpy.testing import assert_allclose

from tests.lammps_plugin.decks import PAIR, PRESSURE, START, forces_of, pressure_of, refusal, same_as_calculator

pytestmark = pytest.mark.lammps


def structure_of(lmp):
    """What LAMMPS holds now, in the order of the ids; the cell as its rows."""
    low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
    edges = np.subtract(high, low)
    count = lmp.get_natoms()
    order = np.argsort(lmp.numpy.extract_atom("id")[:count])
    types = np.array(lmp.numpy.extract_atom("type")[:count])[order]
    return Atoms(
        np.array(["Mo", "Ta", "W"])[types - 1],
        positions=np.array(lmp.numpy.extract_atom("x")[:count])[order] - low,
        cell=[[edges[0], 0, 0], [xy, edges[1], 0], [xz, yz, edges[2]]],
        pbc=periodic,
    )


def same_as_now(route, calculator, count=54, moving=False):
    """LAMMPS' numbers are those of the calculator; its pressure only where atoms are at rest."""
    atoms = structure_of(route.lmp)
    assert len(atoms) == count
    if not moving:
        same_as_calculator(route.lmp, atoms, calculator)
        return
    atoms.calc = calculator
    assert_allclose(route.lmp.get_thermo("pe"), atoms.get_potential_energy(), rtol=0, atol=1e-9)
    order = np.argsort(route.lmp.numpy.extract_atom("id")[:count])
    forces = np.array(route.lmp.numpy.extract_atom("f")[:count])[order]  # ids may have gaps
    assert_allclose(forces, atoms.get_forces(), rtol=0, atol=1e-8)


def test_atoms_outside_of_the_box_are_wrapped_into_it(route, write_data, alloy, calculator):
    moved = alloy.copy()
    moved.positions += np.random.default_rng(2).integers(-2, 3, (len(alloy), 3)) @ alloy.cell[:]

    route.run(START.format(boundary="p p p", data=write_data(moved)) + PAIR + "run 0\n")

    same_as_calculator(route.lmp, alloy, calculator)


def test_atoms_outside_of_an_open_box_end_the_deck(route, write_data, alloy, calculator, monkeypatch):
    alloy.set_cell(np.diag([12, 12, 13]))
    alloy.positions[:, 2] += 1
    alloy.pbc = [True, True, False]

    route.run(START.format(boundary="p p s", data=write_data(alloy)) + PAIR + "run 0\n")
    same_as_calculator(route.lmp, alloy, calculator)

    alloy.positions[:, 2] -= 6
    fixed = "clear\n" + START.format(boundary="p p f", data=write_data(alloy)) + PAIR + "run 0\n"
    assert "Did not assign all atoms correctly" in refusal(route, fixed, monkeypatch)


def test_a_restart_holds_the_structure_wherever_atoms_are(route, write_data, alloy, calculator, tmp_path):
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR
    route.run(
        head + "velocity all create 4000 7 loop geom mom no\nfix i all nve\nrun 15\n"
        f"displace_atoms all move 23 -17 40 units box\nwrite_restart {tmp_path / 'r'}\nwrite_data {tmp_path / 'd'}\n"
    )
    before = route.lmp.get_thermo("pe")
    for again in (f"read_restart {tmp_path / 'r'}", f"atom_modify map yes\nunits metal\nread_data {tmp_path / 'd'}"):
        route.run(f"clear\n{again}\n{PAIR}run 0\n")
        assert_allclose(route.lmp.get_thermo("pe"), before, rtol=1e-9)
        same_as_now(route, calculator, moving=True)


@pytest.mark.parametrize(
    "change",
    [
        "change_box all x scale 1.07 y delta 0 0.3 z volume remap",
        "change_box all x scale 1.07 xy delta 0.4",
        "change_box all boundary p p f z delta -10 10",
        "change_box all ortho\n",
        "replicate 2 1 1",
        "displace_atoms all ramp x 0 0.2 z 0 9 units box",
    ],
)
def test_energies_follow_a_box_that_is_changed_between_runs(route, write_data, alloy, calculator, change):
    if "ortho" in change:
        alloy.set_cell(np.diag([9.6, 9.5, 9.8]), scale_atoms=True)
        change = "change_box all triclinic xz final 0.5 remap\nrun 0\nchange_box all xz final 0 remap ortho"
    route.run(START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\n" + change + "\nrun 0\n")

    same_as_now(route, calculator, 108 if "replicate" in change else 54)


@pytest.mark.parametrize("kind", ["iso 1000.0", "aniso 0.0", "x 0.0 y 0.0 z 0.0 couple xy"])
def test_boxes_relax_to_the_pressure_that_was_asked_for(route, write_data, alloy, calculator, kind):
    alloy.set_cell(np.diag([9.7, 9.65, 9.6]), scale_atoms=True)
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + f"fix b all box/relax {kind} vmax 0.002\n"
        "min_style cg\nmin_modify dmax 0.05\n" + "minimize 0 1e-4 300 2000\n" * 4
    )

    same_as_now(route, calculator)
    found = -pressure_of(route.lmp)[:3] * PRESSURE
    if "iso 1000" in kind:
        assert_allclose(found.mean(), 1000, atol=30)
    elif "couple" in kind:
        assert_allclose([(found[0] + found[1]) / 2, found[2]], 0, atol=30)
    else:
        assert_allclose(found, 0, atol=30)
    if kind == "aniso 0.0":
        relaxed = structure_of(route.lmp)
        relaxed.calc = calculator
        energy = relaxed.get_potential_energy()
        LBFGS(UnitCellFilter(relaxed, mask=[1, 1, 1, 0, 0, 0]), logfile=None).run(fmax=1e-3, steps=50)
        assert_allclose(energy, relaxed.get_potential_energy(), rtol=0, atol=1e-4)


def test_stresses_of_atoms_add_up_to_the_pressure_in_motion(route, write_data, alloy):
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "velocity all create 900 5\nfix i all nve\n"
        "compute a all stress/atom NULL\ncompute s all reduce sum c_a[1] c_a[2] c_a[3] c_a[6] c_a[5] c_a[4]\n"
        "compute_modify thermo_temp extra/dof 0\n"  # pressure takes three degrees of freedom away
        "thermo_style custom step temp pe press pxx pyy pzz pyz pxz pxy c_s[*]\nrun 5\n"
    )

    total = np.array([route.lmp.extract_compute("s", 0, 1)[k] for k in range(6)])
    assert route.lmp.get_thermo("temp") > 500
    assert_allclose(total / route.lmp.get_thermo("vol") / PRESSURE, pressure_of(route.lmp), rtol=1e-6, atol=1e-9)


def test_a_dump_is_rerun_to_the_energies_that_it_was_made_with(route, write_data, alloy, tmp_path):
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR
    thermo = "thermo_style custom step pe press pxy\nthermo 5\nthermo_modify format float %.10g\n"
    told = []
    columns = "id type x y z vx vy vz fx fy fz"
    route.run(
        head + thermo + "velocity all create 2000 7\nfix i all npt temp 2000 2000 0.1 tri 0 0 1\n"
        f"dump d all custom 5 {tmp_path}/run.dump {columns}\ndump_modify d sort id format float %.17g\n"
        "run 15\nundump d\nunfix i\n"
    )
    forces = forces_of(route.lmp, alloy)
    told.append([route.lmp.get_thermo(k) for k in ("pe", "pxy")])
    route.run(f"clear\n{head}{thermo}rerun {tmp_path}/run.dump dump x y z vx vy vz box yes\n")
    told.append([route.lmp.get_thermo(k) for k in ("pe", "pxy")])

    assert_allclose(told[1], told[0], rtol=1e-7)
    assert_allclose(forces_of(route.lmp, alloy), forces, rtol=0, atol=1e-7)


def test_a_dump_whose_atoms_come_and_go_is_rerun(route, write_data, alloy, calculator, tmp_path):
    """``add`` and ``purge`` change the number of atoms between frames."""
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR
    route.run(
        head + f"run 0\nwrite_dump all custom {tmp_path}/a.dump id type x y z modify format float %.17g\n"
        "group gone id 1:9\ndelete_atoms group gone compress no\nreset_timestep 1\n"
        f"write_dump all custom {tmp_path}/b.dump id type x y z modify format float %.17g\n"
    )
    (tmp_path / "ab.dump").write_text((tmp_path / "a.dump").read_text() + (tmp_path / "b.dump").read_text())
    route.run(f"clear\n{head}rerun {tmp_path}/ab.dump dump x y z box yes add yes purge yes replace no\n")

    same_as_now(route, calculator, 45)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("units metal", "units real"), "expected 'units metal'"),
        (("units metal", "units lj"), "expected 'units metal'"),
        (("run 0", "kspace_style ewald 1e-4\nrun 0"), "[Kk][Ss]pace style"),
        (("run 0", "kspace_style pppm 1e-4\nrun 0"), "[Kk][Ss]pace style"),
        (("run 0", "pair_write 1 1 9 r 1 5 t.txt Mo"), "pair_write"),
        (("run 0", "neigh_modify one 10 page 100\nrun 0"), "overflow"),
        (("run 0", "neigh_modify one 1000 page 100\nrun 0"), "page"),
    ],
)
@pytest.mark.parametrize("style", ["atomic", "charge"])
def test_what_does_not_go_with_a_potential_of_metals_is_refused(
    route, write_data, alloy, monkeypatch, change, sentence, style
):
    deck = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\n"
    if style == "charge":
        data = write_data(alloy)
        head, body = data.read_text().split("Atoms # atomic\n\n")
        rows = [
            " ".join([*line.split()[:2], str((-1) ** k), *line.split()[2:]]) for k, line in enumerate(body.splitlines())
        ]
        data.write_text(head + "Atoms # charge\n\n" + "\n".join(rows) + "\n")
        deck = deck.replace("atom_style atomic", "atom_style charge")

    assert re.search(sentence, refusal(route, deck.replace(*change), monkeypatch))


@pytest.mark.parametrize("tilt", [0.5, 1.4, -2.3])
def test_a_strongly_tilted_box_is_the_lattice_that_it_is(route, write_data, alloy, calculator, tilt):
    """The same crystal in a box whose vectors are far from its shortest."""
    alloy.set_cell(np.diag([9.6, 9.5, 9.8]), scale_atoms=True)
    alloy.set_cell(alloy.cell[:] + [[0, 0, 0], [tilt * 9.6, 0, 0], [-0.4 * tilt * 9.6, 0.6 * tilt * 9.5, 0]])

    large = START.replace("read_data", "box tilt large\nread_data")
    route.run(large.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\n")

    same_as_calculator(route.lmp, alloy, calculator)


@pytest.mark.parametrize("command", ["neighbor 0 bin", "neighbor 0 nsq", "neighbor 8 bin", "neigh_modify once yes"])
def test_the_skin_does_not_matter(route, write_data, alloy, calculator, command):
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + f"{command}\nvelocity all create 900 7\n"
        "fix i all nve\nrun 8\n"
    )

    same_as_now(route, calculator, moving=True)


def test_newton_off_is_right_or_refused(route, write_data, alloy, calculator, monkeypatch):
    deck = "newton off\n" + START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\n"

    result = refusal(route, deck, monkeypatch)

    if route.name == "external":
        assert result == "nothing"
        same_as_calculator(route.lmp, alloy, calculator)
    else:
        assert "expected 'newton on'" in result


def test_groups_without_atoms_are_no_matter(route, write_data, alloy, calculator):
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "group nobody id 999\nfix i nobody nve\n"
        "fix s nobody setforce 0 0 0\ncompute e nobody pe/atom\ncompute p nobody reduce sum c_e\n"
        "compute s nobody stress/atom NULL virial\ncompute ss nobody reduce sum c_s[1]\n"
        "thermo_style custom step pe press pxx pyy pzz pxy pxz pyz c_p c_ss\nrun 2\n"
    )

    same_as_calculator(route.lmp, alloy, calculator)
    assert route.lmp.extract_compute("p", 0, 0) == 0


def test_no_atoms_at_all_have_no_energy(route):
    box = "units metal\natom_modify map yes\nregion b block 0 20 0 20 0 20\ncreate_box 3 b\nmass * 184\n"
    route.run(box + PAIR + "compute e all pe/atom\ncompute s all reduce sum c_e\nfix i all nve\n"
              "thermo_style custom step pe press c_s\nrun 2\ncreate_atoms 3 single 5 5 5\nrun 1\n")  # fmt: skip

    assert -10 < route.lmp.get_thermo("pe") < -2
    route.run("delete_atoms group all\nrun 1\n")
    assert route.lmp.get_thermo("pe") == 0


def test_a_changing_time_step_conserves_the_energy(route, write_data, alloy):
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "velocity all create 1500 7\nfix i all nve\n"
        "fix r all dt/reset 1 1e-5 0.002 0.01 units box\nthermo_style custom step etotal dt time\nrun 1\n"
    )
    before = route.lmp.get_thermo("etotal")
    route.run("run 60\n")

    assert_allclose(route.lmp.get_thermo("etotal"), before, rtol=0, atol=0.02)
    assert 1e-5 < route.lmp.get_thermo("dt") < 0.002
    assert route.lmp.get_thermo("time") < 60 * 0.002


def test_two_dimensions_have_no_images_in_the_third(route, write_data, calculator):
    """LAMMPS calls the third direction periodic, and makes no images along it."""
    from ase.build import fcc111

    sheet = fcc111("W", (4, 4, 1), a=3.9, orthogonal=True)
    sheet.cell[2] = [0, 0, 1.0]
    sheet.pbc = True
    sheet.rattle(0.05, seed=1)
    sheet.positions[:, 2] = 0
    data = write_data(sheet)
    data.write_text(re.sub(r".* zlo zhi", "-0.5 0.5 zlo zhi", data.read_text()))
    deck = START.format(boundary="p p p", data=data).replace("units metal", "units metal\ndimension 2")

    route.run(deck + PAIR + "velocity all create 300 4\nfix i all nve\nfix e all enforce2d\nrun 3\n")

    flat = structure_of(route.lmp)
    flat.pbc = [True, True, False]
    flat.cell[2] = [0, 0, 30]
    flat.calc = calculator
    assert_allclose(route.lmp.get_thermo("pe"), flat.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(forces_of(route.lmp, flat)[:, :2], flat.get_forces()[:, :2], rtol=0, atol=1e-8)


def test_a_sheared_box_flips_and_keeps_its_energies(route, write_data, alloy, calculator):
    alloy.set_cell(np.diag([9.6, 9.5, 9.8]), scale_atoms=True)
    alloy.set_cell(alloy.cell[:] + [[0, 0, 0], [4.6, 0, 0], [0, 0, 0]], scale_atoms=True)
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "fix i all nve\n"
        "fix d all deform 1 xy vel 400 remap x flip yes\nrun 8\nunfix d\nrun 0\n"
    )

    assert route.lmp.extract_box()[2] < 0  # it has flipped
    same_as_now(route, calculator, moving=True)


@pytest.mark.parametrize(
    "more",
    [
        "set group half type 2\nrun 2",
        "fix d all deposit 3 3 1 7 region b near 1.5\nrun 4",
        "fix e all evaporate 1 2 b 7\nrun 3",
        "create_atoms 1 single 0.1 0.1 5.1 units box\nrun 1",
        "delete_atoms group half compress yes\nreset_atoms id\nrun 2",
        "fix s all atom/swap 1 5 7 3000 types 1 3\nrun 3",
        "fix t all tfmc 0.05 900 7\nrun 3",
        "fix m all move wiggle 0.1 0 0 0.05\nunfix i\nrun 3",
        "fix h all hmc 2 7 900 rigid no\nrun 4",
        "atom_modify sort 1 4.0\nrun 6",
        "run 3 every 1 'print hi'",
        "run 2 pre no post no",
    ],
)
def test_atoms_that_come_go_or_change_are_seen(route, write_data, alloy, calculator, more):
    more = more.replace(" rigid no", "")
    route.run(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "region b prism 1 8 1 8 1 8 0 0 0\n"
        "group half id 1:27\nvelocity all create 900 7\nfix i all nve\nrun 2\n" + more + "\n"
    )

    same_as_now(route, calculator, route.lmp.get_natoms(), moving=True)


@pytest.mark.slow
@pytest.mark.parametrize("more", ["comm_style tiled\nbalance 1.0 rcb", "processors 1 1 2\nbalance 1.1 shift z 5 1.0"])
def test_ranks_of_any_shape_share_the_numbers(program, tmp_path, write_data, alloy, calculator, more):
    alloy.positions[:, 2] *= 0.5  # atoms near each other, and half of the box empty
    alloy.cell[2] = [0, 0, 40]
    deck, forces, log = (tmp_path / name for name in ("run.in", "forces", "log"))
    processors, _, rest = more.rpartition("processors 1 1 2\n")
    head = START.format(boundary="p p p", data=write_data(alloy))
    deck.write_text(
        ("processors 1 1 2\n" if "processors" in more else "") + head + PAIR + more.replace("processors 1 1 2\n", "")
        + "\nneigh_modify exclude group gone all\nthermo_style custom pe\nthermo_modify format float %.16g\nrun 0\n"
        f"write_dump all custom {forces} fx fy fz modify sort id format float %.16g\n"
    )  # fmt: skip
    deck.write_text(deck.read_text().replace("neigh_modify exclude", "group gone id 5:9\nneigh_modify exclude"))

    done = program("voxpot", "lmp", "-in", deck, "-log", log, ranks=3 if "tiled" in more else 2)

    assert done.returncode == 0, done.stdout + done.stderr
    shown = ~np.isin(np.arange(len(alloy)), range(4, 9))
    rest = alloy[shown]
    rest.calc = calculator
    found = re.search(r"PotEng.*\n(.*)\n", log.read_text())
    assert found
    assert_allclose(float(found.group(1)), rest.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(np.loadtxt(forces, skiprows=9)[shown], rest.get_forces(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("compiler", [{}, {"CXX": "nonesuch", "XDG_CACHE_HOME": "empty"}], ids=["compiled", "external"])
def test_quit_ends_a_deck_with_the_status_that_it_says(program, write_data, alloy, tmp_path, monkeypatch, compiler):
    monkeypatch.chdir(tmp_path)
    deck = tmp_path / "run.in"
    deck.write_text(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\nif '$(pe) < 0' then 'quit 3'\nrun 5\n"
    )

    done = program("voxpot", "lmp", "-in", deck, "-log", "log", **compiler)

    assert done.returncode == 3
    assert (tmp_path / "log").read_text().count("Loop time") == 1


def test_a_run_goes_on_from_a_restart_as_if_it_had_not_stopped(route, write_data, alloy, tmp_path):
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR
    more = "fix i all npt temp 1500 1500 0.1 aniso 0 0 1\n"
    route.run(head + f"velocity all create 1500 7\n{more}restart 6 {tmp_path}/r.*\nrun 12\n")
    expected = [route.lmp.get_thermo(name) for name in ("pe", "ke", "pxx", "vol")]
    route.run(f"clear\nread_restart {tmp_path}/r.6\n{PAIR}{more}run 6\n")

    assert_allclose([route.lmp.get_thermo(name) for name in ("pe", "ke", "pxx", "vol")], expected, rtol=1e-8)


@pytest.mark.parametrize("style", ["cg", "sd", "fire", "quickmin", "hftn", "cg\nmin_modify line forcezero"])
def test_every_minimiser_goes_downhill_to_small_forces(route, write_data, alloy, calculator, style):
    route.run(START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\n")
    before = route.lmp.get_thermo("pe")
    route.run(f"timestep 0.001\nmin_style {style}\nminimize 0 0.5 400 4000\n")

    assert route.lmp.get_thermo("pe") < before - 1
    assert route.lmp.get_thermo("fnorm") < 1
    same_as_now(route, calculator, moving=True)  # FIRE has velocities


@pytest.mark.parametrize("package", ["package omp 2 neigh yes\nsuffix omp", "suffix opt"])
def test_accelerated_styles_of_lammps_do_not_matter(route, write_data, alloy, calculator, package):
    deck = START.format(boundary="p p p", data=write_data(alloy)).replace("units metal", f"{package}\nunits metal")

    route.run(
        deck + PAIR + "group gone id 50:54\nneigh_modify exclude group gone all\nrun 0\nneigh_modify exclude none\n"
    )
    route.run("velocity all create 300 7\nfix i all nve\nrun 4\nsuffix off\n")

    same_as_now(route, calculator, moving=True)
