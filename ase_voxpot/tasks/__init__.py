"""Independent computations, run one by one, by several processes, or on a cluster.

keys        a hash of what a task depends on
running     tasks with one result file each, run by any ``concurrent.futures.Executor``
executors   this process, several processes, Dask
calls       calls of one function over a backend, results in order
supervised  external programs with a time limit, ended with all that they started
"""

from __future__ import annotations

from ase_voxpot.tasks.calls import map_calls
from ase_voxpot.tasks.executors import Cluster, backend_of
from ase_voxpot.tasks.keys import key_of
from ase_voxpot.tasks.running import Failure, Task, run_tasks

__all__ = ["Cluster", "Failure", "Task", "backend_of", "key_of", "map_calls", "run_tasks"]
