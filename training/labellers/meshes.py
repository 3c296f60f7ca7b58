"""Meshes of k-points and grids of plane waves that the symmetry of a crystal maps onto themselves.

Rotations are integer matrices as spglib gives them: fractional coordinates x become W x.  Needs NumPy and
ASE only, for it is shared by programs of two Pythons.
"""

import itertools

import numpy as np
from ase.geometry import minkowski_reduce
from ase.units import Bohr, Hartree


def shortest(cell):
    """Length of the shortest lattice vector, Å."""
    return np.linalg.norm(minkowski_reduce(cell)[0], axis=1).min()


def irreducible(rotations, points):
    """How many k-points of a Gamma-centred mesh are left by the rotations and by time reversal."""
    points = np.asarray(points)
    indices = np.array(list(itertools.product(*(range(n) for n in points))))
    first = np.arange(len(indices))
    for rotation in np.unique(np.concatenate([rotations, -np.asarray(rotations)]), axis=0):
        image = indices / points @ rotation * points
        whole = np.round(image).astype(int)
        there = np.abs(image - whole).max(axis=1) < 1e-6
        number = np.ravel_multi_index((whole % points).T, points)
        first = np.where(there, np.minimum(first, number), first)
    return len(np.unique(first))


def mesh(cell, density, rotations=None):
    """The Gamma-centred mesh with the fewest irreducible points, as three numbers.

    A mesh of n1 x n2 x n3 points is that of the supercell n1 a1, n2 a2, n3 a3, whose shortest lattice vector
    has to be ``density`` Å or longer.  The edges alone do not tell: a skewed cell with edges of 5.3 Å can have
    a lattice vector of 2.8 Å.
    """
    cell = np.asarray(cell)
    rotations = np.eye(3, dtype=int)[None] if rotations is None else rotations
    least = np.maximum(1, np.ceil(density / np.linalg.norm(cell, axis=1) - 1e-6)).astype(int)
    found = None
    for scale in np.arange(1.0, 20.0, 0.05):
        upper = np.ceil(scale * least).astype(int)
        if shortest(upper[:, None] * cell) > density - 1e-6:
            found = upper
            break
    if found is None:
        raise ValueError(f"no mesh gives {density} Å between images of the cell {cell.tolist()}; reduce the cell first")
    best, fewest = found, irreducible(rotations, found)
    ranges = [range(low, max(high, low + 3) + 1) for low, high in zip(least, found, strict=True)]
    group = 2 * len(rotations)
    for points in sorted(itertools.product(*ranges), key=np.prod):
        if np.prod(points) / group > fewest:
            break  # no mesh as large can have fewer
        if shortest(np.array(points)[:, None] * cell) > density - 1e-6:
            count = irreducible(rotations, points)
            if count < fewest:
                best, fewest = np.array(points), count
    return [int(n) for n in best]


def maps(rotations, numbers):
    """Which rotations map a grid of ``numbers`` points onto itself, as an array of booleans; they form a group."""
    n = np.asarray(numbers)
    return ~((rotations * n[:, None]) % n[None, :]).any(axis=(1, 2))


def grid(cell, cutoff, density, rotations):
    """Grid points, the rotations to use with them, and about what the calculation costs.

    Where rotations add a long axis to a short one, a grid that all of them map onto itself can be many times as
    fine as the cutoff asks for.  So grids with fewer rotations, thus more k-points, are tried, too.  Spacing
    pi / sqrt(4 E) in atomic units as GPAW's own; factors of 2, 3, 5 and 7 only.
    """
    spacing = np.pi / np.sqrt(4 * cutoff / Hartree) * Bohr
    least = np.ceil(np.linalg.norm(np.asarray(cell), axis=1) / spacing - 1e-9).astype(int)
    good = [n for n in range(1, 400) if smooth(n)]
    ranges = []
    for low in least:
        equal = {min(n for n in good if n >= other) for other in least if other > low}  # to those of longer axes
        ranges.append(sorted({n for n in good if low <= n <= 1.15 * low + 2} | equal))
    groups = {}
    for numbers in sorted(itertools.product(*ranges), key=np.prod):
        groups.setdefault(maps(rotations, numbers).tobytes(), numbers)  # the smallest grid of every group
    answers = []
    for chosen, numbers in groups.items():
        left = rotations[np.frombuffer(chosen, dtype=bool)]
        points = irreducible(left, mesh(cell, density, left))
        answers.append((points * float(np.prod(numbers) + 2 * np.prod(least)), numbers, left))
    effort, numbers, left = min(answers, key=lambda answer: answer[0])
    return numbers, left, effort


def smooth(number):
    """Whether a number has no factors but 2, 3, 5 and 7."""
    for factor in (2, 3, 5, 7):
        while number % factor == 0:
            number //= factor
    return number == 1
