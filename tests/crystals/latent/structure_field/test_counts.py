"""Where the number of atoms is known, the flow takes the most convincing ones."""

from __future__ import annotations

import numpy as np
import pytest

from ase_voxpot.errors import StructureError
from tests.crystals.latent.structure_field.crystals import random_crystal
from voxpot_crystals.latent.structure_field.codec import Codec, CodecSpec, make_field
from voxpot_crystals.latent.structure_field.fields import Sources
from voxpot_crystals.latent.structure_field.flow import FlowSpec, agreement, find_atoms
from voxpot_crystals.latent.structure_field.periodic import PeriodicSpec
from voxpot_crystals.structures.space import torus


def test_an_exact_field_draws_fully_to_atoms_and_not_to_places_between(rng):
    atoms = random_crystal(rng)
    sources = Sources(atoms.positions, torus(atoms))

    def field(points):
        return sources.nearest(points)[0]

    assert np.allclose(agreement(field, atoms.positions), 1)
    i, j = np.argwhere(atoms.get_all_distances(mic=True) == np.sort(atoms.get_all_distances(mic=True).ravel())[-1])[0]
    between = atoms.positions[i] + atoms.get_distance(i, j, mic=True, vector=True) / 2
    assert agreement(field, between[None])[0] < 0.7


def test_places_where_particles_rest_by_mistake_are_told_from_atoms(rng):
    atoms = random_crystal(rng)
    space, sources = torus(atoms), Sources(atoms.positions, torus(atoms))
    ghost = Sources(atoms.positions.mean(0)[None] + 0.4, space)

    def field(points):
        """Exact, but for a place that weakly holds what comes near."""
        true, false = sources.nearest(points)[0], ghost.nearest(points)[0]
        held = np.linalg.norm(false, axis=1) < 0.45
        return np.where(held[:, None], 0.3 * false, true)

    spec = FlowSpec(fewest=2, spacing=0.3)
    known = find_atoms(field, space, spec, count=len(atoms))
    assert len(find_atoms(field, space, spec)) == len(atoms) + 1
    assert len(known) == len(atoms)
    assert np.abs(sources.nearest(known)[0]).max() < 1e-3


def test_a_field_that_leads_to_fewer_atoms_gives_fewer(rng):
    atoms = random_crystal(rng)
    sources = Sources(atoms.positions, torus(atoms))
    assert len(find_atoms(lambda p: sources.nearest(p)[0], torus(atoms), FlowSpec(), count=9)) == len(atoms)


def test_crystals_with_more_atoms_than_were_learned_are_refused(rng):
    spec = PeriodicSpec(species=("Na", "Cl", "K"), most=4)
    codec = Codec(CodecSpec(model=spec, flow=FlowSpec()), make_field(spec).eval(), {})
    with pytest.raises(StructureError, match="frame 0: expected up to 4 atoms, as in the training crystals, got 5"):
        codec.see([random_crystal(rng)])
