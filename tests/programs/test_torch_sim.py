"""torch-sim: its runners with the model, several systems at once."""

from __future__ import annotations

from typing import Any

import pytest
from ase import Atoms

from ase_voxpot import torchsim
from tests.programs import cases

PACKAGE = "torch-sim-atomistic"


def model(dtype: Any = "float64") -> torchsim.VoxPotModel:
    return torchsim.VoxPotModel("motaw", device="cpu", dtype=dtype)


def relaxed(systems: list[Atoms]) -> list[Atoms]:
    """Positions and cells, by the version that is installed."""
    import torch_sim

    converged = torch_sim.generate_force_convergence_fn(cases.FMAX, include_cell_forces=True)
    if hasattr(torch_sim, "Optimizer"):
        how = {"optimizer": torch_sim.Optimizer.fire, "init_kwargs": {"cell_filter": torch_sim.CellFilter.frechet}}
    else:  # before 0.4
        how = {"optimizer": torch_sim.optimizers.frechet_cell_fire}
    return torch_sim.optimize(system=systems, model=model(), convergence_fn=converged, max_steps=500, **how).to_atoms()


def differences() -> dict[str, float]:
    import torch_sim

    systems = [cases.frame(), cases.tungsten()]
    first, other = torch_sim.static(system=systems, model=model())
    found = cases.off_point(first["potential_energy"], first["forces"], first["stress"][0])
    alone = cases.calculator().get_potential_energy(systems[1])
    found["energy, eV"] = max(found["energy, eV"], cases.off(other["potential_energy"], alone))
    lengths = [atoms.cell.lengths()[0] for atoms in relaxed([cases.tungsten(a) for a in (3.1, 3.2, 3.3)])]
    found["lattice, Å"] = cases.off(lengths, cases.at_rest().cell.lengths()[0])
    return found


needs_torch_sim = cases.needs("torch_sim", PACKAGE)


@needs_torch_sim
@pytest.mark.filterwarnings("ignore")  # of torch-sim itself
def test_systems_and_relaxations_are_those_of_ase():
    cases.within(differences(), cases.POINT | {"lattice, Å": 1e-5})


@needs_torch_sim
@pytest.mark.filterwarnings("ignore")  # of torch-sim itself
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_states_of_a_run_have_the_precision_of_the_model(dtype):
    import torch
    import torch_sim

    if not hasattr(torch_sim, "Integrator"):
        pytest.skip("needs torch-sim 0.6")
    state = torch_sim.integrate(
        system=[cases.frame(), cases.tungsten().repeat(3)],
        model=model(dtype),
        integrator=torch_sim.Integrator.nve,
        n_steps=5,
        temperature=300,
        timestep=0.001,
    )

    assert state.positions.dtype == state.energy.dtype == state.forces.dtype == getattr(torch, dtype)
    found = [cases.calculator().get_potential_energy(atoms) for atoms in state.to_atoms()]
    assert cases.off(state.energy, found) < (1e-9 if dtype == "float64" else 1e-2)
