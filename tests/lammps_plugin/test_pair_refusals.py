"""Decks that the pair style refuses, or warns of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.lammps_plugin.decks import PAIR, START, refusal, start

pytestmark = pytest.mark.lammps


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
        (("run 0", "compute g all pe/tally all\nrun 0"), r"compute g \(pe/tally\) adds up energies of pairs"),
        (("run 0", "compute g all heat/flux/tally all\nrun 0"), r"compute g \(heat/flux/tally\) adds up"),
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


BONDED = (
    "units metal\natom_style bond\nlattice bcc 3.2\nregion b block 0 4 0 4 0 4\n"
    "create_box 1 b bond/types 1 extra/bond/per/atom 8 extra/special/per/atom 60\ncreate_atoms 1 box\nmass 1 184\n"
    "pair_style voxpot device cpu\npair_coeff * * motaw W\nbond_style zero\nbond_coeff 1 2.7\n"
    "special_bonds lj/coul {}\ncreate_bonds single/bond 1 1 2\n"
)


@pytest.mark.parametrize("weights", ["0.5 0.5 0.5", "0 0 0", "0 1 1", "1 1 0.999"])
def test_bonds_that_hide_neighbours_are_refused(route, monkeypatch, weights):
    assert "bonded atoms must see each other" in refusal(route, BONDED.format(weights) + "run 0\n", monkeypatch)


def test_bonds_that_hide_nothing_are_no_matter(route):
    route.run(BONDED.format("1 1 1") + "run 0\n")
    bonded = route.lmp.get_thermo("pe")
    route.run("delete_bonds all bond 1 remove special\nrun 0\n")

    assert bonded < -100
    assert_allclose(bonded, route.lmp.get_thermo("pe"), rtol=1e-9)


def test_energies_of_single_atoms_need_the_neighbours_of_ghosts(lmp, write_data, alloy):
    wide = alloy.repeat(3)
    wide.set_cell(np.diag([28, 28, 28]), scale_atoms=True)
    start(lmp, write_data(wide), "pair_style voxpot device cpu\npair_coeff * * motaw Mo Ta W\n")
    lmp.commands_string("fix m all sgcmc 1 0.01 300 0.5 0.5 atomic/energy yes")

    with pytest.raises(Exception, match="set 'comm_modify cutoff 12' or more"):
        lmp.command("run 1")
