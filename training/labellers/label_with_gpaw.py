#!/usr/bin/env python3
"""Label frames with GPAW: PBE energies and forces, one result file per frame.

A program of its own, for the Python in which GPAW is installed (Debian: ``apt install gpaw gpaw-data``
and ``/usr/bin/python3``); it needs ASE and GPAW and nothing else::

    /usr/bin/python3 label_with_gpaw.py frames.extxyz --out labels

Every frame needs a name of its own in ``info["id"]``.  The result for the frame ``NAME`` is
``labels/NAME.extxyz``; a frame whose result, or whose reason for failure (``labels/NAME.failed``), is
already there is skipped, so that the program may be stopped and started at any time.  Several processes
may share one folder: a frame is taken by creating ``labels/NAME.taken``, which names the process.
With ``--collect FILE`` frames that FILE holds already are skipped, too, and at the end, or at once where
there is nothing left to do, it holds all results::

    /usr/bin/python3 label_with_gpaw.py frames.extxyz --out labels --collect motaw_gpaw.extxyz.gz

Settings (see the guide for how they were chosen): plane waves up to 400 eV, PBE, Methfessel-Paxton
smearing of 0.15 eV, and a Gamma-centred k-point mesh with ``--density`` Å points per cell edge, that is
``ceil(density / edge)`` points along each reciprocal vector.
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

SETTINGS = {
    "xc": "PBE",
    "convergence": {"energy": 2e-5, "density": 1e-4},
    "occupations": {"name": "methfessel-paxton", "width": 0.15, "order": 1},
    "maxiter": 120,
}


class TimeUpError(Exception):
    """A frame took longer than it was allowed to."""


def mesh(cell, density):
    """Points along each reciprocal vector: ``density`` over the length of the cell edge, rounded up."""
    return [max(1, int(np.ceil(density / edge - 1e-6))) for edge in np.linalg.norm(np.asarray(cell), axis=1)]


def label(atoms, cutoff, density):
    """A copy of ``atoms`` that carries energy and forces, and how they were made.

    The stress of the plane waves stands in ``info["bare_stress"]``, where no training takes it for a label:
    at 400 eV the pressure of bcc Mo is 2 GPa lower than the derivative of its energies.
    """
    from gpaw import GPAW, PW

    kpts = mesh(atoms.cell, density)
    started = time.perf_counter()
    work = atoms.copy()
    work.calc = GPAW(mode=PW(cutoff), kpts={"size": kpts, "gamma": True}, txt=None, **SETTINGS)
    energy, forces = work.get_potential_energy(force_consistent=True), work.get_forces()
    answer = atoms.copy()
    answer.info |= {
        "code": "GPAW",
        "cutoff": cutoff,
        "kpts": np.array(kpts),
        "electronic_steps": work.calc.get_number_of_iterations(),
        "bare_stress": work.get_stress(),  # of a fixed number of plane waves: some GPa of Pulay stress are in it
        "seconds": round(time.perf_counter() - started, 1),
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
    signal.alarm(options.limit)
    try:
        answer = label(atoms, options.cutoff, options.density)
        partial = folder / f".{name}.{os.getpid()}.partial.extxyz"
        write(partial, answer)
        partial.replace(done)
        return f"{answer.get_potential_energy() / len(answer):.4f} eV/atom, {answer.info['seconds']} s"
    except Exception as error:
        failed.write_text(f"{type(error).__name__}: {error}\n")
        return f"failed: {type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
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
    parser.add_argument("--out", default="labels", help="folder of the results (%(default)s)")
    parser.add_argument("--cutoff", type=float, default=400.0, help="plane waves, eV (%(default)s)")
    parser.add_argument("--density", type=float, default=42.0, help="k-points times cell edge, Å (%(default)s)")
    parser.add_argument("--limit", type=int, default=3600, help="seconds that one frame may take (%(default)s)")
    parser.add_argument("--collect", metavar="FILE", help="one file with all results, those of earlier runs included")
    parser.add_argument("--dry-run", action="store_true", help="label nothing; collect what is there")
    options = parser.parse_args()
    frames = read(options.frames, ":")
    names = [atoms.info.get("id") for atoms in frames]
    if None in names or len(set(names)) < len(names):
        parser.error(f"{options.frames}: every frame needs an id of its own in info['id']")
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGALRM, raise_time_up)
    known = collected(options.collect)
    for k, (atoms, name) in enumerate(zip(frames, names, strict=True), 1):
        if name in known or options.dry_run:
            continue
        result = one(atoms, name, folder, options)
        if result:
            print(f"{k}/{len(frames)} {name}: {result}", flush=True)
    if options.collect:
        collect(options.collect, folder, known)


if __name__ == "__main__":
    sys.exit(main())
