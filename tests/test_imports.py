"""Imports go one way (``lint-imports``), and no string goes around that."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "ase_voxpot": ROOT / "ase_voxpot",
    "lammps_plugin": ROOT / "lammps_plugin",
    "voxpot_training": ROOT / "training" / "voxpot_training",
    "voxpot_crystals": ROOT / "training" / "voxpot_crystals",
}
ABOVE = {
    "ase_voxpot": ("lammps_plugin", "voxpot_training", "voxpot_crystals"),
    "lammps_plugin": ("voxpot_training", "voxpot_crystals"),
    "voxpot_training": ("lammps_plugin", "voxpot_crystals"),
    "voxpot_crystals": (),
}
"""Packages that each package may not import; entry points are how their parts are found."""
IMPORTERS = ("import_module", "__import__", "find_spec")
PROJECT = re.compile(rf"({'|'.join(FOLDERS)})([.:]|$)")


def leading_text(node: ast.expr) -> str:
    """The literal text that an expression begins with."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def imports_by_string(tree: ast.AST) -> list[str]:
    """Modules of the project whose literal names are given to a function that imports."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    names = [getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls]
    texts = [leading_text(call.args[0]) for call, name in zip(calls, names, strict=True) if name in IMPORTERS]
    return [text for text in texts if PROJECT.match(text)]


def modules_named(tree: ast.AST, packages: tuple[str, ...]) -> list[str]:
    """Strings that are the dotted name of a module of one of the packages, or ``module:object``."""
    named = re.compile(rf"({'|'.join(packages)})(\.\w+)+(:\w+)?")
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in texts if packages and named.fullmatch(text)]


@pytest.mark.parametrize("package", FOLDERS)
def test_no_module_of_the_project_is_imported_by_its_name_in_a_string(package):
    found = {str(path): imports_by_string(ast.parse(path.read_text())) for path in FOLDERS[package].rglob("*.py")}

    assert len(found) > 5
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("package", FOLDERS)
def test_no_string_names_a_module_of_a_package_above(package):
    trees = {str(path): ast.parse(path.read_text()) for path in FOLDERS[package].rglob("*.py")}
    found = {path: modules_named(tree, ABOVE[package]) for path, tree in trees.items()}

    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "code",
    [
        'importlib.import_module("voxpot_training.verb")',
        'import_module(f"voxpot_crystals.{name}")',
        '__import__("lammps_plugin")',
    ],
)
def test_such_imports_would_be_found(code):
    assert len(imports_by_string(ast.parse(code))) == 1


def test_such_names_would_be_found():
    tree = ast.parse('VERBS = {"train": "voxpot_training.verb:TRAIN"}')

    assert modules_named(tree, ABOVE["ase_voxpot"]) == ["voxpot_training.verb:TRAIN"]
