"""Crystals in the order of their formation energies by a potential, and how far they are above the hull."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_voxpot.errors import ConfigError, WeightsError
from ase_voxpot.methods import Method
from ase_voxpot.properties.formation import elements_at_rest, formation_energy
from tests.saved import save_tiny_and_certain
from voxpot_crystals.verbs.measures import ByModel
from voxpot_crystals.verbs.ranking import potential_of, ranked, ranking_of, relaxing

HERE = {"workers": 1, "scheduler": None}


def pair(first: str, second: str, edge: float = 3.25) -> Atoms:
    return Atoms([first, second], scaled_positions=[[0, 0, 0], [0.5] * 3], cell=edge * np.eye(3), pbc=True)


def crystals() -> list[Atoms]:
    found = [pair("Mo", "W", 3.18), pair("Mo", "Ta"), pair("Mo", "Nb"), bulk("W", a=3.19)]
    for index, atoms in enumerate(found):
        atoms.info["index"] = index
    return found


def test_a_potential_ranks_by_formation_energy_and_says_what_it_does_not_know(capsys):
    ranking, figures = ranking_of("motaw-fast", hull=False), {}
    made = crystals()
    found = ranked(made, ranking, [], figures, **HERE)

    method = Method(text="motaw-fast", dtype="float64")
    calculator, rest = method.make(), elements_at_rest(method)
    assert [a.info["index"] for a in found[:3]] == [1, 0, 3]
    for atoms in found[:3]:
        energy = calculator.get_potential_energy(atoms)
        assert atoms.info["formation_energy"] == pytest.approx(formation_energy(atoms, energy, rest), abs=1e-6)
        assert 0 < atoms.info["energy_uncertainty"] < 0.1
        assert "energy_above_hull" not in atoms.info
    assert found[2].info["formation_energy"] == pytest.approx(0, abs=1e-3)
    reasons = {a.info["index"]: a.info["not_predicted"] for a in found[3:]}
    assert set(reasons) == {2}
    assert "Nb" in reasons[2]
    assert [row["index"] for row in figures["ranked"]] == [a.info["index"] for a in found]
    shown = capsys.readouterr().out
    assert "formation energy by motaw-fast, eV/atom" in shown
    assert "above the hull" not in shown


def test_known_crystals_span_a_hull_that_new_ones_are_measured_from(capsys):
    pytest.importorskip("pymatgen")
    known = [pair("Mo", "Ta"), pair("Ba", "O"), pair("Mo", "Ta", 3.6)]
    found = ranked(crystals(), ranking_of("motaw-fast", hull=True), known, {}, **HERE)
    of = {a.info["index"]: a.info for a in found}

    assert of[1]["energy_above_hull"] == pytest.approx(0, abs=1e-6)
    assert of[0]["energy_above_hull"] == pytest.approx(of[0]["formation_energy"])  # of Mo and W nothing is known
    assert of[3]["energy_above_hull"] == pytest.approx(of[3]["formation_energy"])
    assert "energy_above_hull" not in of[2]
    above = [a.info["energy_above_hull"] for a in found[:3]]
    assert above == sorted(above)
    assert "above the hull" in capsys.readouterr().out
    ranking = ranking_of("motaw-fast", hull=False)
    assert ranking.caption({"formation_energy": -0.1234, "energy_above_hull": 0.01}) == "−0.123 eV/atom\nhull +0.010"
    assert ranking.caption({"not_predicted": "why"}) == ""


def test_workers_give_what_one_process_gives(tmp_path, monkeypatch):
    pytest.importorskip("pymatgen")
    monkeypatch.setattr(import_module("voxpot_crystals.verbs.measures"), "PORTION", 2)
    ranking, known = ranking_of(str(save_tiny_and_certain(tmp_path)), hull=True), [pair("Mo", "Ta"), pair("Ta", "W")]

    alone, shared = (ranked(crystals(), ranking, known, {}, workers=workers, scheduler=None) for workers in (1, 2))

    assert [a.info for a in alone] == [a.info for a in shared]
    assert "energy_above_hull" in alone[0].info


def test_names_and_files_of_potentials_and_of_other_models_are_told_apart(tmp_path):
    path = str(save_tiny_and_certain(tmp_path))

    assert potential_of("nbmotaw").name == "nbmotaw"
    assert potential_of(path).name == "certain"
    assert potential_of("cgcnn-perov") is None
    assert potential_of("ase.calculators.emt:EMT") is None
    assert isinstance(ranking_of("cgcnn-perov", hull=True), ByModel)
    with pytest.raises(WeightsError, match=r"cgcnn-perov.*nor of a potential \(motaw, motaw-fast, nbmotaw\)"):
        ranking_of("nothing", hull=False)


def test_crystals_relax_with_a_potential_by_its_name_or_with_any_calculator():
    assert relaxing("nbmotaw").own
    assert not relaxing("ase.calculators.emt:EMT").own
    with pytest.raises(ConfigError, match=r"relax: expected a potential \(motaw, .* got 'emt'"):
        relaxing("emt")
