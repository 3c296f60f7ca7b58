"""Executors of tasks: this process, several processes of this machine, or Dask.

A ``Backend`` has an executor, and makes a new one after it has broken.  With Dask the folder of results has to be
visible to all workers, and every worker needs the same versions of the packages below ``COMPARED`` as the driver.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from ase_voxpot.errors import ConfigError
from ase_voxpot.extras import require
from ase_voxpot.simd.threads import set_threads, thread_count

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backend", "Cluster", "Dask", "Processes", "Serial", "backend_of"]

P = ParamSpec("P")
R = TypeVar("R")

COMPARED = ("ase-voxpot", "ase", "numpy", "scipy", "numba", "torch")
"""Packages whose versions decide on results."""
SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
    "htcondor": "HTCondorCluster",
    "local": "LocalCluster",
}
"""Queueing systems, and their classes in dask-jobqueue; ``local`` is Dask's own on this machine."""
SECONDS = 30
"""Until a scheduler that does not answer is taken not to be there."""


class Backend(Protocol):
    """Has an executor, for one campaign after the other, until it is closed."""

    @property
    def window(self) -> int:
        """How many tasks are submitted at a time."""

    def executor(self) -> Executor:
        """The executor, made anew if that of before was dropped."""

    def drop(self) -> None:
        """Stop the workers, whatever they do: the executor is broken, or its results are not wanted."""

    def close(self) -> None:
        """Stop the workers when they are idle."""


class _Here(Executor):
    """Computes while submitting, in this process."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """The future of a computation that has ended."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True)
class Serial:
    """One task after the other, in this process."""

    window: int = 1

    def executor(self) -> Executor:
        """An executor."""
        return _Here()

    def drop(self) -> None:
        """Nothing runs that could be stopped."""

    def close(self) -> None:
        """Nothing to stop."""


class Processes:
    """Several processes, started anew (spawn), so that no thread of this one is copied halfway."""

    def __init__(self, workers: int) -> None:
        """Start none before there is something to do."""
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    @property
    def window(self) -> int:
        """Two tasks for each."""
        return 2 * self.workers

    def executor(self) -> Executor:
        """A pool of processes, which end with this one."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            share = max(1, thread_count() // self.workers)
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin, initargs=(share,))
        return self._pool

    def drop(self) -> None:
        """Kill the processes."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            with suppress(OSError, ValueError):
                process.kill()

    def close(self) -> None:
        """End the processes."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()


def _begin(threads: int) -> None:
    """Prepare a process: it ends with its parent, and uses its share of the cores unless the user chose a number."""
    _end_with_parent()
    if "OMP_NUM_THREADS" not in os.environ:
        set_threads(threads)


def _end_with_parent() -> None:
    """End this process when the one that started it does, killed or not; a pool alone would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A queueing system that starts workers, through dask-jobqueue.

    ``settings`` are the keywords of its class: queue, account, walltime …; numbers may be given as texts.
    """

    system: str  # one of SYSTEMS
    workers: int = 4  # jobs
    cores: int = 1  # of a job
    memory: str = "4GB"  # of a job
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.system not in SYSTEMS:
            raise ConfigError(f"cluster.system: expected one of {', '.join(SYSTEMS)}, got {self.system!r}")
        if self.workers < 1 or self.cores < 1:
            raise ConfigError(f"cluster: expected workers and cores from 1 on, got {self.workers} and {self.cores}")


class Dask:
    """The workers of a Dask scheduler."""

    def __init__(self, client: Any, cluster: Any = None) -> None:
        """Use a client of ``distributed``.

        Raises:
            ConfigError: versions of packages differ between the workers and this process.
        """
        self._client, self._cluster = client, cluster
        self._view: Executor | None = None
        try:
            _refuse_other_versions(client.run(_versions))
        except BaseException:
            self.close()
            raise

    @property
    def window(self) -> int:
        """All: the scheduler has its own queue."""
        return 1_000_000

    def executor(self) -> Executor:
        """A view of the scheduler."""
        if self._view is None:
            self._view = self._client.get_executor(pure=False)
        return self._view

    def drop(self) -> None:
        """Cancel what was submitted."""
        view, self._view = self._view, None
        if view is not None:
            view.shutdown(wait=False)  # cancels, other than executors of Python

    def close(self) -> None:
        """Leave the scheduler; a cluster that was started for this client is stopped."""
        for thing in (self._client, self._cluster):
            if thing is not None:
                thing.close()


def backend_of(*, workers: int = 1, scheduler: str | None = None, cluster: Cluster | None = None) -> Backend:
    """The backend for options of a command.

    Args:
        workers: processes of this machine; 1 computes in this process.
        scheduler: address of a Dask scheduler, or the file that it wrote (``scheduler.json``).
        cluster: description of a queueing system.

    Raises:
        ConfigError: fewer than one worker, two of the choices at once, no scheduler at the address, or workers with
            other versions of packages.
        MissingPackageError: Dask is not installed.
    """
    if workers < 1:
        raise ConfigError(f"workers: expected a whole number from 1 on, got {workers}")
    if scheduler is not None and (cluster is not None or workers > 1):
        raise ConfigError("scheduler: expected it alone, got workers or a cluster as well; leave out one of them")
    if scheduler is not None:
        return _connected(scheduler)
    if cluster is not None:
        return _started(cluster)
    return Serial() if workers == 1 else Processes(workers)


def _connected(address: str) -> Backend:
    distributed = require("distributed", "a Dask scheduler")
    place = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        client = distributed.Client(**place, timeout=SECONDS)
        found = len(client.scheduler_info(n_workers=-1)["workers"])
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ConfigError(
            f"scheduler: expected a Dask scheduler at {address}, got none ({reason}); start one with "
            "dask scheduler, and workers with dask worker ADDRESS"
        ) from None
    if not found:
        client.close()
        raise ConfigError(f"scheduler: the one at {address} has no workers; start some with dask worker {address}")
    return Dask(client)


def _started(cluster: Cluster) -> Backend:
    distributed = require("distributed", "a cluster")
    keywords: dict[str, Any] = dict(cluster.settings)
    if cluster.system == "local":
        made = distributed.LocalCluster(n_workers=cluster.workers, threads_per_worker=1, dashboard_address=None)
    else:
        jobs = require("dask_jobqueue", f"a cluster with {cluster.system}")
        try:
            made = getattr(jobs, SYSTEMS[cluster.system])(cores=cluster.cores, memory=cluster.memory, **keywords)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"cluster.settings: not taken by {SYSTEMS[cluster.system]} ({error})") from None
        made.scale(jobs=cluster.workers)
    client = distributed.Client(made)
    client.wait_for_workers(1)
    return Dask(client, made)


def _versions() -> dict[str, str]:
    found = {}
    for package in COMPARED:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _refuse_other_versions(workers: dict[str, dict[str, str]]) -> None:
    """Raise if a worker has another version of a package than this process."""
    mine = _versions()
    for address, theirs in workers.items():
        other = [p for p in mine if theirs.get(p) != mine[p]]
        if other:
            told = ", ".join(f"{p} {theirs.get(p, 'not at all')} in place of {mine[p]}" for p in other)
            raise ConfigError(
                f"scheduler: expected workers with the versions of this machine, got {told} on {address}; "
                "install the same there"
            )
