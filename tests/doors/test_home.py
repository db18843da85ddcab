"""The home directory, its lock, and small files in it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from node.doors.home import Home, HomeBusyError, RunningNode, locate_home
from node.errors import StorageError, UserError
from node.files import read_small, remove_drafts, write_private

_HOLD = """
import sys, pathlib
from node.doors.home import Home
with Home(pathlib.Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_home_is_what_was_asked_for_then_the_environment_then_the_systems_place(tmp_path: Path) -> None:
    environment = {"SONGKEEP_HOME": str(tmp_path / "by-environment")}
    assert locate_home(str(tmp_path / "asked"), environment).path == tmp_path / "asked"
    assert locate_home(None, environment).path == tmp_path / "by-environment"
    assert locate_home(None, {}).path.name == "songkeep"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_the_home_and_its_files_are_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    home.prepare()
    write_private(home.settings, b"{}")
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.settings.stat().st_mode) == 0o600


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        Home(tmp_path / "file").prepare()


def test_two_processes_never_hold_one_home_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(HomeBusyError), Home(tmp_path).hold():
        pass
    other.kill()
    other.wait()
    with Home(tmp_path).hold():
        pass


def test_the_running_node_is_found_and_a_broken_note_of_it_is_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.find_running() is None
    node = RunningNode(port=7664, token="t", pid=1, kind="up", version="0")
    home.tell_running(node)
    assert home.find_running() == node
    home.running.write_text("{")
    assert home.find_running() is None
    home.forget_running()
    home.forget_running()


def test_a_written_file_replaces_the_old_one_whole(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"old")
    write_private(tmp_path / "file", b"new")
    assert read_small(tmp_path / "file") == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_file_larger_than_it_can_be_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_small(tmp_path / "file", max_bytes=5) == b"12345"
    with pytest.raises(StorageError):
        read_small(tmp_path / "file", max_bytes=4)


def test_drafts_of_a_crash_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".vault.0badcafe.draft").write_bytes(b"half")
    (tmp_path / "vault").write_bytes(b"whole")
    remove_drafts(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["vault"]
