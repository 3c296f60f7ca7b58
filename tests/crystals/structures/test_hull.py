"""Distances from the convex hull against cases that are solved by hand."""

from __future__ import annotations

import pytest
from ase import Atoms

from voxpot_crystals.structures.hull import hull_distances

pytest.importorskip("pymatgen")


def compound(formula: str) -> Atoms:
    return Atoms(formula, cell=[3.2, 3.2, 3.2], pbc=True)


def test_a_line_between_an_element_and_a_compound_is_the_hull():
    """MoTa at -0.2 eV/atom: the hull is at -0.1 where a quarter is tantalum, and at -0.4/3 where a third is."""
    crystals = [compound(f) for f in ("Mo3Ta", "Mo3Ta", "Mo4Ta2", "MoTa", "Mo2")]
    found = hull_distances(crystals, [-0.05, -0.15, -0.2, -0.2, 0.03], [compound("MoTa")], [-0.2])

    assert found == pytest.approx([0.05, -0.05, -0.2 + 0.4 / 3, 0.0, 0.03], abs=1e-9)


def test_three_elements_decompose_into_two_compounds():
    """Mo2TaW of MoTa (-0.2) and MoW (-0.04) has -0.12 eV/atom; a compound with niobium is no part of it."""
    known = [compound(f) for f in ("MoTa", "MoW", "TaW", "NbMoTaW")]
    found = hull_distances([compound("Mo2TaW")], [-0.1], known, [-0.2, -0.04, -0.05, -9.0])

    assert found == pytest.approx([0.02], abs=1e-9)


def test_known_compounds_that_span_the_hull_are_at_0_and_others_above():
    known = [compound(f) for f in ("MoTa", "Mo3Ta", "MoTa3", "MoTa")]
    energies = [-0.2, -0.12, -0.05, -0.15]
    found = hull_distances(known, energies, known, energies)

    assert found == pytest.approx([0.0, 0.0, 0.05, 0.05], abs=1e-9)


def test_elements_alone_span_a_hull():
    assert hull_distances([compound("MoW")], [0.01], [], []) == pytest.approx([0.01])
    assert hull_distances([], [], [compound("MoW")], [0.01]) == []
