"""Every potential keeps the laws; precision, chunks, routes and devices are no physics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot import potential as module
from ase_voxpot.engines import autograd as graph
from ase_voxpot.engines.devices import resolve_device
from ase_voxpot.errors import (
    CellError,
    DeviceError,
    EmptyStructureError,
    OverlapError,
    PositionError,
    SpecError,
    StructureError,
    UnknownElementError,
)
from ase_voxpot.neighbours.verlet import VerletList
from ase_voxpot.potential import Potential
from ase_voxpot.spec import BaselineSpec
from tests import laws
from tests.models import DESCRIPTORS, REFERENCE, SPECIES, seeded, specification

KINDS = [("steerable", None), ("steerable", "voxels"), ("plain", None), ("dense", None)]


@pytest.fixture(params=KINDS, ids=lambda p: "-".join(filter(None, p)))
def potential(request, potential_of):
    kind, route = request.param
    return potential_of(kind, route=route)


@pytest.fixture
def model(potential):
    return potential.evaluate


def test_translation_changes_nothing(model, crystal):
    laws.translation_changes_nothing(model, crystal)


def test_order_of_atoms_is_immaterial(model, crystal, rng):
    laws.order_of_atoms_is_immaterial(model, crystal, rng)


def test_lattice_vectors_wrap(model, crystal, rng):
    laws.lattice_vectors_wrap(model, crystal, rng)


def test_supercells_are_multiples(model, crystal):
    crystal.pbc = (True, False, True)

    laws.supercells_are_multiples(model, crystal)


def test_forces_are_the_slope_of_the_energy(model, crystal, rng):
    laws.forces_are_the_slope_of_the_energy(model, crystal, rng)


def test_stress_is_the_slope_by_strain(model, crystal):
    laws.stress_is_the_slope_by_strain(model, crystal)


def test_forces_sum_to_nothing(model, crystal):
    laws.forces_sum_to_nothing(model, crystal)


def test_a_neighbour_leaves_smoothly(potential):
    laws.a_neighbour_leaves_smoothly(potential.evaluate, ("Mo", "W"), potential.cutoff)


def test_free_atoms_cost_their_reference(model):
    laws.free_atoms_cost_their_reference(model, dict(zip(SPECIES, REFERENCE, strict=True)))


def test_distant_parts_do_not_meet(potential, crystal):
    laws.distant_parts_do_not_meet(potential.evaluate, crystal, potential.cutoff)


def test_structures_stay_as_they_are(model, crystal):
    laws.structures_stay_as_they_are(model, crystal)


def test_answers_repeat(model, crystal):
    laws.answers_repeat(model, crystal)


@pytest.mark.parametrize("improper", [False, True])
def test_the_steerable_network_is_exactly_equivariant(potential_of, crystal, rng, improper):
    laws.rotation_turns_forces_and_stress(potential_of("steerable").evaluate, crystal, rng, improper=improper)


def test_on_the_grid_the_steerable_network_is_equivariant_to_the_aliasing_of_its_gaussians(potential_of, crystal, rng):
    voxels = potential_of("steerable", route="voxels").evaluate
    loose = laws.Tolerance(same=0, equal=1e-6, slope=0)

    laws.rotation_turns_forces_and_stress(voxels, crystal, rng, loose)


@pytest.mark.parametrize("kind", ["plain", "dense"])
def test_the_other_networks_do_not_know_rotations(potential_of, crystal, rng, kind):
    with pytest.raises(AssertionError):
        laws.rotation_turns_forces_and_stress(
            potential_of(kind).evaluate, crystal, rng, laws.Tolerance(same=0, equal=1e-3, slope=0)
        )


def test_folding_the_voxels_away_changes_nothing(potential_of, crystal):
    folded, voxels = potential_of("steerable"), potential_of("steerable", route="voxels")

    laws.same_answer(voxels.evaluate(crystal), folded.evaluate(crystal), 1e-6)


@pytest.mark.parametrize(("kind", "route"), KINDS)
def test_single_precision_gives_the_same_physics(potential_of, crystal, kind, route):
    single, double = potential_of(kind, "float32", route), seeded(specification(kind), dtype="float64", route=route)
    double.network.load_state_dict(single.network.state_dict())

    answer = single.evaluate(crystal)

    assert answer.energies.dtype == answer.forces.dtype == answer.stress.dtype == np.float64
    laws.same_answer(answer, double.evaluate(crystal), laws.TOLERANCES["float32"].equal)


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_boundaries_of_chunks_are_immaterial(potential_of, crystal, monkeypatch, chunk):
    for kind, route in KINDS:
        potential = potential_of(kind, route=route)
        monkeypatch.undo()
        expected = potential.evaluate(crystal)
        monkeypatch.setattr(graph, "CHUNK", chunk)

        laws.same_answer(potential.evaluate(crystal), expected, laws.STRICT.equal)


@pytest.mark.parametrize("batch", [1, 5, 4096])
def test_many_structures_are_as_many_single_ones(potential, crystal, monkeypatch, batch):
    monkeypatch.setattr(module, "BATCH", batch)
    others = [bulk("Ta", "bcc", a=3.3), Atoms("Mo"), crystal, Atoms("W2", positions=[[0, 0, 0], [0, 0, 1.9]]), crystal]

    answers = potential.evaluate(others)

    assert len(answers) == len(others)
    for answer, atoms in zip(answers, others, strict=True):
        expected = potential.evaluate(atoms)
        assert_allclose(answer.energies, expected.energies, rtol=laws.STRICT.equal)
        laws.close(answer.forces, expected.forces, laws.STRICT.equal)
        laws.close(answer.virial, expected.virial, laws.STRICT.equal)
        assert answer.volume == expected.volume


def test_no_structures_have_no_answers(potential):
    assert potential.evaluate([]) == []
    assert list(potential.stream(iter([]))) == []


def test_answers_stream_before_all_structures_are_made(potential, crystal, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 8)

    def endless():
        while True:
            yield crystal

    first = next(potential.stream(endless()))

    laws.same_answer(first, potential.evaluate(crystal), laws.STRICT.equal)


def test_a_structure_without_energy_is_named_among_many(potential_of, crystal):
    foreign = crystal.copy()
    foreign.symbols[2] = "Xe"

    with pytest.raises(UnknownElementError, match="frame 1: the model knows Mo, Ta, W, but the structure holds Xe"):
        potential_of("dense").evaluate([crystal, foreign])


def test_a_list_of_neighbours_serves_one_structure(potential_of, crystal):
    potential = potential_of("dense")

    with pytest.raises(SpecError, match="a list of neighbours belongs to one structure, got several"):
        potential.evaluate([crystal], neighbours=VerletList(potential.cutoff))


def test_energies_of_atoms_are_local(potential, crystal):
    """Moving one atom changes only what sees it."""
    slab = crystal.repeat((1, 1, 4))
    moved = slab.copy()
    moved.positions[0] += (0.1, 0.2, -0.1)

    change = potential.evaluate(moved).energies - potential.evaluate(slab).energies

    far = np.minimum(*(a.get_distances(0, range(len(slab)), mic=True) for a in (slab, moved))) > potential.cutoff
    assert far.any()
    assert_allclose(change[far], 0, atol=1e-12)
    assert np.abs(change[~far]).max() > 1e-3


def test_a_list_of_neighbours_may_be_reused(potential, crystal, rng):
    neighbours = VerletList(potential.cutoff, skin=0.6)

    for _ in range(4):
        crystal.positions += rng.normal(scale=0.05, size=(8, 3))
        laws.same_answer(
            potential.evaluate(crystal, neighbours=neighbours), potential.evaluate(crystal), laws.STRICT.equal
        )


def test_energies_alone_cost_no_gradients(potential, crystal):
    species = np.array([SPECIES.index(s) for s in crystal.symbols], np.int32)
    pairs = VerletList(potential.cutoff).update(crystal)

    energies, gradient = potential.of_pairs(pairs, species, forces=False)

    assert gradient.shape == (0, 3)
    assert_array_equal(energies, potential.of_pairs(pairs, species)[0])
    assert not any(p.requires_grad for p in potential.network.parameters())


def test_atoms_repel_at_close_range(potential_of):
    """Nuclei win over any network, to half an Ångström and less."""
    potential = potential_of("steerable")

    for pair in ("Mo2", "MoTa", "W2"):
        forces = [potential.evaluate(Atoms(pair, positions=[[0, 0, 0], [r, 0, 0]])).forces[1, 0] for r in (0.3, 0.5)]
        assert forces[0] > forces[1] > 100


def test_the_repulsion_is_a_part_of_the_potential():
    strong, weak = (
        seeded(specification("dense", baseline=BaselineSpec(reference=REFERENCE, zbl_inner=0.5, zbl_outer=outer)))
        for outer in (2.5, 0.6)
    )
    dimer = Atoms("MoW", positions=[[0, 0, 0], [1, 0, 0]])

    assert strong.evaluate(dimer).energy > weak.evaluate(dimer).energy + 10


def test_stress_needs_a_volume(potential):
    for atoms in (Atoms("W2", positions=[[0, 0, 0], [2.5, 0, 0]]), Atoms("W", cell=[3, 0, 0], pbc=(1, 0, 0))):
        answer = potential.evaluate(atoms)

        assert np.isfinite(answer.forces).all()
        with pytest.raises(StructureError, match="stress needs a cell with three vectors"):
            _ = answer.stress


def test_stress_is_the_virial_over_the_volume(potential_of, crystal):
    answer = potential_of("steerable").evaluate(crystal)

    assert_allclose(answer.virial, answer.virial.T, atol=1e-10 * np.abs(answer.virial).max())
    assert_allclose(answer.stress[3], answer.virial[1, 2] / crystal.get_volume(), rtol=1e-9)


def test_compression_is_negative_stress():
    """ASE's sign: nuclei that push have a negative stress."""
    mute = seeded(specification("dense"), dtype="float64")
    mute.network.load_state_dict({k: torch.zeros_like(v) for k, v in mute.network.state_dict().items()})

    assert (mute.evaluate(bulk("W", "bcc", a=2.2)).stress[:3] < -0.1).all()


