"""A vasprun.xml from frames of another calculator: for examples, tests and timings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from ase import units

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["write_vasprun"]

HEAD = {"IBRION": "0", "ISIF": "2", "ISMEAR": "1", "SIGMA": "0.10000000", "ENCUT": "520.00000000", "ISPIN": "1"}
"""INCAR of a metal."""
KBAR = 0.1 * units.GPa
TENSOR = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]
"""Places of a Voigt vector in a matrix."""


def _rows(array: Float[np.ndarray, "row column"], tag: str = "v") -> str:
    """Rows of numbers in the format of VASP."""
    return "\n".join(f"    <{tag}> " + " ".join(f"{x:16.8f}" for x in row) + f" </{tag}>" for row in array)


def _structure(atoms: Atoms, name: str = "") -> str:
    """The structure element of a vasprun.xml."""
    return (
        f' <structure{name}>\n  <crystal>\n   <varray name="basis" >\n{_rows(atoms.cell.array)}\n   </varray>\n'
        f'   <i name="volume"> {atoms.get_volume():16.8f} </i>\n   <varray name="rec_basis" >\n'
        f"{_rows(atoms.cell.reciprocal().array)}\n   </varray>\n  </crystal>\n"
        f'  <varray name="positions" >\n{_rows(atoms.get_scaled_positions())}\n  </varray>\n </structure>\n'
    )


def write_vasprun(path: Path, frames: Sequence[Atoms], *, timestep: float, temperature: float) -> None:
    """Write a vasprun.xml of molecular dynamics.

    Args:
        path: of the file.
        frames: of a cell that does not change, with energy (eV), forces (eV/Å), stress (eV/Å³, Voigt) and
            kinetic energy (eV) in ``info`` under ``energy``, ``forces``, ``stress`` and ``kinetic``.
        timestep: fs, from frame to frame.
        temperature: K.
    """
    first, counts = frames[0], Counter(frames[0].get_chemical_symbols())
    types = list(counts)
    settings = HEAD | {"POTIM": f"{timestep:.8f}", "TEBEG": f"{temperature:.8f}", "TEEND": f"{temperature:.8f}"}
    items = "".join(f'  <i name="{k}"> {v} </i>\n' for k, v in settings.items())
    ions = "".join(f"    <rc><c>{s:2s}</c><c>{types.index(s) + 1:4d}</c></rc>\n" for s in first.get_chemical_symbols())
    kinds = "".join(
        f"    <rc><c>{n:4d}</c><c>{s:2s}</c><c>{first.get_masses()[first.symbols == s][0]:16.8f}</c>"
        f"<c>     12.00000000</c><c>  PAW_PBE {s}_pv 06Sep2000                  </c></rc>\n"
        for s, n in counts.items()
    )
    with path.open("w", encoding="ascii") as file:
        file.write(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
            '  <i name="program" type="string">vasp </i>\n  <i name="version" type="string">6.4.2  </i>\n'
            f" </generator>\n <incar>\n{items} </incar>\n"
            ' <kpoints>\n  <generation param="Gamma">\n   <v type="int" name="divisions"> 1 1 1 </v>\n'
            '  </generation>\n  <varray name="kpointlist" >\n   <v> 0.0 0.0 0.0 </v>\n  </varray>\n'
            '  <varray name="weights" >\n   <v> 1.00000000 </v>\n  </varray>\n </kpoints>\n'
            f' <parameters>\n{items}  <i name="ENMAX"> 520.00000000 </i>\n  <i type="int" name="NELM"> 60 </i>\n'
            '  <i type="string" name="GGA">PE</i>\n'
            " </parameters>\n <atominfo>\n"
            f"  <atoms> {len(first):8d} </atoms>\n  <types> {len(types):8d} </types>\n"
            '  <array name="atoms" >\n   <dimension dim="1">ion</dimension>\n   <field type="string">element</field>\n'
            f'   <field type="int">atomtype</field>\n   <set>\n{ions}   </set>\n  </array>\n'
            '  <array name="atomtypes" >\n   <dimension dim="1">type</dimension>\n'
            '   <field type="int">atomspertype</field>\n   <field type="string">element</field>\n'
            '   <field>mass</field>\n   <field>valence</field>\n   <field type="string">pseudopotential</field>\n'
            f"   <set>\n{kinds}   </set>\n  </array>\n </atominfo>\n"
        )
        file.write(_structure(first, ' name="initialpos" '))
        for atoms in frames:
            stress = -np.asarray(atoms.info["stress"])[TENSOR] / KBAR
            energy = "".join(
                f'   <i name="{name}"> {atoms.info["energy"]:16.8f} </i>\n'
                for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy")
            )
            file.write(
                f" <calculation>\n  <scstep>\n  <energy>\n{energy}  </energy>\n  </scstep>\n{_structure(atoms)}"
                f'  <varray name="forces" >\n{_rows(atoms.info["forces"])}\n  </varray>\n'
                f'  <varray name="stress" >\n{_rows(stress)}\n  </varray>\n'
                f'  <energy>\n{energy}   <i name="kinetic"> {atoms.info["kinetic"]:16.8f} </i>\n  </energy>\n'
                " </calculation>\n"
            )
        file.write(_structure(frames[-1], ' name="finalpos" ') + "</modeling>\n")
