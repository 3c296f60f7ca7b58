from __future__ import annotations

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from ase_voxpot.errors import ConfigError
from ase_voxpot.physics import mixing
from tests.properties.bonds import Bonds

UNLIKE = 0.02


@pytest.fixture
def alloy():
    return Bonds(3.2 * np.sqrt(3) / 2, 3.2, depth=0.5, unlike=UNLIKE)


@pytest.fixture
def elements(bcc, alloy):
    bcc.calc = alloy
    return dict.fromkeys(("Mo", "Ta", "W"), bcc.get_potential_energy() / 2)


@pytest.mark.parametrize(("kind", "unlike"), [("B2", 4.0), ("B32", 2.0), ("D0_3", 2.0)])
def test_orders_differ_by_their_unlike_neighbours(kind, unlike, alloy, elements):
    atoms = mixing.ordered(kind, ("Mo", "Ta"), 3.2)

    assert mixing.mixing_energy(atoms, alloy, elements) == pytest.approx(-1000 * UNLIKE * unlike)


def test_orders_differ_in_the_second_shell_too():
    def second(kind):
        atoms = mixing.ordered(kind, ("Mo", "Ta"), 3.2)
        i, j, r = neighbor_list("ijd", atoms, 3.3)
        return np.mean(atoms.numbers[i[r > 3]] != atoms.numbers[j[r > 3]])

    assert [second(kind) for kind in ("B2", "B32", "D0_3")] == [0, 1, 0.5]


def test_an_unknown_order_is_refused():
    with pytest.raises(ConfigError, match="expected one of B2, B32, D0_3"):
        mixing.ordered("A15", ("Mo", "Ta"), 3.2)


def test_a_random_alloy_has_the_mean_and_the_error_of_its_decorations(alloy, elements, rng):
    found = mixing.random_mixing("MoTa", alloy, elements, dict.fromkeys(elements, 3.2), rng, decorations=12)

    assert found.relaxed == pytest.approx(-1000 * UNLIKE * 4 * 54 / 106, abs=5 * found.error)
    assert 0 < found.error == pytest.approx(np.std(found.values, ddof=1) / np.sqrt(12))
    assert found.unrelaxed == pytest.approx(found.relaxed, abs=1e-3)  # nothing to relax


def test_ions_and_cell_relax(alloy, elements, rng):
    found = mixing.random_mixing("MoTaW", alloy, elements, dict.fromkeys(elements, 3.25), rng, decorations=2)

    assert found.unrelaxed > found.relaxed + 1


def test_labelled_frames_are_compared_each_with_its_own_elements(alloy, elements):
    frames = [mixing.ordered(kind, ("Mo", "Ta"), 3.2) for kind in ("B2", "B32", "D0_3")]
    labels, references = [], {"Mo": -10.0, "Ta": -12.0}
    for atoms, error in zip(frames, (0.001, 0.002, -0.006), strict=True):
        result = mixing.mixing_energy(atoms, alloy, elements) / 1000
        own = np.mean([references[s] for s in atoms.get_chemical_symbols()])
        labels.append(len(atoms) * (own + result - error))

    found = mixing.compare(frames, labels, references, alloy, elements, ("Mo", "Ta"))

    assert found.deviation == pytest.approx(-1.0)
    assert found.mae == pytest.approx(3.0)
    assert mixing.by_fraction(found) == {
        0.25: (pytest.approx(-6.0), pytest.approx(6.0)),
        0.5: (pytest.approx(1.5), pytest.approx(1.5)),
    }
