"""Options that mean the same in several verbs are one option."""

from __future__ import annotations

import inspect
import re
import typing
from collections import defaultdict
from importlib import import_module

import pytest

from ase_voxpot.cli import PANELS, extra_verbs, main
from ase_voxpot.cli.options import parts

VERBS = [*(verb for verbs in PANELS.values() for verb in verbs), *(v.function for v in extra_verbs().values())]
OWN = {
    "benchmark": {"device", "model", "repeat"},  # several models and devices; how often a call is repeated
    "info": {"model"},  # an argument
    "predict": {"model", "output"},
    "mc": {"pressure", "timestep"},  # of its bursts of dynamics
    "validate": {"timestep"},  # of the run
}
"""What a verb means in its own way by a name that others share."""
EACH = {
    *("count", "elements", "ensemble", "equilibration", "frames", "interval", "md", "output", "plot", "quick", "relax"),
    *("steps", "structure", "temperature"),
}
"""Names of which every verb says itself what they are to it."""
KINDS = {"model": 2, "repeat": 2, "decorations": 2}
"""Potentials and models of crystals; structures that are repeated as told, and crystals with a default of their own;
decorations that give errors by default, and those that are pooled when asked for."""


def options():
    found = defaultdict(dict)
    for verb in VERBS:
        scope = vars(import_module(verb.__module__))
        for name, hint in typing.get_type_hints(verb, globalns=scope, include_extras=True).items():
            if name not in ("return", "context") and name not in OWN.get(verb.__name__, ()):
                found[name][verb.__name__] = hint
    return found


@pytest.mark.parametrize("name", sorted(set(options()) - EACH))
def test_one_name_is_one_option(name):
    different = {id(hint.__metadata__[0]) for hint in options()[name].values()}

    assert len(different) <= KINDS.get(name, 1), f"{name} of {', '.join(options()[name])}"


@pytest.mark.parametrize("name", ["device", "dtype", "json", "lattice", "seed"])
def test_what_all_share_has_one_default(name):
    defaults = {inspect.signature(v).parameters[name].default for v in VERBS if v.__name__ in options()[name]}

    assert len(defaults) == 1


def test_parts_are_cut_at_commas():
    assert parts(" Mo, Ta,,W ") == ["Mo", "Ta", "W"]
    assert parts("") == []


@pytest.mark.parametrize(("verb", "old"), [("select", "--count"), ("select", "--out"), ("physics", "--out")])
def test_older_names_of_options_are_accepted_but_not_listed(verb, old, capsys):
    main([verb, "--help"])
    assert not re.search(rf"{old}\b(?!put)", capsys.readouterr().out)

    assert main([verb, *(["nowhere.xyz"] if verb == "select" else ["-m", "nowhere"]), old, "3"]) == 2
    assert "nowhere" in capsys.readouterr().err

    assert main([verb, "nowhere", f"{old}x", "3"]) == 2
    assert "No such option" in capsys.readouterr().err
