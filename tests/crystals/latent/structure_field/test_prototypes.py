"""Training crystals as starts of an inversion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from ase_voxpot.errors import ArchitectureError
from voxpot_crystals.latent.structure_field import load_codec
from voxpot_crystals.latent.structure_field.codec import save_codec, with_prototypes
from voxpot_crystals.latent.structure_field.inversion import SOLVED, Inversion, Trial
from voxpot_crystals.latent.structure_field.prototypes import Prototypes
from voxpot_crystals.latent.structure_field.search import find_among
from voxpot_crystals.regression.hirshfeld.views import perovskite

SOURCE = Path("model")


@pytest.fixture(scope="module")
def codec():
    return load_codec("nesf-lcs6a")


@pytest.fixture(scope="module")
def crystals():
    return [
        perovskite("Sr", "Ti", "O", 3.91),
        perovskite("K", "Mg", "F", 3.99),
        bulk("NaCl", "rocksalt", a=5.64, cubic=True),
        bulk("CsCl", "cesiumchloride", a=4.12),
        bulk("ZnS", "zincblende", a=5.41, cubic=True),
    ]


@pytest.fixture(scope="module")
def known(codec, crystals):
    seen = codec.see(crystals)
    return seen, codec.encode(seen), Prototypes.of(seen, codec.encode(seen))


def test_the_nearest_latent_vector_of_a_known_crystal_is_its_own(known):
    seen, latent, prototypes = known
    for crystal, vector in zip(seen, latent, strict=True):
        ((places, kinds),) = prototypes.near_latent(vector, 1)
        assert sorted(kinds.tolist()) == sorted(crystal.kinds.tolist())
        np.testing.assert_array_equal(places[0], 0)


def test_an_exact_field_leads_to_the_places_it_is_of(known):
    seen, _, prototypes = known
    salt, blende = seen[2], seen[4]  # both of eight atoms
    for crystal in (salt, blende):

        def distance(fractions, crystal=crystal):
            return np.linalg.norm(crystal.sources.nearest(fractions @ crystal.cell)[0], axis=1)

        places = prototypes.near_field(distance, 8, 1)[0]
        assert distance(places).max() < 1e-6


def test_places_that_differ_by_their_origin_alone_are_counted_once(known):
    _, _, prototypes = known
    assert len(prototypes.distinct(2)) == 1
    assert len(prototypes.distinct(3)) == 0
    # corner, centre and three faces; the two perovskites share all of them
    assert len(prototypes.distinct(5)) == 5
    for atoms in (2, 5, 8):
        np.testing.assert_allclose(prototypes.distinct(atoms)[:, 0], 0, atol=1e-9)


def test_prototypes_come_back_from_a_model_file(codec, crystals, known, tmp_path):
    seen, _, _ = known
    save_codec(tmp_path / "model.safetensors", with_prototypes(codec, seen))
    again = load_codec(tmp_path / "model.safetensors")
    assert again.prototypes is not None
    assert again.priors is not None
    np.testing.assert_array_equal(again.prototypes.sizes, [len(a) for a in crystals])
    assert Prototypes.from_tensors({}, source=SOURCE) is None


def test_damaged_prototypes_are_named(known):
    tensors = known[2].tensors()
    with pytest.raises(ArchitectureError, match="lack"):
        Prototypes.from_tensors({k: v for k, v in tensors.items() if "code" not in k}, source=SOURCE)
    with pytest.raises(ArchitectureError, match="do not fit"):
        Prototypes.from_tensors(tensors | {"prototypes.kinds": tensors["prototypes.kinds"][:-1]}, source=SOURCE)
    with pytest.raises(ArchitectureError, match="do not fit"):
        Prototypes.from_tensors(tensors | {"prototypes.kinds": -1 - tensors["prototypes.kinds"]}, source=SOURCE)
    with pytest.raises(ArchitectureError, match="not finite"):
        Prototypes.from_tensors(tensors | {"prototypes.code": tensors["prototypes.code"] / 0}, source=SOURCE)


def test_a_start_with_symmetry_comes_to_the_crystal_of_another_size(codec, known):
    seen, latent, prototypes = known
    (places, kinds), *_ = prototypes.near_latent(latent[0], 1)
    start = Trial(places, kinds, seen[0].lattice + [0.1, 0, 0, 0.1, 0, 0.1])  # edges 5 % too long
    gap, found = Inversion(codec.network, latent[0]).refine_in_symmetry(start)
    assert gap < SOLVED
    np.testing.assert_allclose(found.lattice, seen[0].lattice, atol=1e-3)


def test_elements_are_exchanged_once_places_are_right(codec, known):
    seen, latent, prototypes = known
    inversion = Inversion(codec.network, latent[0])
    (places, kinds), *_ = prototypes.near_latent(latent[1], 1)  # KMgF3 for SrTiO3
    gap, found = find_among(inversion, [Trial(places, kinds, seen[0].lattice)], [], len(codec.spec.model.species))
    assert gap < SOLVED
    assert sorted(found.kinds.tolist()) == sorted(seen[0].kinds.tolist())


def test_a_crystal_without_neighbours_is_no_start(codec, known):
    seen, latent, _ = known
    lonely = Trial(np.zeros((1, 3)), seen[0].kinds[:1], seen[0].lattice + [3, 0, 0, 3, 0, 3])
    gap, found = find_among(Inversion(codec.network, latent[0]), [lonely], [], 80)
    assert np.isinf(gap)
    assert found is lonely


def test_vectors_of_networks_that_are_not_inverted_need_no_prototypes(codec):
    assert with_prototypes(replace(codec, network=object(), prototypes=None), []).prototypes is None
