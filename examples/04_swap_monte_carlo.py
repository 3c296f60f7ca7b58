"""Swap Monte Carlo: a random alloy is cooled until molybdenum and tantalum sit on sublattices of their own (B2).

The command line does the same: ``voxpot mc bcc:MoTaW --repeat 8 -m motaw-fast -T 2400 --anneal 300
--sweeps 100``.  Run it with ``python examples/04_swap_monte_carlo.py``; it writes into a new
temporary folder.
"""

import tempfile
from pathlib import Path

import numpy as np

from ase_voxpot import VoxPotCalculator
from ase_voxpot.montecarlo import Plan, Records, run
from ase_voxpot.montecarlo.pictures import draw_layers, draw_run
from ase_voxpot.structures import random_alloy

atoms = random_alloy("bcc:MoTaW", repeat=8, rng=np.random.default_rng(4), constant=3.22)
atoms.calc = VoxPotCalculator("motaw-fast")
plan = Plan(temperatures=(2400.0,), final_temperature=300.0, sweeps=100, seed=4)
folder = Path(tempfile.mkdtemp())
records = Records(folder / "cooled")

outcome = run(atoms, plan, records)

draw_run(records.picture, outcome.rows, outcome.meter, title="1,024 atoms of Mo-Ta-W, cooled")
ordered = outcome.replicas[0].walker.atoms()
draw_layers(
    folder / "layers.png", {"random": atoms, "cooled to 300 K": ordered}, title="Two (001) layers of bcc Mo-Ta-W"
)
for stage in outcome.report()["temperatures"]:
    alpha, order = stage["alpha1_Mo-Ta"], stage["eta_Ta"]
    print(
        f"{stage['temperature_K']:5.0f} K  α(Mo-Ta, first shell) {alpha['value']:+.3f} ± {alpha['error']:.3f}"
        f"  long-range order of Ta {abs(order['value']):.3f} ± {order['error']:.3f}"
    )
print(f"see {folder / 'layers.png'} and {records.picture}")
