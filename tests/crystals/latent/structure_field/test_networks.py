from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import ArchitectureError, CellError, SchemaError, SpecError, StructureError, UnknownElementError
from tests.crystals.latent.structure_field.crystals import random_crystal, some_crystals
from voxpot_crystals.latent.structure_field.batches import collate, with_other_species
from voxpot_crystals.latent.structure_field.codec import Codec, CodecSpec, load_codec, make_field, save_codec
from voxpot_crystals.latent.structure_field.flow import FlowSpec
from voxpot_crystals.latent.structure_field.periodic import PeriodicSpec, waves
from voxpot_crystals.latent.structure_field.published import PublishedSpec
from voxpot_crystals.latent.structure_field.queries import QuerySpec, draw_queries
from voxpot_crystals.latent.structure_field.views import view_of
from voxpot_crystals.structures.checks import origin_atom
from voxpot_training.artifacts import save_artifact

SPECIES = ("Na", "Cl", "K")
PERIODIC = PeriodicSpec(species=SPECIES, latent=16, width=16, layers=2, state=16, pooled=16)
PUBLISHED = PublishedSpec(species=SPECIES, box=(7.0, 7.0, 7.0), latent=16)


def codec_of(spec) -> Codec:
    torch.manual_seed(0)
    return Codec(CodecSpec(model=spec, flow=FlowSpec(steps=4)), make_field(spec).eval(), {})


@pytest.mark.parametrize(("octaves", "count"), [(0, 766_493), (10, 854_045)])
def test_the_published_networks_have_the_published_size(octaves, count):
    network = make_field(PublishedSpec(species=("H",) * 84, octaves=octaves))

    assert sum(p.numel() for p in network.parameters()) == count


def test_the_periodic_networks_are_smaller():
    network = make_field(PeriodicSpec(species=("H",) * 84))

    assert sum(p.numel() for p in network.parameters()) < 766_493


def test_waves_are_whole_and_no_two_are_opposite():
    numbers = waves(2)

    assert len(numbers) == (5**3 - 1) / 2
    both = {tuple(n) for n in numbers} | {tuple(-n) for n in numbers}
    assert len(both) == 5**3 - 1


def test_latent_vectors_do_not_depend_on_order_origin_or_orientation(rng):
    codec, atoms = codec_of(PERIODIC), some_crystals()[3]
    moved = atoms[[2, 0, 1]]
    moved.translate([1.0, -3.3, 7.1])
    turned = atoms.copy()
    turned.rotate(70, (1, 0, 2), rotate_cell=True)

    first, *others = codec.encode(codec.see([atoms, moved, turned]))

    for latent in others:
        assert_allclose(latent, first, atol=1e-5)


def test_the_field_is_periodic(rng):
    codec, atoms = codec_of(PERIODIC), some_crystals()[3]
    (seen,) = codec.see([atoms])
    field = codec.field_of(codec.encode([seen])[0], seen.cell)
    points = rng.uniform(-3, 3, (10, 3))

    assert_allclose(field(points + np.array([1, -2, 3]) @ seen.cell), field(points), atol=1e-4)


@pytest.mark.parametrize("spec", [PERIODIC, PUBLISHED], ids=["periodic", "published"])
def test_a_batch_is_its_singles(spec):
    codec = codec_of(spec)
    seen = codec.see(some_crystals())

    together = codec.encode(seen)

    assert_allclose(together, np.concatenate([codec.encode([s]) for s in seen]), atol=1e-5)
    assert np.ptp(together, axis=0).max() > 1e-3


def test_the_origin_is_an_atom_of_the_rarest_element(rng):
    atoms = random_crystal(rng, 5)
    atoms.symbols = ["Na", "Na", "Cl", "K", "K"]

    assert origin_atom(atoms) == 2
    atoms.symbols = ["Na", "Cl", "Cl", "K", "K"]
    assert origin_atom(atoms) == 0
    order = rng.permutation(5)
    atoms.symbols = ["Na"] * 5
    assert_allclose(atoms.positions[origin_atom(atoms)], atoms[order].positions[origin_atom(atoms[order])])


