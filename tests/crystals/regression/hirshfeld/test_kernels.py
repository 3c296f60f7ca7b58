"""Gaussian processes on elements and on ions of perovskites."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.data import atomic_numbers

from ase_voxpot.errors import UnknownElementError
from voxpot_crystals.regression.hirshfeld.element_kernel import ElementKernel
from voxpot_crystals.regression.hirshfeld.ion_kernel import IonKernel, describe_ions

A_SITES = ("Na", "K", "Rb", "Ca", "Sr", "Ba", "La", "Y", "Pb", "Nd")
B_SITES = ("Ti", "Zr", "Hf", "Nb", "Ta", "V", "Fe", "Al", "Ga", "Cr")


def rows(pairs) -> torch.Tensor:
    return torch.tensor([[atomic_numbers[a], atomic_numbers[b], 8] for a, b in pairs], dtype=torch.float32)


@pytest.mark.parametrize("kernel", [ElementKernel, IonKernel])
def test_covariances_are_those_of_something(kernel):
    """Symmetric, and without negative eigenvalues."""
    process = kernel(5)
    if kernel is ElementKernel:
        seen = rows([(a, b) for a in A_SITES for b in B_SITES[:4]])
    else:
        seen = torch.tensor(
            [[*describe_ions(a, b, x), k % 2] for k, a in enumerate(A_SITES) for b in B_SITES[:3] for x in "OF"]
        )

    covariance = process.covariance(process.scales, seen.double(), seen.double())

    assert torch.allclose(covariance, covariance.T)
    assert torch.linalg.eigvalsh(covariance).min() > -1e-8


def test_elements_may_differ_from_all_that_resemble_them():
    """One element is larger than every feature says; a pair of it that was never seen is, too."""
    pairs = [(a, b) for a in A_SITES for b in B_SITES]
    own = {s: k / 10 for k, s in enumerate(A_SITES)} | {"Hf": 1.5}
    target = np.array([own[a] + own.get(b, 0.2) for a, b in pairs])
    target = (target - target.mean()) / target.std()
    left = pairs.index(("Sr", "Hf"))
    kept = [k for k in range(len(pairs)) if k != left]
    process = ElementKernel(len(pairs))

    process.fit(rows([pairs[k] for k in kept]), torch.from_numpy(target[kept]), seed=0)

    assert process(rows([pairs[left]])).item() == pytest.approx(target[left], abs=0.15)


def test_ions_are_described_by_radii_charges_and_electrons():
    b_x, a_x, x, tolerance, charge, *_, electrons = describe_ions("La", "Fe", "O")

    assert (b_x, a_x, x) == pytest.approx((2.045, 2.432, 1.40))
    assert tolerance == pytest.approx(2.432 / 2.045 / 2**0.5)
    assert (charge, electrons) == (3, 5)
    assert describe_ions("Sr", "Ti", "O")[-1] == 0
    assert describe_ions("K", "Zn", "F")[-1] == 10
    with pytest.raises(UnknownElementError, match="got HeTiO3"):
        describe_ions("He", "Ti", "O")


def test_supporting_labels_may_be_shifted():
    """Calculated edges are all too long by a constant: measured ones are not led astray, few as they are."""
    pairs = [(a, b) for a in A_SITES for b in B_SITES]
    seen = torch.tensor([[*describe_ions(a, b, "O"), float(k % 5 > 0)] for k, (a, b) in enumerate(pairs)])
    truth = seen[:, 0].double() * 4 + seen[:, 1].double()
    truth = (truth - truth.mean()) / truth.std()
    process = IonKernel(len(pairs))

    process.fit(seen, truth + 0.4 * seen[:, -1], seed=0)

    asked = seen.clone()
    asked[:, -1] = 0
    assert np.abs(process(asked).numpy() - truth.numpy()).mean() < 0.1
