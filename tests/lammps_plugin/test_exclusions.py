"""Atoms that LAMMPS hides count as deleted, by every way to the potential; hidden neighbours are refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from numpy.testing import assert_allclose

from ase_voxpot.weights import load_potential
from lammps_plugin.attach import Bridge
from lammps_plugin.deck import Deck, split_words
from lammps_plugin.errors import DeckError
from lammps_plugin.exclusions import Rules
from tests.lammps_plugin.decks import PAIR, START, forces_of, pressure_of, refusal

HERE = pytest.mark.lammps
GROUPS = "group gone id 3 8 20:24\ngroup rest subtract all gone\n"
TALLIES = (
    "compute e all pe/atom\ncompute s all stress/atom NULL virial\n"
    "compute sums all reduce sum c_e c_s[1] c_s[2] c_s[3] c_s[6] c_s[5] c_s[4]\n"
    "thermo_style custom step pe pxx pyy pzz pyz pxz pxy c_sums[*]\n"
)
HIDING = {
    "a group from all": ("neigh_modify exclude group gone all", lambda i, s: ~np.isin(i, [2, 7, *range(19, 24)])),
    "a group from both halves": (
        "neigh_modify exclude group gone rest exclude group gone gone",
        lambda i, s: ~np.isin(i, [2, 7, *range(19, 24)]),
    ),
    "a type from all types": (
        "neigh_modify exclude type 1 2 exclude type 2 2 exclude type 3 2",
        lambda i, s: s != "Ta",
    ),
    "a type and a group": (
        "neigh_modify exclude group all gone exclude type 1 1\nneigh_modify exclude type 1 2 exclude type 1 3",
        lambda i, s: ~np.isin(i, [2, 7, *range(19, 24)]) & (s != "Mo"),
    ),
    "all but one": ("group most id > 1\nneigh_modify exclude group most all", lambda i, s: i == 0),
    "all": ("neigh_modify exclude group all all", lambda i, s: i < 0),
    "what is left out": ("neigh_modify include rest", lambda i, s: ~np.isin(i, [2, 7, *range(19, 24)])),
    "nobody": ("group nobody subtract all all\nneigh_modify exclude group nobody all", lambda i, s: i >= 0),
    "a rule taken back": ("neigh_modify exclude group gone all\nneigh_modify exclude none", lambda i, s: i >= 0),
}


def by_id(lmp, values):
    return values[np.argsort(lmp.numpy.extract_atom("id")[: lmp.extract_setting("nlocal")])]


def same_as_without(lmp, atoms, shown, calculator, told=slice(None)):
    """All of LAMMPS' numbers are those of a calculator for the atoms ``shown``; forces for atoms ``told`` only."""
    rest = atoms[shown]
    energies, forces, stress = np.zeros(len(atoms)), np.zeros((len(atoms), 3)), np.zeros(6)
    if len(rest):
        rest.calc = calculator
        energies[shown], forces[shown] = rest.get_potential_energies(), rest.get_forces()
        stress = rest.get_stress()
    scale = 1e-6 * np.abs(stress).max() + 1e-12
    assert_allclose(lmp.get_thermo("pe"), energies.sum(), rtol=0, atol=1e-9)
    assert_allclose(forces_of(lmp, atoms)[told], forces[told], rtol=0, atol=1e-8)
    assert_allclose(pressure_of(lmp), stress, rtol=1e-6, atol=scale)
    sums = np.array([lmp.extract_compute("sums", 0, 1)[k] for k in range(7)])
    assert_allclose(by_id(lmp, lmp.numpy.extract_compute("e", 1, 1)[: len(atoms)]), energies, rtol=0, atol=1e-9)
    assert_allclose(sums[1:] / atoms.get_volume() / 1.6021765e6, stress, rtol=1e-6, atol=scale)


@HERE
@pytest.mark.parametrize("what", HIDING)
def test_hidden_atoms_are_none_at_all(route, write_data, alloy, calculator, what):
    command, which = HIDING[what]
    first = "atom_modify first rest\n" if "include" in command else ""
    pair = PAIR + GROUPS + first + command + "\n" + TALLIES

    route.run(START.format(boundary="p p p", data=write_data(alloy)) + pair + "run 0\n")

    shown = which(np.arange(len(alloy)), np.array(list(alloy.symbols)))
    # LAMMPS does not clear the forces of atoms that are left out
    same_as_without(route.lmp, alloy, shown, calculator, shown if first else slice(None))


