"""Names of devices, and their availability."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.util import find_spec

from ase_voxpot.errors import DeviceError
from ase_voxpot.extras import require

__all__ = ["resolve_device"]


def resolve_device(device: str) -> str:
    """Turn ``auto``, ``cpu``, ``cuda`` … into the name of a device that is there.

    Raises:
        DeviceError: CUDA asked for and absent, or an unknown name.
        MissingPackageError: another device than the CPU asked for, and torch is not installed.
    """
    if device == "cpu" or (device == "auto" and not _has_driver()):
        return "cpu"
    torch = require("torch", f"device {device!r}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except RuntimeError:
        raise DeviceError(f"expected a device such as 'auto', 'cpu' or 'cuda', got {device!r}") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device 'cuda' was asked for, but torch sees no CUDA device here; use 'auto' or 'cpu'")
    return str(found)


@cache
def _has_driver() -> bool:
    """Whether torch is installed, and so is the driver of a GPU: importing torch takes a second."""
    try:
        if find_spec("torch") is None:
            return False
    except ModuleNotFoundError:  # raised by an import hook that hides torch
        return False
    if "torch" in sys.modules:
        return True
    for library in ("libcuda.so.1", "libamdhip64.so", "nvcuda.dll"):
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return True
    return False
