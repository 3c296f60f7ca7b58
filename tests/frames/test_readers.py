"""What ASE's readers guess or lose in silence is put right or refused."""

from __future__ import annotations

import gzip

import pytest
from ase.build import bulk
from ase.io import write
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError, OccupancyError, VoxPotError
from ase_voxpot.frames.disorder import partial_sites
from ase_voxpot.frames.labels import read_each, read_frames
from tests.cifs import cif

POSCAR = "{title}\n1.0\n3.2 0 0\n0 3.2 0\n0 0 3.2\n{counts}\n{select}Direct\n0 0 0{first}\n0.5 0.5 0.5{second}\n"


@pytest.fixture
def put(tmp_path):
    def write_text(name: str, text: str):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_text


@pytest.mark.parametrize(
    ("rows", "group", "shares"),
    [
        ("Mo1 Mo 0 0 0 0.5\nW1 W 0.5 0.5 0.5 0.5\n", "I m -3 m", [{"Mo": 0.5, "W": 0.5}]),  # one site by symmetry
        ("Mo1 Mo 0 0 0 0.5\nW1 W 1 1 0 0.5\n", "P 1", [{"Mo": 0.5, "W": 0.5}]),  # one site by a lattice vector
        ("Fe1 Fe2+ 0 0 0 0.6\nFe2 Fe3+ 0 0 0 0.4\n", "P 1", []),  # two charges of one element are whole atoms
        ("Fe1 Fe2+ 0 0 0 0.6\nFe2 Fe3+ 0 0 0 0.3\n", "P 1", [{"Fe": 0.9}]),
        ("Mo1 Mo 0 0 0 1\nMo2 Mo 0.5 0.5 0.5 1\n", "I m -3 m", []),  # listed twice
        ("Mo1 Mo 0 0 0 .\n", "I m -3 m", []),
        ("Mo1 Mo 0 0 0 1.00(1)\nW1 W 0 0 0 0\n", "I m -3 m", []),
    ],
)
def test_shares_of_a_site_are_added_up(put, rows, group, shares):
    (atoms,) = read_frames(put("x.cif", cif(rows, group=group)), disorder=True)

    found = [{s: pytest.approx(v) for s, v in site.shares.items()} for site in partial_sites(atoms)]

    assert found == shares


@pytest.mark.parametrize("occupancy", [True, False])
def test_an_atom_that_symmetry_puts_onto_another_is_not_dropped_in_silence(put, occupancy):
    one = " 1" if occupancy else ""
    path = put("x.cif", cif(f"Mo1 Mo 0 0 0{one}\nW1 W 0.5 0.5 0.5{one}\n", occupancy=occupancy))

    with pytest.raises(OccupancyError, match="more on some: Mo 1, W 1"):
        read_frames(path)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("_chemical_formula_sum 'Ba O H2'\n", "H 0 instead of"),
        ("_chemical_formula_sum 'Ba O'\n_cell_formula_units_Z 4\n", "Ba 1 instead of 4"),
    ],
)
def test_a_crystal_that_is_not_its_formula_is_refused(put, more, sentence):
    path = put("x.cif", cif("Ba1 Ba 0 0 0 1\nO1 O 0.5 0.5 0.5 1\n", group="P m -3 m", more=more))

    with pytest.raises(DataError, match=f"{sentence}.*atoms are missing, or the space group"):
        read_frames(path)


@pytest.mark.parametrize("formula", ["Ba O", "Ba1 O1", "'?'", "Ba O D0", "Ba2+ O2-"])
def test_a_formula_that_is_right_or_none_passes(put, formula):
    more = f"_chemical_formula_sum '{formula}'\n_cell_formula_units_Z 1\n"

    assert len(read_frames(put("x.cif", cif("Ba1 Ba 0 0 0 1\nO1 O .5 .5 .5 1\n", group="P m -3 m", more=more)))) == 1


def test_a_block_that_cannot_be_read_is_named_and_costs_no_other(put):
    good, bad = cif("W1 W 0 0 0 1\n", name="good"), cif("Wat Wat 0 0 0 1\n", name="bad")
    path = put("x.cif", good + bad + "data_publication\n_journal_year 1999\n" + good)

    first, second, third = read_each(path)

    assert set(first.symbols) == set(third.symbols) == {"W"}
    assert isinstance(second, VoxPotError)
    with pytest.raises(DataError, match="frame 1: block 'bad'"):
        read_frames(path)