@HERE
@pytest.mark.parametrize("ranks", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_hidden_atoms_are_none_at_all_on_several_ranks(program, tmp_path, write_data, alloy, calculator, ranks):
    command, which = HIDING["a type and a group"]
    deck, told, log = (tmp_path / name for name in ("run.in", "atoms", "log"))
    deck.write_text(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + GROUPS + command + "\ncompute e all pe/atom\n"
        "thermo_style custom pe\nthermo_modify format float %.16g\nrun 0\n"
        f"write_dump all custom {told} fx fy fz c_e modify sort id format float %.16g\n"
    )

    done = program("voxpot", "lmp", "-in", deck, "-log", log, ranks=ranks)

    assert done.returncode == 0, done.stdout + done.stderr
    shown = which(np.arange(len(alloy)), np.array(list(alloy.symbols)))
    rest = alloy[shown]
    rest.calc = calculator
    table = np.loadtxt(told, skiprows=9)
    assert_allclose(table[shown, :3], rest.get_forces(), rtol=0, atol=1e-8)
    assert_allclose(table[shown, 3], rest.get_potential_energies(), rtol=0, atol=1e-9)
    assert_allclose(table[~shown], 0, atol=0)
    pe = re.search(r"PotEng.*\n(.*)\n", log.read_text())
    assert pe
    assert_allclose(float(pe.group(1)), rest.get_potential_energy(), rtol=0, atol=1e-9)


@HERE
def test_a_hidden_atom_does_not_see_its_own_images(route, write_data, calculator):
    """In a cell smaller than the cutoff, where LAMMPS lists them for an atom that a fix withdraws."""
    atoms = Atoms("WMo", cell=[[3.1, 0, 0], [0.3, 3.2, 0], [0.1, -0.2, 3.3]], pbc=True)
    atoms.positions[1] = [1.7, 1.5, 1.6]

    route.run(
        START.format(boundary="p p p", data=write_data(atoms)) + PAIR + "group gone id 1\n"
        "neigh_modify exclude group gone all\n" + TALLIES + "run 0\n"
    )

    same_as_without(route.lmp, atoms, np.array([False, True]), calculator)


@HERE
def test_rules_may_come_and_go_between_runs(route, write_data, alloy, calculator):
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + GROUPS + TALLIES
    everything, shown = np.ones(len(alloy), bool), ~np.isin(np.arange(len(alloy)), [2, 7, *range(19, 24)])

    route.run(head + "run 0\n")
    same_as_without(route.lmp, alloy, everything, calculator)
    route.run("neigh_modify exclude group gone all\nrun 0\n")
    same_as_without(route.lmp, alloy, shown, calculator)
    route.run("neigh_modify exclude none\nrun 0\n")
    same_as_without(route.lmp, alloy, everything, calculator)
    route.run("neigh_modify exclude group gone all\nclear\n" + head + "run 0\n")
    same_as_without(route.lmp, alloy, everything, calculator)


@HERE
def test_excluding_is_deleting_along_a_trajectory(route, write_data, alloy):
    run = "compute t rest temp\nthermo_modify temp t\nvelocity rest create 2500 7 loop geom\nfix i rest nve\nrun 60\n"
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + GROUPS

    route.run(head + "neigh_modify exclude group gone all every 1 delay 0\n" + run)
    hidden = [route.lmp.get_thermo(name) for name in ("pe", "temp")]
    route.run("clear\n" + head + "delete_atoms group gone compress no\n" + run)
    deleted = [route.lmp.get_thermo(name) for name in ("pe", "temp")]

    assert_allclose(hidden, deleted, rtol=1e-9)


PARTIAL = {
    "types": "neigh_modify exclude type 1 2",
    "one type": "neigh_modify exclude type 3 3",
    "frozen atoms": "neigh_modify exclude group gone gone",
    "two groups": "neigh_modify exclude group gone rest",
    "a group and more": "neigh_modify exclude group gone all exclude type 1 3",
    "within molecules": "neigh_modify exclude molecule/intra all",
    "between molecules": "neigh_modify exclude molecule/inter rest",
    "during a run": 'run 4 every 2 "neigh_modify exclude type 1 2"',
}


@HERE
@pytest.mark.parametrize("what", PARTIAL)
def test_hidden_neighbours_are_refused(route, write_data, alloy, what, monkeypatch):
    molecules = "fix m all property/atom mol ghost yes\nset group gone mol 1\nset group rest mol 2\n"
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + GROUPS
    head += molecules if "molecule" in what else ""

    assert "hides neighbours" in refusal(route, head + PARTIAL[what] + "\nrun 0\n", monkeypatch)


@HERE
def test_hidden_neighbours_are_refused_on_several_ranks(program, tmp_path, write_data, alloy):
    """Also where one rank has no atoms of the types."""
    alloy.symbols = "W"
    alloy.symbols[np.argsort(alloy.positions[:, 2])[:3]] = ["Mo", "Ta", "Ta"]
    deck = tmp_path / "run.in"
    deck.write_text(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "neigh_modify exclude type 1 2\nrun 0\n"
    )

    done = program("voxpot", "lmp", "-in", deck, "-log", tmp_path / "log", ranks=2)

    assert done.returncode != 0
    assert "hides neighbours: atoms of types 1 and 2" in done.stdout + done.stderr
    assert "Loop time" not in done.stdout


@HERE
def test_a_fix_that_swaps_hidden_types_is_refused(lmp, write_data, alloy):
    """LAMMPS makes no new list after a swap."""
    lmp.commands_string(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "fix s all atom/swap 1 1 7 300 types 1 2\n"
        "neigh_modify exclude type 1 1 exclude type 1 2 exclude type 1 3"
    )

    with pytest.raises(Exception, match="a fix that swaps types changes what is hidden"):
        lmp.command("run 1")


def attached(bare, alloy, write_data, more="", pair="pair_style zero 5.0\npair_coeff * *\n"):
    """A deck that says ``fix external`` itself, whose other commands nobody reads."""
    bare.commands_string(
        START.format(boundary="p p p", data=write_data(alloy)) + pair + more + "\n"
        "fix vox all external pf/callback 1 1\nthermo_style custom step pe"
    )
    return Bridge(bare, "vox", load_potential("motaw", device="cpu", dtype="float64"), ["Mo", "Ta", "W"])


@HERE
@pytest.mark.parametrize("pair", ["zero 5.0", "zero 4.0 full", "zero 5.0 nocoeff", "none"])
@pytest.mark.parametrize("newton", ["on", "off"])
def test_all_neighbours_are_found_in_the_list_of_a_deck_with_a_fix(
    bare, write_data, alloy, calculator, monkeypatch, pair, newton
):
    result = []
    monkeypatch.setattr("lammps_plugin.external.end_process", result.append)
    bare.command(f"newton {newton}")
    attached(bare, alloy, write_data, pair=f"pair_style {pair}\n" + ("pair_coeff * *\n" if "zero" in pair else ""))

    bare.command("run 0")

    alloy.calc = calculator
    assert not result
    assert_allclose(bare.get_thermo("pe"), alloy.get_potential_energy(), rtol=0, atol=1e-9)


@HERE
@pytest.mark.parametrize("newton", ["on", "off"])
@pytest.mark.parametrize("full", ["", "full"])
@pytest.mark.parametrize("rule", ["group gone all", "type 1 2", "group gone gone"])
def test_what_a_fix_would_not_see_is_found_in_the_list(bare, write_data, alloy, monkeypatch, rule, full, newton):
    result = []
    monkeypatch.setattr("lammps_plugin.external.end_process", result.append)
    bare.command(f"newton {newton}")
    attached(bare, alloy, write_data, GROUPS, f"pair_style zero 5.0 {full}\npair_coeff * *\n")
    bare.command("run 0")
    assert not result

    bare.commands_string(f"neigh_modify exclude {rule}\nrun 0")

    assert "hides neighbours" in result[0]


def test_rules_are_read_as_lammps_reads_them():
    rules = Rules()
    for line in (
        "every 1 delay 0 check yes exclude type 1 3 exclude group a b page 100000 one 2000",
        "exclude molecule/inter c exclude molecule/intra d include e",
    ):
        rules.read(split_words(line))

    assert (rules.types, rules.groups, rules.molecules) == ([(1, 3)], [("a", "b")], ["c", "d"])
    assert rules.named == ["all", "a", "b", "c", "d", "e"]
    rules.read(["exclude", "none"])
    assert rules.named == ["all", "e"]
    with pytest.raises(DeckError, match="expected the number of an atom type, got 'Mo'"):
        rules.read(["exclude", "type", "Mo", "1"])


HYBRID = (
    "pair_style {style} voxpot dtype float64 device cpu zero 5.0\npair_coeff * * voxpot motaw {elements}\n"
    "pair_coeff {rest} zero\n"
)


@HERE
@pytest.mark.parametrize("style", ["hybrid", "hybrid/overlay", "hybrid/scaled"])
def test_hidden_atoms_are_none_at_all_beside_another_style(lmp, write_data, alloy, calculator, style):
    """Rules for atoms that belong to the other style are its own affair."""
    pair = HYBRID.format(style=style, elements="Mo NULL W", rest="* 2\npair_coeff 2 *" if style == "hybrid" else "* *")
    if style == "hybrid/scaled":
        pair = pair.replace("voxpot dtype", "1.0 voxpot dtype").replace("zero 5.0", "1.0 zero 5.0")
    if style == "hybrid":
        pair = pair.replace("* 2\n", "* 2 zero\n")
    lmp.commands_string(
        START.format(boundary="p p p", data=write_data(alloy)) + pair + GROUPS + TALLIES
        + "neigh_modify exclude group gone all exclude type 2 2 exclude type 1 2\nrun 0"
    )  # fmt: skip

    shown = ~np.isin(np.arange(len(alloy)), [2, 7, *range(19, 24)]) & (np.array(list(alloy.symbols)) != "Ta")
    same_as_without(lmp, alloy, shown, calculator)


@HERE
@pytest.mark.parametrize("taken", ["1 2", "3 3"])
def test_pairs_that_another_style_takes_are_refused(lmp, write_data, alloy, taken):
    pair = HYBRID.format(style="hybrid", elements="Mo Ta W", rest=taken)
    lmp.commands_string(START.format(boundary="p p p", data=write_data(alloy)) + pair)

    with pytest.raises(Exception, match=f"pairs of types {taken.replace(' ', ' and ')} belong to another pair style"):
        lmp.command("run 0")


@HERE
def test_an_atom_withdrawn_without_a_rule_is_refused(lmp, write_data, alloy):
    """``exclude none`` clears the rule of fix gcmc, too, which goes on."""
    gas = "fix g all gcmc 1 10 0 1 77 1000 -10 0.3\n"
    lmp.commands_string(START.format(boundary="p p p", data=write_data(alloy)) + PAIR + gas + "run 2")
    lmp.command("neigh_modify exclude none")

    with pytest.raises(Exception, match="a fix withdraws 1 atoms, as fix gcmc does.*cleared its exclusion"):
        lmp.command("run 2")


@HERE
def test_an_atom_withdrawn_without_a_rule_is_none_at_all_for_a_fix(bare, write_data, alloy):
    """The fix needs no rule."""
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "fix g all gcmc 1 10 0 1 77 60000 -105 0.3\n"
    numbers = []
    for rule in ("", "neigh_modify exclude none\n"):
        Path("run.in").write_text("clear\n" + head + f"run 2\n{rule}run 3\n")
        Deck(bare).run("run.in")
        numbers.append([bare.get_thermo("pe"), *(bare.extract_fix("g", 0, 1, k) for k in range(2, 6))])

    assert min(numbers[0][1:]) > 0
    assert numbers[0] == numbers[1]


@HERE
def test_single_energies_are_refused_where_atoms_are_hidden(lmp, write_data, alloy):
    wide = alloy.repeat(3)
    wide.set_cell(np.diag([28, 28, 28]), scale_atoms=True)
    lmp.commands_string(
        START.format(boundary="p p p", data=write_data(wide)) + PAIR + GROUPS + "comm_modify cutoff 12\n"
        "neigh_modify exclude group gone all\nfix m all sgcmc 1 0.01 300 0.5 0.5 atomic/energy yes"
    )

    with pytest.raises(Exception, match="fix sgcmc does not know atoms that 'neigh_modify exclude' hides"):
        lmp.command("run 1")
