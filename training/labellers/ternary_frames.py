"""The frames of Mo-Ta-W that DFT labels: metals, binaries and ordered ternaries on the bcc lattice.

    python ternary_frames.py frames.extxyz

Ordered structures are enumerated: all supercells of the primitive bcc cell of 2 to 6 atoms (Hermite
normal forms, Hart & Forcade, Phys. Rev. B 77, 224115 (2008)) under all decorations, repeats left out by
colour refinement over the first five shells of neighbours.  The nine compounds of the published
comparison (B2, L2_1 and inverse Heusler XA of Mo, Ta and W) are left out at every volume: they judge.
"""

import hashlib
import itertools
import sys

import numpy as np
import spglib
from ase import Atoms
from ase.io import write
from ase.neighborlist import neighbor_list

ELEMENTS = ("Mo", "Ta", "W")
EDGE = {"Mo": 3.169, "Ta": 3.322, "W": 3.190}  # Å, PBE
PRIMITIVE = np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]])
SHELLS = np.array([0.8660, 1.0, 1.4142, 1.6583, 1.7321])  # neighbour distances over the cubic edge


def hermite_forms(size):
    """All integer matrices in Hermite normal form whose determinant is ``size``."""
    for a in (n for n in range(1, size + 1) if size % n == 0):
        for c in (n for n in range(1, size // a + 1) if (size // a) % n == 0):
            f = size // (a * c)
            for b, d, e in itertools.product(range(c), range(f), range(f)):
                yield np.array([[a, 0, 0], [b, c, 0], [d, e, f]])


def lattice(form):
    """Reduced cell and positions, cubic edge 1, of the supercell that ``form`` makes of the primitive cell."""
    size = round(np.linalg.det(form))
    atoms = Atoms("X" * 0, cell=form @ PRIMITIVE, pbc=True)
    grid = np.array(list(itertools.product(range(-size, size + 1), repeat=3)))
    inside = grid @ np.linalg.inv(form)
    first = np.all((inside > -1e-9) & (inside < 1 - 1e-9), axis=1)
    atoms = Atoms(["X"] * size, positions=grid[first] @ PRIMITIVE, cell=form @ PRIMITIVE, pbc=True)
    from ase.build import niggli_reduce

    niggli_reduce(atoms)
    return atoms


def shells(atoms):
    """Pairs of the first five shells: atoms, neighbours, number of the shell."""
    i, j, d = neighbor_list("ijd", atoms, 1.8)
    return i, j, np.abs(d[:, None] - SHELLS).argmin(axis=1)


def fingerprint(symbols, pairs):
    """A hash that related structures share: colours of sites, refined by their neighbours' colours."""
    i, j, shell = pairs
    colours = list(symbols)
    for _ in range(4):
        around = [[] for _ in colours]
        for a, b, s in zip(i, j, shell, strict=True):
            around[a].append((int(s), colours[b]))
        colours = [
            hashlib.blake2b(repr((c, sorted(n))).encode(), digest_size=8).hexdigest()
            for c, n in zip(colours, around, strict=True)
        ]
    counts = sorted((c, colours.count(c)) for c in set(colours))
    share = np.gcd.reduce([n for _, n in counts])
    return hashlib.blake2b(repr([(c, n // share) for c, n in counts]).encode(), digest_size=6).hexdigest()


def judges():
    """Fingerprints of B2, L2_1 and XA, which are never labelled here."""
    cubic = Atoms("X2", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=np.eye(3), pbc=True)
    fcc = Atoms(
        "X4",
        positions=np.array([[0, 0, 0], [0.5, 0.5, 0.5], [1, 1, 1], [1.5, 1.5, 1.5]]),
        cell=2 * np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
        pbc=True,
    )
    found = {fingerprint(pair, shells(cubic)) for pair in itertools.combinations(ELEMENTS, 2)}
    for twice in ELEMENTS:
        x, y = (e for e in ELEMENTS if e != twice)
        for order in ((twice, x, twice, y), (twice, twice, x, y), (twice, twice, y, x)):
            found.add(fingerprint(order, shells(fcc)))
    return found


def ordered(size, kinds):
    """Ordered structures of ``size`` atoms that hold exactly ``kinds`` elements, each once."""
    seen = judges()
    for form in hermite_forms(size):
        atoms = lattice(form)
        pairs = shells(atoms)
        for symbols in itertools.product(ELEMENTS, repeat=size):
            if len(set(symbols)) != kinds:
                continue
            name = fingerprint(symbols, pairs)
            if name not in seen:
                seen.add(name)
                answer = atoms.copy()
                answer.symbols[:] = symbols
                primitive = standardised(answer)
                if primitive is not None:
                    yield name, primitive


def standardised(atoms):
    """The same crystal in its standard primitive cell; None if that has fewer atoms.

    A plane-wave code needs a grid that all symmetries map onto itself: in a reduced cell, where they mix
    long and short axes, that can be many times as fine as the cutoff asks for.
    """
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=False, symprec=1e-4)
    if found is None or len(found[2]) != len(atoms):
        return None  # a supercell of a smaller structure
    return Atoms(numbers=found[2], scaled_positions=found[1], cell=found[0], pbc=True)


def place(atoms, rng, *, scale=1.0, strain=0.0, rattle=0.0):
    """The structure with an edge by Vegard's rule times ``scale``, strained and rattled (Å)."""
    edge = scale * np.mean([EDGE[s] for s in atoms.symbols])
    deformation = rng.normal(0, strain, (3, 3)) if strain else np.zeros((3, 3))
    answer = atoms.copy()
    answer.set_cell(edge * atoms.cell.array @ (np.eye(3) + (deformation + deformation.T) / 2), scale_atoms=True)
    if rattle:
        answer.positions += rng.normal(0, rattle, answer.positions.shape)
    return answer


def frames():
    """All frames, kind by kind."""
    rng = np.random.default_rng(20261129)
    for element in ELEMENTS:
        one = Atoms(element, cell=PRIMITIVE, pbc=True)
        for scale in (0.96, 0.98, 1.0, 1.02, 1.04):
            yield f"metal-{element}-{scale:.2f}", place(one, rng, scale=scale)
    plan = [(3, 3, None), (4, 3, None), (2, 2, None), (3, 2, None), (4, 2, 24), (5, 3, 60), (6, 3, 120)]
    ternaries = []
    for size, kinds, count in plan:
        found = list(ordered(size, kinds))
        if count and count < len(found):
            found = [found[k] for k in sorted(rng.choice(len(found), count, replace=False))]
        for name, atoms in found:
            yield f"ordered-{size}-{name}", place(atoms, rng, scale=rng.uniform(0.985, 1.025))
        if kinds == 3:
            ternaries += found
    for name, atoms in [ternaries[k] for k in rng.permutation(len(ternaries))[:150]]:
        scale = rng.uniform(0.97, 1.04)
        yield f"rattled-{len(atoms)}-{name}", place(atoms, rng, scale=scale, strain=0.02, rattle=rng.uniform(0.05, 0.2))


def cost(atoms):
    """About what a label costs: irreducible k-points at 42 Å per edge, times the atoms to the power 3/2."""
    points = [int(np.ceil(42 / edge - 1e-6)) for edge in np.linalg.norm(atoms.cell.array, axis=1)]
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return len(np.unique(spglib.get_ir_reciprocal_mesh(points, cell, is_shift=(0, 0, 0))[0])) * len(atoms) ** 1.5


def main():
    """Write the frames, cheap ones first, to the file that the command line names."""
    found = []
    for name, atoms in frames():
        atoms.info = {"id": name, "config_type": name.rsplit("-", 1)[0]}
        found.append(atoms)
    write(sys.argv[1], sorted(found, key=cost))


if __name__ == "__main__":
    main()
