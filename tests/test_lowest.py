"""Lower bounds of dependencies, and the file that takes them."""

from __future__ import annotations

from tests import lowest


def test_the_constraints_are_the_bounds():
    assert lowest.FILE.read_text(encoding="utf-8") == lowest.constraints(), "write it anew: python -m tests.lowest"


def test_every_bound_is_there():
    lines = lowest.constraints().splitlines()[1:]

    assert {"numpy", "ase", "torch", "pymatgen"} <= {line.split("==")[0] for line in lines}
    assert all(line.count("==") == 1 for line in lines)
