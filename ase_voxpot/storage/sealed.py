"""Arrays in safetensors files with texts and a checksum in the header.

The module that writes a file defines the texts, as ``weights`` does for potentials.
``format`` is the kind of file, ``schema`` its version.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ArchitectureError, ChecksumError, SchemaError, WeightsError
from ase_voxpot.storage.files import draft_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PRECISIONS", "checksum", "find_sealed", "read_arrays", "read_texts", "write_sealed"]

PRECISIONS = ("float32", "float64")
"""Precisions of a file, by NumPy's names."""
STORED = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Names that safetensors has for them."""
LONGEST_HEADER = 10_000_000
"""Bytes, largest accepted header."""
OPENING, CLOSING, DEEPEST = b"[{", b"]}", 500
"""Brackets, and the largest accepted number of open ones, those in texts included."""


def find_sealed(model: str | Path, shipped: Path) -> Path:
    """The file of a model: by its name if it lies in the folder ``shipped``, of any by its path.

    Raises:
        WeightsError: neither a shipped name nor a file.
    """
    path = Path(model)
    own = shipped / f"{model}.safetensors"
    if path.suffix == "" and own.is_file():
        return own
    if path.is_file():
        return path
    names = ", ".join(sorted(p.stem for p in shipped.glob("*.safetensors"))) or "none"
    raise WeightsError(
        f"expected the name of a shipped model ({names}) or the path of a .safetensors file, got {str(model)!r}"
    )


def checksum(texts: Iterable[str], arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the texts as they are stored, and of names, shapes and bytes of the arrays.

    The stored text is used, so that a field added later does not invalidate old files.
    """
    digest = hashlib.sha256("".join(texts).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name]).reshape(arrays[name].shape)  # the former makes a scalar an array
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_sealed(path: Path, texts: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write header and arrays; the file is replaced atomically."""
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with draft_of(path) as draft:
        draft.write_bytes(save(kept, dict(texts)))


def read_texts(path: Path, *, format: str, schemas: tuple[str, ...]) -> dict[str, str]:
    """The header of a file, without its arrays.

    Args:
        path: the file.
        format: what its header must call it.
        schemas: the versions that can be read.

    Raises:
        WeightsError: it cannot be read; ``SchemaError`` another format or version.
    """
    hint = "expected a weight file of ase-voxpot (safetensors)"
    try:
        texts = _header(path).get("__metadata__", {})
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    except (struct.error, UnicodeDecodeError, json.JSONDecodeError, AttributeError, RecursionError, OverflowError):
        raise SchemaError(f"{path}: {hint}, got something else") from None
    if not isinstance(texts, dict) or texts.get("format") != format:
        found = str(texts.get("format")) if isinstance(texts, dict) else ""
        got = f"an {found}" if found.startswith("ase-voxpot") else "a safetensors file from elsewhere"
        raise SchemaError(f"{path}: {hint}, an {format}, got {got}")
    if texts.get("schema") not in schemas:
        wanted = " or ".join(schemas)
        raise SchemaError(f"{path}: expected schema {wanted}, got {texts.get('schema')}; update ase-voxpot")
    return texts


def _header(path: Path) -> Any:
    """The JSON at the beginning of a file."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > LONGEST_HEADER:
            raise OverflowError
        content = file.read(length)
    opened = np.frombuffer(content, np.uint8)
    depth = np.cumsum(np.isin(opened, list(OPENING)).astype(np.int64) - np.isin(opened, list(CLOSING)))
    if depth.max(initial=0) > DEEPEST:  # json's recursion ends the process where the limit of Python was raised
        raise RecursionError
    return json.loads(content)


def read_arrays(path: Path, *, precisions: tuple[str, ...] = PRECISIONS) -> dict[str, np.ndarray]:
    """The arrays of a file, in one of ``precisions``.

    Raises:
        ChecksumError: the file is damaged.
        ArchitectureError: numbers in another precision.
    """
    from safetensors import SafetensorError, deserialize

    content = path.read_bytes()
    try:
        parts = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ChecksumError(f"{path}: the file is damaged ({error}); fetch or train it again") from None
    named = {name: STORED.get(part["dtype"], part["dtype"]) for name, part in parts}
    foreign = sorted(set(named.values()) - set(precisions))
    if foreign:
        raise ArchitectureError(f"{path}: expected numbers in {' or '.join(precisions)}, got {', '.join(foreign)}")
    return {name: np.frombuffer(part["data"], named[name]).reshape(part["shape"]).copy() for name, part in parts}
