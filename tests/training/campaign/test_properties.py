"""Properties of crystals by potentials and labellers: values, reasons, what is computed again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.neighborlist import neighbor_list

from ase_voxpot.tasks.executors import Serial
from ase_voxpot.weights import find_model
from voxpot_training.campaign.comparison import PropertyTask, by_crystal, labeller_tasks
from voxpot_training.campaign.config import AlloyConfig, LabellerConfig, LearnConfig, ReportConfig
from voxpot_training.campaign.crystals import crystals_of
from voxpot_training.campaign.labellers.calculator import LabellerCalculator
from voxpot_training.campaign.labellers.outcome import Label, LabellerError, Waiting
from voxpot_training.campaign.properties import measured
from voxpot_training.campaign.property_table import property_rows
from voxpot_training.campaign.records import Stage

CUAU = AlloyConfig(species=("Cu", "Au"))


class Pairs(Calculator):
    """A pair potential with its minimum at the neighbours of fcc copper; without a stress, or for some sizes alone."""

    implemented_properties = ["energy", "forces", "stress"]

    def __init__(self, *, stress=True, refused=()):
        super().__init__()
        self.stress, self.refused = stress, refused

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if len(self.atoms) in self.refused:
            raise RuntimeError(f"{len(self.atoms)} atoms are too many")
        i, d, vector = neighbor_list("idD", self.atoms, 4.6)
        fade = (1 - (d / 4.6) ** 2).clip(min=0) ** 3
        slope = -6 * d / 4.6**2 * (1 - (d / 4.6) ** 2).clip(min=0) ** 2
        shape = np.exp(-4 * (d - 2.6)) - 2 * np.exp(-2 * (d - 2.6))
        energy = shape * fade
        pull = (-4 * np.exp(-4 * (d - 2.6)) + 4 * np.exp(-2 * (d - 2.6))) * fade + shape * slope
        pair = (pull / d)[:, None] * vector
        forces = np.zeros((len(self.atoms), 3))
        np.add.at(forces, i, pair)
        self.results = {"energy": 0.5 * energy.sum(), "forces": forces}
        if self.stress:
            tensor = 0.5 * np.einsum("pi,pj->ij", pair, vector) / self.atoms.get_volume()
            self.results["stress"] = tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def named(alloy, name, **options):
    return next(c for c in crystals_of(alloy, **options) if c.name == name)


@pytest.mark.parametrize(
    ("species", "lattice", "names"),
    [
        (("Cu", "Au"), "", ["Cu, fcc", "Au, fcc", "Au3Cu, L1_2", "Cu3Au, L1_2", "CuAu, L1_0"]),
        (("Mo", "Ta", "W"), "", ["Mo, bcc", "Ta, bcc", "W, bcc", "MoTa, B2", "MoW, B2", "TaW, B2"]),
        (("Si", "Ge"), "", ["Si, diamond", "Ge, diamond", "SiGe, B3"]),
        (("Mg", "Ti"), "hcp", ["Mg, hcp", "Ti, hcp"]),
    ],
)
def test_crystals_are_elements_and_compounds_each_once(species, lattice, names):
    alloy = AlloyConfig(species=species, lattice=lattice)
    assert [c.name for c in crystals_of(alloy)] == names
    assert [c.name for c in crystals_of(alloy, compounds=False)] == names[: len(species)]


@pytest.mark.parametrize(
    ("alloy", "name", "like", "unlike"),
    [
        (CUAU, "Cu3Au, L1_2", 0, 12),
        (CUAU, "CuAu, L1_0", 4, 8),
        (AlloyConfig(species=("Mo", "W")), "MoW, B2", 0, 8),
        (AlloyConfig(species=("Si", "Ge")), "SiGe, B3", 0, 4),
    ],
)
def test_compounds_have_the_neighbours_of_their_order(alloy, name, like, unlike):
    atoms = named(alloy, name).build()
    rare = alloy.species[1]
    nearest = neighbor_list("d", atoms, 5.0).min()
    i, j = neighbor_list("ij", atoms, 1.1 * nearest)
    around = atoms.symbols[j[i == list(atoms.symbols).index(rare)]]
    assert (sum(s == rare for s in around), sum(s != rare for s in around)) == (like, unlike)


def test_constants_of_a_metal_agree_with_its_equation_of_state():
    """For a cubic crystal B is (C11 + 2 C12) / 3; for pairs at rest C12 is C44 (Cauchy)."""
    found = measured(named(CUAU, "Cu, fcc"), Pairs())
    values = found["values"]

    assert not found["reasons"]
    assert set(values) == {"energy", "a0", "B", "C11", "C12", "C44", "E_vac"}
    assert values["B"] == pytest.approx((values["C11"] + 2 * values["C12"]) / 3, rel=0.01)
    assert values["C12"] == pytest.approx(values["C44"], rel=0.01)
    cell = bulk("Cu", a=values["a0"])
    cell.calc = Pairs()
    assert np.abs(cell.get_stress()).max() < 1e-4
    assert values["energy"] == pytest.approx(cell.get_potential_energy())
    # nearly the energy of its bonds, half of which the atom shares with the crystal at rest
    assert values["E_vac"] == pytest.approx(-values["energy"], rel=0.1)


def test_a_compound_with_one_axis_has_the_constants_of_its_shape():
    """At a fixed shape B is the Voigt mean, (2 C11 + C33 + 2 C12 + 4 C13) / 9."""
    found = measured(named(CUAU, "CuAu, L1_0"), EMT())
    values = found["values"]

    assert not found["reasons"]
    assert values["c"] < 0.95 * values["a0"]
    voigt = (2 * values["C11"] + values["C33"] + 2 * values["C12"] + 4 * values["C13"]) / 9
    assert values["B"] == pytest.approx(voigt, rel=0.02)
    assert "E_vac" not in values


def test_what_fails_has_its_reason_and_the_rest_is_computed():
    without = measured(named(CUAU, "Cu, fcc"), Pairs(refused=(107,)))

    assert without["reasons"] == {"E_vac": "RuntimeError: 107 atoms are too many"}
    assert set(without["values"]) == {"energy", "a0", "B", "C11", "C12", "C44"}


def test_without_a_stress_every_property_has_the_reason():
    found = measured(named(CUAU, "Cu, fcc"), Pairs(stress=False))

    assert not found["values"]
    assert set(found["reasons"]) == {"energy", "a0", "B", "C11", "C12", "C44", "E_vac"}
    assert all("stress" in reason for reason in found["reasons"].values())


def model_tasks(alloy):
    weights = str(find_model("motaw"))
    return [PropertyTask(crystal=c, method="motaw", weights=weights) for c in crystals_of(alloy)]


def test_properties_by_a_model_are_computed_once_and_compounds_have_formation_energies(tmp_path):
    tasks = model_tasks(AlloyConfig(species=("Mo", "W")))
    seen = []
    found = by_crystal(tasks, tmp_path, Serial(), observe=seen.append)
    times = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}

    assert list(found) == ["Mo, bcc", "W, bcc", "MoW, B2"]
    assert seen == ["properties"] * 3
    energy = {name: one["values"]["energy"] for name, one in found.items()}
    formation = 1000 * (energy["MoW, B2"] - (energy["Mo, bcc"] + energy["W, bcc"]) / 2)
    assert found["MoW, B2"]["values"]["formation"] == pytest.approx(formation)
    assert -30 < formation < 0  # Mo and W mix
    assert found["W, bcc"]["values"]["a0"] == pytest.approx(3.19, abs=0.01)
    assert by_crystal(tasks, tmp_path, Serial(), observe=seen.append) == found
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == times


def test_a_compound_of_an_element_without_energy_names_it(tmp_path):
    found = by_crystal(model_tasks(AlloyConfig(species=("W", "Nb"))), tmp_path, Serial(), observe=lambda text: None)

    assert not found["Nb, bcc"]["values"]
    assert "the model knows Mo, Ta, W" in found["WNb, B2"]["reasons"]["formation"]
    assert found["W, bcc"]["values"]["E_vac"] > 3


def test_a_task_that_cannot_be_made_gives_its_error_for_every_property(tmp_path):
    task = replace(model_tasks(AlloyConfig(species=("W",)))[0], weights=str(tmp_path / "none.safetensors"))

    found = by_crystal([task], tmp_path / "out", Serial(), observe=lambda text: None)

    assert "none.safetensors" in found["W, bcc"]["reasons"]["a0"]
    assert not found["W, bcc"]["values"]


@pytest.mark.parametrize(
    ("use", "report", "per_atom", "count", "told"),
    [
        ("ase.calculators.emt:EMT", ReportConfig(), 1e-3, 5, ""),
        ("ase.calculators.emt:EMT", ReportConfig(properties="elements"), 1e-3, 2, ""),
        ("ase.calculators.emt:EMT", ReportConfig(properties="none"), 1e-3, 0, ""),
        ("ase.calculators.emt:EMT", ReportConfig(reference=0), 1e-3, 0, ""),
        ("ase.calculators.emt:EMT", ReportConfig(), 10.0, 0, "more than report.reference = 300; they are left out."),
        ("label.sh {input} {output}", ReportConfig(), 1e-3, 0, ""),
    ],
)
def test_a_labeller_is_the_reference_if_it_is_a_calculator_and_cheap(use, report, per_atom, count, told):
    config = LearnConfig(alloy=CUAU, labeller=LabellerConfig(use=use), report=report)
    tasks, sentence = labeller_tasks(config, per_atom)

    assert len(tasks) == count
    assert sentence.endswith(told)
    assert bool(sentence) == bool(told)


class Fixed:
    """A labeller that answers with one label."""

    name = "fixed"

    def __init__(self, answer):
        self.answer = answer

    def label(self, atoms, folder):
        assert folder.is_dir()
        return self.answer


def test_a_labeller_serves_as_a_calculator():
    atoms = bulk("Cu")
    label = Label(energy=-1.5, forces=np.ones((1, 3)), stress=np.arange(6.0))
    atoms.calc = LabellerCalculator(Fixed(label))

    assert atoms.get_potential_energy() == atoms.get_potential_energy(force_consistent=True) == -1.5
    assert atoms.get_forces().tolist() == [[1, 1, 1]]
    assert atoms.get_stress().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_labeller_that_answers_later_is_no_calculator():
    atoms = bulk("Cu")
    atoms.calc = LabellerCalculator(Fixed(Waiting("there")))

    with pytest.raises(LabellerError, match="fixed computes later"):
        atoms.get_potential_energy()


def test_the_table_has_a_row_for_every_property_and_writes_a_reason_once():
    before = {"Cu, fcc": {"values": {"energy": -3.0}, "reasons": {"a0": "no volume", "B": "no volume"}}}
    after = json.loads(json.dumps({"Cu, fcc": {"values": {"energy": -3.0, "a0": 3.61234, "B": 140.2}, "reasons": {}}}))
    rows = property_rows([Stage(name="round 0", crystals=before), Stage(name="round 1", crystals=after)])

    assert rows == [
        ["Cu, fcc", "lattice constant (Å)", "no volume", "3.6123"],
        ["", "bulk modulus (GPa)", "as above", "140"],
    ]
