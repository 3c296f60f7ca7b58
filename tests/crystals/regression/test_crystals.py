from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.io import read, write

from ase_voxpot.errors import ConfigError, DataError, MissingLabelsError, StructureError
from tests.crystals.regression.conftest import perovskite
from voxpot_crystals.regression.config import load_regression
from voxpot_crystals.regression.crystals import label_of, load_crystals
from voxpot_crystals.structures.checks import check_crystal, formula_of

CIF = """data_x
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 0.5
K1 K 0 0 0 0.5
Cl1 Cl 0.5 0.5 0.5 1.0
"""


def load(path: Path):
    return load_crystals(load_regression(path), path.parent)


def test_all_cells_of_a_compound_have_one_formula():
    primitive = bulk("NaCl", "rocksalt", a=5.6)

    assert formula_of(primitive) == formula_of(bulk("NaCl", "rocksalt", a=5.6, cubic=True)) == "ClNa"
    assert formula_of(make_supercell(primitive, [[2, 0, 0], [0, 1, 0], [0, 0, 3]])) == "ClNa"


def test_a_disordered_cif_is_refused(tmp_path):
    (tmp_path / "x.cif").write_text(CIF)
    with pytest.raises(StructureError, match="partially occupied"):
        check_crystal(read(tmp_path / "x.cif"))
    whole = CIF.replace("Na1 Na 0 0 0 0.5\n", "").replace("0.5\nCl1", "1.0\nCl1")
    (tmp_path / "y.cif").write_text(whole)
    check_crystal(read(tmp_path / "y.cif"))


@pytest.mark.parametrize(
    ("atoms", "sentence"),
    [
        (Atoms("W"), "periodic in three directions"),
        (Atoms("W", cell=[4, 4, 0], pbc=True), "volume"),
        (Atoms("W2", [[0, 0, 0], [0, 0, 0.1]], cell=[4, 4, 4], pbc=True), "0.100 Å apart"),
        (Atoms("WX", [[0, 0, 0], [0, 0, 2]], cell=[4, 4, 4], pbc=True), "without one"),
        (Atoms("W", [[np.nan, 0, 0]], cell=[4, 4, 4], pbc=True), "finite positions"),
        (Atoms(cell=[4, 4, 4], pbc=True), "expected atoms"),
    ],
)
def test_what_is_no_crystal_is_refused(atoms, sentence):
    with pytest.raises(StructureError, match=sentence):
        check_crystal(atoms)


def test_labels_are_finite_numbers():
    atoms = perovskite("Sr", "Ti", edge=3.9)
    assert label_of(atoms, "a") == pytest.approx(3.9), "without a label, that of the cell"
    for wrong in (True, "high", np.nan, None):
        atoms.info["gap"] = wrong
        with pytest.raises(MissingLabelsError, match="'gap'"):
            label_of(atoms, "gap")


def test_the_frame_without_a_label_is_named(config, perovskites):
    for atoms in perovskites:
        atoms.info["gap"] = 1.0
    perovskites[7].info.pop("gap")
    path = config()
    path.write_text(path.read_text().replace('key = "a"', 'key = "gap"'))

    with pytest.raises(MissingLabelsError, match="frame 7"):
        load(path)


def test_curation_counts_what_it_leaves_out(config, perovskites):
    perovskites += [a.copy() for a in perovskites[:5]]
    limit = float(np.sort([a.info["a"] for a in perovskites])[-3])

    found = load(config(top='unique = "pair"', target=f"most = {limit}"))

    assert len(found.atoms) == len(found.target)
    assert sum(found.dropped.values()) == len(perovskites) - len(found.atoms)
    assert found.dropped["another of the same pair"] == 5 - sum(a.info["a"] > limit for a in perovskites[:5])
    assert found.target.max() <= limit


def test_rare_elements_are_left_out(config, perovskites):
    perovskites.append(perovskite("Cs", "Ti"))

    found = load(config(top="least_crystals = 3"))

    assert found.dropped == {"with a rare element": 1}


def test_a_logarithm_needs_positive_values(config, perovskites, tmp_path):
    assert load(config(target="logarithm = true")).target[0] == pytest.approx(np.log10(perovskites[0].info["a"]))
    perovskites[3].info["a"] = -1.0
    with pytest.raises(DataError, match="positive"):
        load(config(target="logarithm = true"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("members = 2", "members = 1"), "members"),
        (("holdout = 0.2", "holdout = 0.95"), "holdout"),
        (("members = 2", "membres = 2"), "unknown key 'membres'"),
        (("[model]", "[modell]"), "unknown key 'modell'"),
        (('"Å"', "3"), "target.unit"),
    ],
)
def test_wrong_configs_are_refused(config, change, sentence):
    path = config()
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ConfigError, match=sentence):
        load_regression(path)


def test_too_few_crystals_are_an_error(config, perovskites, tmp_path):
    path = config()
    write(tmp_path / "perovskites.extxyz", perovskites[:4])
    with pytest.raises(DataError, match="at least 10"):
        load(path)


def test_labels_that_are_all_alike_teach_nothing(config, perovskites, tmp_path):
    path = config()
    for crystal in perovskites:
        crystal.info["a"] = 4.0
    write(tmp_path / "perovskites.extxyz", perovskites)
    with pytest.raises(DataError, match="differ in a, got 4 for all"):
        load(path)


def test_crystals_without_a_label_are_left_out_if_the_config_says_so(config, perovskites):
    for k, crystal in enumerate(perovskites):
        crystal.info = {"heat": 0.1 * k} if k not in (0, 5) else {"another": 1.0}
    partial, whole = (config(target=t).read_text().replace('"a"', '"heat"') for t in ("partial = true", ""))
    path = config()

    path.write_text(partial)
    found = load(path)

    assert found.dropped == {"without heat": 2}
    assert [a.info["heat"] for a in found.atoms] == pytest.approx(found.target.tolist())
    path.write_text(whole)
    with pytest.raises(MissingLabelsError, match="frame 0: .*'heat', got None"):
        load(path)
