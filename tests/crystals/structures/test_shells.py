"""Neighbours in fractional coordinates are those of the graph, and smooth weights do not jump."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose

from voxpot_crystals.structures.graphs import graph_of
from voxpot_crystals.structures.shells import shells_of


def test_they_are_the_edges_of_the_graph():
    for atoms in (bulk("W", "bcc", a=3.16), bulk("NaCl", "rocksalt", a=5.64, cubic=True), bulk("Zn")):
        graph = graph_of(atoms, nearest=12, cutoff=6.0)
        cell = np.array(atoms.cell[:])
        shells = shells_of(atoms.get_scaled_positions(), cell, nearest=12, cutoff=6.0, margin=1e-3)
        assert np.bincount(shells.centre).tolist() == np.bincount(graph.centre).tolist()
        (distance,) = shells.distances(atoms.get_scaled_positions()[None], (cell @ cell.T)[None])
        assert_allclose(np.sort(distance), np.sort(graph.distance), atol=1e-9)


def test_a_neighbour_that_passes_the_last_place_changes_its_weight_a_little():
    cell = np.eye(3) * 3.16
    gram = (cell @ cell.T)[None]
    exact = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    weights = []
    for shift in (-1e-4, 1e-4):
        fractions = exact + np.array([[0, 0, 0], [shift, 0, 0]])
        shells = shells_of(exact, cell, nearest=12, cutoff=6.0, margin=0.6)
        weights.append(shells.weights(shells.distances(fractions[None], gram), nearest=12, width=0.1)[0])
    assert np.abs(weights[0] - weights[1]).max() < 0.01
    assert weights[0].min() > 0
    assert weights[0].max() < 1.0 + 1e-12


def test_an_atom_alone_has_none():
    far = Atoms("Na", cell=np.eye(3) * 9, pbc=True)
    assert shells_of(far.get_scaled_positions(), np.array(far.cell[:]), nearest=12, cutoff=6.0, margin=0.0) is None
