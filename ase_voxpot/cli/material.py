"""What the verbs for materials share: a structure, any calculator, where the answers go."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms

__all__ = ["Foreign", "Json", "Supercell", "Work", "check_targets", "open_work", "progress", "value_with_error"]

Foreign = Annotated[
    str | None,
    typer.Option(
        "--calculator",
        "-c",
        help="Another calculator than a model: module:factory, or file.py:factory[:argument].",
        show_default=False,
    ),
]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here.", show_default=False)]
Supercell = Annotated[
    int | None,
    typer.Option(
        "--repeat",
        "-r",
        help="Repeat the cell so often in each direction; 3 for a random alloy and 1 else, if not given.",
        show_default=False,
    ),
]
ALLOY = 3
"""Cubic cells along each edge of a random alloy: 54 atoms of bcc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A material and who says what its energy is."""

    name: str  # of the structure, as it was given
    method: str  # of the calculator
    calculator: Any
    random: bool  # a shorthand of several elements, of which there are many decorations
    build: Callable[[int], Atoms]  # the structure; with another seed another decoration

    @property
    def title(self) -> str:
        """What is computed, and with what."""
        return f"{self.name} with {self.method}"

    def lattice(self) -> Atoms:
        """The structure; of a random alloy its lattice with one element on all sites."""
        atoms = self.build(0)
        if self.random:
            atoms.numbers[:] = atoms.numbers[0]
        return atoms


def open_work(
    structure: str,
    *,
    model: str,
    calculator: str | None,
    repeat: int | tuple[int, int, int] | None,
    seed: int,
    lattice: float | None,
    device: str,
    dtype: str,
) -> Work:
    """A periodic structure and a calculator, both seen to be there.

    Args:
        structure: a file or a shorthand.
        model: name or path, unless ``calculator`` says something else.
        calculator: ``module:factory`` or ``file.py:factory``.
        repeat: along all vectors alike, or along each; 3 for a random alloy and 1 else with None.
        seed: of the first decoration.
        lattice: Å, constant of a shorthand.
        device: of the model.
        dtype: of the model.

    Raises:
        VoxPotError: of the structure, of the model or of the calculator.
    """
    import numpy as np

    from ase_voxpot.errors import ConfigError, StructureError
    from ase_voxpot.structures import is_shorthand, open_structure

    if seed < 0:
        raise ConfigError(f"seed: expected a whole number from 0 on, got {seed}")
    method, made, card = _own(model, device, dtype) if calculator is None else _foreign(calculator)

    def build(further: int, times: int | tuple[int, int, int]) -> Atoms:
        rng = np.random.default_rng(seed + further)
        return open_structure(structure, repeat=times, rng=rng, constant=lattice, card=card)

    random = is_shorthand(structure) and sum(map(str.isupper, structure)) > 1
    times = (ALLOY if random else 1) if repeat is None else repeat
    atoms = build(0, times)
    if not (atoms.pbc.all() and len(atoms)):
        raise StructureError(f"{structure}: expected a crystal periodic in three directions, got pbc {atoms.pbc}")
    trial = atoms.copy()
    trial.calc = made
    trial.get_potential_energy()  # refuses what has no energy before any work
    if "stress" not in getattr(made, "implemented_properties", ()):
        raise ConfigError(f"calculator: expected one with energy, forces and stress, got {method} without stress")
    return Work(
        name=structure, method=method, calculator=made, random=random, build=lambda further: build(further, times)
    )


def _own(model: str, device: str, dtype: str) -> tuple[str, Any, Any]:
    from ase_voxpot.calculator import VoxPotCalculator
    from ase_voxpot.weights import find_model, read_header

    card = read_header(find_model(model))["card"]
    return Path(model).stem, VoxPotCalculator(model, device=device, dtype=dtype), card  # type: ignore[arg-type]


def _foreign(text: str) -> tuple[str, Any, Any]:
    from ase_voxpot.peers import parse_peer

    peer = parse_peer(text)
    return peer.name, peer.make(), None


def check_targets(json: Path | None, plot: Path | None) -> None:
    """Refuse, before any work is spent, what cannot be written.

    Raises:
        ConfigError: a folder, or a suffix that no picture has.
    """
    from ase_voxpot.cli.evaluate import refuse_format
    from ase_voxpot.files import make_room

    for target in (json, plot):
        if target is not None:
            make_room(target)
    if plot is not None:
        refuse_format(plot)


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar that every call moves on by one."""
    from ase_voxpot.cli.common import progress_bar

    with progress_bar() as bar:
        task = bar.add_task(name, total=total)
        yield lambda *_: bar.advance(task)


def value_with_error(value: float, error: float | None, digits: int = 1) -> str:
    """A number with its standard error, if there is one.

    >>> value_with_error(101.23, 1.5)
    '101.2 ± 1.5'
    """
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")
