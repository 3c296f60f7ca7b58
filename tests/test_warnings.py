"""What is filtered in tests is what others do; the same from here is an error."""

from __future__ import annotations

import warnings

import pytest

SHAPE = "Setting the shape on a NumPy array has been deprecated in NumPy 2.5."


def warn(sentence, kind, module):
    warnings.warn_explicit(sentence, kind, filename="a.py", lineno=1, module=module, registry={})


@pytest.mark.parametrize("module", ["ase.atoms", "ase.io.ulm", "skimage.measure._marching_cubes_lewiner"])
def test_old_ways_of_ase_and_scikit_image_are_let_pass(module):
    warn(SHAPE, DeprecationWarning, module)


@pytest.mark.parametrize("module", ["ase_voxpot.potential", "voxpot_training.data", "numpy", "skimage.io.x", "tests.x"])
def test_those_of_all_others_are_errors(module):
    with pytest.raises(DeprecationWarning, match="Setting the shape"):
        warn(SHAPE, DeprecationWarning, module)


@pytest.mark.parametrize("kind", [DeprecationWarning, UserWarning, RuntimeWarning])
def test_other_warnings_of_ase_are_errors(kind):
    with pytest.raises(kind, match="something else"):
        warn("something else", kind, "ase.atoms")
