from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ase_voxpot.errors import ChecksumError, ConfigError
from ase_voxpot.weights import find_model, load_potential, read_header
from voxpot_training.potential.recard import recard

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "motaw-fast.toml"


@pytest.fixture
def copied(tmp_path):
    return shutil.copy(find_model("motaw-fast"), tmp_path / "motaw-fast.safetensors")


def config(folder, name="motaw-fast"):
    """That of the model, with other words for the card."""
    lines = [line for line in CONFIG.read_text().splitlines() if not line.startswith(('name = "', "about", "method"))]
    words = f'name = "{name}"\nabout = "another sentence"\n'
    words += 'method = { code = "VASP", functional = "PBEsol", cutoff = 400.0 }\n'
    path = folder / "config.toml"
    path.write_text(words + "\n".join(lines))
    return path


def test_words_are_replaced_and_weights_stay(copied, tmp_path, crystal):
    before, old = load_potential(copied, device="cpu").evaluate(crystal), read_header(copied)

    recard(copied, config(tmp_path))

    new = read_header(copied)
    assert new["card"]["method"] == {"code": "VASP", "functional": "PBEsol", "cutoff": 400.0}
    assert new["card"]["about"] == "another sentence"
    assert new["card"]["holdout"] == old["card"]["holdout"]
    assert new["checksum"] == old["checksum"]
    after = load_potential(copied, device="cpu").evaluate(crystal)
    assert after.energy == before.energy
    np.testing.assert_array_equal(after.forces, before.forces)


def test_the_configuration_of_another_model_is_refused(copied, tmp_path):
    with pytest.raises(ConfigError, match="expected the configuration of motaw-fast, got that of another"):
        recard(copied, config(tmp_path, "another"))


def test_a_damaged_file_is_refused(copied, tmp_path):
    data = bytearray(copied.read_bytes())
    data[-10] ^= 1
    copied.write_bytes(data)
    with pytest.raises(ChecksumError):
        recard(copied, config(tmp_path))