@pytest.mark.parametrize("spec", [PERIODIC, PUBLISHED], ids=["periodic", "published"])
def test_queries_know_what_is_true(spec, rng):
    view = view_of(spec)
    for atoms in some_crystals():
        seen = view.see(atoms)
        asked = draw_queries(seen, QuerySpec(species=0.05), getattr(spec, "box", ()), rng)
        reached = asked.points + asked.displacement
        rest, _ = seen.sources.nearest(reached)
        assert np.abs(rest).max() < 1e-9, "p leads to an atom"
        assert_allclose(asked.displacement, seen.sources.nearest(asked.points)[0])
        near = seen.kinds[seen.sources.nearest(asked.species_points)[1]]
        assert near.tolist() == asked.kinds.tolist()
        batch = collate([seen], [asked], view)
        assert len(batch.points) == len(batch.displacement) == len(asked.points)


def test_the_paper_asks_so_many_times_around_an_atom(rng):
    seen = view_of(PERIODIC).see(bulk("KCl", "cesiumchloride", a=4.0))

    asked = draw_queries(seen, QuerySpec(), (), rng)

    assert len(asked.points) == 4**3 + 2 * 64
    assert len(asked.species_points) == 2 * 216


def test_other_species_are_one_for_each(rng):
    seen = view_of(PERIODIC).see(some_crystals()[0])

    other = with_other_species(seen, 3, rng)

    pairs = set(zip(seen.kinds.tolist(), other.kinds.tolist(), strict=True))
    assert len(pairs) == len(set(seen.kinds.tolist())) == len({b for _, b in pairs})


def test_what_cannot_be_seen_is_named_with_its_frame():
    codec = codec_of(PERIODIC)
    good, close = some_crystals()[1], some_crystals()[1]
    close.positions[1] = close.positions[0] + [0.55, 0, 0]
    with pytest.raises(UnknownElementError, match=r"frame 1: .*got W"):
        codec.see([good, bulk("W")])
    oblique = good.copy()
    oblique.set_cell(np.array([[1, 60, 0], [0, 1, -60], [0, 0, 1]]) @ good.cell[:])  # of the same lattice
    with pytest.raises(CellError, match=r"frame 1: .*niggli_reduce"):
        codec.see([good, oblique])
    codec = Codec(CodecSpec(model=PERIODIC, flow=FlowSpec(radius=0.6)), codec.network, {})
    with pytest.raises(StructureError, match=r"frame 1: .*0.55 Å"):
        codec.see([good, close])


def test_a_decode_that_fails_says_why():
    codec = codec_of(PUBLISHED)
    with torch.no_grad():
        codec.network.lengths[-1].bias.fill_(-5)
    assert codec.decode(np.zeros(16)).failure == "no lattice"
    codec = codec_of(PERIODIC)
    with torch.no_grad():
        codec.network.where.out.bias.fill_(50.0)
    assert codec.decode(np.zeros(16)).failure == "no atom"
    with torch.no_grad():
        codec.network.gram[-1].bias.copy_(torch.tensor([0.0, 9.0, 0.0, 0.0, 9.0, 0.0]))  # sheared beyond measure
    assert codec.decode(np.zeros(16)).failure == "no lattice"


def test_models_come_back_from_their_files(tmp_path):
    for spec in (PERIODIC, PUBLISHED):
        codec = codec_of(spec)
        save_codec(tmp_path / "model.safetensors", codec)
        again = load_codec(tmp_path / "model.safetensors")

        assert again.spec == codec.spec
        seen = codec.see(some_crystals())
        assert_allclose(again.encode(seen), codec.encode(seen), rtol=0.02, atol=0.02)  # in half precision
        save_codec(tmp_path / "copy.safetensors", again)
        assert_allclose(load_codec(tmp_path / "copy.safetensors").encode(seen), again.encode(seen))


def test_files_that_describe_nothing_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_artifact(path, kind="structure_field", spec={"model": {"kind": "oracle"}, "flow": {}}, card={}, tensors={})
    with pytest.raises(SchemaError, match="oracle"):
        load_codec(path)
    save_artifact(path, kind="structure_field", spec={"model": {"kind": "periodic"}, "flow": {}}, card={}, tensors={})
    with pytest.raises(ArchitectureError, match="species"):
        load_codec(path)
    with pytest.raises(SpecError, match="reach"):
        PeriodicSpec(reach=0.1)
