from __future__ import annotations

import numpy as np
import pytest
from ase import units

from ase_voxpot.errors import DataError
from ase_voxpot.properties.viscosity import Viscosity, missing_diffusion, viscosity_of


def test_a_stress_that_is_forgotten_exponentially_has_its_integral(rng):
    """⟨σσ⟩ = s² exp(-t/τ) gives V s² τ / kT."""
    interval, memory, size = 10.0, 80.0, 0.02  # fs, fs, eV/Å³
    volume, temperature, frames = 1000.0, 3000.0, 40_000
    keep = np.exp(-interval / memory)
    noise = rng.normal(size=(frames, 6)) * size * np.sqrt(1 - keep**2)
    stress = np.zeros((frames, 6))
    for k in range(1, frames):
        stress[k] = keep * stress[k - 1] + noise[k]

    found = viscosity_of(stress, volume=volume, temperature=temperature, interval=interval)

    # normal components of the same spread would have half of it in (σ_xx - σ_yy) / 2: scale them as an isotropic liquid
    stress[:, :3] *= np.sqrt(2)
    isotropic = viscosity_of(stress, volume=volume, temperature=temperature, interval=interval)
    expected = volume * size**2 * memory * units.fs / (units.kB * temperature)
    unit = 1e-3 * units.Pascal * units.second
    assert isotropic.value == pytest.approx(expected / unit, rel=0.06)
    assert 0 < isotropic.error < 0.1 * isotropic.value
    assert found.value == pytest.approx(0.8 * isotropic.value, rel=0.06)


def test_a_constant_stress_flows_nowhere():
    stress = np.tile([1.0, 2.0, 3.0, 0.1, 0.2, 0.3], (200, 1))
    stress += 1e-9 * np.random.default_rng(0).normal(size=stress.shape)

    assert abs(viscosity_of(stress, volume=1000, temperature=300, interval=10).value) < 1e-6


def test_few_frames_are_refused():
    with pytest.raises(DataError, match="expected at least 100 frames"):
        viscosity_of(np.zeros((50, 6)), volume=1, temperature=1, interval=1)


def test_the_correction_is_that_of_yeh_and_hummer():
    """2.837297 kT / (6 π η L), worked out in SI units."""
    si = 2.837297 * 1.380649e-23 * 4000 / (6 * np.pi * 5e-3 * 13.5e-10)  # m²/s

    missing, error = missing_diffusion(Viscosity(value=5.0, error=1.0), temperature=4000, length=13.5)

    assert missing == pytest.approx(si * 1e8, rel=1e-5)
    assert error == pytest.approx(missing / 5)
    assert missing_diffusion(Viscosity(value=5.0, error=None), temperature=4000, length=27.0)[0] == missing / 2
