"""Decks without a compiler: read as LAMMPS reads them, and nothing that would be wrong runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.errors import VoxPotError
from ase_voxpot.weights import load_potential
from lammps_plugin.attach import Bridge
from lammps_plugin.deck import Deck
from lammps_plugin.errors import DeckError
from tests.lammps_plugin.decks import PAIR, START

HERE = pytest.mark.lammps
FLOW = """
variable n loop 3   # a loop over an index
label outer
  print "outer $n"
  variable T index 300 600 900
  label inner
    print 'T = ${T}, $(v_n*2) # no comment'
    if "${T} > 500 && $n == 1" then "print 'hot'" "jump SELF out" elif "${T} == 300" "print cold" &
       else "print 'warm'"
  next T
  jump SELF inner
  label out
  variable T delete
next n
jump SELF outer
include other.in
print "random $(random(0,1,5))"
variable r equal random(0,1,7)
print "random $(v_r) $(v_r)"
print \"\"\"three "quotes"
over two lines\"\"\"
jump last.in middle
print never
"""
OTHER = 'print "from an include"\ninclude third.in\nprint "and back"\n'
LAST = "print 'not this'\nlabel middle\nprint 'the end'\n"


def printed(path):
    """What a log holds of prints, without the commands themselves and their errors."""
    return [line for line in Path(path).read_text().splitlines() if line.startswith(WORDS)]


WORDS = (
    "outer",
    "random 0",
    "T =",
    "hot",
    "cold",
    "warm",
    "from",
    "third",
    "and back",
    "three",
    "over",
    "the end",
    "not",
    "never",
)


def write_flow():
    Path("flow.in").write_text(FLOW)
    Path("other.in").write_text(OTHER)
    Path("third.in").write_text("print 'third'")
    Path("last.in").write_text(LAST)


@HERE
def test_loops_jumps_branches_and_includes_flow_as_in_lammps(bare, lmp):
    write_flow()
    lmp.command("log native.log")
    lmp.file("flow.in")
    lmp.command("log none")
    bare.command("log ours.log")
    Deck(bare).run("flow.in")
    bare.command("log none")

    expected = printed("native.log")
    assert expected.count("hot") == 1
    assert expected[-1] == "the end"
    assert printed("ours.log") == expected


def numbers_of(lmp, names=("pe", "ke", "press", "pxx", "pyy", "pzz", "pxy", "pxz", "pyz", "vol")):
    return [lmp.get_thermo(name) for name in names]


RUNS = {
    "nve": "velocity all create 900 7\nfix i all nve\nrun 20\nrun 10\n",
    "npt": "velocity all create 900 7\nfix i all npt temp 900 900 0.1 tri 0 0 1\nrun 20\n",
    "minimize": "fix b all box/relax iso 0\nminimize 0 1e-3 15 100\n",
    "swap": "fix i all nve\nfix s all atom/swap 5 3 77 5000 types 1 2\nrun 11\n",
    "clear": "run 0\nclear\n{again}\nfix i all nve\nrun 5\n",
    "another style": "run 0\n" + PAIR.replace("Mo Ta W", "W W W") + "fix i all nve\nrun 5\n",
}


@HERE
@pytest.mark.parametrize("name", RUNS)
def test_a_deck_gives_the_numbers_of_the_compiled_pair_style(bare, lmp, write_data, alloy, name):
    head = START.format(boundary="p p p", data=write_data(alloy)) + PAIR
    text = (
        head
        + RUNS[name].format(again=head)
        + (
            "compute e all pe/atom\ncompute s all stress/atom NULL\ncompute es all reduce sum c_e c_s[1] c_s[5]\n"
            "thermo_style custom step pe ke press c_es[*]\nrun 0\n"
        )
    )
    Path("run.in").write_text(text)

    Deck(bare).run("run.in")
    lmp.file("run.in")

    assert_allclose(numbers_of(bare), numbers_of(lmp), rtol=1e-7, atol=1e-6)
    sums = [np.array([one.extract_compute("es", 0, 1)[k] for k in range(3)]) for one in (bare, lmp)]
    assert_allclose(sums[0], sums[1], rtol=1e-7)


@HERE
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("fix m all sgcmc 10 0.1 300 0 0", "asks the pair style alone"),
        ("fix m all numdiff 1 0.001", "asks the pair style alone"),
        ("fix_modify voxpot energy no", "must stay as it is"),
        ("unfix voxpot", "must stay as it is"),
        ("fix voxpot all nve", "choose another one"),
        ("fix g all pair 10 voxpot extrapolation 1", "asks the pair style alone"),
        ("compute p all pressure NULL pair", "asks for the pair style alone"),
        ("compute p all group/group all", "asks for the pair style alone"),
        ("compute p all pair/local eng", "asks for the pair style alone"),
        ("compute p all stress/mop z center total", "asks for the pair style alone"),
        ("compute p all stress/cartesian x 1 NULL 0", "asks for the pair style alone"),
        ("compute p all stress/spherical 5 5 5 1 4", "asks for the pair style alone"),
        ("compute p all born/matrix numdiff 1e-4 thermo_press", "asks for the pair style alone"),
        ("compute p all force/tally all", "asks for the pair style alone"),
        ("compute p all centroid/stress/atom NULL virial", "asks for the pair style alone"),
        ("pair_write 1 2 9 r 1.0 5.0 table.txt Mo", "pair_write writes down a pair style, which is empty"),
        ("write_coeff coeffs.txt", "write_coeff writes down a pair style, which is empty"),
        ("variable e equal evdwl", "holds the energy of the pair style alone"),
        ("variable e equal 2*epair+1", "holds the energy of the pair style alone"),
        ("print $(epair)", "asks for the energy of the pair style alone"),
        ("if '$(ecoul+1.0) > 0' then 'run 1'", "asks for the energy of the pair style alone"),
        ("thermo_style custom step epair", "use 'pe'"),
        ("thermo_style multi", "use 'pe'"),
        ("pair_style hybrid/overlay voxpot zbl 3 4", "needs the compiled pair style"),
        ("pair_style voxpot precision double", "expected .dtype"),
        ("pair_coeff * * motaw Mo Ta", "expected one element for each of the 3 atom types"),
        ("pair_coeff * * motaw Mo Ta Fe", "the structure holds Fe"),
        ("pair_coeff 1 1 motaw Mo Ta W", "expected 'pair_coeff"),
        ("jump SELF nowhere", "expected a 'label nowhere'"),
        ("include nofile", "nofile: cannot be read"),
    ],
)
def test_what_the_fix_cannot_give_is_refused(bare, write_data, alloy, more, sentence):
    Path("bad.in").write_text(START.format(boundary="p p p", data=write_data(alloy)) + PAIR + more + "\nrun 0\n")

    with pytest.raises(VoxPotError, match=sentence):
        Deck(bare).run("bad.in")


@HERE
@pytest.mark.parametrize("fix", ["numdiff 1 0.001", "sgcmc 1 0.01 300 0.5 0.5", "pair 1 zero none 0"])
def test_a_fix_that_would_not_see_the_model_is_refused_when_it_came_first(bare, write_data, alloy, fix):
    alloy.set_cell(np.diag([9.6, 9.6, 9.6]), scale_atoms=True)
    Path("bad.in").write_text(
        START.format(boundary="p p p", data=write_data(alloy)) + "pair_style zero 5\npair_coeff * *\n"
        f"fix m all {fix}\n" + PAIR
    )

    with pytest.raises(DeckError, match="asks the pair style alone"):
        Deck(bare).run("bad.in")


@HERE
@pytest.mark.parametrize(
    ("early", "sentence"),
    [
        ("compute p all pair/local eng", "asks for the pair style alone"),
        ("variable e equal epair", "holds the energy of the pair style alone"),
        ("thermo_style custom step evdwl", "prints the energy of the pair style alone"),
        ("thermo_style multi", "prints the energy of the pair style alone"),
        ("fix f all setforce 0 0 0", "acts on the forces that it finds, and comes before those of the model"),
        ("fix f all planeforce 0 0 1\nfix g all aveforce 0 0 0", r"fix f \(planeforce\), g \(aveforce\) acts"),
    ],
)
def test_what_would_not_see_the_model_is_refused_when_it_came_first(bare, write_data, alloy, early, sentence):
    head = START.format(boundary="p p p", data=write_data(alloy))
    Path("bad.in").write_text(head + early + "\n" + PAIR + "run 0\n")

    with pytest.raises(DeckError, match=sentence):
        Deck(bare).run("bad.in")


@HERE
def test_what_came_first_and_is_gone_is_no_matter(bare, write_data, alloy):
    early = "compute p all pair/local eng\nuncompute p\nvariable e equal epair\nvariable e delete\n"
    early += (
        "pair_style zero 5\npair_coeff * *\nthermo_style multi\nrun 0\nprint $(epair)\nthermo_style custom step pe\n"
    )
    Path("good.in").write_text(START.format(boundary="p p p", data=write_data(alloy)) + early + PAIR + "run 0\n")

    Deck(bare).run("good.in")

    assert bare.get_thermo("pe") < -100


@HERE
def test_a_fix_that_sets_forces_holds_through_another_model(bare, lmp, write_data, alloy):
    """The fix of the model keeps its place."""
    deck = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "group half id 1:27\n"
    deck += "fix s half setforce 0 NULL 0\nfix i all nve\nrun 3\n" + PAIR.replace("Mo Ta W", "W W Mo") + "run 3\n"
    Path("run.in").write_text(deck)

    Deck(bare).run("run.in")
    lmp.file("run.in")

    forces = np.array(bare.gather_atoms("f", 1, 3)).reshape(-1, 3)
    assert_allclose(forces, np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3), rtol=0, atol=1e-7)
    assert_allclose(forces[:27, [0, 2]], 0, atol=0)


@HERE
def test_a_thermo_style_stays_wherever_it_stands(bare, write_data, alloy):
    head = START.format(boundary="p p p", data=write_data(alloy))
    Path("one.in").write_text(
        head + "thermo_style custom step vol pe\nthermo_modify format float %.3f\n" + PAIR + "run 0\n"
    )
    Path("two.in").write_text("clear\n" + head + "thermo_modify norm yes format float %.4f\n" + PAIR + "run 0\n")

    Deck(bare).run("one.in")
    pe = bare.get_thermo("pe")
    Deck(bare).run("two.in")

    log = Path("log.lammps").read_text()
    assert re.search(rf"Step +Volume +PotEng *\n +0 +{alloy.get_volume():.3f} +{pe:.3f}", log)
    assert f"{pe / len(alloy):.4f}" in log.split("TotEng")[1]


@HERE
def test_data_are_written_as_with_the_compiled_pair_style(bare, lmp, write_data, alloy, tmp_path):
    text = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "run 0\nwrite_data {}\n"
    Path("run.in").write_text(text.format("bare.data"))
    Deck(bare).run("run.in")
    lmp.commands_string(text.format("compiled.data"))

    assert Path("bare.data").read_text() == Path("compiled.data").read_text()


@HERE
def test_force_constants_are_those_of_the_compiled_pair_style(bare, lmp, write_data, alloy):
    deck = START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "group few id 1:3\ngroup gone id 50\n"
    deck += "neigh_modify exclude group gone all\ndynamical_matrix few regular 1e-4 file {0}.d binary no\n"
    deck += "third_order few regular 1e-3 file {0}.t binary no\n"
    Path("run.in").write_text(deck.format("bare"))

    Deck(bare).run("run.in")
    lmp.commands_string(deck.format("compiled"))

    for kind in "dt":
        ours, native = (np.loadtxt(f"{name}.{kind}") for name in ("bare", "compiled"))
        assert np.abs(native).max() > 0.01
        assert_allclose(ours, native, rtol=1e-4, atol=1e-3 * np.abs(native).max())


@HERE
def test_a_fix_on_several_ranks_is_refused(bare, monkeypatch):
    """Each of them would have a part of the atoms only."""
    bare.command("units metal")
    there = bare.extract_setting
    monkeypatch.setattr(bare, "extract_setting", lambda name: 2 if name == "world_size" else there(name))

    with pytest.raises(DeckError, match="serves one MPI rank, got 2; use pair_style voxpot"):
        Bridge(bare, "vox", load_potential("motaw-fast", device="cpu"), ["Mo"])


@HERE
def test_other_units_are_refused(bare, write_data, alloy):
    Path("bad.in").write_text((START.format(boundary="p p p", data=write_data(alloy)) + PAIR).replace("metal", "real"))

    with pytest.raises(DeckError, match="expected 'units metal'"):
        Deck(bare).run("bad.in")


@HERE
def test_the_default_thermo_output_holds_the_energy(bare, write_data, alloy):
    Path("plain.in").write_text(
        START.format(boundary="p p p", data=write_data(alloy)) + PAIR + "thermo_style one\nrun 0\n"
    )

    Deck(bare).run("plain.in")

    log = Path("log.lammps").read_text()
    assert f"{bare.get_thermo('pe'):.6g}"[:7] in log.split("PotEng")[1]
