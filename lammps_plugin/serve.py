"""C functions for the pair style: energies and dE/dd of the potential for pairs of LAMMPS.

``pair_style/interpreter.cpp`` imports this module and calls ``connect`` with the address of a
table, which is filled with C functions.  They do not raise: the message of an exception is stored
in the table, and LAMMPS stops with it.

With one thread, the pair style calls the compiled potential directly, see
``ase_voxpot.engines.cpu.cfunction``; else it calls ``evaluate``.
"""

from __future__ import annotations

import ctypes
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.engines.cpu.cfunction import NativePass
from ase_voxpot.engines.cpu.engine import CpuEngine
from ase_voxpot.neighbours.verlet import Pairs, species_indices
from ase_voxpot.weights import load_potential
from lammps_plugin.errors import explain
from lammps_plugin.threads import share_threads, worth_one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase_voxpot.potential import Potential

__all__ = ["Service", "connect"]


class Request(ctypes.Structure):
    """One evaluation, as in ``pair_style/service.h``."""

    _fields_ = [
        ("atoms", ctypes.c_int),
        ("all", ctypes.c_int),
        ("pairs", ctypes.c_longlong),
        ("forces", ctypes.c_int),
        ("species", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("neighbour", ctypes.c_void_p),
        ("offset", ctypes.c_void_p),
        ("energies", ctypes.c_void_p),
        ("gradient", ctypes.c_void_p),
    ]


OPEN = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_char_p] * 4, ctypes.c_int)
EVALUATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(Request))
ESTIMATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(Request), ctypes.c_void_p)
RESERVE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_longlong)
CLOSE = ctypes.CFUNCTYPE(None, ctypes.c_int)


class Table(ctypes.Structure):
    """Functions for one pair style, and their messages, as in ``pair_style/service.h``."""

    _fields_ = [
        ("open", OPEN),
        ("evaluate", EVALUATE),
        ("estimate", ESTIMATE),
        ("reserve", RESERVE),
        ("close", CLOSE),
        ("cutoff", ctypes.c_double),
        ("species", ctypes.c_void_p),
        ("native", ctypes.c_void_p),
        ("native_atoms", ctypes.c_longlong),
        ("work", ctypes.c_void_p),
        ("message", ctypes.c_char * 2048),
    ]


class _Memory:
    """Memory of LAMMPS as NumPy arrays; ctypes would keep an array type for every length."""

    def __init__(self, address: int | None, shape: tuple[int, ...], kind: str) -> None:
        self.__array_interface__ = {"data": (address or 0, False), "shape": shape, "typestr": kind, "version": 3}


def _look(address: int | None, shape: tuple[int, ...], dtype: type[Any]) -> np.ndarray:
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.asarray(_Memory(address, shape, np.dtype(dtype).str))


class Server:
    """One model with the elements of one ``pair_coeff``."""

    def __init__(self, potential: Potential, elements: list[str]) -> None:
        """Map the elements onto the species of ``potential``.

        Raises:
            UnknownElementError: the model does not support one of them.
        """
        self.potential = potential
        self.species = species_indices(elements, potential.spec.species)
        engine = getattr(potential, "engine", None)
        self.native = NativePass(engine, potential.baseline) if isinstance(engine, CpuEngine) else None
        self._kept: tuple[np.ndarray, np.ndarray]

    def evaluate(self, request: Any) -> None:
        """Evaluate ``request``; its result arrays are valid until the next call."""
        pairs, species = self._asked(request)
        energies, gradient = self.potential.of_pairs(pairs, species, forces=bool(request.forces))
        self._kept = (np.ascontiguousarray(energies, np.float64), np.ascontiguousarray(gradient, np.float64))
        expected = (pairs.atoms,), (len(pairs) if request.forces else 0, 3)
        if (self._kept[0].shape, self._kept[1].shape) != expected:
            raise RuntimeError(f"a model must answer with arrays {expected}, got {[a.shape for a in self._kept]}")
        request.energies, request.gradient = (a.ctypes.data for a in self._kept)

    def estimate(self, request: Any, address: int) -> None:
        """Write extrapolation, and uncertainty of energy and forces, of every atom to ``address``.

        Raises:
            SpecError: the model has no uncertainty.
        """
        known = self.potential.known_uncertainty()
        pairs, species = self._asked(request)
        features = self.potential.feature_buffer(pairs.atoms)
        self.potential.of_pairs(pairs, species, forces=False, features=features)
        _look(address, (pairs.atoms, 3), np.float64)[:] = known.of_atoms(features, species[: pairs.atoms])

    @staticmethod
    def _asked(request: Any) -> tuple[Pairs, np.ndarray]:
        """Pairs and the species of all atoms."""
        atoms, count = request.atoms, request.pairs
        species = _look(request.species, (request.all,), np.int32)
        first = _look(request.first, (atoms + 1,), np.int64)
        pairs = Pairs(
            np.repeat(np.arange(atoms, dtype=np.int32), np.diff(first)),
            _look(request.neighbour, (count,), np.int32),
            _look(request.offset, (count, 3), np.float64),
            atoms,
        )
        return pairs, species


class Service:
    """The functions behind one table."""

    def __init__(self, table: Any) -> None:
        """Fill ``table``, which must outlive this object."""
        self._table = table
        self._servers: dict[int, Server] = {}
        self._numbers = itertools.count()
        # ctypes would free these with the last reference to them
        self._functions = (
            OPEN(self._guarded(self.open)),
            EVALUATE(self._guarded(self.evaluate)),
            ESTIMATE(self._guarded(self.estimate)),
            RESERVE(self._guarded(self.reserve)),
            CLOSE(self.close),
        )
        table.open, table.evaluate, table.estimate, table.reserve, table.close = self._functions

    def open(self, model: bytes, elements: bytes, dtype: bytes, device: bytes, ranks: int) -> int:
        """Load a model; returns its number for ``evaluate``."""
        threads = share_threads(ranks)
        potential = load_potential(model.decode(), device=device.decode(), dtype=dtype.decode())  # type: ignore[arg-type]
        server = Server(potential, elements.decode().split())
        number = next(self._numbers)
        self._servers[number] = server
        self._table.cutoff = potential.cutoff
        self._table.species = server.species.ctypes.data
        self._table.native = server.native.address if server.native else None
        self._table.native_atoms = worth_one_thread(threads)
        self._table.work = server.native.reserve(0) if server.native else None
        return number

    def evaluate(self, number: int, request: Any) -> int:
        """Evaluate one request; returns 0 on success."""
        self._servers[number].evaluate(request.contents)
        return 0

    def estimate(self, number: int, request: Any, answer: int) -> int:
        """Uncertainties of the atoms of one request; returns 0 on success."""
        self._servers[number].estimate(request.contents, answer)
        return 0

    def reserve(self, number: int, neighbours: int) -> int:
        """Enlarge the buffers to ``neighbours`` per atom; returns 0 on success."""
        native = self._servers[number].native
        self._table.work = native.reserve(neighbours) if native else None
        return 0

    def close(self, number: int) -> None:
        """Release a model."""
        self._servers.pop(number, None)

    def _guarded(self, function: Callable[..., int]) -> Callable[..., int]:
        """Turn exceptions into -1 and a message."""

        def call(*arguments: Any) -> int:
            try:
                return function(*arguments)
            except BaseException as error:
                self._table.message = explain(error).encode()[:2000]
                return -1

        return call


_SERVICES: list[Service] = []


def connect(address: int) -> None:
    """Fill the table at ``address``; called by the pair style."""
    _SERVICES.append(Service(Table.from_address(address)))
