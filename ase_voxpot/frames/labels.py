"""Labels of frames in files: energies, forces and stresses.

Training and scoring read the same labels in the same way: from ``atoms.info`` and
``atoms.arrays`` under the names in ``LabelKeys``, else from the results stored with the
frame (a ``SinglePointCalculator``).  Frames without energy or forces raise an error with
their number; a missing stress is allowed.

If there are two energies, the free energy is used, whose derivatives the forces are: ``free_energy`` of the frame,
which ASE stores beside ``energy``, energy(sigma->0) of VASP.  Without a stress, it is computed from a virial.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DataError, MissingLabelsError, VoxPotError
from ase_voxpot.frames.deepmd import instead_of, is_system
from ase_voxpot.frames.disorder import refuse_disorder
from ase_voxpot.frames.readers import read_structures
from ase_voxpot.frames.tensors import stress_of_virial, voigt_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = [
    "LabelKeys",
    "Labels",
    "Origin",
    "energies_in",
    "forces_in",
    "labels_of",
    "read_each",
    "read_frames",
    "stress_in",
]

VIRIALS = ("virial", "virials")
"""Further names of a virial besides that of ``LabelKeys``."""
SAME = (1e-4, 0.01)
"""Absolute (eV/Å³) and relative tolerance between a stress and one from a virial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKeys:
    """Names under which a data set keeps its labels.

    >>> LabelKeys(energy="dft_energy").forces
    'REF_forces'
    """

    energy: str = "REF_energy"  # in atoms.info, or of a stored result; eV of the whole frame
    forces: str = "REF_forces"  # in atoms.arrays, eV/Å
    stress: str = "REF_stress"  # in atoms.info, eV/Å³, positive under tension
    virial: str = "REF_virial"  # in atoms.info, eV of the whole frame
    virial_sign: int = -1  # of stress times volume over virial

    def __post_init__(self) -> None:
        if self.virial_sign not in (-1, 1):
            raise ConfigError(f"virial sign: expected -1 (virial = -volume × stress) or 1, got {self.virial_sign}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the labels of a frame come from."""

    energy: str = "energy"
    stress: str | None = None
    beside: dict[str, str] = field(default_factory=dict)  # other stresses and virials, and why they are not used


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of one frame."""

    energy: float  # eV
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    stress: Float[np.ndarray, " 6"] | None  # eV/Å³, Voigt xx yy zz yz xz xy, ASE sign
    group: str  # info["config_type"], or "default"
    origin: Origin = field(default_factory=Origin)


def read_frames(path: str | Path, index: str = ":", *, disorder: bool = False) -> list[Atoms]:
    """Frames of a file in any format that ASE knows, compressed or not.

    Args:
        path: the file.
        index: which frames, as a slice: ``:`` for all, ``-1:`` for the last.
        disorder: take frames with partially occupied sites, one atom on each, as ASE's readers leave them.

    Raises:
        DataError: the file is missing, unreadable or holds no frames.
        OccupancyError: a frame with partially occupied sites.
    """
    frames = []
    for number, found in enumerate(read_each(path, index)):
        where = f"{path}: frame {number}" if number or index == ":" else f"{path}"
        try:
            if isinstance(found, VoxPotError):
                raise found
            if not disorder:
                refuse_disorder(found)
        except VoxPotError as error:
            raise type(error)(f"{where}: {error}") from None
        frames.append(found)
    return frames


def read_each(path: str | Path, index: str = ":") -> list[Atoms | VoxPotError]:
    """As ``read_frames``, with an error in the place of a frame that cannot be read where the others can.

    Partially occupied sites are left as they are, see ``frames.disorder``.

    Raises:
        DataError: the file is missing, unreadable or holds no frames.
    """
    path = Path(path)
    if not path.is_file() and not is_system(path):
        raise DataError(f"{path}: expected a file with atomic structures, got {instead_of(path)}")
    try:
        frames = read_structures(path, index)
    except VoxPotError as error:
        raise type(error)(f"{path}: {error}") from None
    except Exception as error:  # ASE's readers raise errors of any kind
        reason = " ".join(str(error).split())[:160]
        raise DataError(
            f"{path}: expected a structure file that ASE can read, such as extended XYZ, "
            f"got {type(error).__name__}{f' ({reason})' if reason else ''}"
        ) from None
    if not frames:
        raise DataError(f"{path}: expected at least one structure, got an empty file")
    return frames


def labels_of(frames: Sequence[Atoms], keys: LabelKeys | None = None, places: Sequence[str] = ()) -> list[Labels]:
    """The labels of every frame, in order.

    Args:
        frames: structures as ``read_frames`` returns them; not changed.
        keys: where the labels stand; ``REF_energy``, ``REF_forces`` … by default.
        places: what errors call the frames; ``frame 0`` and so on by default.

    Raises:
        MissingLabelsError: frames lack energy or forces; says how many, and which keys
            the file has instead.
        DataError: a label is not finite or has the wrong shape; names the frame.
    """
    keys = keys or LabelKeys()
    energies = [next(energies_in(atoms, keys), (None, "")) for atoms in frames]
    forces = [forces_in(atoms, keys) for atoms in frames]
    named = places or [f"frame {number}" for number in range(len(frames))]
    _refuse_missing(frames, [e for e, _ in energies], forces, keys, named)
    return [
        _checked(atoms, energy, force, keys, where)
        for atoms, energy, force, where in zip(frames, energies, forces, named, strict=True)
    ]


def _stored(atoms: Atoms) -> dict[str, Any]:
    from ase.calculators.singlepoint import SinglePointCalculator

    return dict(atoms.calc.results) if isinstance(atoms.calc, SinglePointCalculator) else {}


def energies_in(atoms: Atoms, keys: LabelKeys) -> Iterator[tuple[Any, str]]:
    """The energies of a frame as they were written, with their names: the one to be used first."""
    stored = _stored(atoms)
    free = keys.energy.replace("energy", "free_energy") if keys.energy == LabelKeys().energy else ""
    for name in (free, keys.energy):
        if atoms.info.get(name) is not None:
            yield atoms.info[name], name
    for name in dict.fromkeys((keys.energy, "free_energy", "energy")):
        if stored.get(name) is not None:
            yield stored[name], f"{name} stored with the frames"


def forces_in(atoms: Atoms, keys: LabelKeys) -> Any:
    """The forces of a frame as they were written, in ``arrays`` or, from the data of an ASE database, in ``info``.

    Frames for GPUMD have them as ``force``, a name that ASE does not take for stored forces.
    """
    named = atoms.arrays.get(keys.forces, atoms.info.get(keys.forces))
    return _stored(atoms).get("forces", atoms.arrays.get("force")) if named is None else named


def stress_in(atoms: Atoms, keys: LabelKeys, where: str) -> tuple[Float[np.ndarray, " 6"] | None, Origin]:
    """The stress of a frame in eV/Å³, and where it and others come from.

    Raises:
        DataError: one that has a name of ``keys``, or is stored, is not finite or has the wrong shape.
    """
    found: dict[str, np.ndarray] = {}
    beside: dict[str, str] = {}
    stored = _stored(atoms).get("stress")
    plain = [k for k in atoms.info if k != keys.virial and (k.lower() in VIRIALS or k == f"{keys.virial}s")]
    candidates = [
        (keys.stress, atoms.info.get(keys.stress), False, True),
        (keys.virial, atoms.info.get(keys.virial), True, True),
        ("stress stored with the frames", stored, False, True),
        *((k, atoms.info[k], True, False) for k in plain),
    ]
    for name, value, is_virial, claimed in candidates:
        if value is None:
            continue
        if not is_virial:
            found[name] = _shaped(_numbers(value, "stress", where), "stress", where)
        elif (volume := abs(atoms.cell.volume) if atoms.cell.rank == 3 else 0.0) == 0.0:
            beside[name] = "is not used, as there is no cell"
        elif claimed or _is_tensor(value):
            six = _shaped(_numbers(value, "virial", where), "virial", where)
            title = f"{'-' if keys.virial_sign < 0 else ''}{name}/volume"
            found[title] = np.asarray(stress_of_virial(six, volume=volume, sign=keys.virial_sign))
        else:
            beside[name] = "is not used, as it is not six or nine numbers"
    names = list(found)
    for name in names[1:]:
        result = _compared(found[names[0]], found[name])
        if result:
            beside[name] = f"{result} and is not used"
    beside |= {name: "is not used, as nothing names it" for name in _unnamed(atoms, keys, plain)}
    return (found[names[0]] if names else None), Origin(stress=names[0] if names else None, beside=beside)


def _is_tensor(value: Any) -> bool:
    try:
        return np.array(value, float).size in (6, 9)
    except (TypeError, ValueError):
        return False


def _compared(used: np.ndarray, other: np.ndarray) -> str:
    """How another stress differs from the one used; empty if it does not."""
    limit = SAME[0] + SAME[1] * np.abs(used).max()
    if np.abs(used - other).max() <= limit:
        return ""
    return "has the opposite sign" if np.abs(used + other).max() <= limit else "disagrees"


def _unnamed(atoms: Atoms, keys: LabelKeys, plain: Sequence[str]) -> list[str]:
    """Names in a frame that contain stress or virial and are not used."""
    claimed = {keys.stress, keys.virial, *plain}
    both = [*atoms.info, *atoms.arrays]
    return [k for k in both if k not in claimed and k.lower().endswith(("stress", "stresses", *VIRIALS))]


def _refuse_missing(
    frames: Sequence[Atoms], energy: Sequence[Any], force: Sequence[Any], keys: LabelKeys, named: Sequence[str]
) -> None:
    lacking = [n for n, (e, f) in enumerate(zip(energy, force, strict=True)) if e is None or f is None]
    if not lacking:
        return
    energies = sum(e is None for e in energy)
    forces = sum(f is None for f in force)
    seen = sorted({key for n in lacking for key in _keys_of(frames[n])})
    raise MissingLabelsError(
        f"expected {keys.energy!r} and {keys.forces!r} in every frame, but {len(lacking)} of {len(frames)} frames "
        f"(first: {named[lacking[0]]}) lack them ({energies} without energy, {forces} without forces); "
        f"the keys seen there are {', '.join(seen) or 'none'}: name the right ones, or label the frames"
    )


def _keys_of(atoms: Atoms) -> set[str]:
    """Everything in a frame that could be a label."""
    stored = set(atoms.calc.results) if atoms.calc is not None else set()
    return set(atoms.info) | (set(atoms.arrays) - {"numbers", "positions"}) | stored


def _checked(atoms: Atoms, named: tuple[Any, str], force: Any, keys: LabelKeys, where: str) -> Labels:
    energy, forces = _numbers(named[0], "energy", where), _numbers(force, "forces", where)
    if energy.size != 1:
        raise DataError(f"{where}: expected one energy, got {energy.size} numbers")
    if forces.shape != (len(atoms), 3):
        raise DataError(f"{where}: expected forces of shape {(len(atoms), 3)}, got {forces.shape}")
    stress, origin = stress_in(atoms, keys, where)
    return Labels(
        energy=float(energy.item()),
        forces=forces,
        stress=stress,
        group=str(atoms.info.get("config_type", "default")),
        origin=Origin(energy=named[1], stress=origin.stress, beside=origin.beside),
    )


def _numbers(value: Any, name: str, where: str) -> np.ndarray:
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{where}: expected numbers as {name}, got {str(value)[:60]!r}") from None
    if not np.isfinite(array).all():
        raise DataError(f"{where}: expected finite {name}, got NaN or infinity; remove or relabel the frame")
    return array


def _shaped(values: np.ndarray, name: str, where: str) -> Float[np.ndarray, " 6"]:
    """Six numbers in Voigt order."""
    six = voigt_of(values)
    if six is None:
        raise DataError(f"{where}: expected a {name} of 6 or 3x3 numbers, got shape {values.shape}")
    return six
