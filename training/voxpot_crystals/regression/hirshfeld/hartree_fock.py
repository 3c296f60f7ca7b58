"""Hartree-Fock for spherical atoms, numerically exact, non-relativistic.

Radial functions P(r) are expanded in Lagrange polynomials on Gauss-Lobatto nodes, element
by element (finite-element discrete-variable representation, Rescigno and McCurdy, Phys.
Rev. A 62, 032706 (2000)).  In that basis potentials are diagonal, and so are the products
of two basis functions: a two-electron integral is an element of one matrix per multipole,

    V_k[i, j] = (2k+1) (T_k⁻¹)[i, j] / (r_i r_j √(w_i w_j)) + (r_i r_j)^k / R^(2k+1),

with T_k the matrix of -d²/dr² + k(k+1)/r² (McCurdy, Baertschy and Rescigno, J. Phys. B 37,
R137 (2004)), so that Coulomb and exchange operators need no integration at all.

The energy is that of the average of a configuration (Slater 1960):

    E = Σ_a q_a I_a + Σ_a q_a(q_a-1)/2 [F⁰(a,a) - (2l+1)/(4l+1) Σ_{k>0} (l k l; 000)² F^k(a,a)]
        + Σ_{a<b} q_a q_b [F⁰(a,b) - ½ Σ_k (l_a k l_b; 000)² G^k(a,b)]

in which a closed shell is exact and an open one spherical, without electrons that see
themselves: tails fall as they do in Hartree-Fock.  Units are those of atoms (bohr, hartree).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import legendre

from ase_voxpot.errors import DivergenceError
from voxpot_crystals.regression.hirshfeld.configurations import Shell, configuration

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Atom", "Basis", "radial_basis", "solve_atom"]

MULTIPOLES = 7
"""k = 0..6: f with f."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Nodes and operators of the radial functions, both ends left out."""

    r: Float[np.ndarray, " node"]  # bohr
    weight: Float[np.ndarray, " node"]  # of the quadrature, bohr
    kinetic: Float[np.ndarray, "node node"]  # of -½ d²/dr², hartree
    repulsion: Float[np.ndarray, "multipole node node"]  # V_k, hartree


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """A converged atom."""

    z: int
    energy: float  # hartree
    shells: tuple[Shell, ...]
    levels: Float[np.ndarray, " shell"]  # hartree, <a|F_a|a>
    radial: Float[np.ndarray, "shell node"]  # P(r) = r R(r), normalised
    basis: Basis

    @property
    def density(self) -> Float[np.ndarray, " node"]:
        """Electrons per bohr³ at the nodes."""
        electrons = np.array([shell.electrons for shell in self.shells])
        return electrons @ self.radial**2 / (4 * np.pi * self.basis.r**2)


