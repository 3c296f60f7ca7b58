"""Energy, forces and stress of a random Mo-Ta-W crystal.

Run it with ``python examples/01_energy.py``.
"""

import numpy as np
from ase.units import GPa

from ase_voxpot import VoxPotCalculator
from ase_voxpot.structures import random_alloy

# 54 atoms on a bcc lattice, a third of each element, shuffled
atoms = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(1))
atoms.rattle(0.05, seed=1)
atoms.calc = VoxPotCalculator("motaw")

print(f"{atoms.symbols.formula:metal}, a = {atoms.cell.lengths()[0] / 3:.3f} Å")
print(f"energy      {atoms.get_potential_energy() / len(atoms):.4f} eV/atom")
print(f"max force   {np.linalg.norm(atoms.get_forces(), axis=1).max():.3f} eV/Å")
print(f"pressure    {-atoms.get_stress()[:3].mean() / GPa:.2f} GPa")

print("mean energy of an atom, by element:")
energies = atoms.get_potential_energies()
for symbol in sorted(set(atoms.symbols)):
    print(f"  {symbol:2s} {energies[atoms.symbols == symbol].mean():.4f} eV")
