from __future__ import annotations

import pytest

from ase_voxpot.errors import ConfigError
from ase_voxpot.md.integrators import Plan


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ensemble": "nvx"}, "ensemble: expected one of nve, nvt, svr, npt, npt-z, nph-z, got 'nvx'"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"pressure": float("inf")}, "pressure"),
        ({"timestep": 0.0}, "timestep"),
        ({"steps": 0}, "steps: expected a whole number from 1 on, got 0"),
        ({"interval": -1}, "interval"),
        ({"checkpoint": 0}, "checkpoint"),
        ({"seed": -1}, "seed"),
    ],
)
def test_plans_that_make_no_sense_are_refused(change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Plan(**change)
