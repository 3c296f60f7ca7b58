#!/usr/bin/env python3
"""Vacancies and their saddle points in Mo, Ta and W, to be labelled with DFT.

    python vacancy_frames.py frames.extxyz

Cells of 2 x 2 x 2 cubes, 15 atoms, at the lattice constants of the VASP frames.  At the saddle point of the jump a
neighbour of the vacancy stands half-way to it.  All have symmetries left, which make them as cheap as ternaries of 6
atoms.  Each comes twice: with the atoms around relaxed by ``motaw``, and less so: not at all around the
vacancy, half-way around the saddle point, whose ideal sites are too close.
"""

import sys

from ase.build import bulk
from ase.io import write
from ase.optimize import FIRE

from ase_voxpot import VoxPotCalculator

LATTICE = {"Mo": 3.169, "Ta": 3.322, "W": 3.190}  # Å, PBE
FORCE = 0.02
"""eV/Å, largest after relaxation."""


def relaxed(atoms, calculator, share=1.0):
    """The cell with its atoms moved by a share of the way to where no force acts on them."""
    out = atoms.copy()
    out.calc = calculator
    FIRE(out, logfile=None).run(fmax=FORCE, steps=500)
    out.calc = None
    out.positions = atoms.positions + share * (out.positions - atoms.positions)
    return out


def frames(symbol, calculator):
    """The four frames of a metal with their names."""
    edge = LATTICE[symbol]
    crystal = bulk(symbol, "bcc", a=edge, cubic=True).repeat(2)  # the first two atoms are neighbours
    vacancy = crystal[1:]
    saddle = crystal[1:]
    saddle.positions[0] /= 2  # between its own site and that of the missing atom, at the origin
    return {
        f"vacancy-{symbol}-relaxed": relaxed(vacancy, calculator),
        f"saddle-{symbol}-relaxed": relaxed(saddle, calculator),
        f"vacancy-{symbol}-ideal": vacancy,
        f"saddle-{symbol}-between": relaxed(saddle, calculator, 0.5),
    }


def main():
    """Write the frames to the file that the command line names."""
    calculator = VoxPotCalculator("motaw")
    found = {k: v for symbol in LATTICE for k, v in frames(symbol, calculator).items()}
    for name, atoms in found.items():
        atoms.info = {"id": name, "config_type": name.rsplit("-", 2)[0]}
    write(sys.argv[1], list(found.values()))


if __name__ == "__main__":
    main()
