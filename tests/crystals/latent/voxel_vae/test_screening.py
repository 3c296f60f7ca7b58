from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ase_voxpot.errors import ConfigError, DataError, StructureError
from tests.crystals.latent.voxel_vae.compounds import group, perovskite
from voxpot_crystals.latent.voxel_vae.screening import relax, screen, symmetrised
from voxpot_crystals.latent.voxel_vae.substitution import learn_exchange, substitute
from voxpot_crystals.structures.checks import formula_of

pytest.importorskip("pymatgen")


def test_every_crystal_is_told_what_is_wrong_with_it():
    train = group()
    fresh = perovskite("Sr", "Ti", "S", 4.9)
    turned = fresh.copy()
    turned.rotate(20, "z", rotate_cell=True)
    close = fresh.copy()
    close.positions[0] = close.positions[1]
    odd = perovskite("Cs", "Ba", "F", 4.4)
    odd.symbols[3] = odd.symbols[4] = "Cs"

    found = screen([fresh, turned, train[0].repeat((1, 1, 2)), close, odd], train)

    assert found.reasons == ("", "repeated", "known", "atoms too close", "charges cannot balance")
    assert found.passed.tolist() == [True, False, False, False, False]
    assert found.counts["passed"] == 1
    assert found.table().row_count == 6


def test_other_arrangements_of_a_formula_are_new():
    found = screen([perovskite("Ti", "Ca", "O", 3.85)], [bulk("NaCl", "rocksalt", a=5.6)])
    rocksalt, caesium = bulk("NaCl", "rocksalt", a=5.64), bulk("NaCl", "cesiumchloride", a=3.4)

    assert found.novel.all()
    assert screen([caesium], [rocksalt]).novel.all()
    assert not screen([caesium], [rocksalt, caesium]).novel.any()


def test_none_of_none_passes():
    assert screen([], group()).counts["crystals"] == 0


def test_small_displacements_are_taken_back_to_the_symmetry(rng):
    atoms = perovskite("Sr", "Ti", "O", 3.9).repeat((2, 1, 1))
    atoms.rattle(0.01, rng=rng)
    before = atoms.copy()

    ideal = symmetrised(atoms)

    assert ideal.info["spacegroup"].startswith("Pm-3m")
    assert len(ideal) == 5
    assert ideal.get_volume() / 5 == pytest.approx(atoms.get_volume() / 10, rel=1e-3)
    assert atoms == before
    with pytest.raises(StructureError, match="no volume"):
        symmetrised(Atoms("Na"))


def test_relaxing_leaves_the_input_alone_and_counts_failures():
    stretched = bulk("Cu", a=3.9)

    relaxed, reached, failure = relax(stretched, EMT())

    assert reached
    assert not failure
    assert (relaxed.get_volume() * 4) ** (1 / 3) == pytest.approx(3.59, abs=0.03)
    assert stretched.cell[:].tolist() == bulk("Cu", a=3.9).cell[:].tolist()
    assert stretched.calc is None
    none, reached, failure = relax(bulk("W"), EMT())
    assert none is None
    assert not reached
    assert "W" in failure
    with pytest.raises(ConfigError, match="fmax"):
        relax(stretched, LennardJones(), fmax=-1)


def test_elements_of_one_place_are_exchanged():
    exchange = learn_exchange(group())
    numbers = {s: Atoms(s).numbers[0] for s in ("Ca", "Sr", "Ba", "Ti", "Zr", "Na", "K", "Cl", "O")}

    assert exchange.weight[numbers["Ca"], numbers["Sr"]] == 3, "a frame for each of Ti, Zr, Hf"
    assert exchange.weight[numbers["Ca"], numbers["Ti"]] == 0
    assert exchange.weight[numbers["Na"], numbers["K"]] == 1
    assert exchange.weight[numbers["Cl"]].argmax() == numbers["O"], "without a partner: the most alike"
    assert not np.diag(exchange.weight).any()
    assert exchange.volume[numbers["Ba"]] > exchange.volume[numbers["Ca"]]


def test_substitutes_are_of_the_same_build_and_their_parents_stay(rng):
    train = group()
    train[0].info["heat_ref"] = 1.0

    made = substitute(train, 30, rng)

    assert len(made) == 30
    assert train[0].info == {"heat_ref": 1.0}
    for atoms in made:
        parents = [t for t in train if formula_of(t) == atoms.info["parent"]]
        assert any(
            len(t) == len(atoms) and np.allclose(t.get_scaled_positions(), atoms.get_scaled_positions())
            for t in parents
        )
        assert formula_of(atoms) != atoms.info["parent"]
        assert len(set(atoms.numbers)) == len(set(parents[0].numbers))
    again = substitute(train, 30, np.random.default_rng(20180401))
    assert all(a == b for a, b in zip(made, again, strict=True))


def test_cells_grow_with_their_atoms(rng):
    train = group()
    made = [a for a in substitute(train, 60, rng) if a.info["parent"] == "CaO3Ti" and "Ba" in a.symbols]

    assert made
    assert all(a.cell.lengths()[0] == pytest.approx(4.05, abs=0.05) for a in made)


def test_what_holds_nothing_to_exchange_is_refused(rng):
    with pytest.raises(DataError, match="two elements"):
        substitute([bulk("W")], 1, rng)
    with pytest.raises(DataError, match="hardly any"):
        substitute([bulk("NaCl", "rocksalt", a=5.6)], 1, rng)
