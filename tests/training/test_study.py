"""Variants of a config, trained alike and compared."""

from __future__ import annotations

import csv

import pytest

from ase_voxpot.errors import ConfigError
from ase_voxpot.weights import load_potential
from voxpot_training.potential.study import load_study, merged, priced, run_study
from voxpot_training.potential.study_rows import Row, front

STUDY = """
base = "small.toml"
minutes = 0.01
set.model.network.degree = 1

[[variants]]
name = "base"

[[variants]]
name = "fewer channels"
set.model.network.channels = 2
"""


def row(name, cost, energy):
    return Row(name=name, parameters=1, epochs=1, energy=energy, force=0.0, cost=cost)


@pytest.fixture
def study(write_config, tmp_path):
    write_config()
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_every_variant_is_trained_scored_and_drawn(study, tmp_path):
    base, fewer = run_study(study, tmp_path / "out")

    assert (base.name, fewer.name) == ("base", "fewer channels")
    assert fewer.parameters < base.parameters
    assert min(base.epochs, fewer.epochs) >= 1
    assert all(min(r.energy, r.force, r.train_energy, r.train_force, r.cost) > 0 for r in (base, fewer))
    assert (tmp_path / "out" / "study.png").stat().st_size > 5000
    assert load_potential(tmp_path / "out" / "fewer-channels" / "model.safetensors").spec.network.channels == 2


def test_what_is_in_the_table_is_not_made_again(study, tmp_path):
    run_study(study, tmp_path / "out")
    table = tmp_path / "out" / "study.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["energy"] = "123"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:1])

    again = run_study(study, tmp_path / "out")

    assert again[0].energy == 123
    assert len(again) == 2


def test_variants_change_what_they_name_and_nothing_else(study):
    _, configs = load_study(study)

    assert configs["fewer channels"].model.network.channels == 2
    assert configs["fewer channels"].model.descriptor == configs["base"].model.descriptor
    assert {c.model.network.degree for c in configs.values()} == {1}
    assert {c.schedule.clock for c in configs.values()} == {"cpu"}


def test_a_variant_can_do_without_support(study, tmp_path):
    config = tmp_path / "small.toml"
    more = '[[data]]\nfile = "more.extxyz"\nsupport = true\n\n[[data]]'
    config.write_text(config.read_text().replace("[[data]]", more, 1))
    study.write_text(STUDY + 'without = ["more.extxyz"]\n')

    _, configs = load_study(study)

    files = {name: [source.file for source in c.data] for name, c in configs.items()}
    assert files == {"base": ["more.extxyz", "frames.extxyz"], "fewer channels": ["frames.extxyz"]}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("network.channels", "network.chanels", "chanels"),
        ("fewer channels", "base", "name of its own"),
        ('name = "base"', 'name = "base"\noptimiser = "lion"', "variants.optimiser.*kalman.*lion"),
        ('name = "base"', 'name = "base"\nlast_lair = true', "last_lair"),
        ('name = "base"', 'name = "base"\nwithout = ["frames.extxyz"]', "base.without.*support = true"),
        ("minutes = 0.01", "minuets = 1", "minutes"),
        ("small.toml", "tall.toml", "tall.toml"),
    ],
)
def test_a_wrong_study_is_refused_before_anything_is_trained(study, old, new, named):
    study.write_text(STUDY.replace(old, new))
    with pytest.raises(ConfigError, match=named):
        load_study(study)


def test_tables_are_merged_and_their_source_is_left_alone():
    base = {"a": {"b": 1, "c": [1]}, "d": 2}
    assert merged(base, {"a": {"b": 3}}) == {"a": {"b": 3, "c": [1]}, "d": 2}
    assert base == {"a": {"b": 1, "c": [1]}, "d": 2}


def test_the_front_holds_what_nothing_beats_in_both():
    rows = [row("cheap", 1, 5), row("good", 5, 1), row("worse", 6, 2), row("middle", 3, 3)]
    assert front(rows) == {"cheap", "good", "middle"}


def test_costs_can_be_measured_again_without_training(study):
    _, configs = load_study(study)
    again = priced(row("base", 0.0, 3.0), configs["base"])
    assert again.cost > 0
    assert again.energy == 3.0
