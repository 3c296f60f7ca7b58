"""phono3py: displaced cells for third derivatives get the forces of ASE."""

from __future__ import annotations

import numpy as np
import pytest

from tests.programs import cases
from tests.programs.test_phonopy import answered, cell, forces_of

PACKAGE = "phono3py"


def differences() -> dict[str, float]:
    import phono3py
    from phono3py.file_IO import parse_FORCES_FC3

    model = phono3py.Phono3py(cell(), supercell_matrix=np.diag([2, 2, 2]), primitive_matrix="I")
    model.generate_displacements()
    model.save("phono3py_disp.yaml")
    answered("phono3py_disp.yaml")
    known = forces_of(model.supercells_with_displacements)
    dataset = parse_FORCES_FC3(model.dataset, filename="FORCES_FC3") or model.dataset
    first = [one["forces"] for one in dataset["first_atoms"]]
    second = [two["forces"] for one in dataset["first_atoms"] for two in one["second_atoms"]]
    return {"forces, eV/Å": cases.off([*first, *second], known)}


@cases.needs("phono3py", PACKAGE)
@pytest.mark.filterwarnings("ignore")  # of phono3py itself
def test_displaced_cells_of_phono3py_get_the_forces_of_ase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), {"forces, eV/Å": 1e-9})
