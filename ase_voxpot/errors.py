"""The exceptions of ase-voxpot.

    VoxPotError
    ├── SpecError               a description of a model that cannot be built
    ├── StructureError          a structure that has no energy
    │   ├── EmptyStructureError     no atoms
    │   ├── PositionError           NaN or infinite positions
    │   ├── CellError               periodic, but without a volume
    │   ├── OverlapError            two atoms at the same place
    │   ├── OccupancyError          sites that hold less or more than one whole atom
    │   └── UnknownElementError     an element that the model was not trained on
    ├── DataError               a file of frames that cannot be read
    │   └── MissingLabelsError      frames without energies or forces
    ├── ConfigError             a configuration with wrong or unknown keys
    ├── WeightsError            a weight file that cannot be used
    │   ├── ChecksumError           damaged
    │   ├── SchemaError             of an unknown version or kind
    │   └── ArchitectureError       of another network than the one asked for
    ├── DeviceError             a device that is not there, or too small
    ├── MissingPackageError     an optional package that a task needs is not installed, or does not fit
    ├── DivergenceError         energies, forces or losses that are not finite
    └── ExtrapolationError      a structure outside the range of validity of the model

A message says what was expected, what came and what to do about it, in one
sentence.  All of them are also ``ValueError``, ``RuntimeError`` (``DeviceError`` and the last two) or
``ImportError`` (``MissingPackageError``), so that code which does not import this module can catch them.
"""

from __future__ import annotations

__all__ = [
    "ArchitectureError",
    "CellError",
    "ChecksumError",
    "ConfigError",
    "DataError",
    "DeviceError",
    "DivergenceError",
    "EmptyStructureError",
    "ExtrapolationError",
    "MissingLabelsError",
    "MissingPackageError",
    "OccupancyError",
    "OverlapError",
    "PositionError",
    "SchemaError",
    "SpecError",
    "StructureError",
    "UnknownElementError",
    "VoxPotError",
    "WeightsError",
]


class VoxPotError(Exception):
    """Base class of all exceptions of this package."""


class SpecError(VoxPotError, ValueError):
    """A grid, network or baseline was described in a way that cannot be built."""


class StructureError(VoxPotError, ValueError):
    """A structure for which the potential has no energy."""


class EmptyStructureError(StructureError):
    """The structure holds no atoms."""


class PositionError(StructureError):
    """A position or a cell vector is NaN or infinite."""


class CellError(StructureError):
    """The periodic directions of the cell do not span a volume."""


class OverlapError(StructureError):
    """Two atoms sit at the same place, where the energy is not defined."""


class OccupancyError(StructureError):
    """Sites are occupied in part, or shared by several elements."""


class UnknownElementError(StructureError):
    """The structure holds an element that the model was not trained on."""


class DataError(VoxPotError, ValueError):
    """A file of frames is missing, unreadable or inconsistent."""


class MissingLabelsError(DataError):
    """Frames lack the energies or forces that training and scoring need."""


class ConfigError(VoxPotError, ValueError):
    """A configuration holds unknown keys or values of the wrong kind."""


class WeightsError(VoxPotError, ValueError):
    """A weight file is missing, damaged, foreign or of another model."""


class ChecksumError(WeightsError):
    """The stored numbers do not match the checksum written beside them."""


class SchemaError(WeightsError):
    """The file is not a weight file of this package, or has an unknown schema."""


class ArchitectureError(WeightsError):
    """The stored tensors do not fit the network that was asked for."""


class DeviceError(VoxPotError, RuntimeError):
    """The device asked for is absent, or has too little memory."""


class MissingPackageError(VoxPotError, ImportError):
    """An optional package that a task needs is not installed, or in a version that does not fit."""


class DivergenceError(VoxPotError, RuntimeError):
    """A simulation or a training produced numbers that are not finite."""


class ExtrapolationError(VoxPotError, RuntimeError):
    """A simulation reached a structure outside the range of validity of the model, and was set to stop."""
