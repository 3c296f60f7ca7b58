#!/usr/bin/env python3
"""Label frames with GPAW: PBE energies and forces, one result file per frame.

A program of its own, for the Python in which GPAW is installed (Debian: ``apt install gpaw gpaw-data``
and ``/usr/bin/python3``); it needs ASE and GPAW and nothing else::

    /usr/bin/python3 label_with_gpaw.py frames.extxyz --output labels

Every frame needs a name of its own in ``info["id"]``.  The result for the frame ``NAME`` is
``labels/NAME.extxyz``; a frame whose result, or whose reason for failure (``labels/NAME.failed``), is
already there is skipped, so that the program may be stopped and started at any time.  Several processes
may share one folder: a frame is taken by creating ``labels/NAME.taken``, which names the process.
With ``--collect FILE`` frames that FILE holds already are skipped, too, and at the end, or at once where
there is nothing left to do, it holds all results::

    /usr/bin/python3 label_with_gpaw.py frames.extxyz --output labels --collect motaw_gpaw.extxyz.gz

Settings: plane waves up to 400 eV, PBE, a Gamma-centred k-point mesh and occupations by the improved
tetrahedron method (Blöchl, Jepsen & Andersen, Phys. Rev. B 49, 16223 (1994)).  A mesh of n1 x n2 x n3 points
is that of a supercell n1 a1, n2 a2, n3 a3, whose shortest lattice vector is at least ``--density`` Å.  For
B2 MoTa and TaW 32 Å leave 1.5 meV/atom, 39 Å 0.5 meV/atom; for bcc Mo, Ta and W 36 Å leave 1.3 meV/atom, where
Methfessel-Paxton smearing of 0.15 eV leaves 10 meV/atom at 36 Å and 5 meV/atom at 44 Å.
"""

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.units import Bohr
from meshes import grid, mesh

# With these, energies are converged to 0.01 meV/atom and forces to 2 meV/Å in some 12 steps; GPAW's own mixer
# and criterion for eigenstates (4e-8) take 16 to 20.
SETTINGS = {
    "xc": "PBE",
    "convergence": {"energy": 2e-5, "density": 1e-4, "eigenstates": 1e-6},
    "occupations": {"name": "improved-tetrahedron-method"},
    "mixer": {"backend": "pulay", "beta": 0.35, "nmaxold": 8, "weight": 1},
    "maxiter": 80,
}


class TimeUpError(Exception):
    """A frame took longer than it was allowed to."""


class Rotations:
    """The rotations of a crystal, as spglib's matrices, and which of them GPAW is to use."""

    def __init__(self):
        """Stand between GPAW and its search for symmetries from now on."""
        from gpaw.symmetry import Symmetry

        self.all = self.chosen = None
        search = Symmetry.analyze

        def analyze(symmetry, positions):
            """Search, then keep the operations that are chosen."""
            search(symmetry, positions)
            self.all = np.transpose(symmetry.op_scc, (0, 2, 1))
            if self.chosen is not None:
                keep = [any((op == one).all() for one in self.chosen) for op in self.all]
                symmetry.op_scc, symmetry.ft_sc = symmetry.op_scc[keep], symmetry.ft_sc[keep]
                symmetry.a_sa = symmetry.a_sa[keep]
                symmetry.has_inversion = any((op == -np.eye(3)).all() for op in symmetry.op_scc)

        Symmetry.analyze = analyze

    def find(self, atoms):
        """All rotations of symmorphic operations, which are those that GPAW uses."""
        from gpaw.symmetry import Symmetry

        self.chosen = None
        Symmetry([(number,) for number in atoms.numbers], atoms.cell.array / Bohr, atoms.pbc).analyze(
            atoms.get_scaled_positions()
        )
        return self.all


def number_of_bands(symbols):
    """The occupied ones, a tenth more and two: GPAW's own choice is a fifth more and four."""
    from gpaw.setup_data import SetupData

    electrons = sum(SetupData(symbol, SETTINGS["xc"]).Nv for symbol in symbols)
    return int(np.ceil(0.55 * electrons)) + 2


def start_in_plane_waves():
    """Let GPAW expand atomic orbitals in plane waves directly, not by way of the real-space grid.

    GPAW 22.8 sets up its first wave functions on the grid, in the time of three to four SCF steps.  The
    Fourier transforms of the orbitals give the same (overlaps of 1 within 1e-7) in a sixtieth of it.
    """
    from gpaw.pw.lfc import PWLFC
    from gpaw.wavefunctions.pw import PlaneWaveExpansionWaveFunctions, PWWaveFunctions

    def initialize(self, basis_functions, block_size=10):
        """Turn the coefficients ``C_nM`` of all k-points into plane waves."""
        orbitals = PWLFC([setup.phit_j for setup in self.setups], self.pd)
        orbitals.set_positions(self.spos_ac)
        ends = np.cumsum([setup.nao for setup in self.setups])[:-1]
        for kpt in self.kpt_u:
            kpt.psit = PlaneWaveExpansionWaveFunctions(
                self.bd.nbands, self.pd, self.dtype, kpt=kpt.q, dist=(self.bd.comm, -1, 1), spin=kpt.s
            )
            found = kpt.psit.array[: len(kpt.C_nM)]
            found[:] = 0.0
            orbitals.add(found, dict(enumerate(np.split(kpt.C_nM, ends, axis=1))), kpt.q)
            kpt.C_nM = None

    PWWaveFunctions.initialize_from_lcao_coefficients = initialize


