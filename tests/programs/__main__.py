"""Differences from ASE of every program that is installed, one line each.

python -m tests.programs               # all that are installed
python -m tests.programs matcalc       # one of them
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def main(wanted: list[str]) -> None:
    # its own packages are imported by name, wherever the program runs
    sys.path.insert(0, str(Path(__file__).parents[2]))
    modules = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    for module in (importlib.import_module(f"tests.programs.{name}") for name in modules):
        if wanted and module.PACKAGE not in wanted:
            continue
        try:
            title = f"{module.PACKAGE} {version(module.PACKAGE)}"
        except PackageNotFoundError:
            sys.stdout.write(f"{module.PACKAGE}: not installed\n")
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
                found = module.differences()
        sys.stdout.write(f"{title}: " + "; ".join(f"{name} {value:.1e}" for name, value in found.items()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
