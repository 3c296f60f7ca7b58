"""The entry point ``lammps.plugins``, by which ``lmp`` finds the pair style.

The ``lmp`` of the Python package ``lammps`` is a Python script that gets folders of plugins from such entry points
and then starts the compiled program.  That program has no Python; the pair style loads one, described by
environment variables set here.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from ase_voxpot.errors import VoxPotError
from lammps_plugin.build import build, find_wheel
from lammps_plugin.errors import BuildError

if TYPE_CHECKING:
    from lammps_plugin.build import Wheel

__all__ = ["QUIET", "find_libpython", "load_mpi", "plugin_folder", "python_environment"]

QUIET = "VOXPOT_LAMMPS_QUIET"
"""Environment variable that suppresses the message of the reason."""


def find_libpython() -> Path | None:
    """This Python as a shared library, if there is one."""
    names = {sysconfig.get_config_var(key) for key in ("INSTSONAME", "LDLIBRARY")}
    folders = {sysconfig.get_config_var("LIBDIR"), str(Path(sys.base_prefix) / "lib")}
    multiarch = sysconfig.get_config_var("MULTIARCH")
    folders |= {f"{folder}/{multiarch}" for folder in folders if multiarch}
    found = [Path(f) / n for f in sorted(filter(None, folders)) for n in sorted(filter(None, names)) if ".so" in n]
    return next((path for path in found if path.is_file()), None)


def python_environment() -> dict[str, str]:
    """Environment variables by which the pair style starts this Python, with its import path."""
    return {
        "VOXPOT_LIBPYTHON": str(find_libpython() or ""),
        "VOXPOT_BIN": str(Path(sys.executable).parent),
        "VOXPOT_PATH": os.pathsep.join(p for p in sys.path if p),
    }


def load_mpi(wheel: Wheel) -> None:
    """Load the MPI of the wheel, which ``liblammps.so`` does not find by itself; one that is loaded already stays.

    Raises:
        BuildError: the library cannot be loaded.
    """
    try:
        ctypes.CDLL(wheel.mpi.name, ctypes.RTLD_GLOBAL | os.RTLD_NOLOAD)
    except OSError:
        try:
            ctypes.CDLL(str(wheel.mpi), ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise BuildError(f"the library of the Python package 'mpich' cannot be loaded: {error}") from None


def plugin_folder() -> str:
    """The folder with the pair style; an empty folder if it cannot be compiled.

    ``import lammps`` asks for it, too, in Python: MPI is loaded, so that ``lammps.lammps()`` and the programs that
    call it need no environment variables.  ``lmp`` must still run other decks: the reason is printed on stderr, once.
    """
    os.environ.update(python_environment())
    try:
        wheel = find_wheel()
        load_mpi(wheel)
        return str(build(wheel))
    except VoxPotError as error:
        if os.environ.get("PMI_RANK", "0") == "0" and QUIET not in os.environ:
            sys.stderr.write(f"voxpot: pair_style voxpot is not available: {error}\n")
        return str(Path(__file__).parent)
