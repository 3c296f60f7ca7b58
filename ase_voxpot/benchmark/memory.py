"""Peak memory of the process and memory available, from ``/proc`` or torch."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["Growth", "available"]

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _read(path: Path, key: str) -> int | None:
    """Bytes under ``key`` in a file of ``/proc``; None if the file or the key is missing."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(f"{key}:"):
                return 1024 * int(line.split()[1])
    return None


def available(device: str) -> int | None:
    """Bytes available on ``device``; None if unknown."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return _read(Path("/proc/meminfo"), "MemAvailable")


class Growth:
    """Peak memory beyond that at the start, from making this object on."""

    def __init__(self, device: str) -> None:
        """Release unused memory and reset the peak of ``device``."""
        gc.collect()
        self.device = device
        if device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
            self._start: int | None = torch.cuda.memory_allocated(device)
            return
        with suppress(OSError, AttributeError):
            libc: Any = ctypes.CDLL(None)
            libc.malloc_trim(0)  # glibc keeps freed arrays otherwise, and the next peak would not show
        self._start = None
        with suppress(OSError):
            CLEAR.write_text("5")  # sets the peak to what is now
            self._start = _read(STATUS, "VmRSS")

    def peak(self) -> int | None:
        """Bytes; None if unknown."""
        if self._start is None:
            return None
        if self.device.startswith("cuda"):
            import torch

            return int(torch.cuda.max_memory_allocated(self.device)) - self._start
        now = _read(STATUS, "VmHWM")
        return None if now is None else max(0, now - self._start)
