"""CIF text of small crystals, for tests of what is read from it."""

from __future__ import annotations

ALLOY = "Mo1 Mo 0 0 0 0.4\nTa1 Ta 0 0 0 0.35\nW1 W 0 0 0 0.25\n"
"""Rows of one bcc site that three elements share."""


def cif(
    rows: str, *, group: str = "I m -3 m", edge: float = 3.22, occupancy: bool = True, name: str = "x", more: str = ""
) -> str:
    """A cubic crystal.

    Args:
        rows: of the loop over sites: label, symbol, three fractions, and the occupancy if there is one.
        group: Hermann-Mauguin symbol.
        edge: Å.
        occupancy: whether the rows have one.
        name: of the block.
        more: further lines of it.
    """
    angles = "".join(f"_cell_angle_{a} 90\n" for a in ("alpha", "beta", "gamma"))
    edges = "".join(f"_cell_length_{a} {edge}\n" for a in "abc")
    columns = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", *(["occupancy"] if occupancy else [])]
    loop = "loop_\n" + "".join(f"_atom_site_{c}\n" for c in columns)
    return f"data_{name}\n{edges}{angles}_symmetry_space_group_name_H-M '{group}'\n{more}{loop}{rows}\n"
