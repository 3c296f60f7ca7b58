"""Answers of spglib do not depend on who else has been imported."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from ase.build import bulk

from voxpot_crystals.regression.hirshfeld.sites import unique_sites
from voxpot_crystals.structures.symmetry import ask_spglib


@pytest.mark.parametrize("old", [True, False])
def test_no_answer_is_none(monkeypatch, old):
    monkeypatch.setattr(spglib.error, "OLD_ERROR_HANDLING", old)
    nothing = (np.diag([1.0, 1.0, 0.0]), [[0.0, 0.0, 0.0]], [1])

    assert ask_spglib(spglib.get_symmetry, nothing, symprec=1e-4) is None


@pytest.mark.parametrize("old", [True, False])
def test_sites_of_a_cell_that_it_cannot_read_are_all_atoms(monkeypatch, old):
    monkeypatch.setattr(spglib.error, "OLD_ERROR_HANDLING", old)
    salt = bulk("NaCl", "rocksalt", a=5.64)
    salt.set_cell(np.array([[1, 0, 0], [20000, 1, 0], [0, -30000, 1]]) @ salt.cell[:])

    assert [site.multiplicity for site in unique_sites(salt)] == [1, 1]


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError):
        ask_spglib(lambda: 1 / 0)
