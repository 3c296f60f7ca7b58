"""The whole study in small: every file, every table, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ase_voxpot.errors import ConfigError, DataError
from voxpot_training.config import config_from
from voxpot_training.kinds import train
from voxpot_training.wholecell import bench
from voxpot_training.wholecell.config import WholeCellConfig
from voxpot_training.wholecell.frames import save
from voxpot_training.wholecell.model import WholeCellModel
from voxpot_training.wholecell.report import ordering

CONFIG = """
kind = "wholecell"
name = "small"
data = "frames"
resolutions = [4, 8]
gammas = [0.1, 2.0]
steps = 6
shipped = "motaw-fast"
[cnn]
widths = [4, 8, 8]
[dense]
shape = "dense"
widths = [16]
[schedule]
epochs = 2
batch = 16
[potential.descriptor]
cutoff = 3.4
radial = 3
[potential.network]
degree = 1
channels = 4
products = 0
hidden = [8]
[potential.schedule]
epochs = 1
batch_atoms = 320
validate_every = 1
"""
SHIPPED = Path(__file__).parents[3] / "training" / "configs" / "wholecell.toml"


@pytest.fixture
def config(frames, tmp_path):
    frames.about["calculator"] = "motaw-fast"
    save(frames, tmp_path / "frames")
    path = tmp_path / "small.toml"
    path.write_text(CONFIG)
    return path


@pytest.mark.slow
def test_a_study_ends_with_a_model_tables_and_pictures(config, tmp_path, capsys):
    model = train(config, out=tmp_path / "out")

    found = json.loads((tmp_path / "out" / "report.json").read_text())
    text = (tmp_path / "out" / "report.md").read_text()
    assert WholeCellModel.load(model).forces(np.load(tmp_path / "frames" / "positions.npy")[:2]).shape == (2, 16, 3)
    assert set(found["errors"]) == {"random", "block", "temperature"}
    assert found["errors"]["random"]["force constants"]["explained"] > 0.99
    assert found["errors"]["random"]["zero forces"]["explained"] == pytest.approx(0)
    assert set(found["losses"]["narrow γ"]) == {"obb-4", "obb-8", "ibb-4", "ibb-8", "dense"}
    assert abs(found["loop_work_meV"]["shadow"]) < 0.05
    assert abs(found["loop_work_meV"]["atom-centred potential"]) < 0.05
    for row in found["errors"].values():
        assert [name for name, e in row.items() if e["energy_mae"] is not None] == [
            "zero forces",
            "force constants",
            "atom-centred potential",
            "motaw-fast, not of these frames",
        ]
    assert set(found["symmetry"]) >= {"obb-8, γ 0.05", "atom-centred potential"}
    assert "## In short" in text
    pictures = [line.split("(")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) == 10
    for name in pictures:
        assert min(imread(tmp_path / "out" / name).shape[:2]) > 300
    assert "force constants" in capsys.readouterr().out

    with pytest.raises(ConfigError, match="holds a study already"):
        train(config, out=tmp_path / "out")
    again = train(config, out=tmp_path / "out", resume=True)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["losses"] == found["losses"]
    assert again == model
    config.write_text(CONFIG.replace("epochs = 2", "epochs = 3"))
    with pytest.raises(ConfigError, match="holds a study with other schedule; name another folder"):
        train(config, out=tmp_path / "out", resume=True)


def test_the_shipped_config_is_that_of_the_paper():
    config = config_from(WholeCellConfig, SHIPPED)

    assert config.cnn.widths == (256, 128, 64)
    assert (config.cnn.dropout, config.cnn.slope) == (0.5, 0.001)
    assert (config.schedule.epochs, config.validation, config.frames.frames) == (500, 0.3, 70_000)
    assert config.frames.temperatures == (100, 300, 500, 700, 900, 1100, 1500)
    assert (config.voxels.gamma, config.resolutions) == (2.0, (4, 8, 16))
    assert config.shortened().frames.frames < config.frames.frames
    assert config.shortened().potential.schedule.epochs < config.potential.schedule.epochs


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("gama = 2", "unknown key 'gama'"),
        ("validation = 1.5", "validation: expected a part"),
        ("resolutions = [4, 16]", "with 8 among them"),
        ("narrow = 3.0", "narrow: expected less than"),
    ],
)
def test_configs_that_make_no_sense_are_refused(tmp_path, line, sentence):
    path = tmp_path / "c.toml"
    path.write_text(line + "\n")

    with pytest.raises(ConfigError, match=sentence):
        config_from(WholeCellConfig, path)


def test_a_folder_that_holds_no_study_of_ours_is_named(config, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.json").write_text('{"seed": 0}')

    with pytest.raises(ConfigError, match="study.json: expected what a study was trained with"):
        train(config, out=tmp_path / "out", resume=True)


def test_frames_that_are_not_there_are_missed(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('kind = "wholecell"\ndata = "nowhere"\n')

    with pytest.raises(DataError, match="nowhere: expected a folder of frames"):
        train(path, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("obb", "dense", "ibb", "holds"), [(1, 2, 3, True), (2, 1, 3, False), (1, 3, 2, False), (3, 2, 1, False)]
)
def test_the_order_of_the_paper_holds_or_not(obb, dense, ibb, holds):
    losses = {k: {"validation": v} for k, v in {"obb-8": obb, "obb-4": 9, "dense": dense, "ibb-8": ibb}.items()}

    assert ordering(losses)["holds"] is holds


def test_the_bench_compares_answers(tmp_path):
    found = bench.measure(frames=600, n=4, reading="field", sample=2, repeat=1, source=None, folder=tmp_path)

    assert found["largest_difference"] < 1e-6
    assert found["over_plain_python"] > 1
    assert found["seconds_2_threads"] > 0
