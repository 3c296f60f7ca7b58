"""Pairs of atoms at any distance, interpolated between labels of ``dimers_with_gpaw.py``.

    python dimer_curves.py dimers.extxyz curves.extxyz --number 100

Between labels a network may have minima of its own.  The curve of every pair is the cubic spline through the
energies; forces are its slopes, so that both agree.  Distances of every pair are drawn evenly, by a seed.
"""

import argparse

import numpy as np
from ase import Atoms
from ase.io import read, write
from scipy.interpolate import CubicSpline

FEWEST = 8
"""Labels of a pair that make a curve."""
BOX = 20.0
"""Å, of the cell of every frame."""


def curves(frames):
    """The splines of E(r) in eV, by pair."""
    found = {}
    for atoms in frames:
        pair = tuple(sorted(atoms.get_chemical_symbols()))
        found.setdefault(pair, {})[round(float(atoms.get_distance(0, 1)), 4)] = atoms.get_potential_energy()
    return {
        pair: CubicSpline(sorted(known), [known[r] for r in sorted(known)])
        for pair, known in found.items()
        if len(known) >= FEWEST
    }


def draw(pair, curve, rng):
    """One frame of a pair."""
    r = rng.uniform(curve.x[0], curve.x[-1])
    atoms = Atoms(pair, positions=[[0, 0, 0], [0, 0, r]], cell=[BOX] * 3, pbc=True)
    atoms.center()
    slope = float(curve(r, 1))
    atoms.info = {"config_type": "dimer", "REF_energy": float(curve(r))}
    atoms.arrays["REF_forces"] = np.array([[0, 0, slope], [0, 0, -slope]])
    return atoms


def main():
    """Write frames between the labels that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels")
    parser.add_argument("output")
    parser.add_argument("--number", type=int, default=100, help="frames of every pair (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    found = curves(read(options.labels, ":"))
    write(options.output, [draw(pair, found[pair], rng) for pair in sorted(found) for _ in range(options.number)])


if __name__ == "__main__":
    main()
