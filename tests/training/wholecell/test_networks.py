"""Networks over whole cells, straight lines, and what they are asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.md.verlet import VelocityVerlet
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import ConfigError, DataError, SchemaError, SpecError, StructureError
from ase_voxpot.peers import parse_peer
from voxpot_training.wholecell.assess import errors, gamma_scan, shift_scan, symmetry_errors, tolerant
from voxpot_training.wholecell.baselines import fit_harmonic, fit_linear
from voxpot_training.wholecell.calculator import WholeCellCalculator
from voxpot_training.wholecell.config import FrameSchedule
from voxpot_training.wholecell.experiment import train_network, voxels_of
from voxpot_training.wholecell.model import WholeCellModel
from voxpot_training.wholecell.networks import NetworkSpec, Same, build
from voxpot_training.wholecell.shadow import loop_work, run_with_shadow
from voxpot_training.wholecell.splits import split_frames
from voxpot_training.wholecell.voxelizer import WholeCellSpec, voxelize

SPEC = WholeCellSpec(n=4, gamma=0.2)
CNN = NetworkSpec(widths=(8, 8, 16), dropout=0.1)


@pytest.fixture
def train(frames, tmp_path):
    """Train a small network on the frames."""

    def run(*, epochs=3, box="obb", shape="cnn", name="net", resume=True):
        spec = WholeCellSpec(n=4, gamma=0.2, box=box)
        voxels = voxels_of(frames, spec, tmp_path / "voxels")
        return train_network(
            frames,
            voxels,
            spec,
            CNN if shape == "cnn" else NetworkSpec(shape="dense", widths=(32, 32), dropout=0.1),
            split_frames(frames, "random"),
            FrameSchedule(epochs=epochs, rate=3e-3, batch=16),
            tmp_path / name,
            resume=resume,
            quiet=True,
        )

    return run


def shaken(network):
    """Heads that say something."""
    torch.manual_seed(3)
    for head in network.heads:
        torch.nn.init.normal_(head[0].weight)
    return network.eval()


@pytest.mark.parametrize("n", [4, 8, 16])
@pytest.mark.parametrize("shape", ["cnn", "dense"])
def test_three_heads_say_forces_between_minus_one_and_one(n, shape):
    network = shaken(build(NetworkSpec(shape=shape, widths=(4, 6, 8)), n=n, atoms=5, seed=0))

    result = network(torch.randn(2, n, n, n))

    assert result.shape == (2, 5, 3)
    assert result.abs().max() <= 1
    assert result.std() > 0.1


def test_a_fresh_network_says_zero_forces():
    assert build(CNN, n=4, atoms=5, seed=0)(torch.randn(2, 4, 4, 4)).abs().max() == 0


def test_zeros_stand_behind_the_last_voxel():
    """2³ voxels by hand: every output is the sum of the voxel and those behind it."""
    layer = Same(1, 1, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    x = torch.arange(8.0).reshape(1, 1, 2, 2, 2)

    result = layer(x)[0, 0]

    assert result.shape == (2, 2, 2)
    assert result[0, 0, 0] == 28
    assert result[1, 0, 0] == 4 + 5 + 6 + 7
    assert result[1, 1, 1] == 7


def test_voxels_are_standardised_and_constant_ones_say_nothing():
    network = build(CNN, n=4, atoms=5, seed=0)
    voxels = torch.randn(500, 4, 4, 4) * 3 + 1000
    voxels[:, 0, 0, 0] = 7.0
    network.standardise.fit(voxels.mean(dim=0), voxels.std(dim=0))

    result = network.standardise(voxels)[:, 0]

    assert_allclose(result.std(dim=0).flatten()[1:], 1, rtol=1e-3)
    assert_allclose(result.mean(dim=0).flatten(), 0, atol=1e-3)
    assert result[:, 0, 0, 0].abs().max() == 0


def test_networks_that_cannot_be_are_refused():
    with pytest.raises(SpecError, match="more poolings than the voxels allow"):
        build(NetworkSpec(widths=(4, 4, 4), poolings=3), n=4, atoms=5, seed=0)
    with pytest.raises(ConfigError, match="widths"):
        NetworkSpec(widths=())
    with pytest.raises(ConfigError, match="no more poolings than layers"):
        NetworkSpec(widths=(4,), poolings=2)


def test_force_constants_are_found(frames):
    split = split_frames(frames, "temperature")
    line = fit_harmonic(frames.positions, frames.forces, split.train)

    result = line(frames.positions[split.validation])

    found = errors(result, frames.forces[split.validation], 1.0)
    assert found.explained > 0.999
    assert found.rmse < 5
    assert errors(0 * result, frames.forces[split.validation], 2.0).explained == pytest.approx(0)


def test_a_straight_line_through_voxels_is_the_line_they_follow(rng):
    voxels = rng.normal(size=(400, 3, 3, 3)).astype(np.float32)
    slope = rng.normal(size=(27, 6))
    forces = (voxels.reshape(400, -1) @ slope + 0.3).reshape(400, 2, 3).astype(np.float32)

    result = fit_linear(voxels, forces, np.arange(300))(voxels[300:])

    assert_allclose(result.reshape(100, 2, 3), forces[300:], atol=1e-3)
    with pytest.raises(DataError, match="at least 10 frames"):
        fit_linear(voxels, forces, np.arange(4))


@pytest.mark.parametrize(("box", "shape"), [("obb", "cnn"), ("ibb", "cnn"), ("obb", "dense")])
def test_a_model_comes_back_from_its_file(train, frames, tmp_path, box, shape):
    model = train(box=box, shape=shape)

    again = WholeCellModel.load(tmp_path / "net" / "model.safetensors")

    asked = frames.positions[:7]
    assert_array_equal(again.forces(asked), model.forces(asked))
    assert np.abs(model.forces(asked)).max() > 0
    assert (again.voxels, again.layers, again.box) == (model.voxels, model.layers, model.box)


def test_training_learns_something(train, frames):
    model = train(epochs=60, shape="dense")
    rows = split_frames(frames, "random").validation

    assert errors(model.forces(frames.positions[rows]), frames.forces[rows], 1.0).explained > 0.04


def test_an_interrupted_training_ends_as_if_it_had_not_been(train, tmp_path, monkeypatch):
    whole = train(epochs=4, name="whole")
    steps = []

    def interrupt(*arguments):
        steps.append(0)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return keep(*arguments)

    keep = train_network.__globals__["fit"].__globals__["_Memory"].keep
    monkeypatch.setattr(train_network.__globals__["fit"].__globals__["_Memory"], "keep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(epochs=4, name="broken")
    again = train(epochs=4, name="broken")

    for a, b in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        assert_array_equal(a.detach().numpy(), b.detach().numpy())
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "broken")]
    assert [row.split(",")[:4] for row in logs[0]] == [row.split(",")[:4] for row in logs[1]]


def test_a_finished_training_is_not_made_again(train, tmp_path):
    train()
    before = (tmp_path / "net" / "model.safetensors").stat().st_mtime_ns
    train()

    assert (tmp_path / "net" / "model.safetensors").stat().st_mtime_ns == before


def test_voxels_are_made_once(frames, tmp_path):
    first = voxels_of(frames, SPEC, tmp_path)
    files = list(tmp_path.iterdir())
    voxels_of(frames, SPEC, tmp_path)
    other = voxels_of(frames, WholeCellSpec(n=4, gamma=0.3), tmp_path)

    assert len(files) == 1
    assert len(list(tmp_path.iterdir())) == 2
    expected, _ = voxelize(frames.positions, frames.numbers.astype(float), SPEC)
    assert_array_equal(first, expected)
    assert np.abs(other - first).max() > 1


def test_as_a_calculator_it_says_the_forces_of_the_model(train, frames):
    model = train()
    atoms = frames.atoms(5)
    atoms.calc = WholeCellCalculator(model)

    assert_array_equal(atoms.get_forces(), model.forces(frames.positions[5:6])[0].astype(float))
    atoms.set_momenta(np.zeros((16, 3)))
    VelocityVerlet(atoms, 1 * units.fs).run(3)
    assert np.abs(atoms.positions - frames.positions[5]).max() > 0


def test_an_energy_is_an_error_that_says_why(train, frames):
    atoms = frames.atoms(0)
    atoms.calc = WholeCellCalculator(train())

    for ask in (atoms.get_potential_energy, atoms.get_stress, atoms.get_potential_energies):
        with pytest.raises(PropertyNotImplementedError, match="forces and nothing else"):
            ask()


def test_other_atoms_order_and_cells_are_refused(train, frames):
    calculator = WholeCellCalculator(train())
    fewer, turned, wider, outside = (frames.atoms(0) for _ in range(4))
    del fewer[3]
    turned.numbers = np.roll(turned.numbers, 1)
    wider.cell *= 1.01
    outside.positions[4, 0] += 9.0

    for atoms, sentence in (
        (fewer, "the 16 atoms that the network was trained on, got 15"),
        (turned, "in the order of the training"),
        (wider, "the cell of the training"),
        (outside, "all atoms inside the box"),
    ):
        atoms.calc = calculator
        with pytest.raises(StructureError, match=sentence):
            atoms.get_forces()


def test_it_is_named_as_calculators_of_others_are(train, frames, tmp_path):
    train()
    path = tmp_path / "net" / "model.safetensors"

    peer = parse_peer(f"voxpot_training.wholecell.calculator:make:{path}", patient=False)

    atoms = frames.atoms(1)
    atoms.calc = peer.make()
    assert atoms.get_forces().shape == (16, 3)
    path.write_bytes(b"nothing")
    with pytest.raises(SchemaError):
        WholeCellModel.load(path)


def test_forces_with_an_energy_do_no_work_around_a_loop_and_others_do(rng):
    centre = rng.normal(size=(4, 3))
    sides = rng.normal(scale=0.1, size=(2, 4, 3))

    def springs(x):
        return -3.0 * (x - centre)

    def whirl(x):  # per atom (-y, x, 0), which turns by 2 everywhere
        return np.stack([-x[..., 1], x[..., 0], 0 * x[..., 2]], axis=-1)

    area = float((sides[0][:, 0] * sides[1][:, 1] - sides[0][:, 1] * sides[1][:, 0]).sum())
    assert loop_work(springs, centre, sides) == pytest.approx(0, abs=1e-12)
    assert loop_work(whirl, centre, sides) == pytest.approx(2 * area, rel=1e-9)


def test_a_run_with_its_own_shadow_does_not_drift_and_one_that_leaves_the_box_says_so(train, frames, springs):
    peer = parse_peer(springs, patient=False)
    own, other = frames.atoms(0), frames.atoms(0)
    for atoms in (own, other):
        atoms.positions -= 1.6  # where the sites of the springs are
        atoms.set_momenta(np.random.default_rng(0).normal(scale=3.0, size=(16, 3)))
    own.calc, other.calc = peer.make(), WholeCellCalculator(train())

    kept = run_with_shadow(own, peer.make(), steps=100)
    lost = run_with_shadow(other, peer.make(), steps=100)

    assert np.abs(kept.energy).max() < 1e-4
    assert abs(kept.drift) < 1
    assert kept.end == ""
    assert len(kept.time) == 11
    assert "expected all atoms inside the box" in lost.end


def test_scans_begin_with_the_frames_as_they_are(train, frames):
    model, split = train(epochs=30, shape="dense"), split_frames(frames, "random")
    true = frames.forces[split.validation]
    plain = errors(model.forces(frames.positions[split.validation]), true, model.force_scale)

    moved = shift_scan({"net": tolerant(model)}, frames, split.validation, (0.0, 0.6))["net"]
    told = symmetry_errors(
        tolerant(model), frames, split.validation, force_scale=model.force_scale, shift=model.box.edges[0][0] / 8
    )
    scan = gamma_scan(frames, SPEC, split, (0.1, 2.0), ("field",))["field"]

    assert moved[0] == pytest.approx(plain.explained, abs=1e-5)
    assert moved[1] < moved[0]
    assert told["as in training"].mae == pytest.approx(plain.mae, rel=1e-5)
    assert told["turned by 180° about z"].mae > plain.mae
    assert scan[0] < scan[1]
