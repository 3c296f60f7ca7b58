"""A run that was stopped goes on as if it had not been."""

from __future__ import annotations

import shutil

import pytest
from ase.io import read
from numpy.testing import assert_array_equal

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.md.records import Records
from ase_voxpot.md.run import Plan, reload, run
from tests.md.crystals import ENSEMBLES, alloy, crystal


@pytest.mark.parametrize("ensemble", ENSEMBLES)
@pytest.mark.parametrize("kind", ["extxyz", "traj"])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tiny_model, tmp_path, ensemble, kind):
    plan = Plan(ensemble=ensemble, temperature=100, timestep=0.5, steps=30, interval=3, checkpoint=10, seed=4)
    whole, part = Records(tmp_path / "whole", kind), Records(tmp_path / "part", kind)
    straight = alloy(tiny_model)
    expected = run(straight, plan, whole)
    stopped = alloy(tiny_model)

    def stop(sample):
        if sample.step == 18:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(stopped, plan, part, observe=stop)
    again = alloy(tiny_model)
    samples = run(again, plan, part, start="checkpoint")

    assert samples == expected
    assert_array_equal(again.positions, straight.positions)
    assert_array_equal(again.get_momenta(), straight.get_momenta())
    assert_array_equal(again.cell[:], straight.cell[:])
    assert part.log.read_text() == whole.log.read_text()
    frames = [read(records.trajectory, ":") for records in (whole, part)]
    assert [f.info["step"] for f in frames[1]] == [s.step for s in expected]
    for first, second in zip(*frames, strict=True):
        assert_array_equal(first.positions, second.positions)
        assert first.get_potential_energy() == second.get_potential_energy()


def test_a_run_is_read_when_it_is_done_and_not_before(tiny_model, records):
    plan = Plan(ensemble="npt", temperature=100, steps=8, interval=2, checkpoint=4)
    assert reload(alloy(tiny_model), plan, records) is None
    first = alloy(tiny_model)
    samples = run(first, plan, records)

    again = alloy(tiny_model)
    assert reload(again, plan, records) == samples
    assert_array_equal(again.positions, first.positions)
    assert_array_equal(again.cell[:], first.cell[:])
    assert reload(again, Plan(ensemble="npt", temperature=100, steps=12, interval=2, checkpoint=4), records) is None
    with pytest.raises(ConfigError, match="begun with temperature 100"):
        reload(again, Plan(ensemble="npt", temperature=200, steps=8, interval=2, checkpoint=4), records)


def test_a_run_stopped_before_its_first_checkpoint_begins_again(tiny_model, records, tmp_path):
    plan = Plan(steps=6, interval=2)
    expected = run(alloy(tiny_model), plan, Records(tmp_path / "whole"))

    def stop(sample):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(alloy(tiny_model), plan, records, observe=stop)

    assert run(alloy(tiny_model), plan, records, start="checkpoint") == expected


def test_a_finished_run_can_be_made_longer(tiny_model, tmp_path):
    plan = {"temperature": 100, "timestep": 0.5, "interval": 2, "checkpoint": 6}
    long, short = Records(tmp_path / "long"), Records(tmp_path / "short")

    expected = run(alloy(tiny_model), Plan(steps=12, **plan), long)
    run(alloy(tiny_model), Plan(steps=6, **plan), short)
    samples = run(alloy(tiny_model), Plan(steps=12, **plan), short, start="checkpoint")

    assert samples == expected


def test_a_restart_needs_the_same_plan_the_same_atoms_and_something_to_do(records):
    run(crystal(1), Plan(steps=2, interval=1), records)

    with pytest.raises(ConfigError, match=r"begun with timestep 1\.0, got 2\.0"):
        run(crystal(1), Plan(steps=4, interval=1, timestep=2.0), records, start="checkpoint")
    with pytest.raises(ConfigError, match="other atoms"):
        run(crystal(2), Plan(steps=4, interval=1), records, start="checkpoint")
    with pytest.raises(ConfigError, match="has 2 steps already"):
        run(crystal(1), Plan(steps=2, interval=1), records, start="checkpoint")


def test_damaged_or_missing_records_are_refused(records, tmp_path):
    with pytest.raises(DataError, match="got none"):
        run(crystal(1), Plan(steps=4), records, start="checkpoint")
    run(crystal(1), Plan(steps=4, interval=1, checkpoint=2), records)
    kept = tmp_path / "kept"
    shutil.copytree(records.prefix.parent, kept, ignore=shutil.ignore_patterns("kept"))
    plan = Plan(steps=8, interval=1, checkpoint=2)

    records.checkpoint.write_bytes(records.checkpoint.read_bytes()[:-200])
    with pytest.raises(DataError, match="damaged"):
        run(crystal(1), plan, records, start="checkpoint")
    shutil.copy(kept / records.checkpoint.name, records.checkpoint)

    records.log.write_text("\n".join(records.log.read_text().splitlines()[:3]))
    with pytest.raises(DataError, match="samples up to step 4"):
        run(crystal(1), plan, records, start="checkpoint")
    records.log.write_text("nothing of ours\n1\n")
    with pytest.raises(DataError, match="the log of a run"):
        run(crystal(1), plan, records, start="checkpoint")
    shutil.copy(kept / records.log.name, records.log)

    records.trajectory.unlink()
    with pytest.raises(DataError, match="got no file"):
        run(crystal(1), plan, records, start="checkpoint")
