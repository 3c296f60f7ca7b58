"""The Gaussian process on compositions and bonds, and what it reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import SpecError
from voxpot_crystals.regression.cgcnn.descriptors import BONDS, COLUMNS, MOST, describe
from voxpot_crystals.regression.cgcnn.kernel import CompositionKernel, _mixed
from voxpot_crystals.regression.cgcnn.method import METHOD
from voxpot_crystals.regression.cgcnn.network import CGCNN, CGCNNSpec
from voxpot_crystals.regression.elements import kinship
from voxpot_crystals.structures.graphs import graph_of

SPEC = CGCNNSpec(width=8, hidden=8, convolutions=2, share=0.7, capacity=40)


def row_of(atoms) -> np.ndarray:
    return describe(graph_of(atoms, nearest=12, cutoff=8.0), atoms.cell.volume)


def salts():
    edges = {"Li": 0.0, "Na": 0.5, "K": 1.1, "Rb": 1.4, "Cs": 1.7}
    return [
        bulk(m + x, "rocksalt", a=4.1 + e + k)
        for m, e in edges.items()
        for k, x in zip((0.0, 1.0, 1.3, 1.9), ("F", "Cl", "Br", "I"), strict=True)
    ]


def test_a_row_holds_composition_density_and_bonds():
    row = row_of(bulk("MgO", "rocksalt", a=4.2))

    assert len(row) == COLUMNS == 2 * MOST + BONDS
    assert row[:2].tolist() == [8, 12]
    assert row[MOST : MOST + 2].tolist() == [0.5, 0.5]
    assert row[2 * MOST] == pytest.approx(4.2**3 / 8)


def test_it_is_that_of_every_cell_of_a_crystal(rng):
    atoms = bulk("ZnS", "zincblende", a=5.4, cubic=True)
    atoms.rattle(0.1, rng=rng)

    assert_allclose(row_of(atoms.repeat((2, 1, 1))), row_of(atoms), rtol=1e-8)


def test_covariances_are_those_of_something():
    rows = torch.from_numpy(np.array([row_of(a) for a in salts()]))
    process = CompositionKernel(40)
    process.standardise(rows)

    covariance = process.covariance(process.scales, rows, rows)

    assert torch.allclose(covariance, covariance.T)
    assert torch.linalg.eigvalsh(covariance).min() > -1e-8
    assert torch.isfinite(process.covariance(process.scales, rows, torch.zeros(3, COLUMNS).double())).all()


def test_mixing_is_nothing_for_an_element_by_itself():
    shares = torch.zeros(3, 101, dtype=torch.float64)
    shares[0, 29] = 1.0
    shares[1, [11, 17]] = 0.5
    shares[2, [19, 17]] = 0.5

    product = _mixed(shares, shares)

    related = kinship() @ kinship().T
    matrices = [np.diag(x) - np.outer(x, x) for x in shares.numpy()]
    expected = [[np.trace(a @ related @ b @ related) for b in matrices] for a in matrices]
    assert_allclose(product.numpy(), expected, atol=1e-10)
    assert_allclose(product[0].numpy(), 0, atol=1e-10)
    assert product[1, 2] > 0.3 * product[1, 1], "salts of kindred elements are alike"


def test_a_share_of_the_process_is_in_the_answer():
    crystals = salts()
    items = METHOD.prepare(crystals, SPEC)
    target = np.linspace(-1, 1, len(crystals))
    torch.manual_seed(0)
    network = CGCNN(SPEC).eval()
    batch = METHOD.collate(items, SPEC, None)
    with torch.no_grad():
        before = network(batch)
        METHOD.finish(network, SPEC, items, target, 0)
        after = network(batch)

    known = network.process(batch.rows)
    assert_allclose(after.numpy(), (0.3 * before + 0.7 * known).numpy(), atol=1e-6)
    assert np.abs(known.numpy() - target).max() < 0.3


def test_without_a_share_there_is_no_process():
    spec = METHOD.adapt(CGCNNSpec(), salts())

    assert spec.capacity == 0
    assert CGCNN(spec).process is None
    assert METHOD.prepare(salts()[:1], spec)[0].row is None
    with pytest.raises(SpecError, match="share"):
        CGCNNSpec(share=1.5)
