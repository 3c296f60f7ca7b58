"""quacc: jobs of its runner with the calculator, alone and in its flow for elastic constants."""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs import cases

PACKAGE = "quacc"


def differences() -> dict[str, float]:
    from quacc import job
    from quacc.recipes.common.elastic import elastic_tensor_flow
    from quacc.runners.ase import Runner
    from quacc.schemas.ase import Summarize

    @job
    def static_job(atoms: Any) -> Any:
        done = Runner(atoms, cases.calculator()).run_calc()
        return Summarize(additional_fields={"name": "VoxPot static"}).run(done, atoms)

    @job
    def relax_job(atoms: Any, relax_cell: bool = True) -> Any:
        done = Runner(atoms, cases.calculator()).run_opt(relax_cell=relax_cell, fmax=cases.FMAX)
        return Summarize(additional_fields={"name": "VoxPot relax"}).opt(done)

    still = static_job(cases.frame())["results"]
    found = cases.off_point(still["energy"], still["forces"], still["stress"])
    rest = relax_job(cases.tungsten())["atoms"]
    found["lattice, Å"] = cases.off(rest.cell.lengths()[0], cases.at_rest().cell.lengths()[0])
    strains = {"norm_strains": (-0.005, 0.005), "shear_strains": (-0.005, 0.005)}
    elastic = elastic_tensor_flow(
        cases.tungsten(), relax_job=relax_job, static_job=static_job, run_static=True, deform_kwargs=strains
    )
    found["elastic constants, GPa"] = cases.off(elastic["elasticity_doc"].elastic_tensor.raw, cases.tensor())
    return found


@cases.needs("quacc", PACKAGE)
@pytest.mark.filterwarnings("ignore")  # of quacc itself
def test_jobs_and_flows_are_those_of_ase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), cases.POINT | {"lattice, Å": 1e-5, "elastic constants, GPa": 1.0})
