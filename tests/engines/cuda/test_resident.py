"""Where positions go to the device and forces come back, the physics is that of the host."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.engines.cuda import engine as module
from ase_voxpot.engines.cuda.tables import Table, TableList
from ase_voxpot.errors import CellError, DeviceError, EmptyStructureError, OverlapError, PositionError, SpecError
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.network import build_network
from ase_voxpot.weights import load_potential
from tests import laws
from tests.models import REFERENCE, SPECIES


@pytest.fixture
def host(potential_of):
    return potential_of("steerable")


@pytest.fixture
def potential(resident_of, spelling):
    return resident_of()


@pytest.fixture
def model(potential):
    return potential.evaluate


def moved(atoms, rng, by=0.03):
    out = atoms.copy()
    out.positions += rng.normal(scale=by, size=out.positions.shape)
    return out


def test_it_says_what_the_host_says(potential, host, crystal):
    answer, expected = potential.evaluate(crystal), host.evaluate(crystal)

    assert answer.energies.dtype == answer.forces.dtype == answer.virial.dtype == np.float64
    laws.same_answer(answer, expected, laws.STRICT.same)
    assert_allclose(answer.energies, expected.energies, rtol=laws.STRICT.same)


def test_single_precision_is_that_of_the_host(resident_of, spelling, potential_of, crystal):
    expected = potential_of("steerable", "float64").evaluate(crystal)
    single = resident_of("float32")
    single.network.load_state_dict(potential_of("steerable").network.state_dict())

    laws.same_answer(single.evaluate(crystal), expected, laws.TOLERANCES["float32"].equal)


@pytest.mark.parametrize("name", ["motaw", "motaw-fast", "nbmotaw"])
def test_shipped_models(name, crystal):
    shipped = load_potential(name, device="cpu", dtype="float64")
    expected = shipped.evaluate(crystal, uncertainty=True)
    expansion = module.CudaEngine(shipped.network, shipped.representation.expansion, shipped.baseline)
    shipped.engine = expansion

    answer = shipped.evaluate(crystal, uncertainty=True)

    laws.same_answer(answer, expected, laws.STRICT.same)
    assert_allclose(answer.uncertainty.forces, expected.uncertainty.forces, rtol=1e-10)


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


def test_a_neighbour_leaves_smoothly(potential):
    laws.a_neighbour_leaves_smoothly(potential.evaluate, ("Mo", "W"), potential.cutoff)


def test_free_atoms_cost_their_reference(model):
    laws.free_atoms_cost_their_reference(model, dict(zip(SPECIES, REFERENCE, strict=True)))


def test_what_is_given_stays_as_it_is(model, crystal):
    before = crystal.copy()

    model(crystal)

    assert crystal == before


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_boundaries_of_chunks_are_immaterial(resident_of, host, crystal, monkeypatch, chunk):
    monkeypatch.setattr(module, "CHUNK", chunk)

    laws.same_answer(resident_of().evaluate(crystal), host.evaluate(crystal), laws.STRICT.same)


def test_pairs_from_elsewhere(potential, host, crystal):
    species = species_indices(crystal.get_chemical_symbols(), SPECIES)
    pairs = VerletList(host.cutoff).update(crystal)
    seen, expected_seen = host.feature_buffer(len(crystal)), host.feature_buffer(len(crystal))

    energies, slopes = potential.of_pairs(pairs, species, features=seen)

    expected = host.of_pairs(pairs, species, features=expected_seen)
    assert_allclose(energies, expected[0], rtol=laws.STRICT.same)
    laws.close(slopes, expected[1], laws.STRICT.same)
    laws.close(seen, expected_seen, laws.STRICT.same)
    assert_allclose(potential.of_pairs(pairs, species, forces=False)[0], energies, rtol=laws.STRICT.same)
    assert potential.of_pairs(pairs, species, forces=False)[1].shape == (0, 3)


def test_many_structures_are_as_many_single_ones(potential, host, crystal):
    others = [bulk("Ta", "bcc", a=3.3), Atoms("Mo"), crystal, Atoms("W2", positions=[[0, 0, 0], [0, 0, 1.9]])]

    for answer, atoms in zip(potential.evaluate(others), others, strict=True):
        expected = host.evaluate(atoms)
        assert_allclose(answer.energies, expected.energies, rtol=laws.STRICT.same)
        laws.close(answer.forces, expected.forces, laws.STRICT.same)


def test_a_table_serves_until_atoms_have_moved_by_half_the_skin(resident_of, host, crystal, rng, monkeypatch):
    searches = []
    monkeypatch.setattr(TableList, "_search", lambda self, a, f=TableList._search: searches.append(1) or f(self, a))
    potential = resident_of()
    tables = potential.neighbour_list(skin=0.5)
    atoms, counts = crystal, []

    for step in range(25):
        atoms = moved(atoms, rng)
        atoms.set_cell(atoms.cell[:] * 1.002, scale_atoms=True)
        if step == 6:
            atoms.symbols = atoms.symbols[::-1]
        laws.same_answer(potential.evaluate(atoms, neighbours=tables), host.evaluate(atoms), laws.STRICT.equal)
        counts.append(len(searches))

    assert counts[0] == counts[1] == 1
    assert 2 <= counts[-1] <= 12


@pytest.mark.parametrize(
    "change",
    [
        lambda atoms: atoms.__delitem__(0),
        lambda atoms: setattr(atoms, "pbc", (True, False, True)),
        lambda atoms: atoms.set_cell(atoms.cell[:] * 1.3, scale_atoms=True),
        lambda atoms: atoms.set_cell(atoms.cell[:] * 1.3),
        lambda atoms: atoms.positions.__setitem__(0, atoms.positions[0] + 1.5),
    ],
    ids=["one atom less", "open", "swollen", "cell alone", "jump"],
)
def test_a_table_of_something_else_is_not_used(resident_of, host, crystal, change):
    potential = resident_of()
    tables = potential.neighbour_list(skin=0.5)
    potential.evaluate(crystal, neighbours=tables)
    change(crystal)

    laws.same_answer(potential.evaluate(crystal, neighbours=tables), host.evaluate(crystal), laws.STRICT.equal)


def test_the_calculator_lets_its_structures_live_there(resident_of, host, crystal, rng):
    potential = resident_of()
    calculator = VoxPotCalculator(potential)

    for _ in range(3):
        crystal = moved(crystal, rng)
        crystal.calc = calculator
        assert_allclose(crystal.get_potential_energy(), host.evaluate(crystal).energy, rtol=laws.STRICT.same)
        laws.close(crystal.get_stress(), host.evaluate(crystal).stress, laws.STRICT.equal)
    assert isinstance(calculator._neighbours, TableList)


def nowhere(atoms):
    atoms.positions[2, 1] = np.nan


def together(atoms):
    atoms.positions[3] = atoms.positions[5]


def flat(atoms):
    atoms.cell[2] = 0


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (nowhere, PositionError, "expected finite positions, got NaN or infinity for atom 2"),
        (together, OverlapError, "atoms 3 and 5 are at the same place"),
        (flat, CellError, "periodic cell vectors must span a volume"),
    ],
)
def test_structures_without_an_energy_are_refused_at_any_step(resident_of, crystal, spoil, error, sentence):
    potential = resident_of()
    tables = potential.neighbour_list(skin=0.5)
    potential.evaluate(crystal, neighbours=tables)
    spoil(crystal)

    with pytest.raises(error, match=sentence):
        potential.evaluate(crystal, neighbours=tables)
    with pytest.raises(error, match=sentence):
        potential.evaluate(crystal)


def test_nothing_has_no_energy(resident_of):
    with pytest.raises(EmptyStructureError, match="expected at least one atom"):
        resident_of().evaluate(Atoms())


def test_a_device_that_is_too_small_for_a_chunk_gives_the_same_answer(resident_of, host, crystal, monkeypatch):
    whole = module.gpu.deposit_table

    def cramped(offset, channel, **kwargs):
        if len(offset) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(offset, channel, **kwargs)

    monkeypatch.setattr(module.gpu, "deposit_table", cramped)

    laws.same_answer(resident_of().evaluate(crystal), host.evaluate(crystal), laws.STRICT.same)


def test_a_device_without_room_for_the_search_is_a_sentence(resident_of, crystal, monkeypatch):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("ase_voxpot.engines.cuda.tables.search", full)

    with pytest.raises(DeviceError, match="expected memory on cpu for the neighbours of 8 atoms, got too little; end"):
        resident_of().evaluate(crystal)


def test_a_step_stays_on_its_device(host, crystal):
    """Tensors on two devices do not mix: on one without memory, this shows on any machine."""
    tables = TableList(host.cutoff, skin=0.5, device=host.device)
    table = tables.current(crystal)
    elsewhere = [getattr(table, name).to("meta") for name in ("neighbour", "image", "filled", "shifts")]
    network = build_network(host.spec).to("meta").requires_grad_(False)
    species = species_indices(crystal.get_chemical_symbols(), SPECIES)
    positions = torch.from_numpy(crystal.positions).to("meta")

    resident = module.CudaEngine(network, host.representation.expansion, host.baseline)
    sums = resident._step(positions, crystal.cell[:], Table(*elsewhere), species, None)

    assert {part.device.type for part in module._parts(sums)} == {"meta"}


def test_tables_belong_to_devices(host, crystal):
    with pytest.raises(SpecError, match="expected a VerletList on cpu, got tables; use Potential.neighbour_list"):
        host.evaluate(crystal, neighbours=TableList(host.cutoff, device=host.device))


def test_a_table_that_is_too_short_is_refused(resident_of, crystal):
    with pytest.raises(SpecError, match=r"expected neighbours up to 5.0 Å, got a list up to 4.5 Å"):
        resident_of().evaluate(crystal, neighbours=TableList(4.5, device=torch.device("cpu")))


def test_uncertainties_are_in_the_order_of_the_atoms(crystal):
    shipped = load_potential("motaw-fast", device="cpu", dtype="float64")
    species = species_indices(crystal.get_chemical_symbols(), shipped.spec.species)
    expected, kinds = shipped.features(crystal)
    expansion = module.CudaEngine(shipped.network, shipped.representation.expansion, shipped.baseline)
    seen = shipped.feature_buffer(len(crystal))

    expansion.evaluate(crystal, species, TableList(shipped.cutoff, device=shipped.device), features=seen)

    laws.close(seen, expected, laws.STRICT.same)
    assert_array_equal(species, kinds)
