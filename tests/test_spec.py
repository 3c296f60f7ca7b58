"""Specs: refused when they make no sense, the same after a trip through JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Literal

import pytest
from ase.data import chemical_symbols
from hypothesis import given, settings, strategies as st

from ase_voxpot.errors import ConfigError, SpecError
from ase_voxpot.spec import (
    BaselineSpec,
    Cubes,
    DenseSpec,
    Density,
    PlainSpec,
    PotentialSpec,
    SteerableSpec,
    decode,
    encode,
    renew,
)
from tests.models import specification

lengths = st.floats(0.1, 5.0)
widths = st.lists(st.integers(1, 64), max_size=3).map(tuple)
densities = st.builds(Density, cutoff=st.floats(3.0, 8.0), radial=st.integers(1, 32), narrowing=st.floats(0.0, 10.0))
cubes = st.builds(
    Cubes,
    n=st.integers(2, 20),
    spacing=lengths,
    width=lengths,
    cutoff=st.floats(3.0, 8.0),
    radial=st.integers(1, 32),
    lift=st.none() | st.floats(7.5, 30.0),
)
steerable = st.builds(
    SteerableSpec,
    degree=st.integers(0, 8),
    channels=st.integers(1, 64),
    products=st.integers(0, 32),
    product_degree=st.integers(0, 4),
    hidden=widths,
)
others = st.builds(PlainSpec, channels=widths.filter(len), hidden=widths) | st.builds(DenseSpec, hidden=widths)
inputs = st.tuples(densities, steerable) | st.tuples(cubes, others)


@st.composite
def specs(draw):
    species = draw(st.lists(st.sampled_from(chemical_symbols[1:]), min_size=1, max_size=5, unique=True))
    energies = st.lists(st.floats(-100, 100), min_size=len(species), max_size=len(species))
    baseline = draw(
        st.builds(
            BaselineSpec, reference=energies.map(tuple), zbl_inner=st.floats(0.0, 1.0), zbl_outer=st.floats(1.1, 3.0)
        )
    )
    descriptor, network = draw(inputs)
    return PotentialSpec(species=tuple(species), descriptor=descriptor, network=network, baseline=baseline)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(specs())
def test_a_trip_through_json_changes_nothing(spec):
    assert decode(PotentialSpec, json.loads(json.dumps(encode(spec)))) == spec


@settings(deadline=None)
@given(specs(), st.data())
def test_unknown_keys_are_refused_wherever_they_stand(spec, data):
    encoded = encode(spec)
    place = data.draw(st.sampled_from(["", "descriptor", "network", "baseline"]))
    (encoded[place] if place else encoded)["colour"] = 1

    with pytest.raises(ConfigError, match=rf"^{place or 'the top level'}: unknown key 'colour'; known are "):
        decode(PotentialSpec, encoded)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_whatever_comes_is_decoded_or_refused_with_a_sentence(data):
    """One value anywhere in a sound description is replaced by anything JSON can hold."""
    encoded = encode(specification("steerable"))
    table = data.draw(st.sampled_from([encoded, encoded["descriptor"], encoded["network"], encoded["baseline"]]))
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(json_values)

    with contextlib.suppress(ConfigError, SpecError):
        assert isinstance(decode(PotentialSpec, encoded), PotentialSpec)


@given(json_values)
def test_nothing_else_is_a_potential(value):
    with pytest.raises(ConfigError, match="^the top level: "):
        decode(PotentialSpec, value)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("species", "W", "species: expected a list, got 'W'"),
        ("species", [3], r"species\[0\]: expected str, got 3"),
        ("descriptor", None, "descriptor.kind: expected one of 'density', 'cubes', got None"),
        ("descriptor.radial", 4.5, r"descriptor.radial: expected int, got 4.5"),
        ("descriptor.radial", True, "descriptor.radial: expected int, got True"),
        ("descriptor.cutoff", True, "descriptor.cutoff: expected float, got True"),
        ("descriptor.cutoff", "wide", "descriptor.cutoff: expected float, got 'wide'"),
        ("descriptor.cutoff", 10**400, "descriptor.cutoff: expected float, got an integer that is too large"),
        ("network.kind", "deep", r"network.kind: expected one of 'steerable', 'plain', 'dense', got 'deep'"),
        ("network.kind", [], r"network.kind: expected one of 'steerable', 'plain', 'dense', got \[\]"),
        ("network", 7, "network.kind: expected one of .*, got None"),
        ("baseline.reference", [1, "x", 2], r"baseline.reference\[1\]: expected float, got 'x'"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_with_their_place(path, value, sentence):
    encoded = encode(specification("steerable"))
    *tables, key = path.split(".")
    table = encoded
    for name in tables:
        table = table[name]
    table[key] = value

    with pytest.raises(ConfigError, match=f"^{sentence}"):
        decode(PotentialSpec, encoded)


def test_missing_keys_are_named():
    encoded = encode(specification("dense"))
    del encoded["descriptor"]["n"], encoded["descriptor"]["cutoff"]

    with pytest.raises(ConfigError, match="^descriptor: missing key 'n', 'cutoff'"):
        decode(PotentialSpec, encoded)


def test_what_has_a_default_may_be_left_out():
    grid = decode(Cubes, {"n": 5, "spacing": 1, "width": 0.5, "cutoff": 4})

    assert grid == Cubes(n=5, spacing=1.0, width=0.5, cutoff=4.0, radial=1)
    assert isinstance(grid.spacing, float)


def test_the_place_may_be_prefixed():
    with pytest.raises(ConfigError, match="^model.descriptor: missing key 'n'"):
        decode(Cubes, {"spacing": 1.0, "width": 1.0, "cutoff": 4.0}, where="model.descriptor")


@dataclass(frozen=True)
class Recipe:
    """The kinds of fields that configurations use beyond those of a potential."""

    mode: Literal["fast", "slow"] = "fast"
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    limit: int | None = None
    switch: bool = False


def test_tables_choices_and_optional_values_are_decoded():
    recipe = decode(Recipe, {"mode": "slow", "weights": {"forces": 2}, "limit": 3, "switch": True})

    assert recipe == Recipe("slow", {"forces": 2.0}, 3, True)
    assert decode(Recipe, {"limit": None}) == Recipe()
    assert encode(recipe) == {"mode": "slow", "weights": {"forces": 2.0}, "limit": 3, "switch": True}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"mode": "warp"}, "mode: expected one of 'fast', 'slow', got 'warp'"),
        ({"weights": [1]}, r"weights: expected a table, got \[1\]"),
        ({"weights": {"forces": "x"}}, "weights.forces: expected float, got 'x'"),
        ({"limit": "x"}, "limit: expected int, got 'x'"),
        ({"switch": 1}, "switch: expected bool, got 1"),
    ],
)
def test_tables_choices_and_optional_values_are_refused(data, sentence):
    with pytest.raises(ConfigError, match=f"^{sentence}"):
        decode(Recipe, data)


GRID = {"n": 5, "spacing": 1.0, "width": 0.8, "cutoff": 4.0}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n": 1}, "descriptor.n must be at least 2 voxels per edge, got 1"),
        ({"spacing": 0.0}, "descriptor.spacing must be a positive length in Å, got 0.0"),
        ({"spacing": math.nan}, "descriptor.spacing must be a positive length in Å, got nan"),
        ({"spacing": math.inf}, "descriptor.spacing must be a positive length in Å, got inf"),
        ({"width": -1.0}, "descriptor.width must be a positive length in Å, got -1.0"),
        ({"width": math.inf}, "descriptor.width must be a positive length in Å, got inf"),
        ({"cutoff": 20.0}, "descriptor.cutoff must lie between 0 and 20 Å, got 20.0"),
        ({"cutoff": math.nan}, "descriptor.cutoff must lie between 0 and 20 Å, got nan"),
        ({"radial": 0}, "descriptor.radial must lie between 1 and 32 functions, got 0"),
        ({"radial": 33}, "descriptor.radial must lie between 1 and 32 functions, got 33"),
        ({"lift": 0.7}, "descriptor.lift must exceed a fifth of the cutoff"),
    ],
)
def test_grids_that_make_no_sense_are_refused(changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        Cubes(**(GRID | changes))


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        (SteerableSpec, {"degree": 9}, "network.degree must lie between 0 and 8, got 9"),
        (SteerableSpec, {"degree": -1}, "network.degree must lie between 0 and 8, got -1"),
        (SteerableSpec, {"channels": 0}, "network.channels must be at least 1, got 0"),
        (SteerableSpec, {"products": -1}, "network.products must not be negative, got -1"),
        (SteerableSpec, {"product_degree": -1}, "network.product_degree must not be negative, got -1"),
        (SteerableSpec, {"hidden": (8, 0)}, r"network.hidden must hold positive widths, got \(8, 0\)"),
        (PlainSpec, {"channels": ()}, "network.channels must name at least one convolution"),
        (PlainSpec, {"channels": (4, 0)}, "network widths must be positive"),
        (DenseSpec, {"hidden": (0,)}, r"network.hidden must hold positive widths, got \(0,\)"),
        (BaselineSpec, {"reference": (math.nan,)}, "baseline.reference must be finite"),
        (
            BaselineSpec,
            {"reference": (1.0,), "zbl_inner": 2.0, "zbl_outer": 2.0},
            "baseline needs 0 <= zbl_inner < zbl",
        ),
        (BaselineSpec, {"reference": (1.0,), "zbl_inner": -0.1}, "baseline needs 0 <= zbl_inner < zbl_outer, got -0.1"),
    ],
)
def test_networks_and_baselines_that_make_no_sense_are_refused(kind, changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        kind(**changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"species": ()}, "species must name at least one chemical element"),
        ({"species": ("Mo", "Ta", "Xx")}, "species must be chemical symbols, got Xx"),
        ({"species": ("W", "Ta", "W")}, "species must be distinct"),
        ({"species": ("W", "Ta")}, r"baseline.reference needs one energy per species \(2\), got 3"),
        ({"descriptor": Density(cutoff=2.0)}, r"baseline.zbl_outer \(2.2 Å\) must not exceed descriptor.cutoff"),
        ({"descriptor": Cubes(**GRID)}, "a steerable network reads 'density', got 'cubes'"),
    ],
)
def test_potentials_whose_parts_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        dataclasses.replace(specification("steerable"), **changes)


def test_specs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        specification("dense").descriptor.n = 7  # type: ignore[misc]


def test_channels_are_species_times_radial_functions():
    assert specification("steerable").channels == 24
    assert specification("plain").channels == 3


class TestOlderSchemas:
    GRID = {"n": 16, "spacing": 0.7, "width": 1.2, "cutoff": 5.0, "shells": 8, "lift": 1.5}
    STEERABLE = {"kind": "steerable", "filter_width": 0.9, "channels": 4}

    def test_a_window_that_was_undone_leaves_nothing(self):
        new = renew({"species": ["W"], "grid": self.GRID, "network": self.STEERABLE})

        assert new["descriptor"] == {"kind": "density", "cutoff": 5.0, "radial": 8, "narrowing": 0.0}
        assert new["network"] == {"kind": "steerable", "channels": 4}
        assert "grid" not in new

    @pytest.mark.parametrize("lift", [None, 3.0])
    def test_a_window_becomes_the_narrowing(self, lift):
        new = renew({"grid": self.GRID | {"lift": lift}, "network": self.STEERABLE})

        assert new["descriptor"]["narrowing"] == pytest.approx(1 / 2.25 - (1 / 9 if lift else 0))

    def test_defaults_of_then_are_kept(self):
        new = renew({"grid": {"n": 8, "spacing": 1, "width": 1, "cutoff": 4}})

        assert new["descriptor"] == {"kind": "density", "cutoff": 4, "radial": 1, "narrowing": 0.5}

    def test_cubes_stay_cubes(self):
        new = renew({"grid": self.GRID, "network": {"kind": "plain"}})

        expected = {k: v for k, v in self.GRID.items() if k != "shells"} | {"kind": "cubes", "radial": 8}
        assert new["descriptor"] == expected

    @given(json_values, json_values)
    def test_what_makes_no_sense_is_left_to_decode(self, grid, network):
        new = renew({"grid": grid, "network": network})

        with pytest.raises((ConfigError, SpecError)):
            decode(PotentialSpec, new)
