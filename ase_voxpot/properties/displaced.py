"""Forces in the displaced cells of phonopy and phono3py: their ``*_disp.yaml`` in, their files of forces out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.extras import require
from ase_voxpot.storage.files import draft_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["answer", "writer_of"]

WRITERS = re.compile(r"^(phonopy|phono3py):", re.MULTILINE)
"""The first key of a file says whose it is."""
SEEN = 4096
"""Characters in which it is looked for."""


def writer_of(path: Path) -> str:
    """``phonopy`` or ``phono3py``, whichever wrote the file.

    Raises:
        DataError: neither.
    """
    try:
        with path.open(encoding="utf-8") as file:
            found = WRITERS.search(file.read(SEEN))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected phonopy_disp.yaml or phono3py_disp.yaml ({error})") from None
    if found is None:
        raise DataError(f"{path}: expected phonopy_disp.yaml or phono3py_disp.yaml, got another file")
    return found[1]


def answer(
    path: Path,
    calculator: Any,
    folder: Path,
    *,
    observe: Callable[[int, int], None] = lambda done, of: None,
) -> Path:
    """Write ``FORCE_SETS`` or ``FORCES_FC3``; forces in the cell without displacements are taken off.

    Args:
        path: written by ``phonopy -d`` or ``phono3py -d``.
        calculator: any.
        folder: made if it is not there.
        observe: called with the number of cells done and of all.

    Raises:
        DataError: no such file, or one without displacements.
        MissingPackageError: the file is of phono3py, which is not installed.
    """
    from phonopy.file_IO import write_FORCE_SETS

    third = writer_of(path) == "phono3py"
    module: Any = require("phono3py" if third else "phonopy", f"reading {path.name}")
    try:
        model = module.load(path, produce_fc=False, log_level=0)
        cells = model.supercells_with_displacements
    except Exception as error:  # a file from elsewhere may make these libraries raise anything
        raise DataError(f"{path}: not readable by {module.__name__} ({type(error).__name__}: {error})") from None
    if not cells:
        raise DataError(f"{path}: expected displacements, found none; write it with {module.__name__} -d")
    forces = _forces([model.supercell, *cells], calculator, observe)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / ("FORCES_FC3" if third else "FORCE_SETS")
    with draft_of(target) as draft:
        if third:
            module.file_IO.write_FORCES_FC3(model.dataset, forces_fc3=list(forces), filename=str(draft))
        else:
            model.forces = forces
            write_FORCE_SETS(model.dataset, filename=draft)
    return target


def _forces(
    cells: Sequence[Any], calculator: Any, observe: Callable[[int, int], None]
) -> Float[np.ndarray, "cell atom 3"]:
    """Forces in all cells but the first, those in the first taken off; zero in a cell that phono3py left out."""
    found: list[Any] = []
    for k, cell in enumerate(cells):
        found.append(np.zeros_like(found[0]) if cell is None else _atoms(cell, calculator).get_forces())
        observe(k + 1, len(cells))
    whole = np.array(found)
    left_out = np.array([cell is None for cell in cells])
    whole[1:][~left_out[1:]] -= whole[0]
    return whole[1:]


def _atoms(cell: Any, calculator: Any) -> Atoms:
    from ase import Atoms

    atoms = Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
    atoms.calc = calculator
    return atoms
