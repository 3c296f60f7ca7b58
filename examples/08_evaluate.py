"""Score a model on labelled frames, here made on the spot by the model and some noise.

With frames of your own: ``voxpot evaluate frames.extxyz --plot parity.png``.  Run it
with ``python examples/08_evaluate.py``; it writes into a new temporary folder.
"""

import tempfile
from pathlib import Path

import numpy as np
from ase.io import write

from ase_voxpot import load_potential
from ase_voxpot.frames.labels import labels_of, read_frames
from ase_voxpot.plotting.figures import draw_parity
from ase_voxpot.scoring import predict, score
from ase_voxpot.structures import random_alloy

rng = np.random.default_rng(4)
folder = Path(tempfile.mkdtemp())
potential = load_potential("motaw")

made = []
for displacement, group in ((0.05, "cold"), (0.15, "hot")):
    for _ in range(10):
        atoms = random_alloy("bcc:MoTaW", repeat=2, rng=rng)
        atoms.positions += rng.normal(scale=displacement, size=atoms.positions.shape)
        truth = potential.evaluate(atoms)
        atoms.info["REF_energy"] = truth.energy + len(atoms) * rng.normal(scale=0.002)
        atoms.arrays["REF_forces"] = truth.forces + rng.normal(scale=0.05, size=truth.forces.shape)
        atoms.info["REF_stress"] = truth.stress
        atoms.info["config_type"] = group
        made.append(atoms)
write(folder / "frames.extxyz", made)

frames = read_frames(folder / "frames.extxyz")
labels = labels_of(frames)
predictions = list(predict(potential, frames))
scores = score(frames, labels, predictions)
draw_parity(folder / "parity.png", frames, labels, predictions, scores)

for name, figures in scores.groups.items():
    print(f"{name:5s} {figures.energy_mae:.2f} meV/atom, {figures.force_mae:.1f} meV/Å over {figures.frames} frames")
print(f"see {folder / 'parity.png'}")
