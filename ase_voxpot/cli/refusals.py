"""Checks before the computation: output paths, names of peers, decorations, seeds, frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import typer

from ase_voxpot.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms

    from ase_voxpot.errors import VoxPotError

__all__ = [
    "check_targets",
    "refuse_all",
    "refuse_decorations",
    "refuse_same_names",
    "refuse_seed",
    "refuse_seeds",
    "sift",
    "tell_refused",
]

T = TypeVar("T")

INCOMPLETE = 1
"""Exit status if some frames were refused."""

SHOWN = 10
"""Largest number of refused frames that are listed."""
PICTURES = (".png", ".pdf", ".svg")


def check_targets(*targets: Path | None, plot: Path | None = None) -> None:
    """Make the folders of files and of a picture.

    Raises:
        ConfigError: a folder, or a suffix that no picture has.
    """
    from ase_voxpot.storage.files import make_parents

    for target in (*targets, plot):
        if target is not None:
            make_parents(target)
    if plot is not None and plot.suffix not in PICTURES:
        raise ConfigError(f"plot: expected a name that ends in {', '.join(PICTURES)}, got {str(plot)!r}")


def refuse_same_names(names: Sequence[str]) -> None:
    """Check that models and peers have different names.

    Raises:
        ConfigError: two share one.
    """
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ConfigError(f"peer: two are called {', '.join(twins)}; give one another name, as in other=module:factory")


def refuse_decorations(count: int | None, *, random: bool) -> None:
    """Check that several decorations are those of a random alloy.

    Raises:
        ConfigError: fewer than one, or several of another structure.
    """
    if count is not None and (count < 1 or (count > 1 and not random)):
        raise ConfigError(
            f"decorations: expected a whole number from 1 on, and 1 unless the structure is a random alloy such as "
            f"bcc:MoTaW, got {count}"
        )


def refuse_seeds(count: int) -> None:
    """Check a number of runs with different seeds.

    Raises:
        ConfigError: fewer than one.
    """
    if count < 1:
        raise ConfigError(f"seeds: expected a number of runs from 1 on, got {count}")


def refuse_seed(seed: int) -> None:
    """Check that a seed is not negative, as NumPy's generators require.

    Raises:
        ConfigError: another one.
    """
    if seed < 0:
        raise ConfigError(f"seed: expected a whole number from 0 on, got {seed}")


def sift(
    found: Iterable[Atoms | VoxPotError], look: Callable[[Atoms], T], *, strict: bool
) -> tuple[dict[int, T], dict[int, str]]:
    """Apply ``look`` to frames one by one: its results for valid frames, and the errors of the others by number.

    Args:
        found: structures, or why one could not be read.
        look: raises ``StructureError`` or ``DataError`` for a frame that is not valid.
        strict: raise the first of these errors.

    Raises:
        StructureError: strict, and a frame is not valid; or DataError.
    """
    from ase_voxpot.errors import StructureError, VoxPotError

    seen: dict[int, T] = {}
    refused: dict[int, str] = {}
    for row, frame in enumerate(found):
        try:
            if isinstance(frame, VoxPotError):
                raise frame
            seen[row] = look(frame)
        except (StructureError, DataError) as error:
            refused[row] = str(error).removeprefix("frame 0: ")
            if strict:
                raise type(error)(f"frame {row}: {refused[row]}") from None
    return seen, refused


def refuse_all(refused: Mapping[int, str], count: int, source: str | Path) -> None:
    """Raise if no frame of a file is valid.

    Args:
        refused: reasons by number in the file.
        count: number of frames in it.
        source: the file.

    Raises:
        DataError: naming the first.
    """
    if len(refused) == count:
        row, reason = next(iter(refused.items()))
        rest = f" (and none of the other {count - 1} can be taken)" if count > 1 else ""
        raise DataError(f"{source}: frame {row}: {reason}{rest}")


def tell_refused(refused: Mapping[int, str], count: int, done: str) -> None:
    """Print the refused frames on stderr and end with exit status 1.

    Args:
        refused: reasons by number in the file.
        count: number of frames in it.
        done: past participle for the others, such as predicted.

    Raises:
        typer.Exit: if any frame was refused.
    """
    if not refused:
        return
    for row, reason in list(refused.items())[:SHOWN]:
        typer.echo(f"voxpot: frame {row}: {reason}", err=True)
    more = f", the first {SHOWN} above" if len(refused) > SHOWN else ""
    typer.echo(f"voxpot: {len(refused)} of {count} frames were not {done}{more}", err=True)
    raise typer.Exit(INCOMPLETE)
