"""The potential behind torch-sim's interface: the same numbers, system by system."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.stress import voigt_6_to_full_3x3_stress

from ase_voxpot import torchsim
from ase_voxpot.errors import ConfigError, MissingPackageError, UnknownElementError
from ase_voxpot.spec import BaselineSpec
from ase_voxpot.torchsim import VoxPotModel
from tests import laws
from tests.models import seeded, specification

without = find_spec("torch_sim") is None
needs_torch_sim = pytest.mark.skipif(without, reason="needs torch-sim (pip install torch-sim-atomistic)")


@pytest.fixture
def potential(potential_of):
    return potential_of("steerable")


@pytest.fixture
def model(potential):
    return VoxPotModel(potential)


def state_of(structures):
    import torch_sim

    return torch_sim.io.atoms_to_state(structures, torch.device("cpu"), torch.float64)


@pytest.mark.skipif(not without, reason="needs a machine without torch-sim")
def test_without_torch_sim_the_remedy_is_named(potential):
    with pytest.raises(MissingPackageError, match=r"needs the package torch_sim, which is not installed: pip install"):
        VoxPotModel(potential)


def test_torch_sim_is_loaded_by_nobody_else():
    code = "import ase_voxpot.calculator, ase_voxpot.cli, sys; print('torch_sim' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


@needs_torch_sim
def test_systems_of_a_state_have_their_own_answers(model, potential, crystal):
    other = bulk("Ta", "bcc", a=3.3).repeat(2)
    state = state_of([crystal, other])
    before = state.positions.clone()

    out = model(state)

    expected = potential.evaluate([crystal, other])
    laws.close(out["energy"], [r.energy for r in expected], laws.STRICT.equal)
    laws.close(out["energies"], np.concatenate([r.energies for r in expected]), laws.STRICT.equal)
    laws.close(out["forces"], np.concatenate([r.forces for r in expected]), laws.STRICT.equal)
    laws.close(out["stress"], [voigt_6_to_full_3x3_stress(r.stress) for r in expected], laws.STRICT.equal)
    assert out["stress"].shape == (2, 3, 3)
    assert torch.equal(state.positions, before)


@needs_torch_sim
def test_what_is_not_asked_for_is_not_said(model, crystal):
    model.compute_forces = model.compute_stress = False

    assert set(model(state_of([crystal]))) == {"energy", "energies"}


@needs_torch_sim
def test_answers_have_the_precision_of_the_state(potential_of, crystal):
    state = state_of([crystal])
    state.positions, state.cell = state.positions.float(), state.cell.float()

    out = VoxPotModel(potential_of("steerable", "float32"))(state)

    assert {value.dtype for value in out.values()} == {torch.float32}


@needs_torch_sim
def test_a_foreign_element_is_refused(model):
    with pytest.raises(UnknownElementError, match="frame 0: the model knows"):
        model(state_of([Atoms("Xe", cell=[9, 9, 9], pbc=True)]))


@needs_torch_sim
def test_torch_sim_finds_nothing_to_complain_of():
    """Its own check, on three crystals and a molecule: inputs untouched, batches as singles, shapes."""
    from torch_sim.models.interface import validate_model_outputs

    spec = specification("steerable")
    baseline = BaselineSpec(reference=(-1.0, -2.0, -0.5, -3.0, -1.5))
    broad = replace(spec, species=("H", "C", "Mg", "Si", "Fe"), baseline=baseline)
    model = VoxPotModel(seeded(broad, dtype="float64"))

    validate_model_outputs(model, torch.device("cpu"), torch.float64)


def one_flag(atoms, *, periodic):
    """A state as torch-sim 0.3 makes it: a single flag for all directions, true if all of them are periodic."""
    return SimpleNamespace(
        positions=torch.from_numpy(atoms.positions),
        cell=torch.from_numpy(atoms.cell.array.T.copy())[None],
        pbc=periodic,
        atomic_numbers=torch.from_numpy(atoms.numbers),
        system_idx=torch.zeros(len(atoms), dtype=torch.int64),
    )


class TestBoundaries:
    def test_one_flag_of_crystals_or_clusters_is_taken(self, crystal):
        cluster = Atoms(crystal.numbers, crystal.positions)

        torchsim._refuse_one_flag(one_flag(crystal, periodic=True))
        torchsim._refuse_one_flag(one_flag(cluster, periodic=False))

    @pytest.mark.parametrize("vectors", [(0, 1, 2), (0, 1), (2,)])
    def test_one_flag_that_may_have_been_a_slab_is_refused(self, crystal, vectors):
        cell = np.zeros((3, 3))
        cell[list(vectors)] = crystal.cell[list(vectors)]
        crystal.set_cell(cell)

        with pytest.raises(ConfigError, match=r"got one flag: .* update it to 0\.6"):
            torchsim._refuse_one_flag(one_flag(crystal, periodic=False))

    @needs_torch_sim
    def test_slabs_stay_slabs_or_are_refused(self, model, potential, crystal):
        crystal.pbc = (True, True, False)
        state = state_of([crystal])
        if isinstance(state.pbc, bool):
            with pytest.raises(ConfigError, match="got one flag"):
                model(state)
            return

        out = model(state)

        expected = potential.evaluate(crystal)
        laws.close(out["energy"], [expected.energy], laws.STRICT.equal)
        laws.close(out["stress"], [voigt_6_to_full_3x3_stress(expected.stress)], laws.STRICT.equal)

    @needs_torch_sim
    def test_clusters_without_a_cell_have_no_stress(self, model, potential):
        clusters = [Atoms("W2", [[0, 0, 0], [0, 0, 2.6]]), Atoms("Mo")]

        out = model(state_of(clusters))

        assert torch.equal(out["stress"], torch.zeros(2, 3, 3, dtype=torch.float64))
        laws.close(out["energy"], [r.energy for r in potential.evaluate(clusters)], laws.STRICT.equal)
