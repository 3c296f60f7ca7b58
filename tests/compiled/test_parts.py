"""Functions that are compiled within their callers."""

from __future__ import annotations

import numpy as np
import pytest
from numba import float64
from numba.core.compiler_lock import global_compiler_lock

from ase_voxpot.compiled import njit, part
from ase_voxpot.compiled.parts import Linkable


@part(nogil=True)
def _half(x):
    return x / 2


@part(fastmath=True, error_model="numpy")
def _sum_of_halves(values):
    total = 0.0
    for k in range(len(values)):
        total += _half(values[k])
    return total


@part()
def _refuse(x):
    if x < 0:
        raise ValueError("negative")
    return np.sqrt(x)


@njit(nogil=True)
def _caller(values, x):
    return _sum_of_halves(values) + _refuse(x) + _half(1.0)


@njit(nogil=True)
def _another(values):
    return _half(_sum_of_halves(values))


def test_parts_of_parts_are_called():
    values = np.arange(5.0)

    assert _caller(values, 4.0) == 7.5
    assert _another(values) == 2.5
    assert _caller(values.astype(np.float32), 4.0) == 7.5  # a second signature


def test_errors_of_parts_are_raised():
    with pytest.raises(ValueError, match="negative"):
        _caller(np.zeros(1), -1.0)


def test_parts_have_no_machine_code():
    for function in (_half, _refuse):
        function.compile((float64,))  # by itself, as a caller may come from the cache
        result = function.overloads[(float64,)]
        assert isinstance(result.library, Linkable)
        with global_compiler_lock:
            assert result.library.get_pointer_to_function(result.fndesc.llvm_func_name) == 0
    _caller(np.zeros(1), 1.0)
    result = next(iter(_caller.overloads.values()))
    assert result.library.get_pointer_to_function(result.fndesc.llvm_func_name) != 0
