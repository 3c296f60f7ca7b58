from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ase_voxpot.errors import ConfigError
from ase_voxpot.storage.files import draft_of, make_parents, write_json


def _fail(path):
    with draft_of(path) as draft:
        draft.write_text("half")
        raise RuntimeError("interrupted")


def test_a_file_appears_whole(tmp_path):
    with draft_of(tmp_path / "a.txt") as draft:
        draft.write_text("all")
        assert draft.suffix == ".txt"
        assert not (tmp_path / "a.txt").exists()

    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    with pytest.raises(RuntimeError):
        _fail(path)

    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "there" / "a.txt")

    with draft_of(make_parents(link)) as draft:
        draft.write_text("all")

    assert link.is_symlink()
    assert (tmp_path / "there" / "a.txt").read_text() == "all"


def test_a_pipe_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    write_json(make_parents(pipe), {"x": 1})

    assert pipe.is_fifo()
    assert json.loads(os.read(end, 1000)) == {"x": 1}
    os.close(end)


def test_json_has_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, None]})

    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"x": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_room_is_made_or_refused_before_the_work(tmp_path):
    assert make_parents(tmp_path / "new" / "a.txt").parent.is_dir()
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="a place to write to"):
        make_parents(tmp_path / "file" / "a.txt")
    with pytest.raises(ConfigError, match="got a folder"):
        make_parents(tmp_path / "new")
    with pytest.raises(ConfigError, match="a place to write to"):
        make_parents(Path("/proc/a.txt"))  # there, but not even root can write


def test_looking_for_room_leaves_nothing(tmp_path):
    make_parents(tmp_path / "a.txt")

    assert not list(tmp_path.iterdir())
