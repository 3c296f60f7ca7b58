"""Fingerprints of structure and composition, for coverage.

Structure: the fingerprint of N. E. R. Zimmermann and A. Jain, RSC Adv. 10, 6063 (2020), as CDVAE takes it
(matminer's ``CrystalNNFingerprint``, preset ``ops``), averaged over sites.  Per site and coordination number n up
to 24, the weight of n neighbours in CrystalNN, and this weight times the similarity of these n to each of
some ideal motifs.  The neighbours and order parameters are pymatgen's.  Numbers are those of matminer.

Composition: the statistics of L. Ward et al., npj Comput. Mater. 2, 16028 (2016) ("Magpie"): least, greatest, range,
mean, mean absolute deviation and mode of 22 properties of the elements.  Each of the 132 numbers is divided by its
spread over the compounds of a reference set.  CDVAE has the spreads of another set, of the Materials Project
too; ``tables/README.md`` says how distances compare.
"""

from __future__ import annotations

import csv
import hashlib
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers, covalent_radii

from ase_voxpot.errors import ConfigError, UnknownElementError
from voxpot_crystals.latent.voxel_vae.validity import structure_fault
from voxpot_crystals.regression.elements import electronegativities, valence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Fingerprints", "composition_statistics", "fingerprints", "structure_fingerprint"]

TABLES = Path(__file__).parent / "tables"
SHELL = {"s": 2, "p": 6, "d": 10, "f": 14}
FARTHEST = 24
"""The greatest coordination number."""

