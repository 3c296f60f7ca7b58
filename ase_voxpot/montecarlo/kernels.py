"""The walk of ``walkers``, compiled, for a potential with a cutoff.

A trial changes the energies of the atoms within the cutoff of a changed site, some fifty whatever
the number of atoms.  Their energies are computed anew from the species around them and kept if the trial is
accepted, so that the energy of a configuration does not depend on how it was reached.

Trials without an affected atom in common are independent.  Up to ``BATCH`` consecutive independent
trials are therefore evaluated together: their atoms fill whole blocks of one species.  Decisions
are taken in the order of the draws, and random numbers are drawn in the order of the reference:
the steps are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.compiled import njit
from ase_voxpot.engines.cpu.passes import energies_of
from ase_voxpot.montecarlo.ensembles import bias_change

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Batch", "Geometry", "State", "batch_buffers", "refresh", "walk"]

BATCH = 12
"""Trials that are evaluated together."""

_bias_change = njit(nogil=True)(bias_change)


class Geometry(NamedTuple):
    """Neighbour lists, constant while only species change."""

    first: Int[np.ndarray, " atom_plus_1"]
    neighbour: Int[np.ndarray, " pair"]
    offset: Float[np.ndarray, "pair 3"]
    close_first: Int[np.ndarray, " atom_plus_1"]  # of the pairs that repel, few or none
    close_neighbour: Int[np.ndarray, " close"]
    close_value: Float[np.ndarray, "close species species"]  # eV, by the species of both
    reference: Float[np.ndarray, " species"]  # eV, of free atoms


class State(NamedTuple):
    """The configuration, changed by the walk."""

    species: Int[np.ndarray, " atom"]
    energies: Float[np.ndarray, " atom"]  # eV
    counts: Int[np.ndarray, " species"]  # on the sites that take part


class Batch(NamedTuple):
    """Trials that are evaluated together."""

    site: Int[np.ndarray, "trial 2"]
    old: Int[np.ndarray, "trial 2"]
    new: Int[np.ndarray, "trial 2"]
    luck: Float[np.ndarray, " trial"]  # random number of the acceptance test
    begin: Int[np.ndarray, " trial_plus_1"]  # first of the atoms affected by a trial
    touched: Int[np.ndarray, " place"]
    order: Int[np.ndarray, " place"]  # the same atoms, species by species
    mark: Int[np.ndarray, " atom"]  # number of the last batch that affected an atom
    stamp: Int[np.ndarray, " 1"]
    fresh: Float[np.ndarray, " atom"]  # eV, energies after the trials


def batch_buffers(atoms: int, most: int) -> Batch:
    """Buffers for trials among ``atoms`` atoms with ``most`` neighbours at most."""
    places = BATCH * 2 * (most + 1)
    return Batch(
        np.zeros((BATCH, 2), np.int64),
        np.zeros((BATCH, 2), np.int64),
        np.zeros((BATCH, 2), np.int64),
        np.zeros(BATCH),
        np.zeros(BATCH + 1, np.int64),
        np.zeros(places, np.int64),
        np.zeros(places, np.int64),
        np.zeros(atoms, np.int64),
        np.zeros(1, np.int64),
        np.zeros(atoms),
    )


@njit(nogil=True)
def _clashes(i, geometry, batch):  # pragma: no cover - compiled
    """Whether ``i`` or a neighbour of it is already affected by the batch."""
    stamp = batch.stamp[0]
    if batch.mark[i] == stamp:
        return True
    for p in range(geometry.first[i], geometry.first[i + 1]):  # noqa: SIM110 - compiled, where any() is not
        if batch.mark[geometry.neighbour[p]] == stamp:
            return True
    return False


@njit(nogil=True)
def _touch(i, end, geometry, batch):  # pragma: no cover - compiled
    """Add the neighbours of ``i`` to the atoms of the batch; returns their end."""
    mark, touched, stamp = batch.mark, batch.touched, batch.stamp[0]
    if mark[i] != stamp:
        mark[i] = stamp
        touched[end] = i
        end += 1
    for p in range(geometry.first[i], geometry.first[i + 1]):
        j = geometry.neighbour[p]
        if mark[j] != stamp:
            mark[j] = stamp
            touched[end] = j
            end += 1
    return end


@njit(nogil=True)
def _in_order(touched, end, species, kinds, order):  # pragma: no cover - compiled
    """The affected atoms, species by species."""
    start = np.zeros(kinds + 1, np.int64)
    for t in range(end):
        start[species[touched[t]] + 1] += 1
    for k in range(kinds):
        start[k + 1] += start[k]
    for t in range(end):
        k = species[touched[t]]
        order[start[k]] = touched[t]
        start[k] += 1


@njit(nogil=True)
def refresh(atoms, species, geometry, place, nothing, energies):  # pragma: no cover - compiled
    """Write the energies of ``atoms``, listed species by species, from scratch."""
    pair_buffers, weights, buffers = place
    first, neighbour, offset = geometry.first, geometry.neighbour, geometry.offset
    energies_of(atoms, species, first, neighbour, offset, pair_buffers, weights, buffers, nothing, energies)
    for i in atoms:
        energies[i] += geometry.reference[species[i]]
        for p in range(geometry.close_first[i], geometry.close_first[i + 1]):
            energies[i] += geometry.close_value[p, species[i], species[geometry.close_neighbour[p]]]


@njit(nogil=True)
def _draw(flips, sites, rng, pending):  # pragma: no cover - compiled
    """Draw the random numbers of a trial, without interpreting them."""
    pending[0] = sites[int(rng.random() * len(sites))]
    if flips:
        pending[1] = -1
    else:
        pending[1] = sites[int(rng.random() * len(sites))]


@njit(nogil=True)
def _other(kinds, mine, luck):  # pragma: no cover - compiled
    """One of ``kinds`` that is not ``mine``."""
    number = int(luck * (len(kinds) - 1))
    for k in kinds:
        if k == mine:
            continue
        if number == 0:
            return k
        number -= 1
    return -1


@njit(nogil=True)
def _collect(left, flips, kinds, sites, rng, geometry, state, batch, pending):  # pragma: no cover - compiled
    """Draw trials and apply them provisionally until two affect one atom; returns their number."""
    species, count, end = state.species, 0, 0
    batch.stamp[0] += 1
    while count < min(left, BATCH):
        if pending[2] == 0:
            _draw(flips, sites, rng, pending)
            pending[2] = 1
        i, j = pending[0], pending[1]
        if count > 0 and (_clashes(i, geometry, batch) or (not flips and _clashes(j, geometry, batch))):
            break  # it is the first of the next batch
        pending[2] = 0
        a = species[i]
        if flips:
            b = _other(kinds, a, rng.random())
        else:
            b = species[j]
            if a == b:
                continue
        batch.site[count, 0], batch.site[count, 1] = i, j
        batch.old[count, 0], batch.new[count, 0] = a, b
        batch.luck[count] = rng.random()
        species[i] = b
        end = _touch(i, end, geometry, batch)
        if not flips:
            batch.old[count, 1], batch.new[count, 1] = b, a
            species[j] = a
            end = _touch(j, end, geometry, batch)
        count += 1
        batch.begin[count] = end
    return count


@njit(nogil=True)
def _decide(t, change, flips, beta, bias, state, batch, tally):  # pragma: no cover - compiled
    """Accept or reject trial ``t`` of the batch."""
    species, counts = state.species, state.counts
    a, b = batch.old[t, 0], batch.new[t, 0]
    exponent = -beta * change
    if flips:
        exponent -= _bias_change(counts, a, b, beta, bias)
    accept = exponent >= 0 or batch.luck[t] < np.exp(exponent)
    x, y = (a, b) if flips or a < b else (b, a)
    tally[0][x, y] += 1
    if accept:
        tally[1][x, y] += 1
        if flips:
            counts[a] -= 1
            counts[b] += 1
        for s in range(batch.begin[t], batch.begin[t + 1]):
            k = batch.touched[s]
            state.energies[k] = batch.fresh[k]
        return
    species[batch.site[t, 0]] = a
    if not flips:
        species[batch.site[t, 1]] = b


@njit(nogil=True)
def walk(  # pragma: no cover - compiled
    rng, trials, flips, beta, bias, kinds, sites, geometry, state, batch, place, nothing, tally
):
    """Make ``trials`` trials; returns False if an energy is not finite."""
    pending, done = np.zeros(3, np.int64), 0
    while done < trials:
        count = _collect(trials - done, flips, kinds, sites, rng, geometry, state, batch, pending)
        end = batch.begin[count]
        _in_order(batch.touched, end, state.species, len(geometry.reference), batch.order)
        refresh(batch.order[:end], state.species, geometry, place, nothing, batch.fresh)
        for t in range(count):
            change = 0.0
            for s in range(batch.begin[t], batch.begin[t + 1]):
                k = batch.touched[s]
                change += batch.fresh[k] - state.energies[k]
            if not np.isfinite(change):
                return False
            _decide(t, change, flips, beta, bias, state, batch, tally)
        done += count
    return True
