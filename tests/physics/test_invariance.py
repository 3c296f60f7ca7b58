"""The figures of ``voxpot check``: small where a law holds, large where it does not."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from ase_voxpot.physics.invariance import examine


def test_a_steerable_potential_breaks_no_law(crystal, potential_of, rng):
    before = crystal.copy()

    found = examine(potential_of("steerable"), crystal, rng, trials=3)

    assert crystal == before
    assert max(found.rotation, found.rotated_energy, found.translation, found.supercell) < 1e-8
    assert max(found.forces, found.stress) < 1e-6
    assert found.voxels is not None
    assert found.voxels < 1.0


@pytest.mark.parametrize("kind", ["plain", "dense"])
def test_what_knows_nothing_of_rotations_is_told_so(kind, crystal, potential_of, rng):
    found = examine(potential_of(kind), crystal, rng, trials=3)

    assert found.rotation > 1e-2
    assert found.rotated_energy > 1e-3
    assert max(found.translation, found.supercell) < 1e-8
    assert max(found.forces, found.stress) < 1e-6
    assert found.voxels is None


def test_a_wrong_derivative_is_found_out(crystal, potential_of, rng, monkeypatch):
    from ase_voxpot.potential import Potential

    evaluate = Potential.evaluate

    def skewed(self, atoms, **options):
        result = evaluate(self, atoms, **options)
        result.forces[:, 0] *= 1.01
        result.virial[0, 0] *= 1.01
        return result

    monkeypatch.setattr(Potential, "evaluate", skewed)
    found = examine(potential_of("steerable"), crystal, rng, trials=6)

    assert found.forces > 1e-4
    assert found.stress > 1e-4
    assert found.rotation > 1e-3


def test_all_figures_are_numbers(crystal, potential_of):
    found = asdict(examine(potential_of("steerable", "float32"), crystal, np.random.default_rng(1), trials=2))

    assert all(np.isfinite(value) for value in found.values())
