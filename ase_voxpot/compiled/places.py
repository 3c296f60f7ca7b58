"""Folders where compiled functions are kept.

    own         $VOXPOT_CACHE, $NUMBA_CACHE_DIR/ase-voxpot, or ase-voxpot/kernels in $XDG_CACHE_HOME or ~/.cache
    package     beside the package, which every user of an installation reads: voxpot warmup --shared fills it
    temporary   of this user, if the first cannot be written to

In each, a folder named after version, Numba, Python and processor holds compatible files, so that
all environments of one user share them and a home folder may serve several kinds of machines.
Any of them may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

import llvmlite
import numba
from llvmlite import binding
from numba.core import config

__all__ = ["keep_only_in", "make", "name_of_machine", "own", "package", "readable", "temporary", "writable"]

CODE = ("CPU_NAME", "CPU_FEATURES", "OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")
"""Settings of Numba that machine code depends on."""


@cache
def name_of_machine() -> str:
    """Folder for what was compiled by these versions for this processor.

    >>> name_of_machine()  # doctest: +SKIP
    '0.1.0-numba0.68.1-cpython-311-1f0c3a8be7d2'
    """
    about = (
        llvmlite.__version__,
        sys.implementation.cache_tag,
        getattr(sys, "abiflags", ""),
        binding.get_process_triple(),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
        *(getattr(config, name, None) for name in CODE),
    )
    digest = hashlib.sha256(repr(about).encode()).hexdigest()
    version = sys.modules["ase_voxpot"].__version__  # an import would be circular
    return f"{version}-numba{numba.__version__}-{sys.implementation.cache_tag}-{digest[:12]}"


def own() -> Path | None:
    """The folder of this user, which may not exist; None if there is no home folder."""
    if chosen := os.environ.get("VOXPOT_CACHE"):
        return Path(chosen).absolute() / name_of_machine()
    if numbas := getattr(config, "CACHE_DIR", ""):
        return Path(numbas).absolute() / "ase-voxpot" / name_of_machine()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # to be ignored, by the XDG specification
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            return None
    return base / "ase-voxpot" / "kernels" / name_of_machine()


def package() -> Path:
    """The folder beside the package, which may not exist."""
    return Path(__file__).parent / "__pycache__" / "kernels" / name_of_machine()


def temporary() -> Path | None:
    """The folder of this user among temporary files, which may not exist; None if it cannot be used.

    Its name can be guessed and its files are executed, so it must belong to this user and be writable by no other.
    """
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError:  # no place on this machine can be written to
        return None
    user = getattr(os, "getuid", lambda: 0)()
    base = folder / f"ase-voxpot-{user}"
    try:
        found = base.lstat()
    except OSError:
        return base / name_of_machine()
    theirs = found.st_uid != user or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return None if theirs or not stat.S_ISDIR(found.st_mode) else base / name_of_machine()


_only: Path | None = None


def keep_only_in(place: Path | None) -> None:
    """Read from and write to this folder alone; None for all folders again."""
    global _only
    _only = place
    writable.cache_clear()


def readable() -> list[Path]:
    """Folders to read from, in this order."""
    if _only is not None:
        return [_only]
    return [place for place in (own(), package(), temporary()) if place is not None]


@cache
def writable() -> Path | None:
    """The folder to write to: that of this user, else the temporary one with a warning, else None."""
    place, reason = _only or own(), "no home folder is known"
    if place is not None:
        try:
            return make(place)
        except OSError as error:
            reason = f"{place}: {error.strerror}"
    place = temporary()
    try:
        if place is not None:
            place.parent.mkdir(mode=0o700, exist_ok=True)
            place = make(place)
    except OSError:
        place = None
    logging.getLogger("ase_voxpot").warning(
        "compiled functions cannot be kept in the cache (%s), but %s; "
        "set VOXPOT_CACHE to a folder that can be written to, or fill one with voxpot warmup",
        reason,
        f"in {place} until that is emptied" if place else "in memory only",
    )
    return place


def make(place: Path) -> Path:
    """Make a folder and check that it can be written to.

    Raises:
        OSError: it cannot.
    """
    place.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=place).close()  # permissions do not suffice: a file system may be read-only
    return place
