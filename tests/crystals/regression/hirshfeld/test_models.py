"""Models on fingerprints: what they are shown, what they remember, how they are trained and asked."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import SpecError, StructureError, UnknownElementError
from tests.crystals.regression.hirshfeld.crystals import perovskite
from voxpot_crystals.regression.hirshfeld.kernel import SiteKernel
from voxpot_crystals.regression.hirshfeld.method import METHOD
from voxpot_crystals.regression.hirshfeld.network import Reader, collate, finish
from voxpot_crystals.regression.hirshfeld.views import HirshfeldSpec, looks_at
from voxpot_crystals.regression.predict import load_predictor
from voxpot_training.kinds import train

SPEC = HirshfeldSpec(edges=(3.8, 4.6), rays=60, channels=(3, 4, 5), hidden=8)


def crystals():
    return [perovskite(a, b, "O", 4.0) for a in ("Ca", "Sr", "Ba", "La") for b in ("Ti", "Zr", "Fe", "Al")]


@pytest.fixture(scope="module")
def looks():
    return looks_at(crystals(), SPEC)


def target():
    from ase.data import covalent_radii

    radii = np.array([covalent_radii[c.numbers[[0, 1]]] for c in crystals()])
    total = radii @ [0.5, 0.9]
    return (total - total.mean()) / total.std()


def test_the_size_that_is_given_is_not_looked_at():
    small, large = (looks_at([perovskite("Sr", "Ti", "O", a)], SPEC)[0] for a in (3.4, 5.6))

    assert_allclose(small.images, large.images)
    assert small.numbers == (38, 22, 8)


def test_order_of_the_atoms_is_not_looked_at():
    crystal = perovskite("Sr", "Ti", "O", 4.0)

    first, second = looks_at([crystal, crystal[::-1]], SPEC)

    assert_allclose(first.images, second.images)
    assert first.numbers == second.numbers


def test_every_site_has_its_own_channel(looks):
    assert looks[0].images.shape == (1, SPEC.inputs, 50, 50)
    assert all(look.images[0].sum(axis=(1, 2)).min() > 0 for look in looks)


def test_a_large_atom_on_b_is_taken_for_a_if_asked():
    swap = HirshfeldSpec(edges=(4.0,), rays=60, exchange=0.5)

    found = looks_at([perovskite("Li", "Ba", "F", 4.0), perovskite("Ca", "Ti", "O", 3.9)], swap)

    assert [look.numbers for look in found] == [(56, 3, 9), (20, 22, 8)]


def test_random_sizes_are_those_of_the_composition_alone():
    spec = HirshfeldSpec(view="whole", initial=(3.5, 5.5), draws=3, rays=60)

    first, second = looks_at([perovskite("Sr", "Ti", "O", a) for a in (3.9, 5.1)], spec)

    assert first.images.shape == (3, 1, 50, 50)
    assert_allclose(first.images, second.images, atol=1e-5)
    assert np.abs(first.images[0] - first.images[1]).max() > 0.01


def test_any_crystal_can_be_seen_as_a_whole():
    spec = HirshfeldSpec(view="whole", edges=(4.0,), rays=60)

    found = looks_at([bulk("ZnO", "wurtzite", a=3.25, c=5.2)], spec)

    assert found[0].images.sum() > 0
    with pytest.raises(StructureError, match="frame 0: expected the five atoms"):
        looks_at([bulk("ZnO", "wurtzite", a=3.25, c=5.2)], SPEC)


def test_elements_beyond_the_table_are_named_with_their_frame():
    with pytest.raises(UnknownElementError, match="frame 1: expected elements from H to Cm, got Es"):
        looks_at([perovskite("Sr", "Ti", "O", 4.0), perovskite("Es", "Ti", "O", 4.0)], SPEC)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"edges": ()}, "model.edges"),
        ({"edges": (0.4,)}, "model.edges"),
        ({"initial": (5.0, 4.0)}, "model.initial"),
        ({"channels": (4, 4)}, "three channels"),
        ({"share": 1.5}, "model.share"),
        ({"share": 0.5, "view": "whole"}, "model.share"),
    ],
)
def test_views_that_make_no_sense_are_refused(bad, says):
    with pytest.raises(SpecError, match=says):
        HirshfeldSpec(**bad)


@pytest.fixture(scope="module")
def remembered(looks):
    spec = HirshfeldSpec(edges=SPEC.edges, rays=60, channels=(3, 4, 5), hidden=8, share=1.0, capacity=20)
    reader = Reader(spec)
    finish(reader, spec, looks, target(), seed=0)
    return spec, reader.requires_grad_(False).eval()


def test_the_process_remembers_what_it_was_shown(looks, remembered):
    spec, reader = remembered

    predicted = reader(collate(looks, spec, None)).numpy()

    assert_allclose(predicted, target(), atol=0.25)


def test_the_process_knows_an_unseen_pair_of_seen_elements(looks):
    spec = HirshfeldSpec(edges=SPEC.edges, rays=60, channels=(3, 4, 5), hidden=8, share=1.0, capacity=20)
    reader = Reader(spec)
    finish(reader, spec, [look for k, look in enumerate(looks) if k != 5], np.delete(target(), 5), seed=0)

    predicted = reader.eval()(collate([looks[5]], spec, None)).item()

    assert abs(predicted - target()[5]) < 0.4


def test_one_wrong_label_does_not_spoil_its_neighbours(looks):
    spec = HirshfeldSpec(edges=SPEC.edges, rays=60, channels=(3, 4, 5), hidden=8, share=1.0, capacity=20)
    wrong = target()
    wrong[3] += 8.0
    reader = Reader(spec)
    finish(reader, spec, looks, wrong, seed=0)

    predicted = np.delete(reader.eval()(collate(looks, spec, None)).detach().numpy(), 3)

    assert np.median(np.abs(predicted - np.delete(target(), 3))) < 0.3


def test_labels_of_another_kind_may_be_shifted():
    """Half of the crystals are calculated, all of them 0.5 too large: the others are not led astray."""
    torch.manual_seed(0)
    images, numbers = torch.rand(40, 3, 9), torch.full((40, 3), 8.0)
    table = torch.zeros(10, 2)
    truth = images.sum((1, 2)) - 13.5
    support = (torch.arange(40) < 20).float()
    process = SiteKernel(40, 9, 8)

    process.fit(images, numbers, table, support, truth + 0.5 * support, seed=0)

    predicted = process(images, numbers, table)[20:]
    assert abs(float((predicted - truth[20:]).mean())) < 0.12


CONFIG = """
kind = "hirshfeld"
name = "small"
members = 3

