from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, make_supercell
from numpy.testing import assert_allclose

from ase_voxpot.errors import SpecError, StructureError, UnknownElementError
from ase_voxpot.spec import decode, encode
from voxpot_crystals.regression.voxelnet.grids import Window
from voxpot_crystals.regression.voxelnet.method import METHOD
from voxpot_crystals.regression.voxelnet.network import ElementNumbers, network_of
from voxpot_crystals.regression.voxelnet.spec import ShellReader, VoxelNetSpec, VoxelReader

PUBLISHED = VoxelReader()
SMALL = Window(n=18, length=7.0)
READERS = {
    "published": VoxelReader(window=SMALL),
    "spherical": VoxelReader(window=Window(n=18, length=7.0, shape="spherical", binning="soft"), closed=True),
    "cross": VoxelReader(window=Window(n=18, length=7.0, field="cross", binning="soft"), channels=3),
    "powder": ShellReader(shells=12, channels=4, hidden=(16,)),
    "harmonic": ShellReader(shells=12, degree=4, channels=4, hidden=(16,)),
}
TURNLESS = ("powder", "harmonic")


def crystals() -> list[Atoms]:
    one = bulk("NaCl", "rocksalt", a=5.2, cubic=True)
    one.symbols = ["Mg", "Al", "Al", "O", "O", "O", "O", "Ti"]
    one.rattle(0.1, seed=2)
    return [one, bulk("TiO", "rocksalt", a=4.2), bulk("Mg", "hcp")]


def made(name: str) -> tuple[VoxelNetSpec, torch.nn.Module]:
    spec = METHOD.adapt(VoxelNetSpec(reader=READERS[name]), crystals())
    torch.manual_seed(5)
    network = network_of(spec).eval()
    for module in network.modules():
        if isinstance(module, ElementNumbers):  # as after a training
            torch.nn.init.normal_(module.free, std=0.3)
    return spec, network


def say(spec, network, atoms, turn=None) -> np.ndarray:
    with torch.no_grad():
        return network(METHOD.collate(METHOD.prepare(atoms, spec), spec, turn)).numpy()


def test_the_published_network_has_its_78049_parameters():
    elements = tuple(Atoms(numbers=range(1, 73)).get_chemical_symbols())

    network = network_of(VoxelNetSpec(elements=elements, reader=PUBLISHED))

    assert sum(p.numel() for p in network.parameters()) == 78_049


