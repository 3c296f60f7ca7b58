"""A crystal that was decoded should have the latent vector that it was decoded from."""

from __future__ import annotations

import numpy as np
from ase.build import bulk
from ase.io import read, write
from typer.testing import CliRunner

from ase_voxpot.cli import app
from voxpot_crystals.latent.decoded import Decoded
from voxpot_crystals.latent.structure_field import load_codec
from voxpot_crystals.latent.trust import latent_gaps
from voxpot_crystals.regression.hirshfeld.views import perovskite


def test_the_right_crystal_has_no_gap_and_a_wrong_one_has():
    codec = load_codec("nesf-lcs6a")
    right, wrong = perovskite("Sr", "Ti", "O", 3.91), perovskite("Sr", "Ti", "O", 3.91)
    wrong.positions[4] += (0.6, 0.4, 0)
    foreign = bulk("Xe", "fcc", a=6.2)
    latent = np.repeat(codec.encode(codec.see([right])), 4, axis=0)
    found = [Decoded(right), Decoded(wrong), Decoded(foreign), Decoded(None, "no atom")]
    gaps = latent_gaps(codec, latent, found)
    assert gaps[0] < 1e-5
    assert gaps[1] > 0.1
    assert np.isinf(gaps[2])
    assert np.isnan(gaps[3])


def test_reconstruct_tells_the_gap_of_every_crystal(tmp_path):
    write(tmp_path / "some.extxyz", [perovskite("Sr", "Ti", "O", 3.91), bulk("NaCl", "rocksalt", a=5.64, cubic=True)])
    words = ["reconstruct", str(tmp_path / "some.extxyz"), "-m", "nesf-lcs6a", "-o", str(tmp_path / "back.extxyz")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "doubtful (latent_gap above 0.005)" in " ".join(result.output.split())
    assert all(0 <= a.info["latent_gap"] < 1 for a in read(tmp_path / "back.extxyz", ":"))
