"""Optional packages: what is not installed, or does not fit, is told with the command that installs it."""

from __future__ import annotations

import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from ase_voxpot import extras
from ase_voxpot.errors import MissingPackageError

DECLARED = [
    "numpy>=2.0",
    'torch<3,>=2.4; extra == "train"',
    'torch-sim-atomistic>=0.3; python_version < "3.0" and extra == "torch-sim"',
    'torch-sim-atomistic>=0.6; python_version >= "3.0" and extra == "torch-sim"',
    'icet>=4.0; extra == "mchammer"',
    'phono3py>=4.10; extra == "phono3py"',
    'scikit-learn>=1.5; extra == "train"',
]


@pytest.fixture
def installed(monkeypatch):
    """Versions of packages, by their names in indexes; ase-voxpot declares what it needs."""
    versions: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(extras.metadata, "requires", lambda _: DECLARED)
    monkeypatch.setattr(extras.metadata, "version", version)
    extras.fitting.cache_clear()
    yield versions
    extras.fitting.cache_clear()


@pytest.mark.parametrize(
    ("package", "name", "good", "bad", "sentence"),
    [
        ("torch_sim", "torch-sim-atomistic", "0.6.2", "0.5.1", r"torch-sim-atomistic >=0\.6, got 0\.5\.1: pip install"),
        ("mchammer", "icet", "4.0", "3.2", r'icet >=4\.0, got 3\.2: pip install "ase-voxpot\[mchammer\]"'),
        ("phono3py", "phono3py", "4.10.0", "3.5", r"phono3py >=4\.10, got 3\.5"),
        ("sklearn", "scikit-learn", "1.8.0", "1.2", r"scikit-learn >=1\.5, got 1\.2"),
        ("torch", "torch", "2.13.0+cpu", "3.1", r"torch <3,>=2\.4, got 3\.1"),
    ],
)
def test_a_version_that_does_not_fit_is_refused_with_the_range(installed, package, name, good, bad, sentence):
    installed[name] = good
    extras.refuse_unfit(package, "this")

    installed[name] = bad
    with pytest.raises(MissingPackageError, match=f"this needs {sentence}"):
        extras.refuse_unfit(package, "this")


def test_a_module_that_is_too_old_is_not_used(installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "phono3py", ModuleType("phono3py"))
    installed["phono3py"] = "3.5"

    with pytest.raises(MissingPackageError, match=r"reading a\.yaml needs phono3py >=4\.10, got 3\.5"):
        extras.require("phono3py", "reading a.yaml")


def test_a_module_without_a_record_is_used(installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "phono3py", ModuleType("phono3py"))

    assert extras.require("phono3py", "reading a.yaml").__name__ == "phono3py"


def test_every_package_is_one_of_its_extra():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    declared = tomllib.loads(text)["project"]["optional-dependencies"]

    for package, extra in extras.EXTRAS.items():
        name = extras.DISTRIBUTIONS.get(package, package)
        assert any(need.startswith(name) for need in declared[extra]), package
