"""Files of compiled functions: one for each signature, named by a digest of its sources.

A file name consists of the name of the function and a digest of the sources of its module and of all modules of
this project that it imports, the types of the arguments and the processor; the file begins with its checksum. A
file is written under another name and renamed, so that no partial file is read.  Of several processes that need
the same function, one compiles and the others wait for its file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
import sys
import time
import uuid
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.errors import NumbaWarning
from numba.core.serialize import dumps

from ase_voxpot.compiled import places

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: every process compiles
    fcntl = None

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

__all__ = ["KernelCache", "counts", "sources"]

PACKAGES = ("ase_voxpot", "lammps_plugin", "voxpot_training", "voxpot_crystals")
IMPORT = re.compile(rf"^from ((?:{'|'.join(PACKAGES)})[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
"""Regular expression of top-level imports of modules of this project, without those for type checkers alone."""
PATIENCE = 120.0
"""s, after which the function is compiled without waiting for another process."""
PAUSE = 0.05
"""s, between two checks for the file of another process."""

counts = {"loaded": 0, "compiled": 0}
"""Numbers of functions loaded and compiled by this process."""


class KernelCache(FunctionCache):
    """The cache of one function, with the interface of Numba's dispatchers."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Keep the function; files are read when it is called."""
        self._py_func = function
        self._locks: dict[str, int] = {}
        self._enabled = True

    def __repr__(self) -> str:
        return f"<KernelCache of {self._py_func.__qualname__}>"

    @property
    def cache_path(self) -> str:
        """Where new results go."""
        return str(places.writable())

    def flush(self) -> None:
        """Do nothing: files are named by their sources and may be in use."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The function for one signature; None if it must be compiled, while a lock makes other processes wait."""
        target_context.refresh()
        if not self._enabled or not _stamp(self._py_func.__module__):
            counts["compiled"] += 1
            return None
        key = self._index_key(sig, target_context.codegen())  # type: ignore[no-untyped-call]
        name = self._name_of(key)
        payload = _read(name, key)
        if payload is None and (folder := places.writable()) is not None:
            payload = self._wait(folder, name, key)
        counts["compiled" if payload is None else "loaded"] += 1
        return None if payload is None else CompileResult._rebuild(target_context, *payload)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the compiled function of one signature, unless its sources are unknown."""
        if not self._enabled or not _stamp(self._py_func.__module__):
            return
        key = self._index_key(sig, data.codegen)  # type: ignore[no-untyped-call]
        name, folder = self._name_of(key), places.writable()
        try:
            if any(not lifted.can_cache for lifted in data.lifted) or data.library.has_dynamic_globals:
                sentence = f"{self._py_func.__qualname__} is compiled anew by every process: it holds addresses"
                warnings.warn(sentence, NumbaWarning, stacklevel=2)
            elif folder is not None:
                with contextlib.suppress(OSError):  # a full disk: compiled again next time
                    _write(folder, name, dumps((key, data._reduce())))
        finally:
            self._release(folder, name)

    def _name_of(self, key: Any) -> str:
        function = self._py_func
        signature, machine, code = key
        made_from = (_stamp(function.__module__), function.__code__.co_firstlineno, str(signature), machine, code)
        digest = hashlib.sha256(repr(made_from).encode()).hexdigest()
        readable = re.sub(r"[<>]", "", f"{function.__module__}.{function.__qualname__}")
        return f"{readable}-{digest[:24]}"

    def _wait(self, folder: Path, name: str, key: Any) -> Any:
        """The function that another process is compiling; None if there is none, or it takes too long."""
        if fcntl is None:
            return None
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                time.sleep(PAUSE)
            except OSError:  # file systems without locks
                return None
            else:
                self._locks[name] = handle
                payload = _read(name, key)
                if payload is not None:
                    self._release(folder, name)
                return payload
            payload = _read(name, key)
            if payload is not None:
                return payload
        return None

    def _release(self, folder: Path | None, name: str) -> None:
        handle = self._locks.pop(name, None)
        if handle is not None and folder is not None:
            with contextlib.suppress(OSError):
                (folder / f"{name}.lock").unlink()
            fcntl.flock(handle, fcntl.LOCK_UN)  # closing is not enough if the process was forked
            os.close(handle)


def _read(name: str, key: Any) -> Any:
    """The stored function of a name; None if there is no file or its checksum is wrong."""
    for folder in places.readable():
        # another digest has another name, but the content of a file is not trusted
        with contextlib.suppress(OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError):
            data = (folder / f"{name}.kernel").read_bytes()
            if hashlib.sha256(data[32:]).digest() == data[:32]:
                made_from, payload = pickle.loads(data[32:])  # noqa: S301
                if made_from == key:
                    return payload
    return None


def _write(folder: Path, name: str, data: bytes) -> None:
    draft = folder / f"{name}.{uuid.uuid4().hex[:12]}"
    try:
        draft.write_bytes(hashlib.sha256(data).digest() + data)
        draft.replace(folder / f"{name}.kernel")
    finally:
        draft.unlink(missing_ok=True)


@cache
def _stamp(module: str) -> str:
    """Digest of the sources of a module; empty for an interactive session, which has none."""
    digest, found = hashlib.sha256(), sources(module)
    if not found.get(module):
        return ""
    for name, text in sorted(found.items()):
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def sources(module: str) -> dict[str, bytes]:
    """The source of a module, and of all modules of these packages that it imports, by name.

    >>> sorted(sources("ase_voxpot.neighbours.loops"))[:2]
    ['ase_voxpot.compiled', 'ase_voxpot.compiled.parts']
    """
    found: dict[str, bytes] = {}
    wanted = [module]
    while wanted:
        name = wanted.pop()
        loaded = sys.modules.get(name)
        if name in found or loaded is None:
            continue
        found[name] = _source(loaded)
        for place, names in IMPORT.findall(found[name].decode(errors="replace")):
            parts = re.findall(r"\w+", names)
            wanted += [place, *(f"{place}.{part}" for part in parts)]
    return found


def _source(module: ModuleType) -> bytes:
    """The source of a module; empty for a module without one."""
    loader, file = getattr(module, "__loader__", None), getattr(module, "__file__", None)
    try:
        return bytes(loader.get_data(file)) if loader is not None and file else b""
    except (AttributeError, OSError):
        return b""
