"""Phonons of tungsten, and its thermal expansion in the quasi-harmonic approximation.

The command line does the same: ``voxpot phonons bcc:W --qha``.  Run it with
``python examples/03_phonons.py``; it writes into a new temporary folder.
"""

import tempfile
from pathlib import Path

import numpy as np

from ase_voxpot import VoxPotCalculator
from ase_voxpot.properties.cells import at_rest, element
from ase_voxpot.properties.drawings import draw_phonons
from ase_voxpot.properties.phonons import harmonic, heat, spectrum
from ase_voxpot.properties.quasiharmonic import quasi_harmonic

calculator = VoxPotCalculator("motaw")
tungsten = at_rest(element("W"), calculator)

force_constants = harmonic(tungsten, calculator)  # a Phonopy object, for whatever else phonopy can do
found = spectrum(force_constants)
print(f"frequencies from {abs(round(found.lowest, 2)):.2f} to {found.highest:.2f} THz")
for name, frequencies in found.special.items():
    print(f"  at {name}: " + " ".join(f"{f:.2f}" for f in np.abs(frequencies.round(2))))

expands = quasi_harmonic(tungsten, calculator, highest=1500)
for kelvin in (300, 1000):
    print(f"expansion at {kelvin} K: {1e6 * expands.at(kelvin):.2f}e-6/K")

picture = Path(tempfile.mkdtemp()) / "phonons.png"
draw_phonons(picture, found, heat(force_constants, np.linspace(0, 1500, 151)), expands, title="bcc tungsten")
print(f"see {picture}")
