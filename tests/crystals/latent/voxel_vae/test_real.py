"""On crystals of the perov-5 set, which others have scored before."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ase_voxpot.frames.labels import read_frames
from voxpot_crystals.latent.voxel_vae import fingerprints as module
from voxpot_crystals.latent.voxel_vae.assess import Judge, assess_known, assess_substitution
from voxpot_crystals.latent.voxel_vae.fingerprints import composition_statistics, structure_fingerprint
from voxpot_crystals.latent.voxel_vae.validity import validity
from voxpot_crystals.structures.matching import STOL

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("VOXPOT_DATA" not in os.environ, reason="needs the data in VOXPOT_DATA"),
]


def crystals(name: str, index: str = ":"):
    return read_frames(Path(os.environ["VOXPOT_DATA"]) / "crystal" / f"{name}.extxyz.gz", index)


def test_perovskites_of_the_set_are_valid():
    found = validity(crystals("perov5_val"))

    assert found.structure == 1
    # SMACT itself says 0.98733
    assert found.composition == pytest.approx(0.9873, abs=5e-4)


def test_the_spreads_are_those_of_the_materials_project():
    heavy = len(module._properties())
    real = [a for a in crystals("mp_flla_2015") if a.numbers.max() < heavy]

    table = np.std([composition_statistics(a) for a in real], axis=0)

    np.testing.assert_allclose(module._spreads(), table, rtol=1e-4)


def test_fingerprints_are_those_of_matminer():
    composite = pytest.importorskip("matminer.featurizers.composition.composite")
    sites = pytest.importorskip("matminer.featurizers.site.fingerprint")
    adaptor = pytest.importorskip("pymatgen.io.ase").AseAtomsAdaptor
    magpie, ops = composite.ElementProperty.from_preset("magpie"), sites.CrystalNNFingerprint.from_preset("ops")
    for atoms in crystals("perov5_val", "::400"):
        structure = adaptor.get_structure(atoms)
        site = np.mean([ops.featurize(structure, k) for k in range(len(structure))], axis=0)
        np.testing.assert_allclose(structure_fingerprint(atoms), site, atol=1e-9)
        np.testing.assert_allclose(composition_statistics(atoms), magpie.featurize(structure.composition), atol=0.02)


@pytest.mark.slow
def test_baseline_and_known_crystals_are_judged_alike():
    pytest.importorskip("pymatgen")
    some = crystals("perov5_val", "::40")
    train, held = some[::2], some[1::2]

    found = assess_substitution(train, held, count=15)
    known = assess_known(train, held, count=15)

    assert found.validity.structure == known.validity.structure == 1
    assert found.validity.composition > 0.8
    assert known.novel == 0
    # jointly near is near on either side
    assert found.coverage.joint_precision <= found.coverage.precision <= 1
    assert found.wasserstein["elements"] < 0.5
    assert found.rows()["made"] == "15 of 15"
    # no crystal that is held out is among those of the training
    assert known.recovered is not None
    assert known.recovered.metre == 0
    assert known.recovered.crmse == STOL
    assert known.stable is None


def test_stable_crystals_are_expected_with_the_error_of_their_prediction():
    pytest.importorskip("pymatgen")
    some = crystals("perov5_val", "::40")
    train, held = some[::2], some[1::2]

    def low(atoms):
        return np.full(len(atoms), -1.0), np.full(len(atoms), 0.1)

    def unsure(atoms):
        return np.full(len(atoms), 0.2), np.full(len(atoms), 0.1)

    sure, half = (assess_known(train, held, count=10, judge=Judge(f)) for f in (low, unsure))

    assert sure.stable == pytest.approx(1)
    assert half.stable == pytest.approx(0.5)
    assert sure.stable_unique_novel == 0  # as they are known
