"""phonopy and phono3py: displaced cells that they write get the forces of ASE, and force constants follow from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ase_voxpot.cli import main
from tests.programs import cases

PACKAGE = "phonopy"


def cell() -> Any:
    from phonopy.structure.atoms import PhonopyAtoms

    return PhonopyAtoms(symbols=["W", "W"], scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=3.19 * np.eye(3))


def forces_of(displaced: Any) -> np.ndarray:
    """By ASE, of cells of phonopy."""
    from ase import Atoms

    calculator = cases.calculator()
    return np.array(
        [
            calculator.get_forces(Atoms(c.symbols, scaled_positions=c.scaled_positions, cell=c.cell, pbc=True))
            for c in displaced
        ]
    )


def answered(name: str) -> None:
    """``voxpot phonons`` for a file of displaced cells."""
    assert not main(["phonons", name, "-m", "motaw", "--dtype", "float64"])


def differences() -> dict[str, float]:
    import phonopy
    from phonopy.file_IO import parse_FORCE_SETS

    model = phonopy.Phonopy(cell(), supercell_matrix=np.diag([3, 3, 3]), primitive_matrix="I")
    model.generate_displacements(distance=0.01)
    model.save("phonopy_disp.yaml")
    answered("phonopy_disp.yaml")
    known = forces_of(model.supercells_with_displacements)
    read = [entry["forces"] for entry in parse_FORCE_SETS()["first_atoms"]]
    return {"forces, eV/Å": cases.off(read, known)}


def test_displaced_cells_of_phonopy_get_the_forces_of_ase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), {"forces, eV/Å": 1e-9})
