"""atomate2: its makers for force fields take the class of the calculator; jobs run through jobflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.units import GPa

from ase_voxpot import VoxPotCalculator
from tests.programs import cases

PACKAGE = "atomate2"
KEYWORDS = {"model": "motaw", "dtype": "float64"}


def differences() -> dict[str, float]:
    from atomate2.forcefields.flows.elastic import ElasticMaker
    from atomate2.forcefields.jobs import ForceFieldRelaxMaker, ForceFieldStaticMaker
    from jobflow import run_locally
    from pymatgen.io.ase import AseAtomsAdaptor

    def run(job: Any) -> Any:
        name = (job.jobs[-1] if hasattr(job, "jobs") else job).uuid
        return run_locally(job, ensure_success=True, log=False)[name][1].output

    def relaxation(**options: Any) -> Any:
        return ForceFieldRelaxMaker(
            force_field_name=VoxPotCalculator, calculator_kwargs=KEYWORDS, relax_kwargs={"fmax": cases.FMAX}, **options
        )

    frame, metal = (AseAtomsAdaptor.get_structure(atoms) for atoms in (cases.frame(), cases.tungsten()))
    maker = ForceFieldStaticMaker(force_field_name=VoxPotCalculator, calculator_kwargs=KEYWORDS)
    still = run(maker.make(frame)).output
    stress = -np.array(still.stress) / 10 * GPa  # from kbar with the sign of VASP
    found = cases.off_point(still.energy, still.forces, stress)

    rest = run(relaxation().make(metal)).structure
    found["lattice, Å"] = cases.off(rest.lattice.a, cases.at_rest().cell.lengths()[0])
    flow = ElasticMaker(bulk_relax_maker=relaxation(), elastic_relax_maker=relaxation(relax_cell=False)).make(metal)
    found["elastic constants, GPa"] = cases.off(run(flow).elastic_tensor.raw, cases.tensor())
    return found


@cases.needs("atomate2", PACKAGE)
@pytest.mark.filterwarnings("ignore")  # of atomate2 itself
def test_jobs_and_flows_are_those_of_ase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), cases.POINT | {"lattice, Å": 1e-5, "elastic constants, GPa": 1.0})