def _lobatto(order: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
    """Gauss-Lobatto nodes and weights on [-1, 1], and the derivatives L_j'(x_i)."""
    polynomial = legendre.Legendre.basis(order - 1)
    x = np.concatenate([[-1.0], np.sort(polynomial.deriv().roots().real), [1.0]])
    value = polynomial(x)
    difference = x[:, None] - x[None, :]
    np.fill_diagonal(difference, 1.0)
    derivative = value[:, None] / value[None, :] / difference
    np.fill_diagonal(derivative, 0.0)
    derivative[0, 0], derivative[-1, -1] = -order * (order - 1) / 4, order * (order - 1) / 4
    return x, 2 / (order * (order - 1) * value**2), derivative


def radial_basis(z: int, *, box: float = 50.0, order: int = 12, growth: float = 1.6) -> Basis:
    """Elements that grow geometrically from the size of the 1s shell to the box.

    Args:
        z: charge of the nucleus.
        box: radius at which every function vanishes, in bohr.
        order: nodes per element.
        growth: ratio of the ends of neighbouring elements.
    """
    first = 1.0 / z
    count = math.ceil(math.log(box / first) / math.log(growth))
    ends = np.concatenate([[0.0], first * (box / first) ** (np.arange(count + 1) / count)])
    x, w, derivative = _lobatto(order)
    nodes = (order - 1) * (len(ends) - 1) + 1
    r, weight, stiffness = np.zeros(nodes), np.zeros(nodes), np.zeros((nodes, nodes))
    for e, (low, high) in enumerate(zip(ends, ends[1:], strict=False)):
        part = slice(e * (order - 1), e * (order - 1) + order)
        half = (high - low) / 2
        r[part] = low + half * (x + 1)
        weight[part] += half * w
        stiffness[part, part] += derivative.T @ (w[:, None] * derivative) / half
    r, weight, stiffness = r[1:-1], weight[1:-1], stiffness[1:-1, 1:-1]
    stiffness /= np.sqrt(weight[:, None] * weight[None, :])
    scale = r * np.sqrt(weight)
    repulsion = np.empty((MULTIPOLES, len(r), len(r)))
    for k in range(MULTIPOLES):
        inverse = np.linalg.inv(stiffness + np.diag(k * (k + 1) / r**2))
        edge = (r / box) ** k
        repulsion[k] = (2 * k + 1) * inverse / np.outer(scale, scale) + np.outer(edge, edge) / box
    return Basis(r=r, weight=weight, kinetic=stiffness / 2, repulsion=repulsion)


def _coupling(a: int, k: int, b: int) -> float:
    """The squared 3j symbol (a k b; 0 0 0)²."""
    total = a + k + b
    if total % 2 or not abs(a - b) <= k <= a + b:
        return 0.0
    f, g = math.factorial, total // 2
    triangle = f(total - 2 * a) * f(total - 2 * k) * f(total - 2 * b) / f(total + 1)
    return triangle * (f(g) / (f(g - a) * f(g - k) * f(g - b))) ** 2


def _exchange(
    repulsion: Float[np.ndarray, "multipole node node"], l: int, lb: int, c: Float[np.ndarray, " node"], lowest: int = 0
) -> Float[np.ndarray, "node node"]:
    """Σ_k (l k lb; 000)² K_k of one orbital, from the multipole ``lowest`` on."""
    kernel = sum(_coupling(l, k, lb) * repulsion[k] for k in range(lowest, l + lb + 1) if (l + k + lb) % 2 == 0)
    return c[:, None] * kernel * c[None, :]


class _Field:
    """The operators that the electrons of one set of orbitals make."""

    def __init__(self, z: int, basis: Basis, shells: tuple[Shell, ...]) -> None:
        self.basis, self.shells = basis, shells
        self.core = {
            l: basis.kinetic + np.diag(l * (l + 1) / (2 * basis.r**2) - z / basis.r) for l in {s.l for s in shells}
        }

    def closed(self, orbitals: Float[np.ndarray, "shell node"]) -> dict[int, Float[np.ndarray, "node node"]]:
        """The Fock operator of full shells, per l."""
        electrons = np.array([s.electrons for s in self.shells])
        coulomb = np.diag(self.basis.repulsion[0] @ (electrons @ orbitals**2))
        fock = {}
        for l, core in self.core.items():
            terms = (
                s.electrons * _exchange(self.basis.repulsion, l, s.l, c)
                for s, c in zip(self.shells, orbitals, strict=True)
            )
            fock[l] = core + coulomb - sum(terms) / 2
        return fock

    def open(
        self, shell: Shell, c: Float[np.ndarray, " node"], fock: Float[np.ndarray, "node node"]
    ) -> Float[np.ndarray, "node node"]:
        """The same for an open shell: what it does to itself is averaged over the configuration."""
        q, l, repulsion = shell.electrons, shell.l, self.basis.repulsion
        coulomb = np.diag(repulsion[0] @ c**2)
        as_if_full = q * coulomb - q / 2 * _exchange(repulsion, l, l, c)
        own = (q - 1) * (coulomb - (2 * l + 1) / (4 * l + 1) * _exchange(repulsion, l, l, c, lowest=1))
        return fock - as_if_full + own


def _effective(
    frame: Float[np.ndarray, "node node"],
    shells: list[Shell],
    closed: Float[np.ndarray, "node node"],
    opened: Float[np.ndarray, "node node"] | None,
) -> Float[np.ndarray, "node node"]:
    """One operator whose eigenvectors are the shells of an l, full and open ones (Roothaan 1960).

    Between a full shell a and an open one b stands (q_a F_a - q_b F_b) / (q_a - q_b), which
    vanishes where the energy is stationary against their mixing.
    """
    matrix = frame.T @ closed @ frame
    if opened is not None:
        o, full = len(shells) - 1, 4 * shells[-1].l + 2
        column = frame.T @ (opened @ frame[:, o])
        q = shells[-1].electrons
        column[:o] = (full * matrix[:o, o] - q * column[:o]) / (full - q)
        matrix[:, o] = matrix[o, :] = column
    return frame @ matrix @ frame.T


class _Mixer:
    """Pulay's direct inversion in the iterative subspace."""

    def __init__(self, length: int = 10) -> None:
        self._length = length
        self._past: list[tuple[np.ndarray, np.ndarray]] = []

    def mix(self, operator: np.ndarray, error: np.ndarray) -> np.ndarray:
        self._past = [*self._past, (operator, error)][-self._length :]
        n = len(self._past)
        matrix = np.zeros((n + 1, n + 1))
        matrix[:n, n] = matrix[n, :n] = -1
        for i, (_, a) in enumerate(self._past):
            for j, (_, b) in enumerate(self._past):
                matrix[i, j] = np.vdot(a, b)
        matrix[:n, :n] /= np.abs(np.diag(matrix)[:n]).max() + 1e-300
        weights = np.linalg.lstsq(matrix, np.r_[np.zeros(n), -1.0], rcond=None)[0][:n]
        return np.einsum("n,nlij->lij", weights, np.array([o for o, _ in self._past]))


def _first_orbitals(z: int, field: _Field) -> dict[int, Float[np.ndarray, "node node"]]:
    """Eigenvectors in the screened field of a Thomas-Fermi atom, no less than -1/r far out."""
    x = field.basis.r * z ** (1 / 3) / 0.8853
    screened = np.maximum(z / (1 + 0.02747 * x**0.5 + 1.243 * x - 0.1486 * x**1.5 + 0.2302 * x**2), 1.0)
    return {l: np.linalg.eigh(core + np.diag((z - screened) / field.basis.r))[1] for l, core in field.core.items()}


def solve_atom(z: int, *, basis: Basis | None = None, tolerance: float = 1e-7, most: int = 200) -> Atom:
    """The neutral atom in its ground-state configuration.

    Args:
        z: atomic number.
        basis: nodes and operators, made for the atom if left out.
        tolerance: largest commutator of operator and density at which it counts as converged.
        most: iterations.

    Raises:
        UnknownElementError: beyond the table.
        DivergenceError: not converged.
    """
    shells = configuration(z)
    basis = radial_basis(z) if basis is None else basis
    field = _Field(z, basis, shells)
    by_l = {l: [s for s in shells if s.l == l] for l in sorted(field.core)}
    frames, mixer = _first_orbitals(z, field), _Mixer()
    for step in range(most):
        place = {shell: frames[shell.l][:, k] for group in by_l.values() for k, shell in enumerate(group)}
        orbitals = np.array([place[s] for s in shells])
        closed = field.closed(orbitals)
        opened = {s: field.open(s, place[s], closed[s.l]) for s in shells if not s.full}
        operator = np.array([_effective(frames[l], g, closed[l], opened.get(g[-1])) for l, g in by_l.items()])
        weight = np.array(
            [sum(s.electrons / (4 * l + 2) * np.outer(place[s], place[s]) for s in by_l[l]) for l in by_l]
        )
        error = operator @ weight - weight @ operator
        if np.abs(error).max() < tolerance * max(1, z / 10):
            break
        shift = 1.0 if step < 6 else 0.0  # hartree: keeps the first steps from swapping shells
        held = np.array([sum(np.outer(place[s], place[s]) for s in by_l[l]) for l in by_l])
        mixed = mixer.mix(operator, error) + shift * (np.eye(len(basis.r)) - held)
        frames = {l: np.linalg.eigh(mixed[k])[1] for k, l in enumerate(by_l)}
    else:
        raise DivergenceError(
            f"the atom Z = {z} did not converge in {most} iterations, error {np.abs(error).max():.1e}"
        )
    levels = np.array([place[s] @ opened.get(s, closed[s.l]) @ place[s] for s in shells])
    bare = np.array([place[s] @ field.core[s.l] @ place[s] for s in shells])
    energy = float(sum(s.electrons * (a + b) / 2 for s, a, b in zip(shells, levels, bare, strict=True)))
    return Atom(z=z, energy=energy, shells=shells, levels=levels, radial=orbitals / np.sqrt(basis.weight), basis=basis)
