"""Atomic writing of files."""

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
    """Folders of data sets: the folder in ``VOXPOT_DATA``, then ``training/data`` of a checkout."""
    named = os.environ.get("VOXPOT_DATA", "")
    checkout = Path(__file__).resolve().parents[2] / "training" / "data"
    return [*([Path(named)] if named else []), *([checkout] if checkout.is_dir() else [])]


def make_parents(path: Path) -> Path:
    """Make the folder of ``path``, so that an error comes before the computation.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    if _is_device(path):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # permissions do not suffice: a file system may be read-only
        tempfile.TemporaryFile(dir=path.resolve().parent).close()
    except OSError as error:
        raise ConfigError(f"{path}: expected a place to write to, got {error.strerror}") from None
    if path.is_dir():
        raise ConfigError(f"{path}: expected the name of a file to write, got a folder")
    return path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A temporary file, renamed to ``path`` on success and deleted on failure.

    The target of a link is written.  A device or pipe, such as ``/dev/stdout``, is written to directly.

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
    """Write ``data`` as indented JSON; NaN is refused."""
    with draft_of(path) as draft:
        draft.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
