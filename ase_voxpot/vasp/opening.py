"""Streams of files, which may be compressed or truncated.

Files are read once and forwards.  The truncated end of the file of a killed job, also of
a compressed stream, is not an error but marked ``cut``.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stream"]

CHUNK = 1 << 20
LARGEST = 32 << 30
"""Bytes after decompression beyond which a file is not read on."""
LONGEST = 1 << 20
"""Bytes, longest line of a text file."""
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
"""By the first two bytes, as names are often wrong."""


class Stream:
    """One file, in chunks or in lines."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            DataError: no file.
        """
        if not path.is_file():
            raise DataError(f"{path}: expected a file of a VASP run, got {'a folder' if path.is_dir() else 'none'}")
        self.path = path
        self.cut = False
        """Whether the file stopped within a compressed stream or a line."""

    def chunks(self) -> Iterator[bytes]:
        """Decompressed bytes.

        Raises:
            DataError: nothing can be decompressed, or far too much.
        """
        with self.path.open("rb") as raw:
            opener = OPENERS.get(raw.read(2))
        total = 0
        with self.path.open("rb") if opener is None else opener(self.path, "rb") as file:
            while chunk := self._next(file, started=total > 0):
                total += len(chunk)
                if total > LARGEST:
                    raise DataError(
                        f"{self.path}: expected at most {LARGEST >> 30} GiB after decompression; give a part of the run"
                    )
                yield chunk

    def _next(self, file: IO[bytes], *, started: bool) -> bytes:
        """The next bytes; none at the end, wherever that is."""
        parts: list[bytes] = []
        try:
            while sum(map(len, parts)) < CHUNK and (part := file.read1(1 << 16)):  # type: ignore[attr-defined]
                parts.append(part)
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            self.cut = True
            if not (started or parts):
                raise DataError(f"{self.path}: expected a compressed file, got a damaged one ({error})") from None
        return b"".join(parts)

    def lines(self) -> Iterator[str]:
        """Lines that are complete, whichever system ended them; a last one without its end is dropped.

        Raises:
            DataError: as ``engines.chunks``; or no text.
        """
        rest = b""
        for chunk in self.chunks():
            *complete, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST:
                raise DataError(f"{self.path}: expected lines of text, got {LONGEST} bytes without an end of line")
            for line in complete:
                yield line.removesuffix(b"\r").decode("latin-1")
        if rest.strip():
            self.cut = True

    def beginning(self, size: int = 4096) -> bytes:
        """The first bytes, decompressed."""
        return next(self.chunks(), b"")[:size]
