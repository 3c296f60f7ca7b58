"""A queue of work with one producer and several threads.

The queue is short, so that little is read in advance.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["serve"]

T = TypeVar("T")
AHEAD = 2
"""Pieces per thread that wait in the queue."""


def serve(pieces: Iterable[T], work: Callable[[T], None], *, threads: int) -> None:
    """Call ``work`` once for every piece, in the order in which they come, ``threads`` at a time.

    After the first exception, of the work or of ``pieces``, running calls are finished,
    no others are started, and the exception is raised here.

    Args:
        pieces: read in the calling thread.
        work: should release the GIL.
        threads: one or more; one needs no queue.
    """
    if threads == 1:
        for piece in pieces:
            work(piece)
        return
    line = _Line(work, threads)
    try:
        for piece in pieces:
            if line.failures:
                break
            line.queue.put((piece,))
    finally:
        line.close()
    if line.failures:
        raise line.failures[0]


class _Line(Generic[T]):
    """A queue and the threads that serve it."""

    def __init__(self, work: Callable[[T], None], threads: int) -> None:
        self.queue: queue.Queue[tuple[T] | None] = queue.Queue(AHEAD * threads)
        self.failures: list[BaseException] = []
        self._work = work
        self._servers = [threading.Thread(target=self._attend, name=f"fifo {k}", daemon=True) for k in range(threads)]
        for server in self._servers:
            server.start()

    def _attend(self) -> None:
        while (item := self.queue.get()) is not None:
            if self.failures:
                continue  # empties the queue, so that the producer is not blocked
            try:
                self._work(item[0])
            except BaseException as error:
                self.failures.append(error)

    def close(self) -> None:
        """Wait for running calls."""
        for _ in self._servers:
            self.queue.put(None)
        for server in self._servers:
            server.join()
