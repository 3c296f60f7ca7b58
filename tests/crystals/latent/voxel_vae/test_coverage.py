from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, DataError, UnknownElementError
from tests.crystals.latent.voxel_vae.compounds import group, perovskite
from voxpot_crystals.latent.voxel_vae import fingerprints as module
from voxpot_crystals.latent.voxel_vae.coverage import Cutoffs, coverage, wasserstein
from voxpot_crystals.latent.voxel_vae.fingerprints import (
    Fingerprints,
    composition_statistics,
    fingerprints,
    structure_fingerprint,
)

pytest.importorskip("pymatgen")


def labels() -> list[tuple[int, str]]:
    """What each number of a structure fingerprint is."""
    return [(n, m) for n in range(1, 25) for m in ("weight", *module.MOTIFS.get(n, ()))]


@pytest.fixture(scope="module")
def known() -> Fingerprints:
    return fingerprints(group())


def test_a_set_covers_itself(known):
    found = coverage(known, known)

    assert (found.recall, found.precision, found.joint_recall, found.joint_precision) == (1, 1, 1, 1)


def test_strangers_cover_nothing(known):
    metals = fingerprints([bulk("W"), bulk("Cu"), bulk("Ti")])

    found = coverage(metals, known)

    assert (found.recall, found.precision) == (0, 0)


def test_recall_and_precision_are_each_others_mirror(known):
    some = Fingerprints(known.structure[:3], known.composition[:3])

    there, back = coverage(some, known), coverage(known, some)

    assert there.precision == 1 > there.recall
    assert (there.recall, there.joint_recall) == (back.precision, back.joint_precision)


def test_a_structure_here_and_a_formula_there_cover_but_not_jointly():
    one, far = np.zeros((1, 2)), np.full((1, 2), 9.0)
    real = Fingerprints(one, one)
    made = Fingerprints(np.vstack([one, far]), np.vstack([far, one]))

    found = coverage(made, real, Cutoffs(structure=1, composition=1))

    assert found.recall == 1
    assert found.joint_recall == 0


def test_a_crystal_without_structure_counts_and_covers_nothing(known):
    bad = Fingerprints(np.full_like(known.structure, np.nan), known.composition)
    half = Fingerprints(np.vstack([known.structure, bad.structure]), np.vstack([known.composition] * 2))

    assert coverage(bad, known).recall == 0
    assert coverage(half, known).precision == 0.5
    with pytest.raises(DataError, match="both sides"):
        coverage(Fingerprints(known.structure[:0], known.composition[:0]), known)


def test_sites_of_rocksalt_are_octahedra():
    vector = structure_fingerprint(bulk("NaCl", "rocksalt", a=5.64))
    seen = dict(zip(labels(), vector, strict=True))

    assert seen[6, "weight"] == pytest.approx(1, abs=1e-6)
    assert seen[6, "octahedral"] == pytest.approx(1, abs=1e-3)
    assert seen[12, "weight"] == 0


def test_fingerprints_know_no_origin_no_rotation_and_no_supercell():
    atoms = perovskite("Sr", "Ti", "O", 3.9)
    moved = atoms.repeat((1, 1, 2))
    moved.translate([0.3, -1.2, 4.0])
    moved.rotate(33, [1, 2, 3], rotate_cell=True)

    assert_allclose(structure_fingerprint(moved), structure_fingerprint(atoms), atol=1e-6)
    assert_allclose(composition_statistics(moved), composition_statistics(atoms), rtol=1e-12)


def test_statistics_of_water_are_magpies():
    # Z: least 1, greatest 8, range 7, mean 10/3, mean deviation 28/9, mode 1
    assert_allclose(composition_statistics(Atoms("H2O"))[:6], [1, 8, 7, 10 / 3, 28 / 9, 1])
    with pytest.raises(UnknownElementError, match="Z = 96"):
        composition_statistics(Atoms("Fm"))


def test_what_is_no_crystal_has_no_fingerprint():
    assert np.isnan(structure_fingerprint(Atoms("Na2", cell=[4, 4, 4], pbc=True))).all()


def test_stored_fingerprints_are_used_and_damaged_ones_refused(tmp_path, monkeypatch):
    store = tmp_path / "kept.npz"
    first = fingerprints(group()[:2], store=store)
    monkeypatch.setattr(module, "structure_fingerprint", lambda atoms: pytest.fail("computed again"))

    again = fingerprints(group()[:2], store=store)

    assert_allclose(again.structure, first.structure)
    store.write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="remove the file"):
        fingerprints(group()[:2], store=store)


def test_distributions_are_at_no_distance_from_themselves():
    crystals = group()

    assert set(wasserstein(crystals, crystals, lambda c: np.arange(len(c), dtype=float)).values()) == {0.0}
    with pytest.raises(DataError, match="both sides"):
        wasserstein([], crystals)


def test_denser_crystals_are_denser_by_what_was_put_in():
    one, other = [bulk("W", a=3.16)], [bulk("W", a=3.16 / 1.1 ** (1 / 3))]

    found = wasserstein(one, other)

    assert found["density"] == pytest.approx(0.1 * 183.84 * 2 / 0.602214 / 3.16**3, rel=1e-4)
    assert found["elements"] == 0
