"""Vacancies of bcc metals, and a neighbour half way into them, for DFT to label: barriers of migration.

Cells of 16 sites at the volume of the DFT data, ions relaxed with a potential.  Use::

    python vacancies.py frames.extxyz --elements Mo Ta W --model motaw
    /usr/bin/python3 label_with_gpaw.py frames.extxyz --output labels
"""

import argparse

from ase.build import bulk
from ase.constraints import FixAtoms
from ase.io import write

from ase_voxpot import VoxPotCalculator
from ase_voxpot.physics.modes import EDGE
from ase_voxpot.properties.cells import relaxed


def frames(element, calculator):
    """A relaxed vacancy, and the saddle between two sites, where symmetry holds the atom that jumps."""
    crystal = bulk(element, "bcc", a=EDGE[element], cubic=True).repeat(2)
    others = range(1, len(crystal))
    vectors = crystal.get_distances(0, others, mic=True, vector=True)
    near = int((vectors**2).sum(1).argmin())
    vacancy, saddle = crystal[1:], crystal.copy()
    saddle.positions[0] += vectors[near] / 2
    del saddle[others[near]]
    saddle.set_constraint(FixAtoms([0]))
    out = []
    for kind, atoms in (("vacancy", vacancy), ("saddle", saddle)):
        rest = relaxed(atoms, calculator, fmax=0.01)
        rest.set_constraint()
        rest.calc = None
        rest.info = {"id": f"{kind}-{element}-relaxed", "config_type": kind}
        out.append(rest)
    return out


def main():
    """Write the frames of the elements that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--elements", nargs="+", choices=list(EDGE), default=["Mo", "Ta", "W"])
    parser.add_argument("--model", default="motaw")
    options = parser.parse_args()
    calculator = VoxPotCalculator(options.model)
    write(options.output, [frame for e in options.elements for frame in frames(e, calculator)])


if __name__ == "__main__":
    main()
