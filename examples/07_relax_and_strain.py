"""Relax the cell of an alloy, then strain it: equation of state.

Run it with ``python examples/07_relax_and_strain.py``.
"""

import numpy as np
from ase.eos import EquationOfState
from ase.units import GPa

from ase_voxpot import VoxPotCalculator
from ase_voxpot.md.relaxation import relax
from ase_voxpot.structures import random_alloy

atoms = random_alloy("bcc:MoTaW", repeat=2, rng=np.random.default_rng(3))
atoms.calc = VoxPotCalculator("motaw", dtype="float64")

end, reached = relax(atoms, free="cell", fmax=0.01, steps=300)
print(f"relaxed: {reached}, after {end.step} steps, {end.energy / len(atoms):.4f} eV/atom")
print(f"lattice constants {np.round(atoms.cell.lengths() / 2, 3)} Å")

volumes, energies = [], []
for scale in np.linspace(0.97, 1.03, 7):
    strained = atoms.copy()
    strained.set_cell(atoms.cell[:] * scale, scale_atoms=True)
    strained.calc = atoms.calc
    volumes.append(strained.get_volume())
    energies.append(strained.get_potential_energy())
volume, energy, bulk_modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
print(f"minimum at {volume / len(atoms):.3f} Å³/atom, bulk modulus {bulk_modulus / GPa:.0f} GPa")
