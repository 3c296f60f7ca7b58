"""What networks see: both representations, on the CPU and as torch would make them elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ase_voxpot.descriptor import autograd as density_torch, expansion_of
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.network.inputs import ClosedForm, Scene, Voxels
from ase_voxpot.spec import Density
from ase_voxpot.voxelize import gpu as voxel_gpu
from tests import laws
from tests.models import SPECIES, specification


@pytest.fixture(params=[ClosedForm, Voxels])
def representation(request):
    return request.param(specification("steerable", descriptor=Density(cutoff=4.5, radial=2, narrowing=0.3)))


@pytest.fixture
def scene(crystal):
    pairs = VerletList(4.5).update(crystal)
    return Scene(pairs, species_indices(crystal.get_chemical_symbols(), SPECIES)[pairs.neighbour])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gather_is_the_transpose_of_deposit_tangent(representation, scene, rng, dtype):
    tangent = torch.from_numpy(rng.normal(size=(len(scene.pairs), 3))).to(dtype)
    change = representation.deposit_tangent(tangent, scene)
    field = torch.from_numpy(rng.normal(size=change.shape)).to(dtype)

    gathered = representation.gather(field, scene)

    assert change.dtype == gathered.dtype == dtype
    one, other = (change.double() * field).sum(), (gathered.double() * tangent).sum()
    scale = (change.double() ** 2).sum().sqrt() * (field.double() ** 2).sum().sqrt()
    assert abs(float(one - other)) < laws.TOLERANCES[str(dtype).removeprefix("torch.")].same * float(scale)


def test_kernels_and_torch_see_the_same(representation, scene, rng):
    """What a GPU would make, here made on the CPU by the same torch code."""
    tensors, shape = scene.on(torch.device("cpu"), torch.float64), (scene.pairs.atoms, 3)
    if isinstance(representation, ClosedForm):
        module, options = density_torch, {"expansion": representation.expansion}
    else:
        module, options = voxel_gpu, {"grid": representation.grid}
    tangent = torch.from_numpy(rng.normal(size=(len(scene.pairs), 3)))

    view = representation.deposit(scene, torch.zeros(0, dtype=torch.float64))
    field = torch.from_numpy(rng.normal(size=view.shape))

    laws.close(view, module.deposit(*tensors, shape=shape, **options), laws.STRICT.same)
    laws.close(representation.gather(field, scene), module.gather(field, *tensors, **options), laws.STRICT.same)
    expected = module.deposit_tangent(tangent, *tensors, shape=shape, **options)
    laws.close(representation.deposit_tangent(tangent, scene), expected, laws.STRICT.same)


def test_precision_is_that_of_the_network(representation, scene):
    single, double = (representation.deposit(scene, torch.zeros(0, dtype=t)) for t in (torch.float32, torch.float64))

    assert single.dtype == torch.float32
    assert double.dtype == torch.float64
    laws.close(single, double, laws.TOLERANCES["float32"].equal)


def test_fields_need_not_be_contiguous(representation, scene, rng):
    view = representation.deposit(scene, torch.zeros(0, dtype=torch.float64))
    field = torch.from_numpy(rng.normal(size=view.shape[::-1])).permute(*range(view.dim() - 1, -1, -1))

    np.testing.assert_array_equal(representation.gather(field, scene), representation.gather(field.contiguous(), scene))


def test_the_closed_form_has_the_numbers_of_the_spec():
    expansion = expansion_of(specification("steerable"))

    assert expansion.narrowing == pytest.approx(1 / (1.4**2 + 1.0**2))
    assert (expansion.cutoff, expansion.radial, expansion.degree, expansion.harmonics) == (5.0, 8, 4, 25)


def test_only_steerable_networks_have_an_expansion():
    with pytest.raises(TypeError, match="only steerable networks have a closed form, got PlainSpec"):
        ClosedForm(specification("plain"))
