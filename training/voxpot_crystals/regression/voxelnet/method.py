"""VoxelNet as a ``Method``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ase.data import chemical_symbols

from ase_voxpot.errors import StructureError, UnknownElementError
from voxpot_crystals.regression.elements import HEAVIEST
from voxpot_crystals.regression.method import Method
from voxpot_crystals.regression.voxelnet.batches import pack_shells, paint, powder_seen, visible
from voxpot_crystals.regression.voxelnet.network import network_of
from voxpot_crystals.regression.voxelnet.spec import ShellReader, VoxelNetSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from ase import Atoms

    from voxpot_crystals.regression.voxelnet.batches import ShellBatch, Visible, VoxelBatch
    from voxpot_crystals.regression.voxelnet.shells import Powder

__all__ = ["METHOD"]


def adapted(spec: VoxelNetSpec, atoms: Sequence[Atoms]) -> VoxelNetSpec:
    """With the elements of the crystals, by Z."""
    numbers = sorted({int(z) for crystal in atoms for z in crystal.numbers})
    return replace(spec, elements=tuple(chemical_symbols[z] for z in numbers))


def prepared(atoms: Sequence[Atoms], spec: VoxelNetSpec) -> list[Visible] | list[Powder]:
    """Every crystal in reciprocal space.

    Raises:
        UnknownElementError: an element without a channel, or without tabulated properties;
            StructureError: a cell too large.  Both name the frame.
    """
    for row, crystal in enumerate(atoms):
        _check_elements(crystal, spec, row)
    reader = spec.reader
    items = []
    for row, crystal in enumerate(atoms):
        try:
            items.append(powder_seen(crystal, reader) if isinstance(reader, ShellReader) else visible(crystal, reader))
        except StructureError as error:
            raise type(error)(f"frame {row}: {error}") from None
    return items  # type: ignore[return-value]


def _check_elements(atoms: Atoms, spec: VoxelNetSpec, row: int) -> None:
    reader = spec.reader
    if not isinstance(reader, ShellReader) and reader.window.field == "moduli":
        foreign = sorted(set(atoms.get_chemical_symbols()) - set(spec.elements))
        known = f"elements that the network has a channel for ({', '.join(spec.elements)})"
    else:
        foreign = sorted({chemical_symbols[z] for z in atoms.numbers if z > HEAVIEST})
        known = f"elements up to Z = {HEAVIEST}"
    if foreign:
        raise UnknownElementError(f"frame {row}: expected {known}, got {', '.join(foreign)}")


def collated(
    items: Sequence[Visible] | Sequence[Powder], spec: VoxelNetSpec, turn: np.random.Generator | int | None
) -> VoxelBatch | ShellBatch:
    """A batch; of voxels only, for powders have no orientation to turn."""
    if isinstance(spec.reader, ShellReader):
        return pack_shells(items)  # type: ignore[arg-type]
    return paint(items, spec.reader, turn)  # type: ignore[arg-type]


METHOD = Method(
    kind="voxelnet",
    spec=VoxelNetSpec,
    adapt=adapted,
    prepare=prepared,
    collate=collated,
    network=network_of,
    views=lambda spec: 1 if isinstance(spec.reader, ShellReader) else spec.reader.views,
)
