"""What is refused before any work is spent: places that cannot be written to, names that are taken, odd seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_targets", "refuse_same_names", "refuse_seed"]

PICTURES = (".png", ".pdf", ".svg")


def check_targets(*targets: Path | None, plot: Path | None = None) -> None:
    """Make room for files, and for a picture.

    Raises:
        ConfigError: a folder, or a suffix that no picture has.
    """
    from ase_voxpot.files import make_room

    for target in (*targets, plot):
        if target is not None:
            make_room(target)
    if plot is not None and plot.suffix not in PICTURES:
        raise ConfigError(f"plot: expected a name that ends in {', '.join(PICTURES)}, got {str(plot)!r}")


def refuse_same_names(names: Sequence[str]) -> None:
    """Models and peers are told apart by their names.

    Raises:
        ConfigError: two share one.
    """
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ConfigError(f"peer: two are called {', '.join(twins)}; give one another name, as in other=module:factory")


def refuse_seed(seed: int) -> None:
    """NumPy's generators start from a whole number that is not negative.

    Raises:
        ConfigError: another one.
    """
    if seed < 0:
        raise ConfigError(f"seed: expected a whole number from 0 on, got {seed}")
