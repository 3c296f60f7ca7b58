"""``voxpot lmp``: hands a deck to LAMMPS."""

from __future__ import annotations

import typer

__all__ = ["lmp"]


def lmp(context: typer.Context) -> None:
    """Run a LAMMPS deck with pair_style voxpot, by the Python package lammps.

    Takes all arguments of LAMMPS itself, and works without a C++ compiler, too.

    voxpot lmp -in examples/lammps/nvt.in
    voxpot lmp -in nvt.in -var T 1200 -log nvt.log
    mpiexec -n 4 voxpot lmp -in nvt.in
    """
    from importlib import import_module

    from ase_voxpot.errors import ConfigError

    try:
        # by name, because it stands above this package and need not be installed
        runner = import_module("lammps_plugin.runner")
    except ModuleNotFoundError as error:
        raise ConfigError(f"LAMMPS needs the package lammps_plugin with all it imports ({error})") from None
    runner.run(context.args)