def test_picking_filters_is_the_convolution_of_all_channels():
    """The published network sees a channel of zeros for every element that a crystal does not have."""
    spec, network = made("published")
    batch = METHOD.collate(METHOD.prepare(crystals(), spec), spec, 3)
    channels = torch.zeros(3, len(spec.elements), 18, 18, 18)
    for row, crystal in enumerate(crystals()):
        for place, symbol in enumerate(sorted(set(crystal.symbols), key=lambda s: Atoms(s).numbers[0])):
            channels[row, spec.elements.index(symbol)] = batch.voxels[row, place]

    state = torch.nn.functional.max_pool3d(torch.selu(network.first(channels)), 2)
    state = torch.nn.functional.max_pool3d(torch.selu(network.second(state)), 2)
    expected = network.readout(torch.selu(network.third(state)).flatten(1)).squeeze(1)

    assert_allclose(network(batch).detach(), expected.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", READERS)
def test_a_batch_is_its_singles_in_every_view(name):
    spec, network = made(name)
    for turn in (None, 0, 4):
        together = say(spec, network, crystals(), turn)
        singles = [say(spec, network, [a], turn)[0] for a in crystals()]
        assert_allclose(together, singles, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", READERS)
def test_cells_origins_and_orders_do_not_matter(name, rng):
    spec, network = made(name)
    atoms = crystals()[0]
    sheared = make_supercell(atoms, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    moved = atoms.copy()
    moved.positions += [0.3, 1.1, -2.0]

    predicted = say(spec, network, [atoms, sheared, moved, atoms.repeat((1, 2, 1)), atoms[rng.permutation(8)]], 1)

    assert_allclose(predicted, predicted[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", READERS)
def test_rotations_matter_to_voxels_alone(name):
    spec, network = made(name)
    atoms = crystals()[0]
    turned = atoms.copy()
    turned.rotate(33, (1, 2, 3), rotate_cell=True)

    before, after = say(spec, network, [atoms, turned])

    if name in TURNLESS:
        assert_allclose(after, before, rtol=1e-4)
    else:
        assert abs(after - before) > 1e-6, "if not, there is nothing to average over"


def test_views_are_averaged_over_the_same_orientations_for_all():
    assert METHOD.views(VoxelNetSpec(reader=PUBLISHED)) == 5
    assert METHOD.views(VoxelNetSpec(reader=ShellReader())) == 1


@pytest.mark.parametrize("name", READERS)
def test_every_parameter_learns(name):
    spec, network = made(name)
    batch = METHOD.collate(METHOD.prepare(crystals(), spec), spec, np.random.default_rng(0))

    network(batch).square().sum().backward()

    silent = [k for k, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


def test_the_published_network_cannot_tell_the_twins_and_the_others_can(twins):
    for name in ("published", "cross", "powder"):
        spec = METHOD.adapt(VoxelNetSpec(reader=READERS[name]), list(twins))
        torch.manual_seed(5)
        rocksalt, zincblende = say(spec, network_of(spec).eval(), list(twins))
        if name == "published":
            assert_allclose(zincblende, rocksalt, rtol=1e-6)
        else:
            assert abs(zincblende - rocksalt) > 1e-4


def test_closed_convolutions_do_not_see_where_phi_begins():
    """Around the polar axis a quarter turn moves the voxels by a quarter of the grid, pools included."""
    window = Window(n=32, length=12.8, shape="spherical", binning="soft")
    spec = VoxelNetSpec(elements=("Mg", "Al", "O", "Ti"), reader=VoxelReader(window=window, closed=True))
    torch.manual_seed(0)
    network = network_of(spec).eval()
    batch = METHOD.collate(METHOD.prepare(crystals()[:1], spec), spec, 2)
    kernel = network._look(batch)
    shifted = network._look(type(batch)(batch.numbers, batch.voxels.roll(8, -1)))

    assert_allclose(shifted.detach(), kernel.roll(8, -1).detach(), atol=1e-5)


def test_elements_without_a_channel_are_named():
    spec, _ = made("published")
    with pytest.raises(UnknownElementError, match=r"frame 1: .*Mg, Al.* got Na, Cl|frame 1: .* got Cl, Na"):
        METHOD.prepare([crystals()[1], bulk("NaCl", "rocksalt", a=5.6)], spec)


def test_elements_with_properties_are_taken_and_others_named():
    spec, network = made("powder")

    assert np.isfinite(say(spec, network, [bulk("NaCl", "rocksalt", a=5.6)])).all()
    with pytest.raises(UnknownElementError, match="frame 0: .* got Lr"):
        METHOD.prepare([bulk("Lr", "fcc", a=5.0)], spec)


def test_a_cell_without_end_is_refused_by_frame():
    spec, _ = made("powder")
    atoms = bulk("Mg", "hcp")
    atoms.set_cell(np.eye(3) * 3000)
    with pytest.raises(StructureError, match="frame 0: .*reduced primitive cell"):
        METHOD.prepare([atoms], spec)


@pytest.mark.parametrize("name", READERS)
def test_specs_survive_a_file(name):
    spec, _ = made(name)
    assert decode(VoxelNetSpec, encode(spec)) == spec


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: VoxelReader(window=Window(n=12)), "at least 18"),
        (lambda: VoxelReader(closed=True), "spherical"),
        (lambda: VoxelReader(filters=0), "filters"),
        (lambda: ShellReader(degree=3), "degree"),
        (lambda: ShellReader(reach=100), "reach"),
        (lambda: VoxelNetSpec(elements=("Xx",), reader=ShellReader()), "elements"),
    ],
)
def test_senseless_specs_are_refused(make, word):
    with pytest.raises(SpecError, match=word):
        make()