[target]
key = "a"
unit = "Å"

[[data]]
file = "measured.extxyz"

[[data]]
file = "calculated.extxyz"
support = true
factor = 0.98
anions = ["O"]
without = ["SrTiO"]

[split]
holdout = {holdout}

[model]
edges = [4.2]
rays = 60
channels = [3, 4, 5]
hidden = 8
share = 0.7

[schedule]
epochs = 3
batch = 8
validate_every = 1
"""


@pytest.mark.parametrize("holdout", [0.0, 0.3])
def test_a_model_is_trained_and_asked(tmp_path, holdout):
    from ase.io import write

    made = crystals()
    for crystal, value in zip(made, target(), strict=True):
        crystal.info["a"] = 4.0 + 0.1 * value
    write(tmp_path / "measured.extxyz", made[:12])
    write(tmp_path / "calculated.extxyz", [*made[4:], perovskite("Na", "Mg", "F", 4.0)])
    (tmp_path / "small.toml").write_text(CONFIG.format(holdout=holdout))

    model = train(tmp_path / "small.toml", out=tmp_path / "out")

    predictor = load_predictor(model)
    value, sigma = predictor.predict(made)
    assert predictor.ensemble.method is METHOD
    assert np.abs(value - 4.0).max() < 0.6
    assert (sigma > 0).all()
    assert predictor.card["crystals"]["held out"] == round(12 * holdout + 0.4)
    moved = [perovskite(*(c.get_chemical_symbols()[k] for k in (0, 1, 2)), 5.2) for c in made]
    assert_allclose(predictor.predict(moved)[0], value, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "a_site", "b_site", "anion", "edge"),
    [
        ("hirshfeld-abo3", "Sr", "Ti", "O", 3.94),  # PBE
        ("hirshfeld-abx3-exp", "Sr", "Ti", "O", 3.905),  # measured
        ("hirshfeld-abx3-exp", "K", "Mn", "F", 4.189),
        ("hirshfeld-abx3-exp", "Cs", "Pb", "Br", 5.874),
        ("hirshfeld-abx3-exp", "Pr", "Mn", "O", 3.88),  # 4.08 if praseodymium were 4+
    ],
)
def test_shipped_models_know_well_known_perovskites(model, a_site, b_site, anion, edge):
    guess = perovskite(a_site, b_site, anion, 4.5)

    value, sigma = load_predictor(model).predict([guess])

    assert abs(value[0] - edge) < 0.06
    assert 0 < sigma[0] < 0.3
