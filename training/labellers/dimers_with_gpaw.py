#!/usr/bin/env python3
"""Label pairs of atoms alone with GPAW: the dimers of Mo, Ta and W from 1.4 to 5.2 Å.

A program of its own, for the Python in which GPAW is installed (Debian: ``apt install gpaw gpaw-data``)::

    /usr/bin/python3 dimers_with_gpaw.py dimers.extxyz --elements Mo Ta W

The file is continued where it ends.  Settings: PBE, plane waves up to 400 eV, the Gamma point of a box of 8 Å,
spin-polarised from antiparallel moments, Fermi-Dirac smearing of 0.05 eV.  The distance at which a pair has come
apart, 5.2 Å, gives the source's energies of free atoms.  Cores are frozen: below 1.4 Å the spheres of both atoms
overlap so far that a universal repulsion is the better answer.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

DISTANCES = (5.2, 2.0, 3.0, 1.6, 2.4, 4.0, 1.8, 2.2, 2.7, 3.5, 1.4, 4.5, 1.7, 1.9, 2.1, 2.55, 2.85, 3.25, 1.5)
BOX, VALENCE_SPIN = 8.0, {"Mo": 6.0, "Ta": 3.0, "W": 4.0}


def label(pair, distance):
    """A pair ``distance`` Å apart that carries energy and forces."""
    from gpaw import GPAW, PW, FermiDirac, MixerDif

    started = time.process_time()
    atoms = Atoms(pair, positions=[[0, 0, 0], [0, 0, distance]], cell=[BOX, BOX, BOX + distance], pbc=True)
    atoms.center()
    work = atoms.copy()
    work.set_initial_magnetic_moments([VALENCE_SPIN[pair[0]], -VALENCE_SPIN[pair[1]]])
    work.calc = GPAW(
        mode=PW(400),
        xc="PBE",
        kpts=(1, 1, 1),
        spinpol=True,
        occupations=FermiDirac(0.05),
        mixer=MixerDif(0.1, 5, 50),
        convergence={"energy": 1e-3, "density": 1e-3, "eigenstates": 1e-4},
        maxiter=200,
        txt=None,
    )
    energy, forces = work.get_potential_energy(force_consistent=True), work.get_forces()
    atoms.info = {
        "id": f"dimer-{''.join(pair)}-{distance:.2f}",
        "config_type": "dimer",
        "code": "GPAW",
        "cutoff": 400.0,
        "moments": np.round(work.get_magnetic_moments(), 2),
        "seconds": round(time.process_time() - started, 1),
    }
    atoms.calc = SinglePointCalculator(atoms, energy=energy, free_energy=energy, forces=forces)
    return atoms


def main():
    """Label the pairs of the elements that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", help="extended XYZ file; continued if it exists")
    parser.add_argument("--elements", nargs="+", default=list(VALENCE_SPIN), help="(%(default)s)")
    options = parser.parse_args()
    unknown = sorted(set(options.elements) - set(VALENCE_SPIN))
    if unknown:
        parser.error(f"--elements: expected some of {', '.join(VALENCE_SPIN)}, got {', '.join(unknown)}")
    done = {atoms.info["id"] for atoms in read(options.output, ":")} if Path(options.output).exists() else set()
    for distance, pair in itertools.product(
        DISTANCES, itertools.combinations_with_replacement(sorted(options.elements), 2)
    ):
        if f"dimer-{''.join(pair)}-{distance:.2f}" in done:
            continue
        try:
            atoms = label(pair, distance)
        except Exception as error:
            print(f"{''.join(pair)} {distance:.2f} Å: failed: {type(error).__name__}: {error}", flush=True)
            continue
        write(options.output, atoms, append=True)
        print(f"{atoms.info['id']}: {atoms.get_potential_energy():.3f} eV, {atoms.info['moments']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
