"""Small displacements of bcc metals along their phonons, for DFT to label: curvature at rest.

Modes of the wave vectors that cells of two or four atoms hold, in units of 2 pi / a: H (1,0,0), N (1/2,1/2,0) along its
three polarisations, half-way to H (1/2,0,0), longitudinal and transverse, and P (1/2,1/2,1/2).  Compounds are left out:
they judge.  Use::

    python frozen_phonons.py frames.extxyz --elements Mo Ta W
    /usr/bin/python3 label_with_gpaw.py frames.extxyz --output labels
"""

import argparse
import itertools

import numpy as np
from ase import Atoms
from ase.io import write

EDGE = {"Nb": 3.322, "Mo": 3.169, "Ta": 3.322, "W": 3.190}  # Å, bcc by PBE
AMPLITUDE = 0.06  # Å, the largest displacement of an atom
HALF = ((0.5, -0.5, 0.5), (0.5, -0.5, -0.5), (1, 1, 0))
MODES = {  # wave vector, direction of displacements, lattice vectors of the cell in units of a
    "H": ((1, 0, 0), (1, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
    "N-L": ((0.5, 0.5, 0), (1, 1, 0), HALF),
    "N-T1": ((0.5, 0.5, 0), (1, -1, 0), HALF),
    "N-T2": ((0.5, 0.5, 0), (0, 0, 1), HALF),
    "P": ((0.5, 0.5, 0.5), (1, 0, 0), ((1, 1, 0), (1, 0, 1), (0, 1, 1))),
    "half-L": ((0.5, 0, 0), (1, 0, 0), ((2, 0, 0), (0, 1, 0), (0, 0, 1))),
    "half-T": ((0.5, 0, 0), (0, 1, 0), ((2, 0, 0), (0, 1, 0), (0, 0, 1))),
}


def displaced(element, mode):
    """The crystal with its atoms moved by ``AMPLITUDE`` cos(q x) along the direction of the mode."""
    wave, direction, vectors = (np.array(v, dtype=float) for v in MODES[mode])
    sites = []
    for cube, corner in itertools.product(itertools.product(range(-3, 4), repeat=3), (0.0, 0.5)):
        site = np.array(cube) + corner
        fractions = site @ np.linalg.inv(vectors)
        if ((fractions > -1e-9) & (fractions < 1 - 1e-9)).all():
            sites.append(site)
    sites = np.array(sites)
    atoms = Atoms([element] * len(sites), positions=EDGE[element] * sites, cell=EDGE[element] * vectors, pbc=True)
    move = AMPLITUDE * np.cos(2 * np.pi * sites @ wave)
    atoms.positions += move[:, None] * direction / np.linalg.norm(direction)
    atoms.info = {"id": f"phonon-{element}-{mode}", "config_type": "phonon"}
    return atoms


def main():
    """Write the frames of the elements that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--elements", nargs="+", choices=list(EDGE), default=["Mo", "Ta", "W"])
    options = parser.parse_args()
    write(options.output, [displaced(e, m) for e, m in itertools.product(options.elements, MODES)])


if __name__ == "__main__":
    main()
