from __future__ import annotations

import pytest

from ase_voxpot.physics.references import LAWS, QUANTITIES, REFERENCES, Reference
from ase_voxpot.physics.report import Row, apart, cell, compositions, markdown, rows, summary_of, to_json, verdict

ANSWERS = {
    "good": {("eos", "W"): {"figures": {"a0": 3.191}, "curves": {}}, ("mixing", "MoW"): {"figures": {"E_B2": -8.0}}},
    "bad": {("eos", "W"): {"figures": {"a0": 3.3}, "curves": {}}, ("mixing", "MoW"): {"error": "it broke"}},
}


def test_every_reference_is_of_a_known_quantity_and_names_its_source():
    for known in (*REFERENCES.values(), LAWS):
        for name, reference in known.items():
            assert name in QUANTITIES
            assert reference.source


def test_a_tolerance_is_a_share_or_an_amount():
    share = Reference(value=-200, source="x", tolerance=0.1)
    amount = Reference(value=0, source="x", tolerance=5, relative=False)

    assert share.accepts(-185)
    assert not share.accepts(-225)
    assert amount.accepts(-5)
    assert not amount.accepts(5.1)


def test_rows_put_elements_before_alloys_and_calculators_side_by_side():
    found = rows(ANSWERS)

    assert [(r.subject, r.quantity) for r in found] == [("W", "a0"), ("MoW", "E_B2")]
    assert found[0].values == {"good": 3.191, "bad": 3.3}
    assert found[1].values == {"good": -8.0, "bad": None}


def test_verdicts():
    lattice, mixed = rows(ANSWERS)

    assert verdict(lattice, "good") == "inside"
    assert verdict(lattice, "bad") == "outside"
    assert verdict(mixed, "good") == verdict(mixed, "bad") == ""


@pytest.mark.parametrize(
    ("subject", "quantity", "value", "far"),
    [
        ("W", "C44", 141 * 1.049, False),
        ("W", "C44", 141 * 1.051, True),  # its own tolerance is 10 %
        ("W", "E_vac", 3.23 - 0.14, False),
        ("W", "E_vac", 3.23 - 0.16, True),
        ("MoTa", "F_B2", REFERENCES["MoTa"]["F_B2"].value + 4.9, False),
        ("MoTa", "F_B2", REFERENCES["MoTa"]["F_B2"].value + 5.1, True),
    ],
)
def test_one_rule_tells_what_is_apart_from_pbe(subject, quantity, value, far):
    row = Row(subject=subject, quantity=quantity, reference=REFERENCES[subject][quantity], values={"m": value})

    assert apart([row], "m") == ([row] if far else [], 1)
    assert (f": {subject} {quantity}" in summary_of([row], "m")) is far


def test_only_pbe_and_known_values_are_counted():
    measured = Row(subject="W", quantity="nu_max", reference=REFERENCES["W"]["nu_max"], values={"m": 9.0})
    missing = Row(subject="W", quantity="C11", reference=REFERENCES["W"]["C11"], values={"m": None})

    assert apart([measured, missing], "m") == ([], 0)
    assert summary_of([measured, missing], "m") == "0 of 1 figures within their tolerance"


@pytest.mark.parametrize(
    ("subject", "quantity", "value", "text"),
    [
        ("W", "a0", 3.191, "3.1910 (+0.03 %) ✓"),
        ("W", "C44", 120.0, "120 (-14.9 %) ✗"),
        ("W", "C44_finite", 120.0, "120 (-16.1 %) ✗"),
        ("W", "E_vac", 3.5, "3.50 ✓"),
        ("W", "zener", 0.85, "0.85"),
        ("W", "C11", None, "–"),
    ],
)
def test_a_cell_shows_value_deviation_and_verdict(subject, quantity, value, text):
    row = Row(subject=subject, quantity=quantity, reference=REFERENCES[subject].get(quantity), values={"m": value})

    assert cell(row, "m") == text


def test_the_document_holds_the_table_and_the_sources():
    text = markdown(rows(ANSWERS), ["good", "bad"], title="Physics of W")

    assert "| lattice constant (Å) | 3.1900 | 3.1910 (+0.03 %) ✓ | 3.3000 (+3.45 %) ✗ |" in text
    assert "| mixing, B2 (meV/atom) | – | -8.0 | – |" in text
    assert "PBE, same data" in text


def test_plain_data_hold_the_same():
    lattice, mixed = to_json(rows(ANSWERS))

    assert lattice["reference"]["value"] == 3.190
    assert lattice["values"]["good"] == {"value": 3.191, "deviation": pytest.approx(0.001), "verdict": "inside"}
    assert mixed["values"]["bad"] == {"value": None, "deviation": None, "verdict": None}
    assert mixed["unit"] == "meV/atom"


def test_compositions_stand_side_by_side():
    curves = {"compositions": [0.25, 0.5], "deviations": [0.5, -1.25], "maes": [0.5, 2.0]}

    text = compositions({"good": {("dft-mixing", "MoW"): {"figures": {}, "curves": curves}}, "bad": {}})

    assert "| | 0.25 | 0.5 |" in text
    assert "| good | +0.5 / 0.5 | -1.2 / 2.0 |" in text
    assert compositions(ANSWERS) == ""
