from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, strategies as st

from ase_voxpot.errors import StructureError
from tests.crystals.regression.conftest import perovskite
from voxpot_crystals.regression.perovskites import cubic_edge, perovskite_of


@given(st.permutations(range(5)), st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(3.0, 6.0))
def test_order_of_the_atoms_and_origin_do_not_matter(order, shift, edge):
    atoms = perovskite("Sr", "Ti", "O", edge)[order]
    atoms.translate(shift)

    found = perovskite_of(atoms)

    assert (found.a_site, found.b_site, found.anion) == ("Sr", "Ti", "O")
    assert found.edge == pytest.approx(edge)
    assert found.pair == "SrTi"


@pytest.mark.parametrize(("a", "b", "x"), [("O", "Ti", "O"), ("Sr", "O", "O"), ("Ti", "Ti", "O"), ("N", "N", "N")])
def test_elements_may_sit_on_several_sites(a, b, x):
    found = perovskite_of(perovskite(a, b, x))

    assert (found.a_site, found.b_site, found.anion) == (a, b, x)


def test_pairs_are_ordered():
    assert perovskite_of(perovskite("La", "Y")).pair != perovskite_of(perovskite("Y", "La")).pair


def test_what_is_no_perovskite_is_refused():
    with pytest.raises(StructureError, match="five atoms"):
        perovskite_of(bulk("W"))
    stretched = perovskite("Sr", "Ti")
    stretched.set_cell(np.diag([4.0, 4.0, 4.4]), scale_atoms=True)
    with pytest.raises(StructureError, match="cubic cell"):
        perovskite_of(stretched)
    moved = perovskite("Sr", "Ti")
    moved.positions[1] += 0.8
    with pytest.raises(StructureError, match="other distances"):
        perovskite_of(moved)


def test_the_edge_is_that_of_a_cubic_cell():
    assert cubic_edge(bulk("NaCl", "rocksalt", a=5.6, cubic=True)) == pytest.approx(5.6)
    with pytest.raises(StructureError, match="angles"):
        cubic_edge(bulk("W"))
