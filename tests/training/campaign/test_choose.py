"""Structures that are made, and which of them are labelled."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from ase_voxpot.tasks.keys import structure_key
from voxpot_training.campaign.alloys import alloy_of, closeness, random_symbols
from voxpot_training.campaign.choose import choose_by_distance
from voxpot_training.campaign.config import GEOMETRIC, AlloyConfig, ExploreConfig, SelectConfig
from voxpot_training.campaign.explore import ExploreTask, explore_tasks, fresh, read_structures, write_structures
from voxpot_training.campaign.geometries import make_structures

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")  # spglib
ALLOYS = {
    "fcc": AlloyConfig(species=("Cu", "Au")),
    "bcc": AlloyConfig(species=("Mo", "Ta", "W"), constants={"Ta": 3.32}),
    "hcp": AlloyConfig(species=("Ti", "Zr")),
}
SMALL = ExploreConfig(structures=4, order=2, large=12)


def test_the_lattice_follows_from_the_elements():
    assert {name: alloy_of(config).lattice for name, config in ALLOYS.items()} == {n: n for n in ALLOYS}
    assert alloy_of(ALLOYS["bcc"]).constants[1] == 3.32
    assert alloy_of(ALLOYS["hcp"]).nearest("Ti") == pytest.approx(2.92, abs=0.05)


@pytest.mark.parametrize("lattice", ALLOYS)
@pytest.mark.parametrize("kind", GEOMETRIC)
def test_structures_of_every_kind_can_be_labelled(lattice, kind):
    alloy = alloy_of(ALLOYS[lattice])
    found, again = (make_structures(kind, alloy, SMALL, 3, np.random.default_rng(3)) for _ in range(2))

    assert len(found) == 3 or (kind == "ordered" and found)
    assert all(closeness(atoms, alloy) >= SMALL.closest for atoms in found)
    assert all(set(atoms.symbols) <= set(alloy.species) and atoms.pbc.all() for atoms in found)
    assert max(map(len, found)) <= 2 * SMALL.large
    assert [structure_key(a) for a in found] == [structure_key(a) for a in again]
    assert len({structure_key(a) for a in found}) == len(found)


def test_random_compositions_fill_the_simplex():
    alloy = alloy_of(ALLOYS["bcc"])
    rng = np.random.default_rng(1)
    sizes = Counter(len(set(random_symbols(alloy, 12, rng))) for _ in range(300))

    assert set(sizes) == {1, 2, 3}
    assert sizes[3] > sizes[1]


def test_metals_come_once_and_runs_with_a_potential():
    def kinds(round, **model):
        return Counter(t.kind for t in explore_tasks(round, 0, ALLOYS["fcc"], ExploreConfig(runs=3), **model))

    assert kinds(0)["metals"] == 1
    assert kinds(0)["md"] == 0
    assert kinds(1, model="abc", weights="file") == {**dict.fromkeys(GEOMETRIC[1:], 1), "md": 3, "mc": 3}


def test_a_task_is_known_by_what_it_depends_on():
    def key(**changes):
        known = {
            "kind": "md",
            "round": 1,
            "number": 0,
            "seed": 0,
            "alloy": ALLOYS["fcc"],
            "config": SMALL,
            "model": "a",
        }
        return ExploreTask(**(known | changes)).key

    assert key() == key(weights="elsewhere")
    others = [key(seed=1), key(number=1), key(round=2), key(model="b"), key(config=ExploreConfig(structures=5))]
    assert len({key(), *others}) == 6


@cache
def candidates():
    alloy = alloy_of(ALLOYS["fcc"])
    found = []
    for kind in ("metals", "random", "vacancy"):
        for k, atoms in enumerate(make_structures(kind, alloy, SMALL, 14, np.random.default_rng(1))):
            atoms.info = {"id": f"{kind}-{k}", "config_type": kind}
            found.append(atoms)
    return alloy, found


def test_the_first_choice_has_all_metals_no_repeats_and_no_kind_beyond_its_share():
    alloy, found = candidates()
    costs = [float(len(a)) for a in found]
    frames = [*found, *(a.copy() for a in found[14:20])]

    choice = choose_by_distance(frames, [*costs, *costs[14:20]], alloy, SelectConfig(share=0.3), 26)
    kinds = Counter(a.info["config_type"] for a in choice.frames)

    assert kinds["metals"] == 14
    assert kinds["random"] <= 8
    assert kinds["vacancy"] <= 8
    assert len({structure_key(a) for a in choice.frames}) == len(choice.frames) == 26


def test_cheap_structures_are_preferred():
    alloy, found = candidates()
    costs = [float(len(a)) for a in found]
    sizes = [
        np.mean([len(a) for a in choose_by_distance(found, costs, alloy, SelectConfig(thrift=t, share=1.0), 24).frames])
        for t in (0.0, 2.0)
    ]

    assert sizes[1] < sizes[0]


def test_known_structures_are_left_out_also_after_writing(tmp_path):
    _, found = candidates()
    write_structures(tmp_path / "some.extxyz", found)
    again = read_structures(tmp_path / "some.extxyz")

    assert fresh([*again, *found], []) == again
    assert fresh(again, {structure_key(a) for a in found[:5]}) == again[5:]
    write_structures(tmp_path / "none.extxyz", [])
    assert read_structures(tmp_path / "none.extxyz") == []
