from __future__ import annotations

from pathlib import Path

import pytest

from ase_voxpot.errors import ConfigError
from voxpot_training import kinds


@pytest.fixture
def training(monkeypatch):
    """Calls of the trainer, which trains nothing."""
    calls = []

    def train(config, *, out, resume, quick):
        calls.append((config, out, resume, quick))
        return Path("runs/weights.safetensors")

    monkeypatch.setattr(kinds, "trainer", lambda kind: train)
    return calls


def test_the_configuration_is_handed_over(voxpot, here, training):
    (here / "mine.toml").write_text("")

    outcome = voxpot("train", "mine.toml", "--output", "runs/mine", "--resume", "--quick")

    assert outcome.out == "wrote runs/weights.safetensors\n"
    assert training == [(Path("mine.toml"), Path("runs/mine"), True, True)]


def test_an_error_of_the_configuration_is_a_sentence(voxpot, here, monkeypatch):
    (here / "mine.toml").write_text("")

    def refuse(config, **options):
        raise ConfigError(f"{config}: unknown key 'spead'")

    monkeypatch.setattr(kinds, "trainer", lambda kind: refuse)

    assert voxpot("train", "mine.toml").sentence == "voxpot: mine.toml: unknown key 'spead'"


def test_a_kind_that_no_package_trains_is_refused(voxpot, here):
    (here / "mine.toml").write_text("kind = 'tea'\n")

    sentence = voxpot("train", "mine.toml").sentence
    assert "kind: expected one of" in sentence
    assert all(f"'{kind}'" in sentence for kind in ("potential", "wholecell", "cgcnn", "generative"))


def test_a_configuration_that_is_not_there_is_refused(voxpot, here):
    assert "expected a configuration or a file of frames, got none" in voxpot("train", "nothing.toml").sentence
    assert "got a folder" in voxpot("train", here).sentence