def test_a_cif_that_ase_wrote_comes_back(tmp_path):
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    write(tmp_path / "x.cif", atoms)

    (found,) = read_frames(tmp_path / "x.cif")

    assert found.symbols.formula.count() == atoms.symbols.formula.count()
    assert_allclose(found.cell.lengths(), 5.64)


@pytest.mark.parametrize(
    ("title", "counts"),
    [
        ("W bulk", "2"),
        ("No title", "2"),
        ("B2 MoTa", "1 1"),
        ("", "2"),
        ("MoTa", "1 1"),
        ("Mo W Ta", "1 1"),
        ("X", "2"),
    ],
)
def test_elements_are_not_guessed_from_a_title(put, title, counts):
    path = put("POSCAR", POSCAR.format(title=title, counts=counts, select="", first="", second=""))

    with pytest.raises(DataError, match="expected the elements in line 6"):
        read_frames(path)


def test_a_title_that_is_the_elements_is_taken_as_vasp_4_has_it(put):
    path = put("POSCAR", POSCAR.format(title="Mo Ta", counts="1 1", select="", first="", second=""))

    assert str(read_frames(path)[0].symbols) == "MoTa"


def test_elements_in_their_line_are_taken(tmp_path):
    text = POSCAR.format(title="No title", counts="W_pv Mo\n1 1", select="", first="", second="")
    (tmp_path / "POSCAR.gz").write_bytes(gzip.compress(text.encode()))

    assert str(read_frames(tmp_path / "POSCAR.gz")[0].symbols) == "WMo"


@pytest.mark.parametrize("held", ["F F F", ".FALSE. .FALSE. .FALSE.", "f f f"])
def test_what_a_poscar_holds_fast_is_held(put, held):
    text = POSCAR.format(
        title="x", counts="W\n2", select="Selective dynamics\n", first=f" {held}", second=" .TRUE. T t"
    )

    (atoms,) = read_frames(put("POSCAR", text))

    (constraint,) = atoms.constraints
    assert constraint.index.tolist() == [0]


RES = "TITL x\nCELL 1.0 3.2 3.2 3.2 90 90 90\n{symmetry}SFAC Mo W\nMo 1 0 0 0 {share}\nW 2 0.5 0.5 0.5 1.0\nEND\n"


def test_occupancies_of_a_res_file_are_seen(put):
    read_frames(put("a.res", RES.format(symmetry="LATT -1\n", share="1.0")))
    read_frames(put("b.res", RES.format(symmetry="", share="11.0")))
    with pytest.raises(OccupancyError, match=r"Mo 0.5 for atom 0"):
        read_frames(put("c.res", RES.format(symmetry="LATT -1\n", share="0.5")))
    with pytest.raises(DataError, match="with symmetry, which is not applied"):
        read_frames(put("d.res", RES.format(symmetry="LATT 1\nSYMM -X, -Y, Z\n", share="1.0")))


PDB = """CRYST1    3.200    3.200    3.200  90.00  90.00  90.00 P 1
ATOM      1  W   MOL     1       0.000   0.000   0.000  0.50  0.00           W
ATOM      2  W   MOL     1       1.600   1.600   1.600  1.00  0.00           W
END
"""


def test_occupancies_of_a_pdb_file_are_seen(put):
    with pytest.raises(OccupancyError, match=r"W 0.5 for atom 0"):
        read_frames(put("a.pdb", PDB))


DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 3.2
0 3.2
0 3.2
ITEM: ATOMS id type {head} x y z
1 1 {first} 0 0 0
2 2 {second} 1.6 1.6 1.6
"""


def test_types_of_a_lammps_dump_are_no_elements(put):
    (atoms,) = read_frames(put("a.lammpstrj", DUMP.format(head="element", first="Mo", second="W")))

    assert sorted(atoms.symbols) == ["Mo", "W"]
    with pytest.raises(DataError, match="types alone do not tell which atoms they are"):
        read_frames(put("b.lammpstrj", DUMP.format(head="c_pe", first="0.0", second="0.0")))


@pytest.mark.parametrize(
    ("symbol", "element"),
    [("FE", "Fe"), ("FE3+", "Fe"), ("Fe3+", "Fe"), ("CL-", "Cl"), ("Cu2.67+", "Cu"), ("O2-", "O"), ("D", "H")],
)
def test_symbols_of_sites_are_elements_however_they_are_written(put, symbol, element):
    (atoms,) = read_frames(put("x.cif", cif(f"a1 {symbol} 0 0 0 1\n", group="P 1")))

    assert str(atoms.symbols) == element


@pytest.mark.parametrize(
    ("label", "more", "element"),
    [
        ("Fe1", "", "Fe"),
        ("OW1", "", "O"),
        ("MO1", "", "Mo"),
        ("C12B", "", "C"),
        ("CA1", "_chemical_formula_sum 'Ca'\n", "Ca"),
        ("CA1", "_chemical_formula_sum 'C'\n", "C"),
    ],
)
def test_labels_tell_the_element_where_that_is_clear(put, label, more, element):
    text = cif(f"{label} 0 0 0 1\n", group="P 1", more=more).replace("_atom_site_type_symbol\n", "")

    (atoms,) = read_frames(put("x.cif", text))

    assert str(atoms.symbols) == element


@pytest.mark.parametrize("label", ["CL1", "CO2", "HO1"])
def test_labels_that_may_be_two_elements_are_refused(put, label):
    text = cif(f"{label} 0 0 0 1\n", group="P 1").replace("_atom_site_type_symbol\n", "")

    with pytest.raises(DataError, match=f"expected a label whose element is clear, got '{label}'"):
        read_frames(put("x.cif", text))


def test_a_site_that_is_called_a_mixture_is_one(put):
    path = put("x.cif", cif("Nb,Zr '0.8Nb + 0.2Zr' 0 0 0 1\nO1 O 0.5 0.5 0.5 1\n", group="P m -3 m"))

    with pytest.raises(OccupancyError, match=r"Nb 0.8, Zr 0.2"):
        read_frames(path)
    with pytest.raises(DataError, match="expected one element in _atom_site_type_symbol, got 'OH'"):
        read_frames(put("y.cif", cif("O1 OH 0 0 0 1\n")))


HCP = """data_hcp
_cell_length_a 2.8
_cell_length_b 2.8
_cell_length_c 4.5
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_symmetry_space_group_name_H-M 'P 63/m m c'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mg1 Mg {} {} 0.25
"""


@pytest.mark.parametrize("places", [(0.333, 0.667), (0.3333, 0.6667), (0.33333, 0.66667)])
def test_thirds_with_few_digits_are_thirds(put, places):
    (atoms,) = read_frames(put("x.cif", HCP.format(*places)))

    assert len(atoms) == 2
    assert_allclose(sorted(atoms.get_scaled_positions()[:, 0]), [1 / 3, 2 / 3], atol=1e-5)


NAMED = "_symmetry_space_group_name_H-M 'I m -3 m'\n"


@pytest.mark.parametrize(
    ("told", "place", "atoms"),
    [
        ("_symmetry_space_group_name_Hall '-I 4 2 3'\n", "0 0 0", 2),
        ("_space_group_name_Hall '-F 4vw 2vw 3'\n_space_group_name_H-M_alt 'F d -3 m'\n", ".125 .125 .125", 8),
        ("_space_group_name_H-M_alt 'F d -3 m :2'\n", ".125 .125 .125", 8),
        ("_space_group_name_H-M_alt 'F d -3 m :1'\n", ".125 .125 .125", 16),
        ("_space_group_name_H-M_alt 'F d -3 m Z'\n", ".125 .125 .125", 8),
        ("_space_group_name_H-M_alt 'R -3 m :H'\n", "0 0 0", 3),
        ("_symmetry_equiv_pos_as_xyz x,y,z\n", "0 0 0", 1),
    ],
)
def test_symmetry_is_applied_however_it_is_told(put, told, place, atoms):
    text = cif(f"C1 C {place} 1\n").replace(NAMED, told)

    (found,) = read_frames(put("x.cif", text))

    assert len(found) == atoms


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("_space_group_IT_number 225\n", "got 'I m -3 m' and number 225, which is another"),
        ("_space_group_name_Hall '-Q 4'\n", "expected a space group of the International Tables, got '-Q 4'"),
        ("_space_group_symop_magn_operation.xyz x,y,z,+1\n", "magnetic symmetry"),
    ],
)
def test_symmetry_that_is_not_clear_is_refused(put, more, sentence):
    with pytest.raises(DataError, match=sentence):
        read_frames(put("x.cif", cif("C1 C 0 0 0 1\n", more=more)))
