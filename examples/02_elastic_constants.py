"""Elastic constants of random Mo-Ta-W, with errors from several decorations.

The command line does the same: ``voxpot elastic bcc:MoTaW --decorations 4``.  Run it with
``python examples/02_elastic_constants.py``; it writes into a new temporary folder.
"""

import tempfile
from pathlib import Path

import numpy as np

from ase_voxpot import VoxPotCalculator
from ase_voxpot.properties.cells import element
from ase_voxpot.properties.drawings import draw_elastic
from ase_voxpot.properties.elastic import elastic_ensemble
from ase_voxpot.structures import random_alloy

alloys = [random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(seed)) for seed in range(4)]

# ions and cell are relaxed; the average is over the symmetry of the lattice, not of one decoration
found = elastic_ensemble(alloys, VoxPotCalculator("motaw"), like=element("W"))

for name in ("c11", "c12", "c44", "bulk", "shear", "young"):
    print(f"{name:6s} {getattr(found.mean, name):6.1f} ± {found.error(name):.1f} GPa")
print(f"Pugh's ratio {found.mean.pugh:.2f}, anisotropy {found.mean.zener:.2f}")

picture = Path(tempfile.mkdtemp()) / "elastic.png"
draw_elastic(picture, found, title="random MoTaW, four decorations of 54 atoms", cubic=True)
print(f"see {picture}")
