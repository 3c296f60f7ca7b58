from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from ase_voxpot import cli
from ase_voxpot.errors import ConfigError, MissingPackageError
from ase_voxpot.extensions import Verb, extensions, load_extension


def point(value: str) -> EntryPoint:
    return EntryPoint("thing", value, "voxpot.verbs")


@pytest.mark.parametrize("group", ["voxpot.verbs", "voxpot.trainers", "voxpot.models"])
def test_everything_that_the_distribution_names_can_be_loaded(group):
    found = extensions(group)

    assert found
    assert list(found) == sorted(found)
    for entry in found.values():
        assert load_extension(entry) is not None


@pytest.mark.parametrize("value", ["no_such_package.verb:IT", "ase_voxpot.errors:NotThere"])
def test_what_cannot_be_loaded_is_named(value):
    with pytest.raises(ConfigError, match=f"thing of {value} cannot be loaded"):
        load_extension(point(value))


def test_a_missing_optional_package_has_its_command(monkeypatch, tmp_path):
    (tmp_path / "needs_torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(MissingPackageError, match="pip install"):
        load_extension(point("needs_torch:IT"))


def test_a_broken_command_stops_no_other(monkeypatch):
    monkeypatch.setattr(cli, "extensions", lambda group: {"thing": point("no_such_package:IT")})

    broken = cli.extra_verbs()["thing"]

    assert isinstance(broken, Verb)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        broken.function()
