"""Half a picosecond of a hot alloy: log, trajectory and picture.

The command line does the same: ``voxpot md bcc:MoTaW --repeat 3 -T 1500 --timestep 2
--steps 250``.  Run it with ``python examples/06_dynamics.py``; it writes into a new
temporary folder.
"""

import tempfile
from pathlib import Path

import numpy as np

from ase_voxpot import VoxPotCalculator
from ase_voxpot.md.records import Records
from ase_voxpot.md.run import Plan, run, summarise
from ase_voxpot.plotting.figures import draw_run
from ase_voxpot.structures import random_alloy

atoms = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(2))
atoms.calc = VoxPotCalculator("motaw")
plan = Plan(ensemble="nvt", temperature=1500, timestep=2.0, steps=250, interval=5, seed=2)
records = Records(Path(tempfile.mkdtemp()) / "hot")

samples = run(atoms, plan, records)

draw_run(records.picture, samples, plan, len(atoms))
summary = summarise(samples, len(atoms))
print(f"second half: {summary.temperature:.0f} K, {summary.potential:.4f} eV/atom, {summary.pressure:.2f} GPa")
print(f"see {records.picture} and {records.trajectory}")
