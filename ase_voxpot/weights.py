"""Model files of potentials: safetensors with the spec as JSON in the header.

The header holds ``format``, ``schema``, ``spec`` (see ``spec``), ``checksum`` (over
spec, ``uncertainty`` and the arrays) and, if known, ``card``: data, errors and range of validity
of the model.  A file is rejected unless all of them are consistent.

Schema 1 is a network alone.  Schema 2 adds its uncertainty: the ``Calibration`` under
``uncertainty`` in the header, and the tensors whose names begin with ``uncertainty.``.  Schema 3
describes the input of the network under ``descriptor`` (see ``spec.renew``); uncertainty is optional.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import ArchitectureError, ChecksumError, ConfigError, SchemaError, SpecError
from ase_voxpot.spec import PotentialSpec, decode, encode
from ase_voxpot.storage.sealed import checksum, find_sealed, read_arrays, read_texts, write_sealed
from ase_voxpot.uncertainty import Calibration, Uncertainty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    import numpy as np

    from ase_voxpot.potential import Potential

__all__ = ["find_model", "load_potential", "read_header", "save_potential", "shipped_models"]

FORMAT = "ase-voxpot potential"
SCHEMAS = ("1", "2", "3")
PREFIX = "uncertainty."
SHIPPED = Path(__file__).with_name("pretrained")


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(p.stem for p in SHIPPED.glob("*.safetensors"))


def find_model(model: str | Path) -> Path:
    """The file of a shipped model by its name, or of any model by its path.

    Raises:
        WeightsError: neither a shipped name nor a file.
    """
    return find_sealed(model, SHIPPED)


def _seal(header: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    return checksum((header["spec"], header.get("uncertainty", "")), arrays)


def save_potential(potential: Potential, path: str | Path, *, card: Mapping[str, Any] | None = None) -> Path:
    """Write spec, weights and uncertainty to ``path``; the file is replaced atomically.

    Args:
        potential: what to save, in the precision it computes in.
        path: ends in ``.safetensors``.
        card: anything JSON can hold on data, split, errors and validity.
    """
    arrays = potential.arrays()
    known = potential.uncertainty
    header = {
        "format": FORMAT,
        "schema": SCHEMAS[-1],
        "spec": json.dumps(encode(potential.spec)),
        "card": json.dumps(card or {}),
    }
    if known is not None:
        arrays |= {PREFIX + k: v for k, v in known.tensors().items()}
        header["uncertainty"] = json.dumps(encode(known.calibration))
    header["checksum"] = _seal(header, arrays)
    path = Path(path)
    write_sealed(path, header, arrays)
    return path


def read_header(path: str | Path) -> dict[str, Any]:
    """Spec and card of a model file, without its arrays.

    Returns:
        ``spec`` (a ``PotentialSpec``), ``card`` (a mapping), ``checksum`` (a string),
        ``uncertainty`` (a ``Calibration``, or None), ``stored`` (the texts that the checksum is of).

    Raises:
        SchemaError: not a weight file of this package, or an unknown schema.
    """
    path = Path(path)
    metadata = read_texts(path, format=FORMAT, schemas=SCHEMAS)
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
    from ase_voxpot.potential import Potential

    path = find_model(model)
    header = read_header(path)
    arrays = read_arrays(path)
    own = {k: v for k, v in arrays.items() if not k.startswith(PREFIX)}
    try:
        potential = Potential(header["spec"], arrays=own, device=device, dtype=dtype, route=route)
    except ArchitectureError as error:
        raise ArchitectureError(f"{path}: {error}") from None
    if route is None:  # else loading it again by its name would take another route
        potential.source = str(model) if path.parent == SHIPPED else str(path.absolute())
    if _seal(header["stored"], arrays) != header["checksum"]:
        raise ChecksumError(f"{path}: the stored numbers do not match their checksum; fetch or train the model again")
    if header["uncertainty"] is not None:
        matrices = {k.removeprefix(PREFIX): v.astype(float) for k, v in arrays.items() if k not in own}
        potential.uncertainty = Uncertainty.from_tensors(matrices, header["uncertainty"])
        wanted = (len(potential.spec.species), potential.width + 1)
        if potential.uncertainty.local.shape[:2] != wanted:
            raise ArchitectureError(
                f"{path}: expected an uncertainty over {wanted[0]} species with {wanted[1]} inputs each, "
                f"got {potential.uncertainty.local.shape[:2]}; compute it anew"
            )
    return potential
