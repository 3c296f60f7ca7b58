from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from ase_voxpot.errors import ConfigError

MODULE = "voxpot_training.kinds"


@pytest.fixture
def training(monkeypatch):
    """A training package that writes down how it was called."""
    module = ModuleType(MODULE)
    module.calls = []

    def train(config, *, out, resume, quick):
        module.calls.append((config, out, resume, quick))
        return Path("runs/weights.safetensors")

    module.train = train
    monkeypatch.setitem(sys.modules, "voxpot_training", ModuleType("voxpot_training"))
    monkeypatch.setitem(sys.modules, MODULE, module)
    return module


def test_the_configuration_is_handed_over(voxpot, here, training):
    (here / "mine.toml").write_text("")

    outcome = voxpot("train", "mine.toml", "--output", "runs/mine", "--resume", "--quick")

    assert outcome.out == "wrote runs/weights.safetensors\n"
    assert training.calls == [(Path("mine.toml"), Path("runs/mine"), True, True)]


def test_an_error_of_the_configuration_is_a_sentence(voxpot, here, training):
    (here / "mine.toml").write_text("")

    def refuse(config, **options):
        raise ConfigError(f"{config}: unknown key 'spead'")

    training.train = refuse

    assert voxpot("train", "mine.toml").sentence == "voxpot: mine.toml: unknown key 'spead'"


def test_a_configuration_that_is_not_there_is_refused(voxpot, here):
    assert "got none" in voxpot("train", "nothing.toml").sentence
    assert "got a folder" in voxpot("train", here).sentence


def test_without_the_training_package_it_says_so(voxpot, here, monkeypatch):
    (here / "mine.toml").write_text("")
    monkeypatch.setitem(sys.modules, "voxpot_training", None)
    monkeypatch.setitem(sys.modules, MODULE, None)

    assert "needs the package voxpot_training" in voxpot("train", "mine.toml").sentence
