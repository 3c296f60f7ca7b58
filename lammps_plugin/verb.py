"""``voxpot lmp``: run a LAMMPS deck."""

from __future__ import annotations

import typer

from ase_voxpot.extensions import Verb

__all__ = ["LMP", "lmp"]


def lmp(context: typer.Context) -> None:
    """Run a LAMMPS deck with pair_style voxpot, by the Python package lammps.

    Takes all arguments of LAMMPS itself, and works without a C++ compiler, too.

    voxpot lmp -in examples/lammps/nvt.in
    voxpot lmp -in nvt.in -var T 1200 -log nvt.log
    mpiexec -n 4 voxpot lmp -in nvt.in
    """
    from lammps_plugin import runner

    runner.run(context.args)


# everything else on the command line is for LAMMPS, whose options have one dash
LMP = Verb(lmp, "Simulate", {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]})
