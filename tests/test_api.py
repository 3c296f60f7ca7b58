"""Names that scripts import: exported, there, and described on one page."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests import api

USED = sorted(api.used())


def place(wanted: api.Imported) -> str:
    return f"{wanted.module}.{wanted.name}"


def test_examples_and_guide_import_something():
    assert len(USED) > 30
    assert api.Imported("ase_voxpot.structures", "random_alloy") in USED


@pytest.mark.parametrize("wanted", USED, ids=place)
def test_names_of_examples_and_guide_are_exported(wanted):
    assert wanted.name in api.exported(wanted.module)


@pytest.mark.parametrize("wanted", USED, ids=place)
def test_names_of_examples_and_guide_can_be_imported(wanted):
    if wanted.module == "ase_voxpot.torchsim":
        pytest.importorskip("torch")
    assert getattr(import_module(wanted.module), wanted.name).__doc__


def test_the_page_is_that_of_the_sources():
    assert api.PAGE.read_text(encoding="utf-8") == api.page(), "write the page anew with: python -m tests.api"


def test_a_name_that_is_not_exported_would_be_found():
    wanted = api.imports("from ase_voxpot.structures import _hidden, random_alloy\nimport numpy as np")

    assert wanted == {
        api.Imported("ase_voxpot.structures", "_hidden"),
        api.Imported("ase_voxpot.structures", "random_alloy"),
    }
    assert "_hidden" not in api.exported("ase_voxpot.structures")


def test_a_change_of_a_signature_would_be_found():
    entry = api.entry(api.Imported("ase_voxpot", "load_potential"))

    assert "model: str | Path = 'motaw'" in entry
    assert entry in api.page()
