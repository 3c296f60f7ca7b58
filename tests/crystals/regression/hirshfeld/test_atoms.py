"""Free atoms: laws, total energies of the literature, the table that is shipped."""

import numpy as np
import pytest
from ase.units import Bohr
from numpy.testing import assert_allclose
from scipy.integrate import simpson

from ase_voxpot.errors import UnknownElementError
from voxpot_crystals.regression.hirshfeld.atoms import NODES, TABLE, log_density, sampled, tabulate
from voxpot_crystals.regression.hirshfeld.configurations import HEAVIEST, configuration
from voxpot_crystals.regression.hirshfeld.hartree_fock import radial_basis, solve_atom

LIMITS = {2: -2.8616800, 4: -14.5730232, 10: -128.5470981, 18: -526.8175128, 36: -2752.0549773}
"""Hartree-Fock limits of closed-shell atoms, hartree (Froese Fischer 1977; Koga and Thakkar 1996)."""


@pytest.fixture(scope="module", params=[2, 8, 18, 29])
def atom(request):
    return solve_atom(request.param)


@pytest.mark.parametrize("z", range(1, HEAVIEST + 1))
def test_a_configuration_holds_all_electrons_and_one_open_shell_per_l(z):
    shells = configuration(z)

    assert sum(s.electrons for s in shells) == z
    for l in range(4):
        assert all(s.full for s in [s for s in shells if s.l == l][:-1])


def test_configurations_that_leave_the_order_are_known():
    assert [(s.n, s.l, s.electrons) for s in configuration(29)][-2:] == [(3, 2, 10), (4, 0, 1)]
    assert (5, 0) not in {(s.n, s.l) for s in configuration(46)}


@pytest.mark.parametrize("z", [0, 97, 118])
def test_atoms_beyond_the_table_are_refused(z):
    with pytest.raises(UnknownElementError, match="from 1 to 96"):
        configuration(z)


@pytest.mark.parametrize(("z", "energy"), LIMITS.items())
def test_total_energies_are_the_hartree_fock_limits(z, energy):
    assert_allclose(solve_atom(z).energy, energy, atol=1e-6)


def test_hydrogen_does_not_see_itself():
    atom = solve_atom(1)

    assert_allclose(atom.energy, -0.5, atol=1e-10)
    assert_allclose(atom.density[:80], np.exp(-2 * atom.basis.r[:80]) / np.pi, rtol=1e-6)


def test_the_ionisation_energy_of_argon_is_that_of_koopmans():
    assert_allclose(solve_atom(18).levels.max(), -0.59102, atol=1e-5)  # Froese Fischer 1977


def test_the_basis_does_not_matter():
    coarse, fine = (solve_atom(26, basis=radial_basis(26, order=order)) for order in (11, 14))

    assert_allclose(coarse.energy, fine.energy, atol=1e-5)


def test_the_virial_theorem_holds(atom):
    orbitals = atom.radial * np.sqrt(atom.basis.weight)
    radial = np.einsum("si,ij,sj->s", orbitals, atom.basis.kinetic, orbitals)
    bent = np.array([s.l * (s.l + 1) / 2 for s in atom.shells]) * (orbitals**2 @ atom.basis.r**-2.0)
    kinetic = np.array([s.electrons for s in atom.shells]) @ (radial + bent)

    assert_allclose(kinetic, -atom.energy, rtol=1e-6)


def test_electrons_and_cusp_are_those_of_the_nucleus(atom):
    r, density = atom.basis.r, atom.density

    assert_allclose(4 * np.pi * (atom.basis.weight * r**2) @ density, atom.z, rtol=1e-9)
    slope = np.log(density[1] / density[0]) / (r[1] - r[0])
    assert_allclose(slope, -2 * atom.z, rtol=0.01)  # Kato 1957


@pytest.mark.parametrize("z", [1, 3, 8, 29, 57])
def test_the_table_is_what_the_solver_says(z):
    with np.load(TABLE) as stored:
        row = stored["log_density"][z - 1]

    middle = (NODES > 0.01) & (NODES < 12)
    assert_allclose(row[middle], tabulate(solve_atom(z))[middle], atol=1e-4)


@pytest.mark.parametrize("z", range(1, HEAVIEST + 1))
def test_every_atom_of_the_table_is_neutral_and_falls_outwards(z):
    r = np.geomspace(1.6e-3, 14, 4001)
    density = np.exp(log_density(z, r))

    assert_allclose(simpson(4 * np.pi * r**3 * density, x=np.log(r)), z, rtol=1e-3)
    assert (np.diff(density) < 0).all()


@pytest.mark.parametrize("z", [1, 8, 37, 94])
def test_what_the_kernels_look_up_is_the_density(z):
    found = sampled(z)
    r = 0.0125 * np.arange(len(found.value))

    assert (found.value > 0).all()
    assert (found.slope <= 0).all()
    outside = slice(24, int(found.reach / 0.0125))
    assert_allclose(found.value[outside], np.exp(log_density(z, r[outside])), rtol=1e-12)
    slope = np.gradient(np.log(found.value), 0.0125)[outside] * found.value[outside] * 0.0125
    assert_allclose(found.slope[outside], slope, rtol=2e-2)


def test_scattering_factors_agree_with_those_of_crystallography():
    """f(Q) = ∫ 4πr² ρ sin(Qr)/(Qr) dr against the fits that X-ray crystallography uses."""
    tables = pytest.importorskip("periodictable", reason="needs periodictable for the scattering factors")
    from periodictable.cromermann import fxrayatq

    r = np.geomspace(1.6e-3, 15, 6001)
    q = np.linspace(0.5, 12, 24)  # 1/Å
    for z in (6, 8, 12, 22, 29, 38, 56):
        density = np.exp(log_density(z, r))
        ours = [simpson(4 * np.pi * r**3 * density * np.sinc(x * r / np.pi), x=np.log(r)) for x in q]
        assert_allclose(ours, fxrayatq(tables.elements[z].symbol, q), atol=0.02 * z**0.75)


ONE_TERM, SEVERAL_TERMS = (3, 9, 11, 13, 29, 38, 47, 56, 79), (6, 8, 26, 42, 64, 92, 94)


@pytest.mark.parametrize(("numbers", "tolerance"), [(ONE_TERM, 0.012), (SEVERAL_TERMS, 0.2)])
def test_densities_agree_with_those_of_another_program(numbers, tolerance):
    """chmpy keeps Hartree-Fock densities made elsewhere; it is asked here, and nothing of it is kept.

    Where the configuration has one term alone, both are the same; else theirs is that of the lowest term.
    """
    density = pytest.importorskip("chmpy.interpolate.density", reason="needs chmpy").PromoleculeDensity
    r = np.linspace(0.5, 3.0, 26)  # Å
    points = np.stack([r, 0 * r, 0 * r], axis=1)
    for z in numbers:
        theirs = density((np.array([z]), np.zeros((1, 3)))).rho(points)
        assert_allclose(log_density(z, r) + 3 * np.log(Bohr), np.log(theirs), atol=tolerance)
