"""Metals at 35 to 100 % of their volume, for DFT to label: bcc, fcc and simple cubic.

Compounds are left out: they judge.  Use::

    python squeezed_frames.py frames.extxyz --elements Mo Ta W
    /usr/bin/python3 label_with_gpaw.py frames.extxyz --output labels --density 28
"""

import argparse
import itertools

from ase.build import bulk
from ase.io import write

EDGE = {"Nb": 3.322, "Mo": 3.169, "Ta": 3.322, "W": 3.190}  # Å, bcc by PBE
LATTICES = {"bcc": 2, "fcc": 4, "sc": 1}  # atoms in the cube
RATIOS = (1.0, 0.6, 0.45, 0.75, 0.87, 0.35)


def metals(elements):
    """Names and cells of the metals."""
    for ratio, element, lattice in itertools.product(RATIOS, elements, LATTICES):
        edge = (ratio * EDGE[element] ** 3 / 2 * LATTICES[lattice]) ** (1 / 3)
        yield f"{element}-{lattice}-{ratio:.2f}", bulk(element, lattice, a=edge)


def main():
    """Write the frames of the elements that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--elements", nargs="+", choices=list(EDGE), default=["Mo", "Ta", "W"])
    options = parser.parse_args()
    frames = []
    for name, atoms in metals(options.elements):
        atoms.info = {"id": f"squeezed-{name}", "config_type": "squeezed"}
        frames.append(atoms)
    write(options.output, frames)


if __name__ == "__main__":
    main()
