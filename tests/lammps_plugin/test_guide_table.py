"""What the guide says of the three ways into LAMMPS: every cell of its table names the tests that hold it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "examples/guide/lammps.md"
PLUGIN, RUNNER, ATTACH = "`pair_style voxpot`", "`voxpot lmp`, no compiler", "`python attach` + `fix external`"
TESTS = {
    "needs": {
        PLUGIN: "test_the_stock_lmp_and_our_runner_agree_on_any_number_of_ranks test_no_compiler_is_said_so",
        RUNNER: "test_the_stock_lmp_and_our_runner_agree_on_any_number_of_ranks",
        ATTACH: "test_the_fix_gives_the_numbers_of_the_pair_style",
    },
    "energy, forces, virial, both per atom": {
        PLUGIN: "test_energy_forces_and_pressure_are_those_of_the_calculator "
        "test_energies_and_virials_of_atoms_sum_to_those_of_the_structure",
        RUNNER: "test_a_deck_gives_the_numbers_of_the_compiled_pair_style",
        ATTACH: "test_the_fix_gives_the_numbers_of_the_pair_style",
    },
    "NVE, NPT triclinic, minimise": {
        PLUGIN: "test_a_hundred_steps_are_the_same_trajectory test_minimisers_reach_the_same_energy "
        "test_a_relaxed_box_holds_the_energy_of_a_relaxed_cell test_a_served_model_gives_the_digits_of_the_native_one",
        RUNNER: "test_a_deck_gives_the_numbers_of_the_compiled_pair_style",
        ATTACH: "test_the_fix_gives_the_numbers_of_the_pair_style",
    },
    "`fix atom/swap`": {
        PLUGIN: "test_swaps_are_accepted_and_rejected_alike",
        RUNNER: "test_a_deck_gives_the_numbers_of_the_compiled_pair_style",
        ATTACH: "test_swaps_see_the_energy",
    },
    "`fix gcmc`, `fix widom`": {
        PLUGIN: "test_a_gas_exchanges_atoms_as_an_ideal_one_of_the_same_energy "
        "test_a_gas_is_an_ideal_one_on_several_ranks test_widom_insertion_says_the_energy_of_an_atom",
        RUNNER: "test_a_gas_exchanges_atoms_as_an_ideal_one_of_the_same_energy "
        "test_widom_insertion_says_the_energy_of_an_atom",
        ATTACH: "test_atoms_come_and_go_with_the_energy_of_an_atom_alone "
        "test_a_fix_that_asks_for_single_energies_is_refused_in_a_deck_with_a_fix",
    },
    "atoms hidden by `neigh_modify exclude`": {
        PLUGIN: "test_hidden_atoms_are_none_at_all test_hidden_atoms_are_none_at_all_on_several_ranks "
        "test_hidden_neighbours_are_refused",
        RUNNER: "test_hidden_atoms_are_none_at_all test_hidden_neighbours_are_refused",
        ATTACH: "test_what_a_fix_would_not_see_is_found_in_the_list test_what_the_fix_does_not_see_ends_the_process",
    },
    "heat flux (`compute centroid/stress/atom`)": {
        PLUGIN: "test_centroid_virial_is_the_one_of_the_heat_current",
        RUNNER: "test_what_the_fix_cannot_give_is_refused",
        ATTACH: "",  # it is that of stress/atom
    },
    "`fix sgcmc`": {
        PLUGIN: "test_swaps_are_accepted_and_rejected_alike",
        RUNNER: "test_what_the_fix_cannot_give_is_refused",
        ATTACH: "test_a_fix_that_would_not_see_the_model_is_refused_when_it_came_first",
    },
    "`hybrid/overlay`, `NULL`": {
        PLUGIN: "test_an_overlay_adds_up test_types_left_to_another_style_are_not_seen",
        RUNNER: "test_what_the_fix_cannot_give_is_refused",
        ATTACH: "",  # no note about it
    },
    "uncertainty of atoms (`fix pair`)": {
        PLUGIN: "test_uncertainties_of_atoms_are_those_of_the_calculator test_a_run_stops_where_it_is_too_uncertain",
        RUNNER: "test_what_the_fix_cannot_give_is_refused",
        ATTACH: "test_a_fix_that_would_not_see_the_model_is_refused_when_it_came_first",
    },
    "MPI ranks": {
        PLUGIN: "test_ranks_share_the_numbers_of_the_calculator test_a_served_model_gives_the_digits_of_the_native_one",
        RUNNER: "test_several_ranks_without_a_compiler_are_refused",
        ATTACH: "test_a_fix_on_several_ranks_is_refused",
    },
    "other units, unknown element, NaN, an exception": {
        PLUGIN: "test_what_cannot_be_right_is_refused_with_a_sentence "
        "test_a_fault_on_one_rank_stops_all_with_a_sentence",
        RUNNER: "test_other_units_are_refused test_what_the_fix_cannot_give_is_refused "
        "test_a_fault_in_a_step_ends_the_process",
        ATTACH: "test_what_cannot_be_right_stops_lammps test_a_fault_in_a_step_ends_the_process",
    },
}


def table():
    """Row, column and text of every cell."""
    if not GUIDE.exists():
        pytest.skip("needs the guide of the repository")
    found = re.search(r"^\| \| `pair_style voxpot`.*?(?=^$)", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found.group().splitlines()]
    return [(row[0], column, text) for row in rows for column, text in zip(head[1:], row[1:], strict=True)]


def written():
    trees = [ast.parse(path.read_text()) for path in HERE.glob("test_*.py")]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_cell_of_the_table_is_held_by_a_test():
    cells, tests = table(), written()

    assert {(row, column) for row, column, _ in cells} == {(row, column) for row in TESTS for column in TESTS[row]}
    for row, column, text in cells:
        names = TESTS[row][column].split()
        assert bool(names) == (text != "–"), f"{row} / {column}: {text}"
        assert set(names) <= tests, f"{row} / {column}"
