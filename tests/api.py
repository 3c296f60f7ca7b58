"""The page ``examples/guide/api.md``: what scripts import, read from the sources without importing them.

python -m tests.api     writes the page anew
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Imported", "entry", "exported", "imports", "page"]

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT, ROOT / "training")
PACKAGES = ("ase_voxpot", "lammps_plugin", "voxpot_training", "voxpot_crystals")
PAGE = ROOT / "examples" / "guide" / "api.md"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "examples" / "guide").glob("*.md"))]
SCRIPTS = [*sorted((ROOT / "examples").glob("*.py")), *sorted((ROOT / "examples" / "lammps").glob("*.py"))]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WIDTH = 100
HEAD = """# Reference of names

What scripts import: every name that the examples and this guide use, by module. These names stay; others may
change. Arrays are annotated by their shapes, `Float[np.ndarray, 'atom 3']`; units are those of ASE
([conventions](theory.md#conventions)). `help()` of a name says more. The page is written by `python -m tests.api`
from the sources, and a test compares it with them.
"""


@dataclass(frozen=True, order=True)
class Imported:
    """A name, and the module that somebody imports it from."""

    module: str
    name: str


def imports(code: str) -> set[Imported]:
    """Names of the project that a script imports."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    return {
        Imported(node.module, alias.name)
        for node in nodes
        for alias in node.names
        if node.module and node.module.split(".")[0] in PACKAGES
    }


def used() -> set[Imported]:
    """All names that examples, guide and README import, and those of the package itself."""
    codes = [path.read_text(encoding="utf-8") for path in SCRIPTS]
    for path in DOCUMENTS:
        codes += PYTHON.findall(path.read_text(encoding="utf-8"))
    names = {Imported("ase_voxpot", name) for name in exported("ase_voxpot") if not name.startswith("__")}
    return names.union(*map(imports, codes))


@cache
def _tree(module: str) -> ast.Module:
    place = Path(*module.split("."))
    files = [folder / path for folder in FOLDERS for path in (place.with_suffix(".py"), place / "__init__.py")]
    return ast.parse(next(file for file in files if file.is_file()).read_text(encoding="utf-8"))


def exported(module: str) -> list[str]:
    """``__all__`` of a module; empty if it has none."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _definition(wanted: Imported) -> ast.FunctionDef | ast.ClassDef:
    """Where a name is defined, through the modules that only hand it on.

    Raises:
        LookupError: a name that is neither a function nor a class.
    """
    for node in ast.walk(_tree(wanted.module)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == wanted.name:
            return node
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == wanted.name:
                    return _definition(Imported(node.module, alias.name))
    raise LookupError(f"{wanted.module}: no function and no class is called {wanted.name}")


def _parameters(arguments: ast.arguments) -> list[str]:
    """Parameters as they are written, each with annotation and default, without ``self``."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(arguments.defaults)), *arguments.defaults]
    texts = [_parameter(a, d) for a, d in zip(plain, defaults, strict=True) if a.arg not in ("self", "cls")]
    if arguments.vararg:
        texts.append("*" + _parameter(arguments.vararg, None))
    elif arguments.kwonlyargs:
        texts.append("*")
    texts += [_parameter(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return texts + (["**" + _parameter(arguments.kwarg, None)] if arguments.kwarg else [])


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    return argument.arg + kind + (f" = {ast.unparse(default)}" if default else "")


def _fields(node: ast.ClassDef) -> list[str]:
    """Parameters of a dataclass."""
    marks = [ast.unparse(d) for d in node.decorator_list]
    fields = [f for f in node.body if isinstance(f, ast.AnnAssign) and "ClassVar" not in ast.unparse(f.annotation)]
    return [*(["*"] if any("kw_only=True" in m for m in marks) else []), *map(ast.unparse, fields)]


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        parameters, end = _parameters(node.args), f" -> {ast.unparse(node.returns)}" if node.returns else ""
    else:
        start = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
        is_data = any("dataclass" in ast.unparse(d) for d in node.decorator_list)
        parameters, end = _parameters(start[0].args) if start else _fields(node) if is_data else [], ""
    line = f"{node.name}({', '.join(parameters)}){end}"
    if len(line) <= WIDTH:
        return line
    return f"{node.name}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f"){end}"


def entry(wanted: Imported) -> str:
    """Heading, signature and the first line of the docstring."""
    node = _definition(wanted)
    sentence = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return f"### {wanted.name}\n\n```\n{_signature(node)}\n```\n\n{sentence}\n"


def page() -> str:
    """The page."""
    parts, module = [HEAD], ""
    for wanted in sorted(used()):
        if wanted.module != module:
            module = wanted.module
            parts.append(f"## {module}\n")
        parts.append(entry(wanted))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
