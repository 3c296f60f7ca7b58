"""Frames and meshes of the labels by DFT."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from ase_voxpot import VoxPotCalculator

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")  # spglib
LABELLERS = Path(__file__).parents[2] / "training" / "labellers"
SKEWED = np.array([[-1.0, 1.0, 1.66], [1.0, -1.0, 1.66], [1.0, 1.0, -1.66]]) * 3.2  # edges of 7 Å, 6.4 Å apart


@pytest.fixture(scope="module")
def meshes():
    """The module of meshes, which lies beside the programs."""
    return load("meshes")


@pytest.fixture(scope="module")
def frames():
    """The program that writes the frames."""
    return load("ternary_frames")


def load(name):
    """A module of the labellers' folder, which is no package."""
    sys.path.insert(0, str(LABELLERS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(LABELLERS))


def rotations(atoms):
    """All rotations, by spglib."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return spglib.get_symmetry(cell, symprec=1e-5)["rotations"]


@pytest.mark.parametrize("cell", [SKEWED, np.diag([3.0, 4.0, 9.0]), [[2.8, 0, 0], [1.3, 2.5, 0], [5.1, 2.2, 5.0]]])
def test_a_mesh_keeps_images_apart(meshes, cell):
    points = meshes.mesh(cell, 20.0)
    assert meshes.shortest(np.array(points)[:, None] * np.asarray(cell)) >= 20.0 - 1e-6


def test_a_skewed_cell_takes_more_points_than_its_edges_tell(meshes):
    edges = np.linalg.norm(SKEWED, axis=1)
    flat = np.array([[1.0, 0, 0], [0.9, 0.1, 0], [0, 0, 1.0]]) * 5.0  # a lattice vector of 0.7 Å
    assert meshes.shortest(flat) < 1.0
    assert np.prod(meshes.mesh(flat, 10.0)) > np.prod(np.ceil(10.0 / np.linalg.norm(flat, axis=1)))
    assert min(meshes.mesh(SKEWED, 20.0)) >= np.ceil(20.0 / edges.max())


@pytest.mark.parametrize(("symbols", "points"), [("Mo2", (6, 6, 6)), ("MoTa", (5, 5, 5)), ("MoTa", (4, 4, 3))])
def test_irreducible_points_are_those_of_spglib(meshes, symbols, points):
    atoms = Atoms(symbols, scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[3.2, 3.2, 4.0], pbc=True)
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    expected = len(np.unique(spglib.get_ir_reciprocal_mesh(points, cell, is_shift=(0, 0, 0))[0]))
    assert meshes.irreducible(rotations(atoms), points) == expected


def test_a_grid_is_mapped_onto_itself_by_the_rotations_that_are_left(meshes):
    body_centred = Atoms(
        "MoTaWTaMo",
        positions=[[1.6 * (k % 2), 1.6 * (k % 2), 1.6 * k] for k in range(5)],
        cell=[[3.2, 0, 0], [0, 3.2, 0], [1.6, 1.6, 8.0]],
        pbc=True,
    )
    found = rotations(body_centred)
    numbers, left, effort = meshes.grid(body_centred.cell.array, 400.0, 33.0, found)
    assert meshes.maps(left, numbers).all()
    assert 0 < len(left) <= len(found)
    assert effort > 0
    spacing = np.linalg.norm(body_centred.cell.array, axis=1) / numbers
    assert spacing.max() <= np.pi / np.sqrt(4 * 400.0 / 27.2114) * 0.529178
    products = {(a @ b).tobytes() for a in left for b in left}
    assert products == {a.tobytes() for a in left}, "they form a group"


def test_no_frame_is_one_of_the_compounds_that_judge(frames):
    judges = frames.judges()
    names = [name for size, kinds in ((2, 2), (3, 3)) for name, _ in frames.ordered(size, kinds)]
    assert len(names) == len(set(names)) > 0
    assert not judges & set(names)
    cubic = Atoms("MoTa", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=np.eye(3), pbc=True)
    assert frames.fingerprint(tuple(cubic.symbols), frames.shells(cubic)) in judges


def test_turns_keep_all_frames_and_put_cheap_ones_first(frames, monkeypatch):
    monkeypatch.setattr(frames, "cost", lambda atoms: atoms.cell.volume)
    found = []
    for k in range(12):
        found.append(Atoms("Mo", cell=np.eye(3) * (1 + k % 5), pbc=True))
        found[-1].info = {"id": k, "config_type": ("scaled-4", "ordered-4", "ordered-4", "rattled-3")[k % 4]}
    order = list(frames.in_turns(found))
    assert sorted(atoms.info["id"] for atoms in order) == list(range(12))
    assert {atoms.info["config_type"] for atoms in order[:3]} == {"scaled-4", "ordered-4"}
    assert [atoms.info["config_type"] for atoms in order[-3:]] == ["rattled-3"] * 3
    volumes = [atoms.cell.volume for atoms in order if atoms.info["config_type"] == "ordered-4"]
    assert volumes == sorted(volumes)


def test_the_cheapest_cell_is_the_same_crystal(frames):
    name, atoms = next(iter(frames.ordered(3, 3)))
    found = frames.cheapest_cell(atoms)
    assert frames.fingerprint(tuple(found.symbols), frames.shells(found)) == name
    assert frames.cost(found, edge=3.22) <= frames.cost(atoms, edge=3.22)


def test_curves_of_dimers_go_through_their_labels_and_forces_are_their_slopes():
    """Labels of a Morse potential, whose values between the labels are known."""
    dimers = load("dimer_curves")

    def morse(r):
        return 4.0 * ((1 - np.exp(-1.5 * (r - 2.0))) ** 2 - 1), 12.0 * (1 - np.exp(-1.5 * (r - 2.0))) * np.exp(
            -1.5 * (r - 2.0)
        )

    labels = []
    for r in np.arange(1.5, 5.0, 0.2):
        atoms = Atoms("MoW", positions=[[0, 0, 0], [0, 0, r]], cell=[9.0] * 3, pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=morse(r)[0])
        labels.append(atoms)
    few = Atoms("Mo2", positions=[[0, 0, 0], [0, 0, 2.0]], cell=[9.0] * 3)
    few.calc = SinglePointCalculator(few, energy=1.0)

    curves = dimers.curves([*labels, few])
    made = [dimers.draw(("Mo", "W"), curves["Mo", "W"], np.random.default_rng(k)) for k in range(20)]

    assert list(curves) == [("Mo", "W")]
    for atoms in made:
        energy, slope = morse(atoms.get_distance(0, 1))
        assert atoms.info["REF_energy"] == pytest.approx(energy, abs=0.05)
        np.testing.assert_allclose(atoms.arrays["REF_forces"], [[0, 0, slope], [0, 0, -slope]], atol=0.5)


def test_squeezed_metals_have_the_volumes_that_their_names_tell():
    squeezed = load("squeezed_frames")

    found = dict(squeezed.metals(["Ta"]))

    assert len(found) == 18
    for name, atoms in found.items():
        ratio = float(name.rpartition("-")[2])
        assert atoms.get_volume() / len(atoms) == pytest.approx(ratio * squeezed.EDGE["Ta"] ** 3 / 2)


def test_an_atom_that_jumps_is_held_half_way_by_symmetry():
    vacancy, saddle = load("vacancies").frames("W", VoxPotCalculator("motaw-fast", device="cpu"))

    assert len(vacancy) == len(saddle) == 15
    assert vacancy.get_volume() == pytest.approx(saddle.get_volume())
    distances = np.sort(saddle.get_distances(0, range(1, 15), mic=True))
    assert distances[:6] == pytest.approx(distances[0], abs=1e-3)  # of the two triangles it goes through
    assert distances[0] < distances[6] - 0.3
