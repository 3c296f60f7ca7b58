from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.structures import is_shorthand, open_structure, random_alloy, share_out

CARD = {"lattice": {"bcc": {"Mo": 3.0, "W": 4.0}}}


def test_a_random_alloy_is_a_shuffled_cubic_cell(rng):
    atoms = random_alloy("bcc:MoTaW", repeat=3, rng=rng)

    assert atoms.pbc.all()
    assert atoms.symbols.formula.count() == {"Mo": 18, "Ta": 18, "W": 18}
    assert list(atoms.symbols) != sorted(atoms.symbols)
    assert 3.1 < atoms.cell.lengths()[0] / 3 < 3.3


def test_the_same_seed_gives_the_same_alloy():
    first, second = (random_alloy("bcc:MoW", repeat=2, rng=np.random.default_rng(5)) for _ in range(2))

    assert first == second


def test_the_constant_is_the_weighted_mean_of_the_card(rng):
    atoms = random_alloy("bcc:MoW3", repeat=1, rng=rng, card=CARD)

    assert_allclose(atoms.cell.lengths(), 3.75)


def test_an_element_of_another_lattice_keeps_its_volume(rng):
    atoms = random_alloy("bcc:Al", rng=rng)

    assert_allclose(atoms.get_volume() / 2, bulk("Al").get_volume())


def test_a_constant_that_is_given_is_taken(rng):
    assert_allclose(random_alloy("fcc:NiAl", rng=rng, constant=3.6).cell.lengths(), 3.6)


@pytest.mark.parametrize(
    ("parts", "sites", "counts"), [({"A": 1, "B": 1}, 3, (2, 1)), ({"A": 1, "B": 5}, 2, (0, 2)), ({"A": 2}, 4, (4,))]
)
def test_sites_are_shared_out_by_the_largest_remainder(parts, sites, counts):
    shared = share_out(parts, sites)

    assert tuple(shared.count(symbol) for symbol in parts) == counts


def test_the_last_frame_of_a_file_counts_and_loses_its_labels(tmp_path, rng):
    frames = [bulk("W", "bcc", a=a) for a in (3.1, 3.2)]
    for atoms in frames:
        atoms.info["REF_energy"] = -1.0
        atoms.arrays["REF_forces"] = np.zeros((1, 3))
        atoms.set_momenta(np.ones((1, 3)))
    write(tmp_path / "frames.extxyz", frames)

    atoms = open_structure(str(tmp_path / "frames.extxyz"), repeat=2, rng=rng)

    assert len(atoms) == 8
    assert_allclose(atoms.get_volume(), 8 * frames[1].get_volume())
    assert atoms.info == {}
    assert set(atoms.arrays) == {"numbers", "positions", "momenta"}
    assert_array_equal(atoms.get_momenta(), np.ones((8, 3)))


@pytest.mark.parametrize(
    ("source", "options", "sentence"),
    [
        ("foo:W", {}, "expected bcc or fcc"),
        ("bcc:Qq", {}, "chemical formula such as MoTaW, got 'Qq'"),
        ("bcc:W0", {}, "formula with elements"),
        ("bcc:H", {}, "no reference crystal of H"),
        ("bcc:W", {"repeat": 0}, "repeat: expected a whole number from 1 on, got 0"),
        ("bcc:W", {"constant": -1.0}, "between 0.5 and 50"),
        ("bcc:W", {"constant": float("nan")}, "between 0.5 and 50"),
        ("cell.vasp", {"constant": 3.0}, "not for a file"),
    ],
)
def test_names_that_make_no_sense_are_refused(source, options, sentence, rng):
    with pytest.raises(ConfigError, match=sentence):
        open_structure(source, rng=rng, **options)


def test_a_molecule_cannot_be_repeated(tmp_path, rng):
    atoms = bulk("W")
    atoms.pbc = False
    write(tmp_path / "a.extxyz", atoms)

    with pytest.raises(DataError, match="to repeat"):
        open_structure(str(tmp_path / "a.extxyz"), repeat=2, rng=rng)


def test_a_path_is_no_shorthand():
    assert not is_shorthand("runs/bcc:W.cif")
    assert is_shorthand("fcc:Ni3Al")
