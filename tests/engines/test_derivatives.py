"""What training needs: forces and virials in torch, and losses on forces differentiated by the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from ase_voxpot.engines.derivatives import forces_from_pairs, pair_gradient, virial_from_pairs
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.network.inputs import Scene
from tests import laws
from tests.models import SPECIES, seeded, specification

DOUBLE = torch.zeros(0, dtype=torch.float64)


@pytest.fixture(params=[("steerable", None), ("plain", None), ("dense", None)], ids=lambda p: p[0])
def potential(request):
    kind, route = request.param
    return seeded(specification(kind), dtype="float64", route=route)


@pytest.fixture
def scene(potential, crystal):
    pairs = VerletList(potential.cutoff).update(crystal)
    species = species_indices(crystal.get_chemical_symbols(), SPECIES)
    return Scene(pairs, species[pairs.neighbour]), torch.from_numpy(species).long()


def gradient_of(potential, scene, *, differentiable):
    scene, species = scene
    view = potential.representation.deposit(scene, DOUBLE).requires_grad_()
    energies = potential.network(view, species)
    return pair_gradient(energies, view, potential.representation, scene, differentiable=differentiable)


def without_baseline(potential):
    potential.baseline.reference[:] = 0
    potential.baseline.charge[:] = 0
    return potential


def test_forces_and_virial_are_those_of_the_potential(potential, scene, crystal):
    pairs = scene[0].pairs
    centre, neighbour = torch.from_numpy(pairs.centre), torch.from_numpy(pairs.neighbour)
    expected = without_baseline(potential).evaluate(crystal)

    gradient = gradient_of(potential, scene, differentiable=False)

    laws.close(forces_from_pairs(gradient, centre, neighbour, 8), expected.forces, laws.STRICT.same)
    whole = torch.zeros(len(pairs), dtype=torch.long)
    virial = virial_from_pairs(gradient, torch.from_numpy(pairs.offset), whole, 1)
    laws.close(virial[0], expected.virial, laws.STRICT.same)


def test_virials_of_atoms_add_up_to_that_of_the_structure(potential, scene, crystal):
    pairs = scene[0].pairs
    gradient = gradient_of(potential, scene, differentiable=False)

    virials = virial_from_pairs(gradient, torch.from_numpy(pairs.offset), torch.from_numpy(pairs.centre), 8)

    laws.close(virials.sum(0), without_baseline(potential).evaluate(crystal).virial, laws.STRICT.same)


def test_a_graph_costs_no_accuracy(potential, scene):
    kept, plain = (gradient_of(potential, scene, differentiable=flag) for flag in (True, False))

    laws.close(kept.detach(), plain, laws.STRICT.same)


def test_a_loss_on_forces_is_differentiated_by_the_weights(potential, scene, rng):
    """Central differences along a random direction of all weights."""
    pairs = scene[0].pairs
    centre, neighbour = torch.from_numpy(pairs.centre), torch.from_numpy(pairs.neighbour)
    target = torch.from_numpy(rng.normal(size=(8, 3)))

    def loss():
        gradient = gradient_of(potential, scene, differentiable=True)
        return ((forces_from_pairs(gradient, centre, neighbour, 8) - target) ** 2).mean()

    potential.network.requires_grad_(True)
    parameters = list(potential.network.parameters())
    slopes = torch.autograd.grad(loss(), parameters)
    directions = [torch.from_numpy(rng.normal(size=tuple(p.shape))) for p in parameters]

    def moved(h):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p.add_(h * d)
        value = float(loss().detach())
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p.sub_(h * d)
        return value

    expected = sum(float((s * d).sum()) for s, d in zip(slopes, directions, strict=True))
    assert abs(expected) > 1e-3
    assert_allclose(laws.difference(moved, 1e-5), expected, rtol=laws.STRICT.slope)


def test_pairs_act_on_both_their_atoms():
    gradient = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    centre, neighbour = torch.tensor([0]), torch.tensor([2])

    forces = forces_from_pairs(gradient, centre, neighbour, 3)

    np.testing.assert_array_equal(forces, [[1, 2, 3], [0, 0, 0], [-1, -2, -3]])
