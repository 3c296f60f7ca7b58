"""Draw the voxel picture whose limit the default network is: neighbours of an atom, a grid, filters on it.

The network itself sums the product of both over infinitely fine voxels in closed form and fills no grid.
Writes what_the_network_sees.png.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.structures import random_alloy
from ase_voxpot.voxelize.limit import cubes_of, filter_bank, filter_width
from ase_voxpot.voxelize.reference import deposit
from ase_voxpot.weights import find_model, read_header

COLOURS = {"Mo": (0.85, 0.25, 0.20), "Ta": (0.15, 0.55, 0.35), "W": (0.20, 0.35, 0.85)}
SLICE = 9  # voxels above the lower face: just above the atom in the middle

spec = read_header(find_model("motaw"))["spec"]
grid = cubes_of(spec.descriptor)
atoms = random_alloy("bcc:MoTaW", repeat=3, constant=3.23, rng=np.random.default_rng(3))
atoms.rattle(0.1, seed=3)
pairs = VerletList(grid.cutoff).update(atoms).of(0, 1)
kinds = species_indices(atoms.get_chemical_symbols(), spec.species)[pairs.neighbour]
cube = deposit(pairs.offset, pairs.centre, kinds, shape=(1, len(spec.species)), grid=grid)
cube = cube.reshape(len(spec.species), grid.radial, *cube.shape[2:])
filters = filter_bank(grid, spec.network.degree, filter_width(grid)).reshape(grid.n, grid.n, grid.n, -1)

figure = plt.figure(figsize=(11, 3.9), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=(1, 1, 1.35))
extent = (-grid.reach, grid.reach) * 2

axes = left.subplots(subplot_kw={"projection": "3d"})
for kind, symbol in enumerate(spec.species):
    axes.scatter(*pairs.offset[kinds == kind].T, s=130, color=COLOURS[symbol], edgecolor="white", label=symbol)
    for end in pairs.offset[kinds == kind]:
        axes.plot(*np.transpose([np.zeros(3), end]), color=COLOURS[symbol], alpha=0.35, linewidth=1)
axes.view_init(elev=18, azim=35)
axes.legend(loc="upper left", frameon=False, fontsize=8)
axes.set_axis_off()
left.suptitle(f"{len(pairs)} neighbours within {grid.cutoff:g} Å", fontsize=10)

axes = middle.subplots()
plane = cube[:, 0, :, :, SLICE]  # species, n, n
inks = 1 - np.array([COLOURS[s] for s in spec.species])
picture = np.clip(1 - np.einsum("cxy,ci->yxi", plane / plane.max(), inks), 0, 1)
axes.imshow(picture, origin="lower", extent=extent)
axes.plot(0, 0, "kx")
axes.set(xlabel="x (Å)", ylabel="y (Å)")
middle.suptitle(f"on a grid of {grid.n}³ voxels, a colour per element", fontsize=10)

panels = right.subplots(3, 5)
for row in panels:
    for axes in row:
        axes.set_axis_off()
for l, column in zip(range(5), panels.T, strict=True):
    for axes, m in zip(column, (0, l, -l) if l else (0,), strict=False):
        values = filters[:, :, SLICE, l * (l + 1) + m] if (l + m) % 2 == 0 else filters[:, SLICE, :, l * (l + 1) + m]
        top = np.abs(values).max()
        axes.imshow(values.T, origin="lower", cmap="RdBu_r", vmin=-top, vmax=top)
    column[0].set_title(f"l = {l}", fontsize=9)
right.suptitle("filters on this grid, which rotate among themselves", fontsize=10)

figure.savefig("what_the_network_sees.png", dpi=150)
print(f"{len(pairs)} neighbours, cube of {cube.size} numbers; wrote what_the_network_sees.png")