def label(atoms, cutoff, density, rotations):
    """A copy of ``atoms`` that carries energy and forces, and how they were made.

    The stress of the plane waves stands in ``info["bare_stress"]``, where no training takes it for a label:
    at 400 eV the pressure of bcc Mo is 2 GPa lower than the derivative of its energies.
    """
    from gpaw import GPAW, PW

    started = time.process_time()
    gpts, rotations.chosen, _ = grid(atoms.cell, cutoff, density, rotations.find(atoms))
    kpts = mesh(atoms.cell, density, rotations.chosen)
    work = atoms.copy()
    work.calc = GPAW(
        mode=PW(cutoff),
        gpts=gpts,
        kpts={"size": kpts, "gamma": True},
        nbands=number_of_bands(work.symbols),
        txt=None,
        **SETTINGS,
    )
    energy, forces = work.get_potential_energy(force_consistent=True), work.get_forces()
    answer = atoms.copy()
    answer.info |= {
        "code": "GPAW",
        "cutoff": cutoff,
        "occupations": SETTINGS["occupations"]["name"],
        "kpts": np.array(kpts),
        "electronic_steps": work.calc.get_number_of_iterations(),
        "bare_stress": work.get_stress(),  # of a fixed number of plane waves: some GPa of Pulay stress are in it
        "seconds": round(time.process_time() - started, 1),  # of the processor
    }
    answer.calc = SinglePointCalculator(answer, energy=energy, free_energy=energy, forces=forces)
    return answer


def is_running(text):
    """Whether the process that took a frame still runs; what another machine took is left to it."""
    host, _, number = text.partition(" ")
    if host != socket.gethostname() or not number.strip().isdigit():
        return False
    return Path(f"/proc/{number.strip()}").exists()


def take(path):
    """Whether this process is the one that does the frame: the first to create the file."""
    me = f"{socket.gethostname()} {os.getpid()}"
    try:
        with path.open("x") as file:
            file.write(me)
    except FileExistsError:
        if is_running(path.read_text()):
            return False
        path.write_text(me)  # the process that took it is gone
    return True


def raise_time_up(*_):
    """Stop the frame that is being labelled."""
    raise TimeUpError


def one(atoms, name, folder, options):
    """Label one frame, or write down why not."""
    done, failed, taken = (folder / f"{name}.{end}" for end in ("extxyz", "failed", "taken"))
    if done.exists() or failed.exists() or not take(taken):
        return None
    signal.setitimer(signal.ITIMER_PROF, options.limit)  # counts while the process runs: it may have to wait for others
    try:
        answer = label(atoms, options.cutoff, options.density, options.rotations)
        partial = folder / f".{name}.{os.getpid()}.partial.extxyz"
        write(partial, answer)
        partial.replace(done)
        return f"{answer.get_potential_energy() / len(answer):.4f} eV/atom, {answer.info['seconds']} s"
    except Exception as error:
        failed.write_text(f"{type(error).__name__}: {error}\n")
        return f"failed: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        taken.unlink()


def collected(path):
    """The frames of an earlier collection, by their ids."""
    if path is None or not Path(path).exists():
        return {}
    return {atoms.info["id"]: atoms for atoms in read(path, ":")}


def collect(path, folder, known):
    """Write all results to one file, sorted by their ids; it appears whole or not at all."""
    found = known | {file.stem: read(file) for file in sorted(folder.glob("[!.]*.extxyz"))}
    partial = Path(path).with_name(f".partial-{Path(path).name}")
    write(partial, [found[name] for name in sorted(found)], format="extxyz")
    partial.replace(path)
    print(f"{path}: {len(found)} labelled frames", flush=True)


def main():
    """Label the frames that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", help="any file that ASE reads; every frame has an id")
    parser.add_argument("--output", "-o", default="labels", help="folder of the results (%(default)s)")
    parser.add_argument("--out", dest="output", default=argparse.SUPPRESS, help=argparse.SUPPRESS)  # the older name
    parser.add_argument("--cutoff", type=float, default=400.0, help="plane waves, eV (%(default)s)")
    parser.add_argument("--density", type=float, default=33.0, help="k-points: distance of images, Å (%(default)s)")
    parser.add_argument("--limit", type=int, default=3600, help="processor seconds for a frame (%(default)s)")
    parser.add_argument("--collect", metavar="FILE", help="one file with all results, those of earlier runs included")
    parser.add_argument("--known", nargs="+", metavar="FILE", default=[], help="files with frames to skip, too")
    parser.add_argument("--dry-run", action="store_true", help="label nothing; collect what is there")
    options = parser.parse_args()
    frames = read(options.frames, ":")
    names = [atoms.info.get("id") for atoms in frames]
    if None in names or len(set(names)) < len(names):
        parser.error(f"{options.frames}: every frame needs an id of its own in info['id']")
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGPROF, raise_time_up)
    if not options.dry_run:
        start_in_plane_waves()
        options.rotations = Rotations()
    known = collected(options.collect)
    elsewhere = {name for path in options.known for name in collected(path)}
    for k, (atoms, name) in enumerate(zip(frames, names, strict=True), 1):
        if name in known or name in elsewhere or options.dry_run:
            continue
        result = one(atoms, name, folder, options)
        if result:
            print(f"{k}/{len(frames)} {name}: {result}", flush=True)
    if options.collect:
        collect(options.collect, folder, known)


if __name__ == "__main__":
    sys.exit(main())
