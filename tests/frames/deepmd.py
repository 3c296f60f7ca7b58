"""Systems of DeePMD-kit for tests."""

from __future__ import annotations

import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import voigt_6_to_full_3x3_stress


def strained(count=4):
    """Sheared, rattled crystals of Cu and Au with the labels of EMT."""
    rng, frames = np.random.default_rng(5), []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=3.8, cubic=True)
        atoms.symbols[1:3] = "Au"
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.03, size=(3, 3))), scale_atoms=True)
        atoms.rattle(0.1, rng=rng)
        atoms.calc = EMT()
        energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        frames.append(atoms)
    return frames


def save(folder, frames, *, sets=2, names=("Au", "Cu"), dtype=float):
    """The files of DeePMD-kit, with types in the order of ``names``; virial = -volume × stress."""
    folder.mkdir(parents=True)
    (folder / "type_map.raw").write_text("\n".join(names) + "\n")
    (folder / "type.raw").write_text("\n".join(str(names.index(s)) for s in frames[0].symbols) + "\n")
    for k, part in enumerate(np.array_split(np.arange(len(frames)), sets)):
        some = [frames[i] for i in part]
        arrays = {
            "box": [a.cell.array.ravel() for a in some],
            "coord": [a.positions.ravel() for a in some],
            "energy": [a.get_potential_energy() for a in some],
            "force": [a.get_forces().ravel() for a in some],
            "virial": [-a.get_volume() * voigt_6_to_full_3x3_stress(a.get_stress()).ravel() for a in some],
        }
        (folder / f"set.{k:03d}").mkdir()
        for name, values in arrays.items():
            np.save(folder / f"set.{k:03d}" / f"{name}.npy", np.array(values, dtype))
    return folder