MOTIFS: dict[int, tuple[str, ...]] = {
    1: ("sgl_bd",),
    2: ("L-shaped", "water-like", "bent 120 degrees", "bent 150 degrees", "linear"),
    3: ("trigonal planar", "trigonal non-coplanar", "T-shaped"),
    4: ("square co-planar", "tetrahedral", "rectangular see-saw-like", "see-saw-like", "trigonal pyramidal"),
    5: ("pentagonal planar", "square pyramidal", "trigonal bipyramidal"),
    6: ("hexagonal planar", "octahedral", "pentagonal pyramidal"),
    7: ("hexagonal pyramidal", "pentagonal bipyramidal"),
    8: ("body-centered cubic", "hexagonal bipyramidal"),
    9: ("q2", "q4", "q6"),
    10: ("q2", "q4", "q6"),
    11: ("q2", "q4", "q6"),
    12: ("cuboctahedral", "q2", "q4", "q6"),
}
"""By coordination number; names of pymatgen's motifs or of its order parameters."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """One row per crystal; NaN for crystals without a valid structure."""

    structure: Float[np.ndarray, "crystal site_feature"]
    composition: Float[np.ndarray, "crystal element_feature"]  # each in units of its spread


def fingerprints(crystals: Sequence[Atoms], *, store: Path | None = None) -> Fingerprints:
    """Both vectors of every crystal, with a progress bar.

    Args:
        crystals: any.
        store: an ``.npz`` file that keeps structure fingerprints (30 to 60 ms each) for the next time.

    Raises:
        ConfigError: pymatgen is not installed, or ``store`` cannot be used.
        UnknownElementError: beyond the elements that have properties.
    """
    from rich.progress import track

    composition = np.array([composition_statistics(a) for a in crystals]).reshape(len(crystals), -1) / _spreads()
    known = _read(store)
    keys = [_key(a) for a in crystals]
    new = {key: atoms for key, atoms in zip(keys, crystals, strict=True) if key not in known}
    for key, atoms in track(new.items(), description="fingerprints", disable=len(new) < 50, transient=True):
        known[key] = structure_fingerprint(atoms)
    if store is not None and new:
        with store.open("wb") as file:
            np.savez_compressed(file, key=np.array(list(known)), vector=np.array(list(known.values())))
    structure = np.array([known[key] for key in keys]).reshape(len(crystals), -1)
    return Fingerprints(structure, composition)


def _key(atoms: Atoms) -> str:
    """A key of the numbers of a crystal."""
    numbers = [atoms.cell[:].round(6) + 0.0, atoms.positions.round(6) + 0.0, atoms.numbers]
    return hashlib.sha256(b"".join(np.ascontiguousarray(n).tobytes() for n in numbers)).hexdigest()


def _read(store: Path | None) -> dict[str, np.ndarray]:
    if store is None or not store.exists():
        return {}
    try:
        with np.load(store) as file:
            return dict(zip(file["key"].tolist(), file["vector"], strict=True))
    except (OSError, ValueError, KeyError):
        raise ConfigError(f"{store}: expected fingerprints stored by this program; remove the file") from None


def structure_fingerprint(atoms: Atoms) -> Float[np.ndarray, " site_feature"]:
    """The mean over sites; NaN for invalid crystals and those without neighbours in CrystalNN.

    Raises:
        ConfigError: pymatgen is not installed.
    """
    tools = _tools()
    if structure_fault(atoms):
        return np.full(tools.length, np.nan)
    from pymatgen.core.structure import Structure

    structure = Structure(atoms.cell[:], atoms.numbers, atoms.positions, coords_are_cartesian=True)
    with warnings.catch_warnings():
        # of elements without radii and of missing oxidation states
        warnings.simplefilter("ignore")
        try:
            return np.mean([tools.site(structure, k) for k in range(len(structure))], axis=0)
        except (ValueError, RuntimeError, IndexError, KeyError, ZeroDivisionError):
            return np.full(tools.length, np.nan)


@dataclass(frozen=True)
class _Tools:
    """CrystalNN and the order parameters, made once."""

    neighbours: Any
    orders: dict[int, list[Any]]

    @property
    def length(self) -> int:
        return FARTHEST + sum(map(len, self.orders.values()))

    def site(self, structure: Any, k: int) -> list[float]:
        found = self.neighbours.get_nn_data(structure, k)
        vector: list[float] = []
        for count in range(1, FARTHEST + 1):
            weight = found.cn_weights.get(count, 0.0)
            vector.append(weight)
            orders = self.orders.get(count, [])
            if not weight:
                vector += [0.0] * len(orders)
                continue
            sites = [structure[k], *(entry["site"] for entry in found.cn_nninfo[count])]
            around = list(range(1, len(sites)))
            vector += [
                weight * (order.get_order_parameters(sites, 0, indices_neighs=around)[0] or 0) for order in orders
            ]
        return vector


@cache
def _tools() -> _Tools:
    try:
        from pymatgen.analysis.local_env import CN_OPT_PARAMS, CrystalNN, LocalStructOrderParams
    except ImportError:
        raise ConfigError("coverage needs pymatgen, which is not installed: pip install pymatgen") from None

    def order(count: int, motif: str) -> Any:
        known: list[Any] = CN_OPT_PARAMS.get(count, {}).get(motif, [motif])
        kind, *parameters = known
        return LocalStructOrderParams([kind], parameters=[parameters[0] if parameters else None])

    orders = {n: [order(n, motif) for motif in motifs] for n, motifs in MOTIFS.items()}
    return _Tools(CrystalNN(), orders)  # type: ignore[no-untyped-call]


def composition_statistics(atoms: Atoms) -> Float[np.ndarray, " element_feature"]:
    """Least, greatest, range, mean, mean absolute deviation and mode of each property in turn, in its own unit.

    The mode is the value of the commonest element; the least of these values if several are.

    Raises:
        UnknownElementError: beyond the elements that have properties.
    """
    table = _properties()
    numbers, counts = np.unique(atoms.numbers, return_counts=True)
    if numbers.max(initial=0) >= len(table):
        raise UnknownElementError(f"expected elements up to Z = {len(table) - 1}, got Z = {numbers.max()}")
    values, share = table[numbers], counts / counts.sum()
    mean = share @ values
    least, most = values.min(0), values.max(0)
    mode = values[counts == counts.max()].min(0)
    return np.stack([least, most, most - least, mean, share @ np.abs(values - mean), mode], axis=1).ravel()


@cache
def _properties() -> Float[np.ndarray, "element property"]:
    """By Z: the table, and what follows from Z, masses, radii and electronegativities."""
    scale = electronegativities()
    rows = []
    with (TABLES / "elements.csv").open() as file:
        for entry in csv.DictReader(file):
            z = atomic_numbers[entry["symbol"]]
            period, group, *_ = valence(z)
            filled = [float(entry[shell]) for shell in SHELL]
            open_ = [(most - n) if 0 < n < most else 0 for n, most in zip(filled, SHELL.values(), strict=True)]
            rows.append(
                [
                    *(z, float(entry["mendeleev"]), atomic_masses[z], float(entry["melting"]), group, period),
                    *(100 * covalent_radii[z], scale[z], *filled, sum(filled), *open_, sum(open_)),
                    *(float(entry[name]) for name in ("volume", "gap", "moment", "spacegroup")),
                ]
            )
    return np.array([[0.0] * len(rows[0]), *rows])


@cache
def _spreads() -> Float[np.ndarray, " element_feature"]:
    spreads: np.ndarray = np.loadtxt(TABLES / "spreads.csv", delimiter=",").ravel()
    return spreads
