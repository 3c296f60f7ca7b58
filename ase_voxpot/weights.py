"""Potentials on disk: safetensors, with the spec as JSON in its header.  Never a pickle.

The header holds ``format``, ``schema``, ``spec`` (what to build), ``checksum`` (SHA-256
over spec, ``uncertainty`` and names, shapes and bytes of the tensors) and, where known, ``card``: how
the model was made and what it is good for.  A file is believed only when all of them fit.

Schema 1 is a network alone.  Schema 2 adds its uncertainty: the ``Calibration`` under
``uncertainty`` in the header, and the tensors whose names begin with ``uncertainty.``.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import ArchitectureError, ChecksumError, ConfigError, SchemaError, SpecError, WeightsError
from ase_voxpot.spec import PotentialSpec, decode, encode
from ase_voxpot.uncertainty import Calibration, Uncertainty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from torch import Tensor

    from ase_voxpot.potential import Potential

__all__ = ["find_model", "load_potential", "read_header", "save_potential", "shipped_models"]

FORMAT = "ase-voxpot potential"
SCHEMAS = ("1", "2")
PREFIX = "uncertainty."
PRECISIONS = ("torch.float32", "torch.float64")
SHIPPED = Path(__file__).with_name("pretrained")


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(p.stem for p in SHIPPED.glob("*.safetensors"))


def find_model(model: str | Path) -> Path:
    """The file of a shipped model by its name, or of any model by its path.

    Raises:
        WeightsError: neither a shipped name nor a file.
    """
    path = Path(model)
    shipped = SHIPPED / f"{model}.safetensors"
    if path.suffix == "" and shipped.is_file():
        return shipped
    if path.is_file():
        return path
    raise WeightsError(
        f"expected the name of a shipped model ({', '.join(shipped_models()) or 'none'}) "
        f"or the path of a .safetensors file, got {str(model)!r}"
    )


def _checksum(header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the texts as they are stored, so that fields added later do not make old files look damaged."""
    digest = hashlib.sha256(header["spec"].encode())
    digest.update(header.get("uncertainty", "").encode())
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_potential(potential: Potential, path: str | Path, *, card: Mapping[str, Any] | None = None) -> Path:
    """Write spec, weights and uncertainty to ``path``; the file appears whole or not at all.

    Args:
        potential: what to save, in the precision it computes in.
        path: ends in ``.safetensors``.
        card: anything JSON can hold on data, split, errors and validity.
    """
    import torch
    from safetensors.torch import save

    tensors = {k: v.detach().cpu().contiguous() for k, v in potential.network.state_dict().items()}
    known = potential.uncertainty
    header = {
        "format": FORMAT,
        "schema": "1" if known is None else "2",
        "spec": json.dumps(encode(potential.spec)),
        "card": json.dumps(card or {}),
    }
    if known is not None:
        tensors |= {PREFIX + k: torch.from_numpy(v) for k, v in known.tensors().items()}
        header["uncertainty"] = json.dumps(encode(known.calibration))
    header["checksum"] = _checksum(header, tensors)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(save(tensors, header))
    draft.replace(path)
    return path


