"""Known compounds, and what is none."""

from __future__ import annotations

from ase import Atoms
from ase.build import bulk

VALID = [
    "NaCl", "CaTiO3", "BaTiO2N", "Al2O3", "LaTaON2", "LiNbO3", "KMgF3", "CsPbI3", "SiC", "GaAs", "Cu3Au", "Fe", "S8",
    "MoTaW",
]  # fmt: skip
INVALID = ["NaCl2", "LiF2", "BaF", "Al2F7", "HeO", "NaKF3", "CsF3"]


def perovskite(a: str, b: str, x: str, edge: float = 4.0) -> Atoms:
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    return Atoms([a, b, x, x, x], scaled_positions=places, cell=[edge] * 3, pbc=True)


def group() -> list[Atoms]:
    """Nine perovskites of A = Ca, Sr, Ba and B = Ti, Zr, Hf, and two salts."""
    edges = {"Ca": 3.85, "Sr": 3.95, "Ba": 4.05, "Ti": 0.0, "Zr": 0.2, "Hf": 0.15}
    made = [perovskite(a, b, "O", edges[a] + edges[b]) for a in ("Ca", "Sr", "Ba") for b in ("Ti", "Zr", "Hf")]
    return [*made, bulk("NaCl", "rocksalt", a=5.64), bulk("KCl", "rocksalt", a=6.29)]
