from __future__ import annotations

import numpy as np
import pytest

from ase_voxpot.benchmark.memory import Growth, available

CPU = "cpu"
linux = pytest.mark.skipif(available(CPU) is None, reason="needs the files of the Linux kernel")


@linux
def test_growth_is_what_was_taken_at_most():
    growth = Growth(CPU)
    held = np.ones(8_000_000)
    del held

    peak = growth.peak()

    if peak is None:
        pytest.skip("needs a kernel that lets the peak be reset")
    assert 60e6 < peak < 120e6


@linux
def test_memory_in_use_is_not_available():
    before = available(CPU)

    assert before > 0
