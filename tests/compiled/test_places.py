"""Which folders compiled functions are kept in, and what happens where none can be written to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from numba.core import config

from ase_voxpot.compiled import places

NOWHERE = "/proc/nowhere"
"""Where even root makes no folder."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """No folder chosen, and none remembered."""
    for name in ("VOXPOT_CACHE", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    places.writable.cache_clear()
    yield
    places.writable.cache_clear()
    places.keep_only_in(None)


def test_the_folder_of_the_user_is_where_settings_say(monkeypatch, tmp_path):
    machine = places.name_of_machine()

    assert places.own() == tmp_path / "home/.cache/ase-voxpot/kernels" / machine
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, by the specification
    assert places.own() == tmp_path / "home/.cache/ase-voxpot/kernels" / machine
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert places.own() == tmp_path / "xdg/ase-voxpot/kernels" / machine
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "numba"))
    assert places.own() == tmp_path / "numba/ase-voxpot" / machine
    monkeypatch.setenv("VOXPOT_CACHE", str(tmp_path / "mine"))
    assert places.own() == tmp_path / "mine" / machine


def test_what_is_written_to_is_looked_at_first(tmp_path):
    assert places.writable() == places.own() == places.readable()[0]
    assert places.own().is_dir()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_processors_and_versions_have_folders_of_their_own(monkeypatch):
    name = places.name_of_machine()
    for change in (
        ("binding.get_host_cpu_name", lambda: "another"),
        ("llvmlite.__version__", "0.0"),
        ("numba.__version__", "0.0"),
        ("config.OPT", 0),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"ase_voxpot.compiled.places.{change[0]}", change[1])
            places.name_of_machine.cache_clear()
            assert places.name_of_machine() != name, change
    places.name_of_machine.cache_clear()

    assert places.name_of_machine() == name


@pytest.mark.parametrize("home", [NOWHERE, None])
def test_without_a_home_that_can_be_written_to_a_temporary_folder_is_named(monkeypatch, caplog, tmp_path, home):
    monkeypatch.setenv("HOME", home or "")
    if home is None:
        monkeypatch.setattr(Path, "home", _raise_runtime_error)

    place = places.writable()

    assert place.parent == tmp_path / f"tmp/ase-voxpot-{os.getuid()}"
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert place in places.readable()
    assert "No such file" in caplog.text if home else "no home folder is known" in caplog.text
    assert f"but in {place} until that is emptied; set VOXPOT_CACHE" in caplog.text
    places.writable()
    assert len(caplog.records) == 1


def _raise_runtime_error():
    raise RuntimeError("Could not determine home directory.")


def test_with_nothing_to_write_to_there_is_memory(monkeypatch, caplog):
    monkeypatch.setenv("HOME", NOWHERE)
    monkeypatch.setattr(tempfile, "tempdir", NOWHERE)

    assert places.writable() is None
    assert "but in memory only" in caplog.text


def _link(base, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    base.symlink_to(tmp_path / "elsewhere")


def _open(base, tmp_path):
    base.mkdir()
    base.chmod(0o777)


def _file(base, tmp_path):
    base.write_text("")


def _foreign(base, tmp_path):
    base.mkdir(mode=0o700)
    os.chown(base, os.getuid() + 1, -1)


@pytest.mark.parametrize("occupy", [_link, _open, _file, _foreign])
def test_a_temporary_folder_that_others_may_have_filled_is_not_used(monkeypatch, tmp_path, occupy):
    """What lies there is executed, and its name can be guessed."""
    if occupy is _foreign and os.getuid() != 0:
        pytest.skip("needs to be root to give a folder away")
    monkeypatch.setenv("HOME", NOWHERE)
    occupy(tmp_path / f"tmp/ase-voxpot-{os.getuid()}", tmp_path)

    assert places.temporary() is None
    assert places.writable() is None
