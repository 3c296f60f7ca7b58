"""Bring energies of another DFT code in line: zeros and pressures of a source, by least squares against a potential.

    python -m voxpot_training.potential.alignment motaw frames.extxyz.gz --leave-out rattled

Codes differ in the energy of an atom, and, by their pseudopotentials, a little in the volume at rest.  Both are fitted
to labels less predictions of a potential that was trained on the first code: linear in the numbers of atoms and in
volume for every element, and in the volume of alloys beyond that of their elements (``voxpot_training.zeros``).  What
remains is the error of the potential, or of the labels.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer
from ase.units import GPa

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import DataError, VoxPotError
from ase_voxpot.plotting.screen import console
from voxpot_training.zeros import Zero

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Alignment", "align"]

NEAR = 0.075
"""Share of the volume at rest within which metals count: beyond, the difference of two codes is not linear."""
METALS = 30.0
"""Weight of a metal over that of an alloy: alloys decide on the mixing pressure alone."""


class Alignment(NamedTuple):
    """What brings labels in line, and what remains."""

    zero: Zero
    before: float  # MAE of alloys with offsets alone, meV/atom
    after: float  # with the pressures, meV/atom
    alloys: int


def _terms(atoms: Atoms, elements: Sequence[str], volumes: Mapping[str, float]) -> list[float]:
    """Per atom: fractions, fractions times volume, and the volume of an alloy beyond that of its elements."""
    fractions = np.array([(atoms.symbols == symbol).mean() for symbol in elements])
    volume = atoms.get_volume() / len(atoms)
    excess = volume - sum(x * volumes[s] for x, s in zip(fractions, elements, strict=True))
    return [*fractions, *(fractions * volume), float(1 - fractions @ fractions) * excess]


def align(
    frames: Sequence[Atoms],
    energies: Float[np.ndarray, " frame"],
    predicted: Float[np.ndarray, " frame"],
    volumes: Mapping[str, float],
) -> Alignment:
    """Fit offsets, pressures and the mixing pressure.

    Args:
        frames: metals at several volumes, and alloys of them.
        energies: labels, eV.
        predicted: by a potential in line with the first code, eV.
        volumes: of the metals at rest, Å³ per atom.

    Raises:
        DataError: a metal at fewer than two volumes near that at rest, or no alloy.
    """
    elements = sorted(volumes)
    pure = np.array([len(set(atoms.symbols)) == 1 for atoms in frames])
    off = np.array([abs(a.get_volume() / len(a) / volumes[a.symbols[0]] - 1) for a in frames])
    kept = ~pure | (off < NEAR)
    for symbol in elements:
        mine = [a.get_volume() for a, keep in zip(frames, pure & kept, strict=True) if keep and a.symbols[0] == symbol]
        if len(set(np.round(mine, 3))) < 2:
            raise DataError(
                f"{symbol}: expected two volumes or more within {NEAR:.1%} of that at rest, got {len(mine)}"
            )
    if pure.all():
        raise DataError("expected alloys beside the metals, got none")
    rows = np.array([_terms(atoms, elements, volumes) for atoms in frames])
    sizes = np.array([len(atoms) for atoms in frames])
    target = (np.asarray(energies) - np.asarray(predicted)) / sizes
    weight = np.where(pure, METALS, 1.0) * kept
    found, *_ = np.linalg.lstsq(rows * weight[:, None], target * weight, rcond=None)
    number = len(elements)
    plain, *_ = np.linalg.lstsq(rows[~pure, :number], target[~pure], rcond=None)
    zero = Zero(
        offsets={s: -float(c) for s, c in zip(elements, found, strict=False)},
        pressures={s: float(c) / GPa for s, c in zip(elements, found[number:], strict=False)},
        mixing_pressure=float(found[-1]) / GPa,
        volumes=dict(volumes),
    )
    before, after = (1e3 * float(np.abs(target - rows[:, : len(c)] @ c)[~pure].mean()) for c in (plain, found))
    return Alignment(zero, before, after, int((~pure).sum()))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=renamed())
def main(
    model: Annotated[str, typer.Argument(help="Potential that is in line with the first code.")],
    frames: Annotated[list[Path], typer.Argument(help="Labelled frames of the second code: metals and alloys.")],
    leave_out: Annotated[str, typer.Option(help="Regular expression; frames whose config_type it matches.")] = "",
) -> None:
    """Fit offsets, pressures and mixing pressure of a source, and print them as lines of a config.

    Example: python -m voxpot_training.potential.alignment motaw frames.extxyz.gz --leave-out rattled
    """
    from ase.io import read

    from ase_voxpot.calculator import VoxPotCalculator
    from ase_voxpot.properties import cells

    try:
        read_frames: list[Atoms] = [atoms for file in frames for atoms in read(file, ":")]
        if leave_out:
            read_frames = [a for a in read_frames if not re.search(leave_out, str(a.info.get("config_type", "")))]
        calculator = VoxPotCalculator(model, dtype="float64")
        symbols = sorted({symbol for atoms in read_frames for symbol in atoms.symbols})
        rest = {s: cells.relaxed(cells.element(s), calculator, free="cell") for s in symbols}
        volumes = {symbol: round(crystal.get_volume() / len(crystal), 3) for symbol, crystal in rest.items()}
        predicted = np.array([len(a) * cells.energy_per_atom(a, calculator) for a in read_frames])
        energies = np.array([atoms.calc.results["energy"] for atoms in read_frames])
        found = align(read_frames, energies, predicted, volumes)
    except (OSError, ValueError, KeyError, AttributeError, VoxPotError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    console().print(_as_toml(found.zero), markup=False, highlight=False, soft_wrap=True)
    console().print(
        f"{found.alloys} alloys: {found.after:.1f} meV/atom remain (MAE), {found.before:.1f} with offsets alone",
        highlight=False,
    )


def _as_toml(zero: Zero) -> str:
    """The lines of a source."""

    def table(values: Mapping[str, float], digits: int) -> str:
        return "{ " + ", ".join(f"{symbol} = {value:.{digits}f}" for symbol, value in values.items()) + " }"

    return "\n".join(
        [
            f"offsets = {table(zero.offsets, 3)}",
            f"pressures = {table(zero.pressures, 2)}",
            f"mixing_pressure = {zero.mixing_pressure:.2f}",
            f"volumes = {table(zero.volumes, 3)}",
        ]
    )


if __name__ == "__main__":
    app()
