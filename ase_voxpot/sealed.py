"""Tensors on disk, believed only when whole: safetensors, texts in the header, a checksum.  Never a pickle.

What the texts mean is the business of whoever writes them: ``weights`` keeps potentials
this way.  ``format`` says which kind of file it is, ``schema`` its version.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from ase_voxpot.errors import ArchitectureError, ChecksumError, SchemaError, WeightsError
from ase_voxpot.files import draft_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

__all__ = ["PRECISIONS", "checksum", "find_sealed", "read_tensors", "read_texts", "write_sealed"]

PRECISIONS = ("torch.float32", "torch.float64")
LONGEST_HEADER = 10_000_000
"""Bytes; whatever begins with a larger number is no file of ours."""


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


def checksum(texts: Iterable[str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the texts as they are stored, and of names, shapes and bytes of the tensors.

    Of the text as stored, so that a field added later does not make old files look damaged.
    """
    digest = hashlib.sha256("".join(texts).encode())
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_sealed(path: Path, texts: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """Write header and tensors; the file appears whole or not at all."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with draft_of(path) as draft:
        draft.write_bytes(save(kept, dict(texts)))


def read_texts(path: Path, *, format: str, schemas: tuple[str, ...]) -> dict[str, str]:
    """The header of a file, without its tensors.

    Args:
        path: the file.
        format: what its header must call it.
        schemas: the versions that can be read.

    Raises:
        WeightsError: it cannot be read; ``SchemaError`` it is something else, or of another version.
    """
    hint = "expected a weight file of ase-voxpot (safetensors)"
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LONGEST_HEADER:
                raise SchemaError(f"{path}: {hint}, got something else")
            texts = json.loads(file.read(length)).get("__metadata__", {})
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    except (struct.error, UnicodeDecodeError, json.JSONDecodeError, AttributeError, RecursionError):
        raise SchemaError(f"{path}: {hint}, got something else") from None
    if not isinstance(texts, dict) or texts.get("format") != format:
        found = str(texts.get("format")) if isinstance(texts, dict) else ""
        got = f"an {found}" if found.startswith("ase-voxpot") else "a safetensors file from elsewhere"
        raise SchemaError(f"{path}: {hint}, an {format}, got {got}")
    if texts.get("schema") not in schemas:
        wanted = " or ".join(schemas)
        raise SchemaError(f"{path}: expected schema {wanted}, got {texts.get('schema')}; update ase-voxpot")
    return texts


def read_tensors(path: Path, *, precisions: tuple[str, ...] = PRECISIONS) -> dict[str, Tensor]:
    """The tensors of a file, in one of ``precisions``.

    Raises:
        ChecksumError: the file is damaged.
        ArchitectureError: numbers that no model of ours has.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(path.read_bytes())
    except SafetensorError as error:
        raise ChecksumError(f"{path}: the file is damaged ({error}); fetch or train it again") from None
    foreign = sorted({str(v.dtype) for v in tensors.values() if str(v.dtype) not in precisions})
    if foreign:
        raise ArchitectureError(f"{path}: expected numbers in {' or '.join(precisions)}, got {', '.join(foreign)}")
    return tensors