def read_header(path: str | Path) -> dict[str, Any]:
    """Spec and card of a model file, without its tensors.

    Returns:
        ``spec`` (a ``PotentialSpec``), ``card`` (a mapping), ``checksum`` (a string),
        ``uncertainty`` (a ``Calibration``, or None), ``stored`` (the texts that the checksum is of).

    Raises:
        SchemaError: not a weight file of ours, or of a schema we do not know.
    """
    path = Path(path)
    hint = "expected a weight file of ase-voxpot (safetensors)"
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 10_000_000:
                raise SchemaError(f"{path}: {hint}, got something else")
            metadata = json.loads(file.read(length)).get("__metadata__", {})
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    except (struct.error, UnicodeDecodeError, json.JSONDecodeError, AttributeError, RecursionError):
        raise SchemaError(f"{path}: {hint}, got something else") from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise SchemaError(f"{path}: {hint}, got a safetensors file from elsewhere")
    if metadata.get("schema") not in SCHEMAS:
        wanted = " or ".join(SCHEMAS)
        raise SchemaError(f"{path}: expected schema {wanted}, got {metadata.get('schema')}; update ase-voxpot")
    try:
        spec = decode(PotentialSpec, json.loads(metadata["spec"]), where="spec")
        card = json.loads(metadata.get("card", "{}"))
        known = json.loads(metadata.get("uncertainty", "null"))
        calibration = None if known is None else decode(Calibration, known, where="uncertainty")
    except (KeyError, TypeError, json.JSONDecodeError, ConfigError, SpecError) as error:
        raise SchemaError(f"{path}: its description of the model cannot be used ({error})") from None
    if not isinstance(card, dict):
        raise SchemaError(f"{path}: its description of the model cannot be used (card: expected a table)")
    return {
        "spec": spec,
        "card": card,
        "checksum": metadata.get("checksum", ""),
        "uncertainty": calibration,
        "stored": {k: metadata[k] for k in ("spec", "uncertainty") if k in metadata},
    }


def load_potential(
    model: str | Path = "motaw",
    *,
    device: str = "auto",
    dtype: Literal["float32", "float64"] = "float32",
    route: Literal["folded", "voxels"] | None = None,
) -> Potential:
    """A potential from a shipped name or a file; arguments as ``Potential``.

    Raises:
        WeightsError: missing file; ``SchemaError`` foreign, ``ChecksumError`` damaged,
            ``ArchitectureError`` tensors that do not fit the spec beside them.
        DeviceError: the device is not there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from ase_voxpot.potential import Potential

    path = find_model(model)
    header = read_header(path)
    try:
        tensors = load(path.read_bytes())
    except SafetensorError as error:
        raise ChecksumError(f"{path}: the file is damaged ({error}); fetch or train it again") from None
    foreign = sorted({str(v.dtype) for v in tensors.values() if str(v.dtype) not in PRECISIONS})
    if foreign:
        raise ArchitectureError(f"{path}: expected numbers in {' or '.join(PRECISIONS)}, got {', '.join(foreign)}")
    potential = Potential(header["spec"], device=device, dtype=dtype, route=route)
    own = {k: v for k, v in tensors.items() if not k.startswith(PREFIX)}
    fill(potential, own, source=str(path))
    if _checksum(header["stored"], tensors) != header["checksum"]:
        raise ChecksumError(f"{path}: the stored numbers do not match their checksum; fetch or train the model again")
    if header["uncertainty"] is not None:
        said = {k.removeprefix(PREFIX): v.double().numpy() for k, v in tensors.items() if k not in own}
        potential.uncertainty = Uncertainty.from_tensors(said, header["uncertainty"])
        wanted = (len(potential.spec.species), potential.width + 1)
        if potential.uncertainty.local.shape[:2] != wanted:
            raise ArchitectureError(
                f"{path}: expected an uncertainty over {wanted[0]} species with {wanted[1]} inputs each, "
                f"got {potential.uncertainty.local.shape[:2]}; compute it anew"
            )
    return potential


def fill(potential: Potential, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Put stored tensors into the network of ``potential``.

    Raises:
        ArchitectureError: names or shapes differ from what the network has.
    """
    wanted = {k: tuple(v.shape) for k, v in potential.network.state_dict().items()}
    given = {k: tuple(v.shape) for k, v in tensors.items()}
    if wanted != given:
        names = sorted(set(wanted) ^ set(given)) or sorted(k for k in wanted if wanted[k] != given[k])
        raise ArchitectureError(
            f"{source}: holds the weights of another network than {potential.spec.network.kind!r} "
            f"as its spec describes it (first difference: {names[0]}); load it with the spec it was trained with"
        )
    potential.network.load_state_dict(dict(tensors))
