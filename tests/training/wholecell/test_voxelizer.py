"""The grid over a whole cell: every point in one voxel, every reading equal to plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import CellError, EmptyStructureError, PositionError, SpecError, StructureError
from voxpot_training.wholecell.boxes import Box, bounding_box, locate_atoms
from voxpot_training.wholecell.reference import is_inside, voxelize_frame
from voxpot_training.wholecell.voxelizer import WholeCellSpec, open_voxels, unit_length, voxelize

READINGS = ("inside", "field", "occupied", "atoms")
CHARGES = np.array([42.0, 73.0, 74.0, 42.0, 73.0, 74.0, 42.0])
CUBE = Box(origin=(0.0, 0.0, 0.0), edges=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
OBLIQUE = np.array([[4.0, 0.3, -0.2], [1.5, 3.0, 0.4], [-0.7, 0.9, 5.0]])

numbers = st.floats(-10, 10, width=32)
points = arrays(np.float64, (5, 3), elements=numbers)


@pytest.fixture
def frames(rng):
    """Atoms near the places of a crystal, some of them moved through a voxel."""
    return 4 + rng.uniform(0, 6, (7, 3)) + rng.normal(scale=0.2, size=(9, 7, 3))


@st.composite
def boxes(draw):
    edges = np.eye(3) * draw(st.floats(0.5, 20)) + np.array(
        draw(arrays(np.float64, (3, 3), elements=st.floats(-0.15, 0.15)))
    )
    origin = draw(st.tuples(numbers, numbers, numbers))
    return Box(origin=origin, edges=tuple(tuple(map(float, row)) for row in edges))


@settings(deadline=None)
@given(points=points, box=boxes(), n=st.integers(1, 9))
def test_every_point_is_in_one_voxel_or_outside(points, box, n):
    along = n * (points - np.array(box.origin)) @ np.linalg.inv(np.array(box.edges))
    voxels = [(a, b, c) for a in range(n) for b in range(n) for c in range(n)]
    clear = (np.abs(along - np.round(along)) > 1e-6).all(axis=1)  # on a face the last bit decides

    found = locate_atoms(points[None], box, n)[0]

    for t, number, sure in zip(along, found, clear, strict=True):
        inside = [k for k, voxel in enumerate(voxels) if is_inside(tuple(t), voxel)]
        assert len(inside) <= 1
        if sure:
            assert inside == ([] if number < 0 else [number])


@settings(deadline=None)
@given(
    corner=st.tuples(*[st.integers(-1, 5)] * 3),
    n=st.sampled_from([1, 2, 4]),
)
def test_points_on_faces_belong_to_the_voxel_below(corner, n):
    """Corners of voxels, whose coordinates are exact: the lower faces are out, the upper ones in."""
    found = int(locate_atoms(np.array([[corner]], float) / n, CUBE, n)[0, 0])

    inside = all(0 < k <= n for k in corner)
    a, b, c = (k - 1 for k in corner)
    assert found == ((a * n + b) * n + c if inside else -1)


def test_voxels_of_an_oblique_box_tile_it_where_projections_on_its_edges_would_overlap(rng):
    box = Box(origin=(0.0, 0.0, 0.0), edges=tuple(map(tuple, OBLIQUE)))
    points = rng.uniform(0, 1, (2000, 3)) @ OBLIQUE
    length2 = (OBLIQUE**2).sum(axis=1)
    corners = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), -1).reshape(-1, 3) / 2 @ OBLIQUE
    along = (points[:, None] - corners) @ OBLIQUE.T / (length2 / 2)

    by_projection = ((along > 0) & (along <= 1)).all(axis=2).sum(axis=1)

    assert (locate_atoms(points[None], box, 2) >= 0).all()
    assert by_projection.max() > 1


@pytest.mark.parametrize("box", ["obb", "ibb"])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("gamma_is", ["sigma", "variance"])
@pytest.mark.parametrize("n", [2, 5])
def test_voxels_equal_those_of_plain_loops(frames, reading, box, gamma_is, n):
    spec = WholeCellSpec(n=n, reading=reading, box=box, gamma=0.3, gamma_is=gamma_is, normalise="axis")

    voxels, lost = voxelize(frames, CHARGES, spec)

    assert lost == 0
    for k, frame in enumerate(frames):
        seen = frames if box == "obb" else frame[None]
        expected = voxelize_frame(
            frame, CHARGES, spec, box=bounding_box(seen), unit=list(map(float, unit_length(seen, spec)[0]))
        )
        assert_allclose(voxels[k], expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    frame=arrays(np.float64, (4, 3), elements=st.floats(0.5, 9.5, width=32)),
    reading=st.sampled_from(READINGS),
    normalise=st.sampled_from(["component", "axis", "norm", "none"]),
    n=st.integers(1, 4),
)
def test_oblique_boxes_equal_plain_loops(frame, reading, normalise, n):
    spec = WholeCellSpec(n=n, reading=reading, gamma=0.7, normalise=normalise, outside="count")
    box = Box(origin=(-1.03, -0.77, 0.21), edges=tuple(map(tuple, OBLIQUE * 2)))
    unit = unit_length(frame[None], spec)

    voxels, lost = voxelize(frame[None], CHARGES[:4], spec, box=box, unit=unit)

    expected = voxelize_frame(frame, CHARGES[:4], spec, box=box, unit=list(map(float, unit[0])))
    assert_allclose(voxels[0], expected, rtol=1e-5, atol=1e-5)
    assert lost == (locate_atoms(frame[None], box, n) < 0).sum()


def test_an_inner_box_moves_with_its_frame_and_an_outer_one_does_not(frames):
    moved = np.concatenate([frames, frames + 0.37])

    inner = [
        voxelize(f, CHARGES, WholeCellSpec(n=4, box="ibb", normalise="none", gamma=1))[0]
        for f in (frames, frames + 0.37)
    ]
    outer = voxelize(moved, CHARGES, WholeCellSpec(n=4, box="obb", normalise="none"))[0]

    assert_allclose(inner[0], inner[1], rtol=1e-5)
    assert np.abs(outer[:9] - outer[9:]).max() > 1


def test_the_value_of_one_atom_by_hand():
    """One of tungsten at (0.9, 0.4, 0.4) Å of a box of 1 Å, which is 4³ voxels; coordinates over 0.9 Å."""
    spec = WholeCellSpec(n=4, gamma=0.5, reading="inside")
    frame = np.array([[[0.9, 0.4, 0.4]]])

    voxels, _ = voxelize(frame, np.array([74.0]), spec, box=CUBE)

    square = (0.9 - 0.875) ** 2 + 2 * (0.4 - 0.375) ** 2
    assert_allclose(voxels[0, 3, 1, 1], 74 * np.exp(-square / 0.9**2 / (2 * 0.5**2)), rtol=1e-6)
    assert np.count_nonzero(voxels) == 1


@pytest.mark.parametrize(("outside", "lost", "where"), [("count", 1, None), ("clip", 0, (3, 0, 3))])
def test_atoms_outside_are_counted_or_clipped(outside, lost, where):
    spec = WholeCellSpec(n=4, outside=outside, normalise="none", reading="inside")
    frame = np.array([[[1.2, -0.3, 0.9], [0.3, 0.3, 0.3]]])

    voxels, found = voxelize(frame, np.array([74.0, 42.0]), spec, box=CUBE)

    filled = {tuple(map(int, v)) for v in np.argwhere(voxels[0])}
    assert found == lost
    assert filled == {(1, 1, 1)} | ({where} if where else set())


def test_atoms_outside_are_refused_with_their_names():
    frames = np.full((600, 1, 3), 0.5)
    frames[555, 0, 2] = 1.01

    with pytest.raises(StructureError, match=r"frame 555: expected all atoms inside the box, got atom 0 at"):
        voxelize(frames, np.array([74.0]), WholeCellSpec(n=2), box=CUBE)


def test_without_a_margin_atoms_on_the_lower_faces_are_in_no_voxel(frames):
    exact = WholeCellSpec(n=4, box="ibb", margin=0.0, outside="count")

    _, lost = voxelize(frames, CHARGES, exact)
    _, kept = voxelize(frames, CHARGES, WholeCellSpec(n=4, box="ibb"))

    assert 1 <= lost / len(frames) <= 3
    assert kept == 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_a_file_change_nothing(rng, tmp_path, threads):
    frames = rng.uniform(1, 9, (2500, 7, 3)).astype(np.float32)
    spec = WholeCellSpec(n=4, reading="field")
    expected, _ = voxelize(frames, CHARGES, spec)
    done = []

    out, _ = voxelize(
        frames,
        CHARGES,
        spec,
        out=open_voxels(tmp_path / "voxels.npy", 2500, 4),
        threads=threads,
        progress=done.append,
    )

    out.flush()
    assert_array_equal(np.load(tmp_path / "voxels.npy", mmap_mode="r", allow_pickle=False), expected)
    assert sum(done) == 2500


@pytest.mark.parametrize("threads", [1, 2])
def test_positions_that_are_no_numbers_are_refused(rng, threads):
    frames = rng.uniform(1, 9, (2500, 7, 3))
    frames[1999, 3, 1] = np.nan

    box = bounding_box(frames[:5], margin=9)
    with pytest.raises(PositionError, match="frame 1999: the position of atom 3 is NaN"):
        voxelize(frames, CHARGES, WholeCellSpec(n=2), box=box, unit=np.ones((1, 3)), threads=threads)
    with pytest.raises(PositionError, match="frame 1999: a position is NaN"):
        bounding_box(frames)
    with pytest.raises(PositionError, match="normalise"):
        unit_length(frames, WholeCellSpec())


def test_wrong_input_is_refused(frames):
    with pytest.raises(StructureError, match="charges: expected one for each of 7 atoms"):
        voxelize(frames, CHARGES[:5], WholeCellSpec())
    with pytest.raises(StructureError, match=r"expected an array \[frame, atom, 3\]"):
        voxelize(frames[0], CHARGES, WholeCellSpec())
    with pytest.raises(StructureError, match="out: expected an array"):
        voxelize(frames, CHARGES, WholeCellSpec(), out=np.empty((2, 8, 8, 8), np.float32))
    with pytest.raises(EmptyStructureError):
        voxelize(frames[:0], CHARGES, WholeCellSpec())
    flat = frames.copy()
    flat[4, :, 2] = 1.0
    with pytest.raises(CellError, match="frame 4: expected atoms that span a volume"):
        voxelize(flat, CHARGES, WholeCellSpec(box="ibb"))
    with pytest.raises(PositionError, match="differ from 0"):
        unit_length(np.zeros((1, 2, 3)), WholeCellSpec())


@pytest.mark.parametrize("wrong", [{"n": 0}, {"gamma": 0.0}, {"gamma": float("nan")}, {"margin": -1.0}])
def test_specs_that_make_no_sense_are_refused(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong))):
        WholeCellSpec(**wrong)


@pytest.mark.parametrize("edges", [((1.0, 0, 0), (2.0, 0, 0), (0, 0, 1.0)), ((1.0, 0, 0), (0, 1.0, 0))])
def test_boxes_without_a_volume_are_refused(edges):
    with pytest.raises(CellError):
        Box(origin=(0.0, 0.0, 0.0), edges=edges)
