"""The frames of Mo-Ta-W that DFT labels: metals, binaries and ternaries on the bcc lattice.

    python ternary_frames.py frames.extxyz

Metals come first, then binaries and ternaries in turns (``TURN``), ordered cells and the same at other volumes, so
that a run stopped at any time has labelled all kinds; strained and rattled ones and random decorations of eight atoms
are last (``LATER``).  Within a kind cheap ones come first.

Ordered structures of 2 to 6 atoms are enumerated, see ``voxpot_training.campaign.ordered``.  The nine compounds
of the published comparison (B2, L2_1 and inverse Heusler XA of Mo, Ta and W) are left out at every volume: they
judge.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import spglib
from ase import Atoms
from ase.build import niggli_reduce
from ase.io import write
from meshes import grid

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # of a checkout that is not installed

from voxpot_training.campaign import ordered as enumeration  # noqa: E402
from voxpot_training.campaign.ordered import fingerprint, primitive_cell, shell_radii, supercell  # noqa: E402

ELEMENTS = ("Mo", "Ta", "W")
EDGE = {"Mo": 3.169, "Ta": 3.322, "W": 3.190}  # Å, PBE
PRIMITIVE = np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]])
CUTOFF, DENSITY = 400.0, 33.0  # eV and Å: what label_with_gpaw.py does by default
TURN = (
    *("ordered-4", "binary-4", "scaled-4", "ordered-5", "binary-3", "scaled-5", "ordered-6", "scaled-6", "ordered-3"),
    *("scaled-3", "ordered-4", "ordered-5", "scaled-4", "ordered-6", "scaled-5", "ordered-6", "scaled-6"),
)
LATER = ("rattled-3", "rattled-4", "rattled-5", "rattled-6", "random-8")  # without symmetry, at twice the price


def lattice(form):
    """Reduced cell and positions, cubic edge 1, of the supercell that ``form`` makes of the primitive cell."""
    return supercell(primitive_cell("bcc"), form)


def shells(atoms):
    """Pairs of the first five shells: atoms, neighbours, number of the shell."""
    return enumeration.shells(atoms, shell_radii("bcc"))


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
    return enumeration.ordered(ELEMENTS, size, kinds=kinds, known=sorted(judges()))


def cheapest_cell(atoms):
    """The same crystal in that primitive cell, standard or Niggli's, which costs least.

    The standard cell of a centred lattice can be skewed (edges of 11.5 Å with a lattice vector of 2.8 Å), which takes
    more k-points for the same mesh; in Niggli's, symmetries may mix long and short axes, which takes a finer grid.
    """
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=False, symprec=1e-4)
    standard = Atoms(numbers=found[2], scaled_positions=found[1], cell=found[0], pbc=True)
    reduced = standard.copy()
    niggli_reduce(reduced)
    return min(standard, reduced, key=lambda a: cost(a, edge=3.22))


def place(atoms, rng, *, scale=1.0, strain=0.0, rattle=0.0):
    """The structure with an edge by Vegard's rule times ``scale``, strained and rattled (Å)."""
    edge = scale * np.mean([EDGE[s] for s in atoms.symbols])
    deformation = rng.normal(0, strain, (3, 3)) if strain else np.zeros((3, 3))
    answer = atoms.copy()
    answer.set_cell(edge * atoms.cell.array @ (np.eye(3) + (deformation + deformation.T) / 2), scale_atoms=True)
    if rattle:
        answer.positions += rng.normal(0, rattle, answer.positions.shape)
    return answer


def metal_frames(rng):
    """Metals at five volumes: the source's own zeros of energy."""
    for element in ELEMENTS:
        one = Atoms(element, cell=PRIMITIVE, pbc=True)
        for scale in (0.96, 0.98, 1.0, 1.02, 1.04):
            yield f"metal-{element}-{scale:.2f}", place(one, rng, scale=scale)


def binary_frames(rng):
    """Ordered binaries of three and four atoms, each at one volume."""
    for size, count in ((3, 3), (4, 9)):
        found = [(name, cheapest_cell(atoms)) for name, atoms in ordered(size, 2)]
        for name, atoms in sorted(found, key=lambda pair: cost(pair[1], edge=3.22))[:count]:
            yield f"binary-{size}-{name}", place(atoms, rng, scale=rng.uniform(0.985, 1.025))


def ternary_frames(rng):
    """Ordered ternaries, each at one volume; some again at other volumes, or strained and rattled; random ones."""
    for size, count in ((3, None), (4, None), (5, None), (6, 100)):
        found = list(ordered(size, 3))
        if count and count < len(found):
            found = [found[k] for k in sorted(rng.choice(len(found), count, replace=False))]
        found = [(name, cheapest_cell(atoms)) for name, atoms in found]
        for name, atoms in found:
            yield f"ordered-{size}-{name}", place(atoms, rng, scale=rng.uniform(0.985, 1.025))
        for name, atoms in found:
            yield f"scaled-{size}-{name}", place(atoms, rng, scale=rng.choice((0.965, 0.98, 1.025, 1.04)))
        for name, atoms in found[:: 1 if size < 6 else 4]:
            scale = rng.uniform(0.97, 1.04)
            yield f"rattled-{size}-{name}", place(atoms, rng, scale=scale, strain=0.02, rattle=rng.uniform(0.05, 0.2))
    eight = lattice(2 * np.eye(3, dtype=int))
    for k in range(40):
        atoms = eight.copy()
        atoms.symbols[:] = rng.permutation([*ELEMENTS, *ELEMENTS, *rng.choice(ELEMENTS, 2)])
        scale = rng.uniform(0.98, 1.03)
        yield f"random-8-{k:02d}", place(atoms, rng, scale=scale, strain=0.01, rattle=rng.uniform(0.03, 0.15))


def in_turns(found):
    """The frames in the order of ``TURN``, over and over, then of ``LATER``; cheap ones first within a kind."""
    left = {kind: [] for kind in (*TURN, *LATER)}
    for atoms in sorted(found, key=cost, reverse=True):
        left[atoms.info["config_type"]].append(atoms)
    for turn in (TURN, LATER):
        while any(left[kind] for kind in turn):
            for kind in turn:
                if left[kind]:
                    yield left[kind].pop()


def cost(atoms, edge=1.0):
    """About what a label costs: k-points times grid points times atoms, for a lattice scaled by ``edge``."""
    cell = atoms.cell.array * edge
    found = spglib.get_symmetry((cell, atoms.get_scaled_positions(), atoms.numbers), symprec=1e-5)
    rotations = found["rotations"][np.abs(found["translations"]).max(axis=1) < 1e-4]  # GPAW uses no others
    return grid(cell, CUTOFF, DENSITY, rotations)[2] * len(atoms)


def named(pairs):
    """Frames with their names and kinds in ``info``."""
    for name, atoms in pairs:
        atoms.info = {"id": name, "config_type": name.rsplit("-", 1)[0]}
        yield atoms


def main():
    """Write the frames to the file that the command line names."""
    rng = np.random.default_rng(20261129)
    metals, binaries, ternaries = (list(named(kind(rng))) for kind in (metal_frames, binary_frames, ternary_frames))
    write(sys.argv[1], [*metals, *in_turns(binaries + ternaries)])


if __name__ == "__main__":
    main()
