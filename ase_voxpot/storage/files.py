"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["data_folders", "draft_of", "make_parents", "write_json"]


def data_folders() -> list[Path]:
    """Where data sets are looked up: the folder that ``VOXPOT_DATA`` names, then ``training/data`` of a checkout."""
    named = os.environ.get("VOXPOT_DATA", "")
    checkout = Path(__file__).resolve().parents[2] / "training" / "data"
    return [*([Path(named)] if named else []), *([checkout] if checkout.is_dir() else [])]


def make_parents(path: Path) -> Path:
    """Make the folder that ``path`` will be written to, before any work is spent on it.

    Raises:
        ConfigError: the place cannot be written to.
    """
    if _is_device(path):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # modes alone do not tell: a whole disk may be read-only
        tempfile.TemporaryFile(dir=path.resolve().parent).close()
    except OSError as error:
        raise ConfigError(f"{path}: expected a place to write to, got {error.strerror}") from None
    if path.is_dir():
        raise ConfigError(f"{path}: expected the name of a file to write, got a folder")
    return path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` if all goes well and vanishes if not.

    A link stays a link, its file is written.  A device or pipe, such as ``/dev/stdout``, is written to as it is.

    >>> with draft_of(Path("table.csv")) as draft:  # doctest: +SKIP
    ...     draft.write_text("step,energy")
    """
    if _is_device(path):
        yield path
        return
    path = path.resolve()
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as indented JSON; NaN has no place in it and is refused."""
    with draft_of(path) as draft:
        draft.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
