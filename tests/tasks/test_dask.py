"""Tasks on the workers of Dask, where it is installed."""

from __future__ import annotations

import pytest
from voxpot_jobs import Draw, Odd, mirror

from ase_voxpot.errors import ConfigError, DivergenceError, MissingPackageError
from ase_voxpot.tasks import Cluster, Failure, backend_of, executors, map_calls, run_tasks

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def address():
    distributed = pytest.importorskip("distributed", reason="needs distributed (the extra dask)")
    settings = {"processes": False, "dashboard_address": None, "protocol": "tcp"}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **settings) as cluster:
        yield cluster.scheduler_address


def test_workers_of_dask_give_the_same_results(address, tmp_path):
    tasks = [Draw(k) for k in range(6)]
    here = run_tasks(tasks, tmp_path / "here", backend_of())
    backend = backend_of(scheduler=address)
    try:
        found = run_tasks([*tasks, Odd(7)], tmp_path / "dask", backend)
    finally:
        backend.close()

    assert found[Odd(7).key] == Failure("ValueError: 7 is odd")
    assert [found[t.key].read_text() for t in tasks] == [here[t.key].read_text() for t in tasks]


def test_calls_are_spread_over_workers_of_dask(address, tmp_path):
    backend = backend_of(scheduler=address)
    try:
        assert map_calls(mirror, [(k,) for k in range(5)], backend, place=tmp_path) == list(range(5))
        with pytest.raises(DivergenceError, match="^no rest$"):
            map_calls(mirror, [(0,), (DivergenceError("no rest"),)], backend, place=tmp_path)
    finally:
        backend.close()
    assert not list(tmp_path.iterdir())


def test_workers_with_other_versions_are_named(address, monkeypatch):
    real = executors._versions
    monkeypatch.setattr(executors, "_versions", lambda: real() | {"numpy": "1.0"})
    workers = {"tcp://there:1": real()}

    with pytest.raises(ConfigError, match=r"expected workers with the versions of this machine, got numpy .* 1\.0 on"):
        executors._refuse_other_versions(workers)


def test_a_scheduler_that_is_not_there_is_named(address, monkeypatch):
    monkeypatch.setattr(executors, "SECONDS", 1)

    with pytest.raises(ConfigError, match="expected a Dask scheduler at tcp://127.0.0.1:9, got none"):
        backend_of(scheduler="tcp://127.0.0.1:9")


def test_a_missing_package_has_its_command(monkeypatch):
    def require(package, task):
        raise executors.require.__globals__["missing"](package, task)

    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingPackageError, match=r'a Dask scheduler needs .* pip install "ase-voxpot\[dask\]"'):
        backend_of(scheduler="tcp://127.0.0.1:9")


def test_an_unknown_queueing_system_is_refused():
    with pytest.raises(ConfigError, match=r"cluster.system: expected one of slurm, pbs, .* got 'cron'"):
        Cluster(system="cron")
