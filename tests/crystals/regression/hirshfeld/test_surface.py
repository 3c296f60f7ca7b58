"""Hirshfeld surfaces: what they are, what leaves them alone, what has none."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, make_supercell
from numpy.testing import assert_allclose

from ase_voxpot.errors import (
    CellError,
    EmptyStructureError,
    OverlapError,
    PositionError,
    StructureError,
    UnknownElementError,
)
from tests.crystals.regression.hirshfeld.crystals import lopsided, perovskite, reference_share
from voxpot_crystals.regression.hirshfeld.fingerprint import Bins, fingerprint
from voxpot_crystals.regression.hirshfeld.surface import find_surfaces

RAYS = 1500
CRYSTALS = {
    "perovskite": perovskite("Pu", "Cu", "O", 3.52582),
    "lopsided": lopsided(),
    "salt": bulk("NaCl", "rocksalt", a=5.64),
    "metal": bulk("Mo", "bcc", a=3.15),
    "hexagonal": bulk("ZnO", "wurtzite", a=3.25, c=5.2),
}


@pytest.fixture(params=CRYSTALS)
def crystal(request):
    return CRYSTALS[request.param]


def image(atoms, **options):
    return fingerprint(find_surfaces(atoms, rays=RAYS, **options), Bins(soft=True, low=0.2, high=4.0, count=30)).image


def apart(a, b):
    """Area that lies elsewhere, as a share of all."""
    return np.abs(a - b).sum() / a.sum()


def test_distances_of_pucuo3_are_those_that_were_published():
    """Figure 1 of Williams et al., J. Phys. Chem. Lett. 11, 7462 (2020)."""
    found = find_surfaces(CRYSTALS["perovskite"])

    ends = [found.inside.min(), found.inside.max(), found.outside.min(), found.outside.max()]
    assert_allclose(ends, [0.8425, 1.5890, 0.8684, 1.8699], atol=0.002)


def test_half_of_the_density_belongs_to_the_atom_inside(crystal):
    found = find_surfaces(crystal, rays=300)

    turned = crystal.copy()
    turned.set_cell(crystal.cell.standard_form()[0], scale_atoms=True)
    for k, site in enumerate(found.sites):
        mine = found.site == k
        share, nearest = reference_share(turned, site.index, found.offset[mine])
        assert_allclose(share, 0.5, atol=2e-4)
        assert_allclose(found.outside[mine], nearest, atol=1e-9)
        assert_allclose(found.inside[mine], np.linalg.norm(found.offset[mine], axis=1), atol=1e-9)


def test_densities_are_followed_far_enough(crystal):
    near, far = find_surfaces(crystal, rays=300), find_surfaces(crystal, rays=300, faint=1e-10)

    assert_allclose(near.inside, far.inside, atol=3e-4)


def test_areas_are_those_of_marching_cubes():
    """A second way to the surface: w on a grid, triangles through w = 1/2."""
    measure = pytest.importorskip("skimage.measure", reason="needs scikit-image")
    atoms = perovskite("Cs", "Cu", "O", 4.0)
    found = find_surfaces(atoms)
    axis = np.linspace(-2.8, 2.8, 43)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    for k, site in enumerate(found.sites):
        share, _ = reference_share(atoms, site.index, grid.reshape(-1, 3) + 1e-9, reach=7.0)
        corners, faces, _, _ = measure.marching_cubes(
            share.reshape(grid.shape[:3]), 0.5, spacing=(axis[1] - axis[0],) * 3
        )
        radius = np.linalg.norm(corners - 2.8, axis=1)
        mine = found.site == k
        assert_allclose(found.area[mine].sum(), measure.mesh_surface_area(corners, faces), rtol=0.01)
        assert_allclose([found.inside[mine].min(), found.inside[mine].max()], [radius.min(), radius.max()], atol=0.02)


def test_turning_the_crystal_changes_nothing(crystal):
    turned = crystal.copy()
    turned.rotate(37.0, (1, 2, 3), rotate_cell=True)

    assert apart(image(crystal), image(turned)) < 1e-6


def test_supercells_look_the_same(crystal):
    large = make_supercell(crystal, [[1, 1, 0], [0, 1, 0], [0, 0, 2]])

    assert apart(image(crystal), image(large)) < 0.06  # other directions are looked into


def test_a_cell_sheared_beyond_measure_is_as_good_as_any_of_its_lattice(crystal):
    sheared = crystal.copy()
    sheared.set_cell(np.array([[1, 200, 0], [0, 1, -300], [0, 0, 1]]) @ crystal.cell[:])

    assert apart(image(crystal), image(sheared)) < 0.06  # other directions are looked into


def test_order_and_origin_do_not_matter(crystal):
    moved = crystal[::-1]
    moved.translate([0.3, -4.1, 7.7])

    assert apart(image(crystal), image(moved)) < 0.02  # spglib may name another site of an orbit


def test_symmetry_only_saves_work(crystal):
    fast, slow = find_surfaces(crystal, rays=RAYS), find_surfaces(crystal, rays=RAYS, symmetry=False)

    assert fast.rays <= slow.rays
    assert apart(image(crystal), image(crystal, symmetry=False)) < 0.12
    per_atom = np.bincount(slow.site, slow.area, minlength=len(crystal))
    for k, site in enumerate(fast.sites):
        assert_allclose(fast.area[fast.site == k].sum(), per_atom[site.index], rtol=0.01)


def test_equivalent_sites_are_found_and_look_alike():
    atoms = CRYSTALS["perovskite"]
    unique, every = find_surfaces(atoms), find_surfaces(atoms, rays=20_000, symmetry=False)

    assert [(s.number, s.multiplicity, len(s.operations)) for s in unique.sites] == [
        (94, 1, 48),
        (29, 1, 48),
        (8, 3, 16),
    ]
    oxygen = [every.site == k for k in (2, 3, 4)]
    assert_allclose([every.area[o].sum() for o in oxygen], every.area[oxygen[0]].sum(), rtol=1e-3)
    assert_allclose([every.inside[o].min() for o in oxygen], every.inside[oxygen[0]].min(), atol=1e-3)
    assert_allclose([every.outside[o].min() for o in oxygen], every.outside[oxygen[0]].min(), atol=1e-3)


def test_in_a_lattice_of_one_element_inside_is_nearest():
    found = find_surfaces(CRYSTALS["metal"], rays=300)

    assert (found.inside < found.outside).all()


def test_a_swallowed_atom_is_reported():
    atoms = bulk("Cs", "bcc", a=6.1, cubic=True)
    atoms.append("H")
    atoms.positions[-1] = [0.45, 0.0, 0.0]

    found = find_surfaces(atoms, rays=300)

    assert [site.number for site in found.swallowed] == [1]
    assert set(found.number) <= {1, 55}


def test_surfaces_that_rays_meet_more_than_once_are_counted():
    """A helium inside the outermost shell of caesium owns a bubble there, behind which caesium goes on."""
    atoms = bulk("Cs", "bcc", a=6.1)
    atoms.append("He")
    atoms.positions[-1] = [0.7, 0.0, 0.0]

    found = find_surfaces(atoms, rays=400)

    assert found.folded > 0
    assert found.lost == 0
    turned = atoms.copy()
    turned.set_cell(atoms.cell.standard_form()[0], scale_atoms=True)
    for k, site in enumerate(found.sites):
        share, _ = reference_share(turned, site.index, found.offset[found.site == k])
        assert_allclose(share, 0.5, atol=5e-4)


def test_the_input_is_not_changed():
    atoms = lopsided()
    before = atoms.copy()

    find_surfaces(atoms, rays=100)

    assert atoms == before


def disordered():
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.info["occupancy"] = {"0": {"Na": 0.5, "K": 0.5}, "1": {"Cl": 1.0}}
    return atoms


def touching():
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.positions[1] = atoms.positions[0] + [0.1, 0, 0]
    return atoms


def nowhere():
    atoms = bulk("Mo", "bcc", a=3.15)
    atoms.positions[0, 0] = np.nan
    return atoms


def half_empty():
    atoms = bulk("Mo", "bcc", a=3.15)
    atoms.set_array("occupancy", np.array([0.5]))
    return atoms


@pytest.mark.parametrize(
    ("atoms", "error", "says"),
    [
        (Atoms(), EmptyStructureError, "without atoms"),
        (Atoms("Cf", cell=[4] * 3, pbc=True), UnknownElementError, "got Cf"),
        (Atoms("X", cell=[4] * 3, pbc=True), UnknownElementError, "got X"),
        (Atoms("Mo", cell=[4] * 3), CellError, "periodic in three directions"),
        (Atoms("Mo", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True), CellError, "volume"),
        (nowhere(), PositionError, "finite"),
        (touching(), OverlapError, "0.100 Å"),
        (disordered(), StructureError, "Na 0.5, K 0.5"),
        (half_empty(), StructureError, "0.5 for atom 0"),
    ],
)
def test_what_is_no_crystal_is_refused(atoms, error, says):
    with pytest.raises(error, match=says):
        find_surfaces(atoms, rays=100)


def test_a_surface_without_an_end_is_refused_by_name():
    slab = fcc111("Al", (1, 1, 3), vacuum=12.0)
    slab.pbc = True

    with pytest.raises(StructureError, match=r"empty space into which the surface of atom 0 \(Al\)"):
        find_surfaces(slab, rays=300)
