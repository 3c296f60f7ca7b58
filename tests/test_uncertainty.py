"""Uncertainties: the formula, the laws, and that asking for them changes nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import ArchitectureError, SpecError
from ase_voxpot.uncertainty import Uncertainty, block_root
from tests.models import CALIBRATION, made_certain, seeded, specification

KINDS = [("steerable", "folded"), ("steerable", "voxels"), ("plain", None), ("dense", None)]


@pytest.fixture(scope="module")
def potential():
    return made_certain(seeded(specification("steerable"), dtype="float64"))


def asked_of(potential, atoms):
    return potential.evaluate(atoms, uncertainty=True).uncertainty


@pytest.mark.parametrize(("kind", "route"), KINDS)
def test_features_are_what_the_last_layer_gets(kind, route, potential_of, crystal):
    """The last weights times the features, less those of nothing, are the energies beyond the baseline."""
    potential = potential_of(kind, route=route)
    free = Atoms("MoTaW", positions=20.0 * np.arange(9).reshape(3, 3))

    features, species = potential.features(crystal)
    empty, elements = potential.features(free)

    last = potential.network.dense.weights[-1].numpy()[:, :, 0]
    expected = (features * last[species]).sum(axis=1) - (empty * last[elements]).sum(axis=1)[species]
    far = potential.evaluate(free).energies[species]
    repulsion = potential.baseline(*_pairs(potential, crystal, species))[0] - far
    assert features.shape == (len(crystal), potential.width)
    assert_allclose(potential.evaluate(crystal).energies - far - repulsion, expected, atol=1e-10)


def _pairs(potential, atoms, species):
    from ase_voxpot.neighbours.verlet import VerletList

    return VerletList(potential.cutoff).update(atoms), species


def test_features_by_hand_are_those_of_the_graph(potential_of, crystal):
    by_hand, by_graph = (potential_of("steerable", route=route).features(crystal)[0] for route in ("folded", "voxels"))

    assert_allclose(by_hand, by_graph, atol=1e-6 * np.abs(by_graph).max())


def test_asking_changes_no_other_number(potential, crystal):
    plain, asked = potential.evaluate(crystal), potential.evaluate(crystal, uncertainty=True)

    assert plain.uncertainty is None
    assert_array_equal(asked.energies, plain.energies)
    assert_array_equal(asked.forces, plain.forces)
    assert_array_equal(asked.virial, plain.virial)


def test_the_formula(potential, crystal):
    known = potential.uncertainty
    features, species = potential.features(crystal)
    width = potential.width + 1
    phi = np.zeros((len(crystal), 3 * width))
    for i, kind in enumerate(species):
        phi[i, kind * width : (kind + 1) * width] = [*features[i], 1.0]

    result = asked_of(potential, crystal)

    assert_allclose(result.energy**2, phi.sum(axis=0) @ known.covariance @ phi.sum(axis=0))
    assert_allclose(result.energies**2, np.einsum("ir,rs,is->i", phi, known.covariance, phi))
    local = [np.linalg.norm(known.local[k] @ [*f, 1.0]) for k, f in zip(species, features, strict=True)]
    assert_allclose(result.forces, 0.1 * np.sqrt(local))
    assert_allclose(result.extrapolation, max(result.energy / len(crystal) / 0.02, result.energies.max() / 0.3))
    assert_allclose(known.sum_of(features, species), phi.sum(axis=0))


def test_nothing_depends_on_order_place_or_orientation(potential, crystal, rng):
    order = rng.permutation(len(crystal))
    other = crystal[order]
    other.rotate(40, (1, 2, 3), rotate_cell=True)
    other.translate((0.3, -7, 2))

    expected, actual = asked_of(potential, crystal), asked_of(potential, other)

    assert_allclose(actual.energy, expected.energy, rtol=1e-7)
    assert_allclose(actual.energies, expected.energies[order], rtol=1e-7)
    assert_allclose(actual.forces, expected.forces[order], rtol=1e-7)


def test_copies_err_alike(potential, crystal):
    """A repeated cell is wrong by the multiple, so that its atoms are no better known."""
    expected, actual = asked_of(potential, crystal), asked_of(potential, crystal.repeat((2, 1, 1)))

    assert_allclose(actual.energy, 2 * expected.energy, rtol=1e-9)
    assert_allclose(actual.energies, np.tile(expected.energies, 2), rtol=1e-9)
    assert_allclose(actual.extrapolation, expected.extrapolation, rtol=1e-9)


def test_single_precision_is_enough(crystal):
    double = made_certain(seeded(specification("steerable"), dtype="float64"))
    single = made_certain(seeded(specification("steerable"), dtype="float32"))
    single.network.load_state_dict(double.network.state_dict())

    expected, actual = asked_of(double, crystal), asked_of(single, crystal)

    assert_allclose(actual.energy, expected.energy, rtol=1e-4)
    assert_allclose(actual.energies, expected.energies, rtol=1e-4)


def test_a_model_without_says_how_to_get_one(potential_of, crystal):
    with pytest.raises(SpecError, match="expected a model with an uncertainty, .*potential.uncertainty MODEL adds it"):
        potential_of("steerable").evaluate(crystal, uncertainty=True)


def test_a_root_squares_to_its_matrix(rng):
    a = rng.normal(size=(7, 4))

    root = block_root(a @ a.T)  # singular: rounding makes eigenvalues a little negative

    assert_allclose(root.T @ root, a @ a.T, atol=1e-12)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"root": np.eye(6)}, "expected the tensors root and local, got root"),
        ({"root": np.eye(6), "local": np.eye(3)}, "expected the tensors root and local"),
        ({"root": np.eye(5), "local": np.ones((2, 3, 3))}, r"2 species with 3 inputs each, got shapes \(5, 5\)"),
        ({"root": np.eye(6), "local": np.full((2, 3, 3), np.nan)}, "expected finite matrices"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(tensors, sentence):
    with pytest.raises(ArchitectureError, match=sentence):
        Uncertainty.from_tensors(tensors, CALIBRATION)


def test_energies_are_a_power_of_what_the_last_layer_leaves_open(potential, crystal):
    known = potential.uncertainty
    bent = Uncertainty(known.root, known.local, dataclasses.replace(CALIBRATION, energy_scale=0.2, energy_power=0.6))
    features, species = potential.features(crystal)

    plain, result = (u.of_features(features, species) for u in (known, bent))

    count = len(crystal)
    assert_allclose(result.energy / count, 0.2 * (plain.energy / count) ** 0.6)
    assert_allclose(result.energies, 0.2 * plain.energies**0.6)
    assert result.extrapolation == plain.extrapolation


def test_a_limit_scales_the_extrapolation(potential, crystal):
    known = potential.uncertainty
    lax = Uncertainty(known.root, known.local, dataclasses.replace(CALIBRATION, energy_limit=0.04, atom_limit=0.6))
    features, species = potential.features(crystal)

    expected, actual = (u.of_features(features, species).extrapolation for u in (known, lax))

    assert actual == pytest.approx(expected / 2)
