"""Counts follow from shapes: the products of matrices are known exactly, sums have no other parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.benchmark.counts import Cost, count, floor, sphere_points
from ase_voxpot.benchmark.machine import Peaks
from ase_voxpot.benchmark.parts import parts
from ase_voxpot.errors import ConfigError
from ase_voxpot.neighbours.verlet import VerletList
from tests.models import NETWORKS, SPECIES, specification

SPEC = specification("steerable")


def flops(spec, **options):
    costs = count(spec, **({"pairs": 50.0, "points": 86, "itemsize": 4} | options))
    return {cost.stage: cost.flops for cost in costs}


def test_matrix_products_are_counted_by_their_shapes():
    found = flops(SPEC)  # 24 inputs; 25 harmonics, 8 channels; 16 harmonics, 6 products

    assert found["mixtures"] == found["mixtures, adjoint"] == 2 * 24 * 25 * 8
    assert found["fields"] == 2 * 24 * 16 * 6
    assert found["sphere"] == 86 * 16 * 6
    assert found["deposit"] > 50 * 2 * 25 * 8


def test_only_pairs_grow_with_neighbours():
    one, two = flops(SPEC), flops(SPEC, pairs=100.0)

    grown = {stage for stage in one if two[stage] != one[stage]}

    assert grown == {"neighbours", "deposit", "gather", "forces"}
    assert_allclose([two[s] / one[s] for s in grown], 2)


def test_a_skin_is_paid_by_neighbours_alone():
    plain, skinned = flops(SPEC), flops(SPEC, skin=5.0)

    assert skinned["neighbours"] == 8 * plain["neighbours"]
    assert {k: v for k, v in skinned.items() if k != "neighbours"} == {
        k: v for k, v in plain.items() if k != "neighbours"
    }


def test_without_products_there_are_no_fields():
    lean = replace(SPEC, network=replace(NETWORKS["steerable"], products=0))

    assert set(flops(SPEC)) - set(flops(lean)) == {
        "fields", "sphere", "products", "products, adjoint", "sphere, adjoint", "fields, adjoint",
    }  # fmt: skip


def test_double_precision_moves_more_bytes_not_more_work():
    single, double = (count(SPEC, pairs=50.0, points=86, itemsize=size) for size in (4, 8))

    assert [c.flops for c in single] == [c.flops for c in double]
    assert sum(c.bytes for c in double) > 1.5 * sum(c.bytes for c in single)


def test_a_floor_is_the_worse_of_two():
    peaks = Peaks(flops=100.0, bandwidth=10.0)

    assert Cost(stage="a", flops=50, bytes=1).floor(peaks) == 0.5
    assert Cost(stage="b", flops=5, bytes=20).floor(peaks) == 2
    assert floor([Cost(stage="a", flops=50, bytes=1), Cost(stage="b", flops=5, bytes=20)], peaks) == 2.5


def test_what_a_block_keeps_in_the_cache_is_not_bound_by_memory():
    slow = Peaks(flops=1e9, bandwidth=1.0)

    bound = {c.stage for c in count(SPEC, pairs=50.0, points=86, itemsize=4) if c.floor(slow) > c.flops / slow.flops}

    assert bound == {"neighbours", "forces"}


def test_other_networks_are_not_counted():
    with pytest.raises(ConfigError, match="stages are counted for steerable networks, got 'dense'"):
        count(specification("dense"), pairs=50.0, points=0, itemsize=4)


@pytest.mark.parametrize("products", [6, 0])
def test_every_stage_that_is_counted_can_be_run(potential_of, crystal, products):
    from ase_voxpot.potential import Potential

    potential = Potential(replace(SPEC, network=replace(NETWORKS["steerable"], products=products)), device="cpu")
    candidates = VerletList(potential.cutoff).candidates(crystal)
    species = np.array([SPECIES.index(s) for s in crystal.symbols], np.int32)

    runs = parts(potential, potential.network, candidates, species)
    for run, atoms in runs.values():
        run()
        assert atoms > 0

    costs = count(potential.spec, pairs=50.0, points=sphere_points(potential.spec.network), itemsize=4)
    assert set(runs) == {cost.stage for cost in costs}
