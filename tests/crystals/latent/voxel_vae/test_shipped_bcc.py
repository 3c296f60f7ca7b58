"""icsg3d-bcc: ordered compounds to latent vectors and back, new ones, and their way to a formation energy."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.io import read, write

from ase_voxpot.cli import main
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.voxel_vae.generation import load_generator
from voxpot_crystals.latent.voxel_vae.validity import validity
from voxpot_training.campaign.compounds import enumerated

CONSTANTS = {"Nb": 3.322, "Mo": 3.169, "Ta": 3.322, "W": 3.19}


@pytest.fixture(scope="module")
def generator():
    return load_generator("icsg3d-bcc")


@pytest.fixture(scope="module")
def originals():
    return enumerated(CONSTANTS, lattice="bcc", most=4, longest=8.2, number=40, seed=5)


def test_compounds_come_back(generator, originals):
    scores = score_reconstructions(originals, generator.codec.reconstruct(originals))

    assert scores.failed == 0
    assert scores.wrong_count < 0.1
    assert scores.position_actual < 0.2
    assert scores.species_actual < 0.1
    assert scores.length < 0.1


def test_draws_are_compounds_of_a_few_atoms_with_the_volume_of_their_elements(generator):
    found = generator.sample(30, rng=np.random.default_rng(1))
    made = [d.atoms for d in found if d.atoms is not None]

    assert len(made) >= 28
    assert validity(made).both > 0.9
    assert sum(2 <= len(a) <= 6 for a in made) >= 27
    per_atom = [a.cell.volume / len(a) for a in made]
    lattice = [np.mean([CONSTANTS[s] ** 3 / 2 for s in a.get_chemical_symbols()]) for a in made]
    assert np.median(np.abs(np.divide(per_atom, lattice) - 1)) < 0.03


def test_a_generated_compound_gets_its_energy_from_a_potential_by_any_number_of_workers(originals, tmp_path, capsys):
    pytest.importorskip("pymatgen")
    write(tmp_path / "known.extxyz", originals)
    words = ["generate", "-m", "icsg3d-bcc", "-n", "6", "--relax", "nbmotaw", "--rank", "nbmotaw"]
    words += ["--known", str(tmp_path / "known.extxyz"), "--json", str(tmp_path / "f.json")]

    found = {}
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.extxyz"
        assert main([*words, "-o", str(out), "--workers", workers, "--plot", str(tmp_path / "p.png")]) == 0
        found[workers] = out.read_bytes(), (tmp_path / "f.json").read_bytes()

    assert found["1"] == found["2"]
    assert "of 6 below the hull" in capsys.readouterr().out
    rows = json.loads((tmp_path / "f.json").read_text())["ranked"]
    assert [row["energy_above_hull"] for row in rows] == sorted(row["energy_above_hull"] for row in rows)
    for atoms in read(tmp_path / "1.extxyz", ":"):
        assert atoms.info["relaxed"] == "reached"
        assert -0.3 < atoms.info["formation_energy"] < 0.3
        assert (tmp_path / "p.png").stat().st_size > 0
