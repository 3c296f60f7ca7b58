from __future__ import annotations

import pytest

from ase_voxpot.md.records import Records
from tests.saved import save_tiny


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models"))


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "run")