@pytest.mark.parametrize(
    ("atoms", "error", "sentence"),
    [
        (Atoms(), EmptyStructureError, "expected at least one atom"),
        (Atoms("Fe"), UnknownElementError, "the model knows Mo, Ta, W, but the structure holds Fe"),
        (Atoms("W", positions=[[0, np.nan, 0]]), PositionError, "finite positions, got NaN or infinity for atom 0"),
        (Atoms("W", cell=[3, 3, 0], pbc=True), CellError, "periodic cell vectors must span a volume"),
        (Atoms("W2"), OverlapError, "atoms 0 and 1 are at the same place"),
    ],
)
def test_structures_without_an_energy_are_refused(potential_of, atoms, error, sentence):
    with pytest.raises(error, match=sentence):
        potential_of("steerable").evaluate(atoms)


def test_devices_have_names():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(DeviceError, match="expected a device such as 'auto', 'cpu' or 'cuda', got 'abacus'"):
        resolve_device("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_an_absent_device_is_refused():
    with pytest.raises(DeviceError, match="torch sees no CUDA device here; use 'auto' or 'cpu'"):
        Potential(specification("dense"), device="cuda")


def test_only_steerable_networks_fold():
    with pytest.raises(SpecError, match="only steerable networks can be folded, got 'plain'; use route='voxels'"):
        Potential(specification("plain"), route="folded")


def test_unknown_routes_and_precisions_are_refused():
    with pytest.raises(SpecError, match="route must be 'folded', 'voxels' or None, got 'voxel'"):
        Potential(specification("steerable"), route="voxel")
    with pytest.raises(SpecError, match="dtype must be 'float32' or 'float64', got 'float16'"):
        Potential(specification("steerable"), dtype="float16")


def test_the_cutoff_is_that_of_the_grid(potential_of):
    for kind, descriptor in DESCRIPTORS.items():
        assert potential_of(kind).cutoff == descriptor.cutoff


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("kind", "route"), KINDS)
def test_a_gpu_says_the_same(potential_of, crystal, kind, route):
    host = potential_of(kind, route=route)
    device = Potential(specification(kind), device="cuda", dtype="float64", route=route)
    device.network.load_state_dict(host.network.state_dict())

    laws.same_answer(device.evaluate(crystal), host.evaluate(crystal), laws.STRICT.equal)


def test_a_list_that_is_too_short_is_refused(crystal, potential_of):
    with pytest.raises(SpecError, match=r"expected neighbours up to 5.0 Å, got a list up to 4.5 Å"):
        potential_of("steerable").evaluate(crystal, neighbours=VerletList(4.5))
