from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, make_supercell
from numpy.testing import assert_allclose

from ase_voxpot.errors import SpecError, StructureError, UnknownElementError
from voxpot_crystals.regression.cgcnn.method import METHOD, graphs_of
from voxpot_crystals.regression.cgcnn.network import CGCNN, CGCNNSpec
from voxpot_crystals.structures.graphs import graph_of

SPEC = CGCNNSpec(width=8, hidden=8, convolutions=2)


@pytest.fixture
def network() -> CGCNN:
    torch.manual_seed(3)
    network = CGCNN(SPEC).double().eval()
    for module in network.modules():  # as after a training: statistics that are not those of the start
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network


def say(network: CGCNN, *atoms: Atoms) -> np.ndarray:
    batch = METHOD.collate(graphs_of(atoms, SPEC), SPEC, None)
    batch = replace(batch, distance=batch.distance.double())
    return network(batch).detach().numpy()


def spinel(rng: np.random.Generator) -> Atoms:
    """Some crystal without symmetry."""
    atoms = bulk("NaCl", "rocksalt", a=5.2, cubic=True)
    atoms.symbols = rng.permutation(["Mg", "Al", "Al", "O", "O", "O", "O", "Ti"])
    atoms.rattle(0.15, rng=rng)
    return atoms


def test_neighbours_are_the_nearest_and_ties_are_kept():
    graph = graph_of(bulk("W", "bcc", a=3.2, cubic=True), nearest=5, cutoff=8.0)

    assert_allclose(graph.distance, 3.2 * np.sqrt(3) / 2)
    assert np.bincount(graph.centre).tolist() == [8, 8], "the fifth of eight at one distance"
    graph = graph_of(bulk("W", "bcc", a=3.2, cubic=True), nearest=12, cutoff=8.0)
    assert np.bincount(graph.centre).tolist() == [14, 14]


def test_it_says_the_same_of_every_cell_of_a_crystal(network, rng):
    atoms = spinel(rng)
    sheared = make_supercell(atoms, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    moved = atoms.copy()
    moved.translate([0.3, 1.1, -2.0])
    moved.wrap()
    turned = atoms.copy()
    turned.rotate(40, (1, 2, 3), rotate_cell=True)

    predicted = say(network, atoms, sheared, moved, turned, atoms.repeat((2, 1, 1)), atoms[rng.permutation(8)])

    assert_allclose(predicted, predicted[0], rtol=1e-6)
    assert abs(predicted[0] - say(network, bulk("W"))[0]) > 1e-4


def test_a_batch_is_its_singles(network, rng):
    crystals = [spinel(rng), bulk("W"), bulk("NaCl", "rocksalt", a=5.6)]

    together = say(network, *crystals)

    assert_allclose(together, [say(network, a)[0] for a in crystals], rtol=1e-10)


def test_structure_matters_not_composition_alone(network):
    predicted = say(network, bulk("ZnS", "zincblende", a=5.4), bulk("ZnS", "rocksalt", a=5.0))

    assert abs(predicted[0] - predicted[1]) > 1e-5


def test_bad_input_is_named():
    with pytest.raises(StructureError, match=r"frame 1: atom 0 has no neighbour within 8 Å"):
        graphs_of([bulk("W"), Atoms("W", cell=[20, 20, 20], pbc=True)], SPEC)
    with pytest.raises(UnknownElementError, match="frame 0"):
        graphs_of([bulk("Lr", "fcc", a=5.0)], SPEC)
    with pytest.raises(SpecError, match="width"):
        CGCNNSpec(width=0)
