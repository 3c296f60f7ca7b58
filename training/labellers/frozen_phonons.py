"""Small displacements of bcc metals along their phonons, for DFT to label: curvature at rest.

The modes are those of ``ase_voxpot.physics.modes``.  Compounds are left out: they judge.  Use::

    python frozen_phonons.py frames.extxyz --elements Mo Ta W
    /usr/bin/python3 label_with_gpaw.py frames.extxyz --output labels
"""

import argparse
import itertools

from ase.io import write

from ase_voxpot.physics.modes import EDGE, MODES, displaced


def frame(element, mode):
    """A displaced crystal with its name."""
    atoms = displaced(element, mode)
    atoms.info = {"id": f"phonon-{element}-{mode}", "config_type": "phonon"}
    return atoms


def main():
    """Write the frames of the elements that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--elements", nargs="+", choices=list(EDGE), default=["Mo", "Ta", "W"])
    options = parser.parse_args()
    write(options.output, [frame(e, m) for e, m in itertools.product(options.elements, MODES)])


if __name__ == "__main__":
    main()
