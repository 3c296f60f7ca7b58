from __future__ import annotations

from ase_voxpot.benchmark.loops import paint_in_loops
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import cpu
from tests import laws
from tests.painters import random_pairs


def test_plain_python_paints_the_same(rng):
    grid = Cubes(n=6, spacing=0.9, width=0.8, cutoff=4.0, radial=2, lift=2.0)
    pairs = random_pairs(rng, cutoff=4.0)
    arguments = (pairs.offset, pairs.centre, pairs.channel)

    painted = paint_in_loops(*arguments, shape=(pairs.atoms, 3), grid=grid)

    laws.close(painted, cpu.deposit(*arguments, shape=(pairs.atoms, 3), grid=grid), laws.STRICT.same)
