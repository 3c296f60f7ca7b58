"""The spelling in torch agrees with the compiled one, on the processor and where there is a GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from voxpot_crystals.regression.voxelnet import gpu, grids
from voxpot_crystals.regression.voxelnet.grids import Window
from voxpot_crystals.regression.voxelnet.reciprocal import spectrum_of

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.fixture(params=DEVICES)
def device(request) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return request.param


@pytest.fixture
def crystals(perovskite, triclinic):
    return [perovskite, bulk("Mg", "hcp").repeat((1, 1, 2)), triclinic, bulk("ZnS", "zincblende", a=5.4, cubic=True)]


def test_spectra_are_those_of_the_kernel(crystals, device):
    found = gpu.spectra_of(crystals, radius=8.0, width=0.1, device=device)

    for row, atoms in enumerate(crystals):
        expected, own = spectrum_of(atoms, radius=8.0, width=0.1), (found.owner == row).cpu()
        elements = len(expected.numbers)
        assert found.numbers[row, :elements].tolist() == expected.numbers.tolist()
        assert not found.numbers[row, elements:].any()
        assert_allclose(found.g.cpu()[own], expected.g, atol=1e-10)
        assert_allclose(found.h.cpu()[own][:, :elements].T, expected.h, rtol=0, atol=1e-12)
        assert_allclose(found.density[row, :elements].cpu(), expected.density)


@pytest.mark.parametrize("shape", ["cartesian", "spherical"])
@pytest.mark.parametrize("binning", ["floor", "soft"])
@pytest.mark.parametrize("field", ["moduli", "cross"])
def test_voxels_are_those_of_the_kernel(crystals, device, shape, binning, field):
    window = Window(n=20, shape=shape, binning=binning, field=field)
    rotations = Rotation.random(len(crystals), rng=np.random.default_rng(1)).as_matrix()
    spectra = gpu.spectra_of(crystals, radius=window.radius, width=window.width, device=device)

    found = gpu.voxels_of(spectra, window, torch.from_numpy(rotations).to(device)).cpu()

    for row, atoms in enumerate(crystals):
        spectrum = spectrum_of(atoms, radius=window.radius, width=window.width)
        expected = grids.voxels_of(spectrum, window, rotations[row])
        channel = _channels(found, spectrum, row, field)
        assert_allclose(channel, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def _channels(found, spectrum, row, field):
    """Those of the elements that a crystal has; the pairs are numbered by those of the richest crystal."""
    elements = len(spectrum.numbers)
    if field == "moduli":
        assert not found[row, elements:].any()
        return found[row, :elements]
    there = (grids.pairs_of(3) < elements).all(1)
    assert not found[row, ~there].any()
    return found[row, there]


def test_single_precision_is_close(crystals, device):
    window = Window(n=20, binning="soft", field="cross")
    single, double = (
        gpu.voxels_of(
            gpu.spectra_of(crystals, radius=window.radius, width=0.1, device=device, dtype=dtype), window
        ).cpu()
        for dtype in (torch.float32, torch.float64)
    )
    assert_allclose(single, double, atol=1e-3 * double.abs().max())
