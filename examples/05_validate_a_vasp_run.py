"""Compare a model with a VASP run: vasprun.xml, OUTCAR and XDATCAR, here written on the spot.

The run is molecular dynamics of W with ``motaw-fast``, labelled by ``motaw`` in the place of
VASP.  With a run of your own: ``voxpot validate vasprun.xml``.  Run this with
``python examples/05_validate_a_vasp_run.py``; it writes into a new temporary folder.
"""

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from ase import units
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.verlet import VelocityVerlet

from ase_voxpot import VoxPotCalculator, load_potential
from ase_voxpot.cli import main
from ase_voxpot.structures import random_alloy
from ase_voxpot.validation.writing import write_vasprun

KBAR = 0.1 * units.GPa


def write_outcar(path, frames, *, timestep, temperature):
    """The parts of an OUTCAR that tell of ionic steps."""
    counts = Counter(frames[0].get_chemical_symbols())
    masses = dict(zip(frames[0].get_chemical_symbols(), frames[0].get_masses(), strict=True))
    line = " " + 83 * "-" + "\n"
    with path.open("w", encoding="ascii") as file:
        file.write(" vasp.6.4.2 20Jul23 (build) complex\n\n")
        for s in counts:
            file.write(
                f"   VRHFIN ={s}: d\n   TITEL  = PAW_PBE {s}_pv 06Sep2000\n   POMASS ={masses[s]:9.3f}; ZVAL = 12.0\n"
            )
        file.write(f"   ions per type = {''.join(f'{n:16d}' for n in counts.values())}\n")
        file.write("   ENCUT  =  520.0 eV\n   IBRION =      0    ionic relax: 0-MD\n   ISIF   =      2\n")
        file.write(f"   POTIM  = {timestep:.4f}    time-step for ionic-motion\n")
        file.write(f"   TEBEG  = {temperature:6.1f};   TEEND  = {temperature:6.1f} temperature during run\n")
        file.write("   PSTRESS=    0.0 pullay stress\n  Mass of Ions in am\n   POMASS = ")
        file.write(
            "".join(f"{m:6.2f}" for m in masses.values()) + "\n   ISMEAR =     1;   SIGMA  =   0.10  broadening\n"
        )
        file.write("   GGA     =    PE    GGA type\n")
        for atoms in frames:
            xx, yy, zz, yz, xz, xy = -atoms.info["stress"] / KBAR
            file.write("  in kB  " + "".join(f"{x:12.5f}" for x in (xx, yy, zz, xy, yz, xz)) + "\n")
            file.write(
                " VOLUME and BASIS-vectors are now :\n      direct lattice vectors       reciprocal lattice vectors\n"
            )
            for a, b in zip(atoms.cell.array, atoms.cell.reciprocal().array, strict=True):
                file.write("    " + "".join(f"{x:13.9f}" for x in (*a, *b)) + "\n")
            file.write(" POSITION                                       TOTAL-FORCE (eV/Angst)\n" + line)
            for place, force in zip(atoms.get_positions(wrap=True), atoms.info["forces"], strict=True):
                file.write("".join(f"{x:13.5f}" for x in place) + "  " + "".join(f"{x:14.6f}" for x in force) + "\n")
            file.write(line + f"  free  energy   TOTEN  = {atoms.info['energy']:18.8f} eV\n\n")
            energy = f"{atoms.info['energy']:18.8f}"
            file.write(f"  energy  without entropy={energy}  energy(sigma->0) ={energy}\n")
            kelvin = 2 * atoms.info["kinetic"] / ((3 * len(atoms) - 3) * units.kB)
            file.write(f"  kinetic energy EKIN   = {atoms.info['kinetic']:16.6f}  (temperature {kelvin:8.2f} K)\n")
        file.write(" General timing and accounting informations for this job:\n")


def write_xdatcar(path, frames):
    """An XDATCAR of a cell that does not change."""
    counts = Counter(frames[0].get_chemical_symbols())
    with path.open("w", encoding="ascii") as file:
        file.write("example\n           1\n")
        file.writelines(" " + "".join(f"{x:12.6f}" for x in row) + "\n" for row in frames[0].cell.array)
        file.write(" ".join(counts) + "\n" + " ".join(map(str, counts.values())) + "\n")
        for number, atoms in enumerate(frames, 1):
            file.write(f"Direct configuration={number:6d}\n")
            file.writelines("".join(f"{x:12.8f}" for x in row) + "\n" for row in atoms.get_scaled_positions())


def label(atoms, result):
    """A frame with the answers of the model in the place of VASP's."""
    frame = atoms.copy()
    frame.info = {"energy": result.energy, "forces": result.forces, "stress": result.stress}
    frame.info["kinetic"] = atoms.get_kinetic_energy()
    return frame


def run(frames, *, timestep, temperature, seed=5):
    """Dynamics of W, labelled."""
    rng = np.random.default_rng(seed)
    atoms = random_alloy("bcc:W", repeat=3, rng=rng)
    atoms.calc = VoxPotCalculator("motaw-fast")
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * np.sqrt(atoms.get_masses() * units.kB * temperature)[:, None])
    dynamics = LangevinBAOAB(atoms, timestep * units.fs, temperature_K=temperature, T_tau=100 * units.fs, rng=rng)
    dynamics.run(200)
    atoms.set_momenta(atoms.get_momenta() - atoms.get_momenta().mean(axis=0))
    dynamics = VelocityVerlet(atoms, timestep * units.fs)
    seen = []
    for _ in range(frames):
        dynamics.run(1)
        seen.append(atoms.copy())
    return [label(a, r) for a, r in zip(seen, load_potential("motaw").evaluate(seen), strict=True)]


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    made = run(400, timestep=3.0, temperature=1500.0)
    write_vasprun(folder / "vasprun.xml", made, timestep=3.0, temperature=1500.0)
    write_outcar(folder / "OUTCAR", made, timestep=3.0, temperature=1500.0)
    write_xdatcar(folder / "XDATCAR", made)

    main(["validate", str(folder / "vasprun.xml"), "-m", "motaw-fast", "-o", str(folder / "from_vasprun")])
    # positions alone: the time between frames must be given, temperature follows from velocities
    main(
        ["validate", str(folder / "XDATCAR"), "--timestep", "3", "-m", "motaw-fast", "-o", str(folder / "from_xdatcar")]
    )
    print(f"open {folder / 'from_vasprun' / 'report.html'} in a browser")
