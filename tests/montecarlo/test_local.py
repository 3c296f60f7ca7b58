"""Local energy changes are those of the whole structure, and compiled walks take the steps of the reference."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import DivergenceError, OverlapError, PositionError, UnknownElementError
from ase_voxpot.montecarlo.ensembles import VCSGC, Canonical, SemiGrand
from ase_voxpot.montecarlo.kernels import BATCH
from ase_voxpot.montecarlo.local import CompiledWalker, LocalWalker, local_walker
from ase_voxpot.montecarlo.walkers import Tally, terms_of
from ase_voxpot.structures import random_alloy
from tests.models import seeded, specification

ENSEMBLES = (
    Canonical(),
    Canonical(elements=("Mo", "W")),
    SemiGrand(chemical_potentials={"Mo": 0.0, "Ta": 0.3, "W": -0.2}),
    SemiGrand(chemical_potentials={"Ta": 0.3, "W": -0.2}),
    VCSGC(phis={"Mo": -0.6, "Ta": -0.8}, kappa=5.0, elements=("Mo", "Ta", "W")),
)


def walked(walker, ensemble, trials, temperature=3000.0, seed=1):
    terms = terms_of(ensemble, walker.elements, walker.species)
    tally, rng = Tally.of(len(walker.elements)), np.random.default_rng(seed)
    walker.walk(trials, temperature, terms, rng, tally)
    return tally, rng


def whole(potential, walker):
    return potential.evaluate(walker.atoms()).energy


@pytest.fixture(params=["crystal", "two atoms", "a slab", "a large cell"])
def structure(request, crystal):
    """Cells where an atom sees its own images, one with a repelling pair, one not periodic everywhere."""
    if request.param == "crystal":
        return crystal
    if request.param == "two atoms":
        atoms = bulk("W", "bcc", a=3.2, cubic=True)
        atoms.symbols = ["Mo", "Ta"]
        return atoms
    atoms = random_alloy("bcc:MoTaW", repeat=3 if request.param == "a slab" else 5, rng=np.random.default_rng(3))
    if request.param == "a slab":
        atoms.center(vacuum=6.0, axis=2)
        atoms.pbc = (True, True, False)
    return atoms


@pytest.mark.parametrize("kind", ["steerable", "plain", "dense"])
def test_a_change_costs_the_difference_of_full_energies(potential_of, crystal, kind, rng):
    potential = potential_of(kind)
    walker = LocalWalker(crystal, potential)
    for step in range(6):
        i, j = rng.choice(len(crystal), 2, replace=False)
        before = whole(potential, walker)
        change = walker.change((i, j), (int(walker.species[j]), int(walker.species[i])))
        assert_allclose(change, whole(potential, walker) - before, rtol=0, atol=1e-9)
        walker.settle(accept=step % 2 == 0)
        assert_allclose(walker.energy, whole(potential, walker), rtol=0, atol=1e-9)


def test_a_change_of_one_atom_costs_the_difference_of_full_energies(potential_of, structure):
    potential = potential_of("steerable")
    for walker in (LocalWalker(structure, potential), CompiledWalker(structure, potential)):
        before = whole(potential, walker)
        change = walker.change((1,), (2,))
        assert_allclose(change, whole(potential, walker) - before, rtol=0, atol=1e-9)


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=str)
def test_the_compiled_walk_takes_the_steps_of_the_reference(potential_of, structure, ensemble):
    potential = potential_of("steerable")
    if isinstance(ensemble, Canonical) and ensemble.elements and "W" not in structure.symbols:
        pytest.skip("needs both elements that swap")
    compiled, reference = CompiledWalker(structure, potential), LocalWalker(structure, potential)

    tally, rng = walked(compiled, ensemble, 150)
    expected, same = walked(reference, ensemble, 150)

    assert_array_equal(compiled.species, reference.species)
    assert_array_equal(tally.trials, expected.trials)
    assert_array_equal(tally.accepted, expected.accepted)
    assert rng.bit_generator.state == same.bit_generator.state
    assert tally.trials.sum() == 150
    assert tally.accepted.sum() > 0
    assert tally.accepted.sum() < 150 or len(structure) == 2  # whose swap is a translation
    assert_allclose(compiled.energy, whole(potential, compiled), rtol=0, atol=1e-9)


def test_batches_are_used_and_change_nothing(potential_of):
    """In 250 atoms most trials fit beside others; one by one they come to the same."""
    atoms = random_alloy("bcc:MoTaW", repeat=10, rng=np.random.default_rng(3))
    potential = potential_of("steerable")
    together, single = CompiledWalker(atoms, potential), CompiledWalker(atoms, potential)
    terms = terms_of(Canonical(), together.elements, together.species)
    tallies, rngs = [Tally.of(3) for _ in range(2)], [np.random.default_rng(5) for _ in range(2)]

    together.walk(200, 3000.0, terms, rngs[0], tallies[0])
    for _ in range(200):
        single.walk(1, 3000.0, terms, rngs[1], tallies[1])

    assert together._batch.stamp[0] < 0.6 * 200
    assert single._batch.stamp[0] == 200
    assert together._batch.begin[1:].max() > 2 * BATCH
    assert_array_equal(together.species, single.species)
    assert_array_equal(together.energies, single.energies)


def test_energies_do_not_depend_on_the_way(potential_of):
    """To the last bit, in single precision too."""
    atoms = random_alloy("bcc:MoTaW", repeat=5, rng=np.random.default_rng(4))
    walker = CompiledWalker(atoms, potential_of("steerable", "float32"))
    walked(walker, Canonical(), 500)

    assert_array_equal(CompiledWalker(walker.atoms(), walker.potential).energies, walker.energies)


def test_the_composition_is_conserved(potential_of):
    atoms = random_alloy("bcc:Mo5TaW2", repeat=4, rng=np.random.default_rng(4))
    walker = CompiledWalker(atoms, potential_of("steerable"))
    walked(walker, Canonical(), 400)

    assert walker.atoms().symbols.formula.count() == atoms.symbols.formula.count()
    assert (walker.atoms().numbers != atoms.numbers).any()


def test_atoms_that_take_no_part_stay(potential_of):
    atoms = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(4))
    walker = CompiledWalker(atoms, potential_of("steerable"))
    walked(walker, SemiGrand(chemical_potentials={"Mo": 0.0, "Ta": 0.0}), 200)

    assert_array_equal(walker.atoms().symbols == "W", atoms.symbols == "W")


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    repeat=st.tuples(*[st.integers(1, 3)] * 3),
    noise=st.floats(0, 0.25),
    trials=st.integers(1, 60),
)
def test_walks_through_any_cell_end_at_the_full_energy(seed, repeat, noise, trials):
    rng = np.random.default_rng(seed)
    potential = seeded(specification("steerable"), dtype="float64")
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(repeat)
    atoms.symbols = rng.choice(["Mo", "Ta", "W"], len(atoms))
    atoms.symbols[:2] = ["Mo", "Ta"]
    atoms.rattle(noise, rng=rng)
    walker = CompiledWalker(atoms, potential)
    walked(walker, Canonical(), trials, seed=seed)

    assert_allclose(walker.energy, whole(potential, walker), rtol=0, atol=1e-9 * max(1, len(atoms)))


def test_the_walker_is_compiled_where_the_network_allows(potential_of, crystal):
    assert type(local_walker(crystal, potential_of("steerable"))) is CompiledWalker
    assert type(local_walker(crystal, potential_of("plain"))) is LocalWalker


def test_renewed_walkers_go_on_from_other_positions(potential_of):
    atoms = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(4))
    potential = potential_of("steerable")
    walker = CompiledWalker(atoms, potential)
    atoms.rattle(0.1, seed=1)
    walker.renew(atoms)
    walked(walker, Canonical(), 50)

    assert_array_equal(walker.atoms().positions, atoms.positions)
    assert_allclose(walker.energy, whole(potential, walker), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda a: a.positions.__setitem__(0, np.nan), PositionError),
        (lambda a: a.positions.__setitem__(1, a.positions[0]), OverlapError),
        (lambda a: a.symbols.__setitem__(0, "Xe"), UnknownElementError),
    ],
)
def test_structures_without_energy_are_refused(potential_of, crystal, spoil, error):
    spoil(crystal)
    with pytest.raises(error):
        local_walker(crystal, potential_of("steerable"))


def test_an_energy_that_is_no_number_ends_the_walk(crystal):
    potential = seeded(specification("steerable"), dtype="float64")
    potential.network.load_state_dict({k: v * np.nan for k, v in potential.network.state_dict().items()})
    for kind in (CompiledWalker, LocalWalker):
        with pytest.raises(DivergenceError, match="the energy of a trial is"):
            walked(kind(crystal, potential), Canonical(), 5)


def test_thirty_thousand_trials_lose_nothing():
    """With a shipped model, to the last bit, so that the number of trials is of no account."""
    from ase_voxpot import load_potential

    potential = load_potential("motaw-fast", device="cpu", dtype="float64")
    atoms = random_alloy("bcc:MoTaW", repeat=6, rng=np.random.default_rng(4))
    walker = CompiledWalker(atoms, potential)
    tally, _ = walked(walker, Canonical(), 30_000, temperature=1000.0)

    assert tally.trials.sum() == 30_000
    assert 5_000 < tally.accepted.sum() < 25_000
    assert walker.atoms().symbols.formula.count() == atoms.symbols.formula.count()
    assert_array_equal(walker.energies, CompiledWalker(walker.atoms(), potential).energies)
    assert_allclose(walker.energy, whole(potential, walker), rtol=0, atol=1e-9)
