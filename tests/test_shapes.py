"""The checks of shapes are on: a wrong one does not pass unnoticed."""

from __future__ import annotations

import jaxtyping
import numpy as np
import pytest
import torch

from ase_voxpot.descriptor.radial import fade, radial_functions
from ase_voxpot.network.layers import SpeciesDense


def test_a_wrong_rank_is_noticed():
    with pytest.raises(jaxtyping.TypeCheckError):
        fade(np.zeros((2, 2)), 5.0)


def test_a_wrong_kind_of_number_is_noticed():
    with pytest.raises(jaxtyping.TypeCheckError):
        radial_functions(np.zeros(3, int), 5.0, 2)


def test_methods_are_checked_too():
    with pytest.raises(jaxtyping.TypeCheckError):
        SpeciesDense(3, (), species=1)(torch.zeros(2, 3), torch.zeros(4, dtype=torch.long))
