"""The commands, as a person or a program runs them: real processes on a real home."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from node.cli.command import parser
from node.config import setting_names
from node.doors.home import Home
from node.errors import DamagedError, NotFoundError, RefusedError, StorageError, UnavailableError, UserError
from tests.living import SONGKEEP, Living, greet, living, make_music, songkeep, start, stop
from tests.music import make_track


def told(result: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON value that a command printed."""
    assert result.stdout.count("\n") == 1, result.stdout
    return json.loads(result.stdout)


def done(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.returncode == 0, result.stderr
    return told(result)


def files_below(folder: Path) -> dict[str, tuple[str, int]]:
    """Each file below `folder`: its path, hash and time."""
    return {
        str(file.relative_to(folder)): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def make_silence(path: Path, *, size_bytes: int) -> Path:
    """A WAV file of that size that takes no room on the disk and long to encode."""
    head = struct.Struct("<4sI4s4sIHHIIHH4sI")
    form = (b"fmt ", 16, 1, 2, 44_100, 176_400, 4, 16)
    path.write_bytes(head.pack(b"RIFF", size_bytes - 8, b"WAVE", *form, b"data", size_bytes - head.size))
    os.truncate(path, size_bytes)
    return path


def test_init_makes_a_library_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    begun = done(songkeep(home, "init", "--json"))
    assert set(begun) == {"library", "phrase"}
    assert len(begun["phrase"].split()) == 24
    again = songkeep(home, "init", "--json")
    assert again.returncode == 2
    assert told(again)["error"]["code"] == "invalid"


def test_init_shows_a_person_the_numbered_phrase(tmp_path: Path) -> None:
    result = songkeep(tmp_path / "home", "init")
    assert result.returncode == 0
    for number in range(1, 25):
        assert f" {number}. " in result.stdout


def test_without_a_library_commands_say_how_to_begin_and_leave_nothing_behind(tmp_path: Path) -> None:
    for command in (["ls"], ["status"], ["add", str(tmp_path)], ["open"]):
        result = songkeep(tmp_path / "home", *command)
        assert result.returncode == 3
        assert "songkeep up" in result.stderr
    assert not (tmp_path / "home").exists()


def test_what_is_added_is_listed_found_shown_and_exported_bit_for_bit(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    songkeep(home, "init")
    assert done(songkeep(home, "add", str(music), "--json")) == {"added": 5, "known": 0, "failed": []}
    assert done(songkeep(home, "add", str(music), "--json")) == {"added": 0, "known": 5, "failed": []}
    tracks = done(songkeep(home, "ls", "--json"))
    assert sorted(track["title"] for track in tracks) == ["Glass 1", "Glass 2", "Glass 3", "Ярус 1", "Ярус 2"]
    assert all(track["state"]["sealed"] for track in tracks)
    assert [track["title"] for track in done(songkeep(home, "search", "glass", "3", "--json"))["tracks"]] == ["Glass 3"]
    shown = done(songkeep(home, "show", "Glass 3", "--json"))
    assert shown["id"] == next(track["id"] for track in tracks if track["title"] == "Glass 3")
    report = done(songkeep(home, "export", "--all", str(tmp_path / "out"), "--json"))
    assert (report["written"], report["failed"]) == (5, [])
    assert files_below(tmp_path / "out") == files_below(music)
    assert done(songkeep(home, "verify", "--json"))["ok"]
    (music / next(iter(files_below(music)))).unlink()
    checked = songkeep(home, "verify")
    assert checked.returncode == 0
    assert "Checked 5 music files" in checked.stdout
    assert "1 file changed or went since" in checked.stdout


def test_a_bad_file_is_named_with_its_reason_and_the_exit_code_says_so(tmp_path: Path) -> None:
    home, music = tmp_path / "home", tmp_path / "music"
    music.mkdir()
    make_track(music / "good.mp3", title="Good")
    (music / "empty.mp3").write_bytes(b"")
    songkeep(home, "init")
    result = songkeep(home, "add", str(music), "--json")
    assert result.returncode == 10
    report = told(result)
    assert report["added"] == 1
    assert [failure["path"] for failure in report["failed"]] == [str(music / "empty.mp3")]
    assert "empty" in report["failed"][0]["reason"]
    assert str(music / "empty.mp3") in result.stderr
    assert "1 file did not go in" in result.stderr
    assert "present, 1 track; 1 of its files did not go in" in songkeep(home, "status").stdout


def test_a_removed_track_is_gone_for_good_and_its_file_is_not(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    songkeep(home, "init")
    songkeep(home, "add", str(music))
    before = files_below(music)
    assert len(done(songkeep(home, "rm", "Glass 1", "--json"))["hidden"]) == 1
    songkeep(home, "add", str(music))
    assert len(done(songkeep(home, "ls", "--json"))) == 4
    assert files_below(music) == before


def test_what_was_removed_comes_back_with_undo_until_there_is_nothing_left_to_undo(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    songkeep(home, "init")
    songkeep(home, "add", str(music))
    songkeep(home, "rm", "Glass 1", "Glass 2", "--json")
    [removal] = done(songkeep(home, "undo", "--list", "--json"))
    assert (removal["count"], len(done(songkeep(home, "ls", "--json")))) == (2, 3)
    unasked = songkeep(home, "undo", "--json")
    assert (unasked.returncode, told(unasked)["error"]["code"]) == (4, "unsure")
    assert len(done(songkeep(home, "ls", "--json"))) == 3
    restored = done(songkeep(home, "undo", "--yes", "--json"))["restored"]
    assert sorted(track["title"] for track in restored) == ["Glass 1", "Glass 2"]
    assert len(done(songkeep(home, "ls", "--json"))) == 5
    again = songkeep(home, "undo", "--json")
    assert (again.returncode, told(again)["error"]["code"]) == (3, "not_found")


def test_words_that_find_several_tracks_list_them(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    songkeep(home, "init")
    songkeep(home, "add", "--no-wait", str(music))
    result = songkeep(home, "show", "Glass")
    assert result.returncode == 2
    assert all(title in result.stderr for title in ("Glass 1", "Glass 2", "Glass 3"))
    assert songkeep(home, "show", "nothing like it").returncode == 3


def test_settings_are_kept_between_commands_and_bounded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    songkeep(home, "init")
    assert done(songkeep(home, "config", "mobile_kbps", "64", "--json")) == {"mobile_kbps": 64}
    assert done(songkeep(home, "config", "--json"))["mobile_kbps"] == 64
    for wrong in (["mobile_kbps", "9000"], ["colour", "red"], ["colour"], ["keep_sealed", "perhaps"]):
        assert songkeep(home, "config", *wrong).returncode == 2


def test_the_passphrase_locks_the_library_until_it_is_given_and_can_be_removed(tmp_path: Path) -> None:
    home, right, wrong = tmp_path / "home", tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    songkeep(home, "init")
    with living(home, "--port", "7720") as node:
        token = json.loads((home / "node.json").read_text())["token"]
        assert node.ask("POST", "/api/v1/passphrase", {"passphrase": "correct horse"}, token=token).json["passphrase"]
    locked = songkeep(home, "ls")
    assert locked.returncode == 4
    assert "SONGKEEP_PASSPHRASE_FILE" in locked.stderr
    assert songkeep(home, "ls", more={"SONGKEEP_PASSPHRASE_FILE": str(wrong)}).returncode == 4
    opened = {"SONGKEEP_PASSPHRASE_FILE": str(right)}
    assert done(songkeep(home, "ls", "--json", more=opened)) == []
    assert songkeep(home, "config", "passphrase", "remove", more=opened).returncode == 0
    assert done(songkeep(home, "ls", "--json")) == []


def test_commands_talk_to_the_running_player_and_up_finds_it(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    with living(home, "--port", "7740") as node:
        assert done(node.songkeep("add", str(music), "--json"))["added"] == 5
        assert node.get("library")["counts"]["tracks"] == 5
        second = node.songkeep("up", "--json", "--no-browser")
        assert done(second)["url"].startswith(f"http://127.0.0.1:{node.port}/#signin=")
        fresh = Living(home, node.process, done(node.songkeep("open", "--json")))
        fresh.sign_in()
        assert fresh.get("library")["library"] == node.told["library"]
    assert done(songkeep(home, "ls", "--json"))
    assert not (home / "node.json").exists()


def test_up_beside_a_running_player_ends_with_what_became_of_the_folders(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    with living(home, "--port", "7745") as node:
        up = ("up", "--json", "--no-browser")
        assert done(node.songkeep(*up, str(music)))["phrase"] is None
        nowhere = node.songkeep(*up, str(tmp_path / "nowhere"))
        assert (nowhere.returncode, len(nowhere.stdout.splitlines())) == (2, 1)
        assert "there is nothing at" in nowhere.stderr
        (music / "empty.mp3").write_bytes(b"")
        assert node.songkeep(*up, str(music)).returncode == 10


def test_a_taken_port_is_stepped_over_and_said(tmp_path: Path) -> None:
    with living(tmp_path / "one", "--port", "7760") as first, living(tmp_path / "two", "--port", "7760") as second:
        assert first.port == 7760
        assert 7760 < second.port < 7810
    assert f"Port 7760 is taken; the player is at port {second.port}." in (tmp_path / "two.stderr").read_text()


def test_many_commands_at_once_on_one_home_all_succeed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    songkeep(home, "init")
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: songkeep(home, "ls", "--json"), range(6)))
    assert [(result.returncode, result.stdout) for result in results] == [(0, "[]\n")] * 6


def test_adding_through_another_commands_node_seals_all_the_same(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    songkeep(home, "init")
    host = subprocess.Popen([*SONGKEEP, "--home", str(home), "add", str(music), "--no-wait"], stdout=subprocess.PIPE)
    until_s = time.monotonic() + 30
    while not (home / "node.json").exists() and host.poll() is None and time.monotonic() < until_s:
        time.sleep(0.005)
    guest = songkeep(home, "add", str(music), "--json")
    host.communicate(timeout=60)
    assert host.returncode == 0
    assert done(guest)["failed"] == []
    assert all(track["state"]["sealed"] for track in done(songkeep(home, "ls", "--json")))


def test_a_killed_node_leaves_a_home_that_the_next_command_uses(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    process = start(home, str(music), "--port", "7780")
    greet(home, process)
    process.kill()
    process.wait()
    assert (home / "node.json").exists()
    assert done(songkeep(home, "add", str(music), "--json"))["failed"] == []
    assert len(done(songkeep(home, "ls", "--json"))) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program hears")
def test_sigterm_ends_the_player_cleanly(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = start(home, "--port", "7800")
    greet(home, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert not (home / "node.json").exists()
    assert "node_stopped" in (home / "songkeep.log").read_text(), "it was cut off"
    assert not (home / "index.sqlite-wal").exists(), "the index was not closed"
    with Home(home).hold():
        pass


def test_ctrl_c_ends_an_add_without_a_trace_of_python(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    endless = make_silence(music / "endless.wav", size_bytes=1 << 30)
    songkeep(home, "init")
    command = [sys.executable, "-m", "node.cli.main", "--home", str(home), "add", str(music)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log, until_s = home / "songkeep.log", time.monotonic() + 60
    while not (log.exists() and "job_started" in log.read_text()) and time.monotonic() < until_s:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    listed = {track["title"]: track for track in done(songkeep(home, "ls", "--json"))}
    assert not listed.get("endless", {"state": {"sealed": False}})["state"]["sealed"], "it was done first"
    endless.unlink()
    assert done(songkeep(home, "add", str(music), "--json"))["failed"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_while_a_command_starts_ends_it_as_soon_as_it_has_started(tmp_path: Path) -> None:
    home = tmp_path / "home"
    songkeep(home, "init")
    with contextlib.closing(sqlite3.connect(home / "index.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")  # the start waits for this
        command = [sys.executable, "-m", "node.cli.main", "--home", str(home), "status"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until_s = time.monotonic() + 60
        while not (home / "songkeep.log").exists() and time.monotonic() < until_s:
            time.sleep(0.02)
        time.sleep(0.5)  # from the log to the wait
        process.send_signal(signal.SIGINT)
        other.execute("ROLLBACK")
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    songkeep(home, "init")
    songkeep(home, "add", "--no-wait", str(music))
    command = [sys.executable, "-m", "node.cli.main", "--home", str(home), "ls"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes names that are no text")
def test_a_file_whose_name_is_no_text_goes_in_and_comes_back(tmp_path: Path) -> None:
    home, music = tmp_path / "home", tmp_path / "music"
    music.mkdir()
    make_track(music / os.fsdecode(b"caf\xe9.mp3"), title="Caf\u00e9")
    songkeep(home, "init")
    assert done(songkeep(home, "add", str(music), "--json"))["added"] == 1
    done(songkeep(home, "export", "--all", str(tmp_path / "out"), "--json"))
    assert os.listdir(os.fsencode(tmp_path / "out")) == [b"caf\xe9.mp3"]


def test_help_of_every_command_is_there(tmp_path: Path) -> None:
    whole = songkeep(tmp_path, "--help").stdout
    for command in (
        "up",
        "open",
        "init",
        "add",
        "rm",
        "ls",
        "search",
        "show",
        "export",
        "folders",
        "status",
        "verify",
        "config",
    ):
        assert f"\n    {command} " in whole
        result = songkeep(tmp_path, command, "--help")
        assert result.returncode == 0
        assert "--json" in result.stdout


def test_every_command_is_in_the_documentation() -> None:
    written = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    for action in parser()._actions:
        for name in action.choices or () if isinstance(action, argparse._SubParsersAction) else ():
            assert f"`{name}" in written or f", `{name}" in written, f"{name} is not documented"
    for name in setting_names():
        assert f"| `{name}` |" in written, f"the setting {name} is not documented"
    for error in (UserError, NotFoundError, RefusedError, DamagedError, UnavailableError, StorageError):
        assert f"\n| {error.exit_code} |" in written


def test_the_help_of_config_names_every_setting(tmp_path: Path) -> None:
    explained = songkeep(tmp_path, "config", "--help").stdout
    for name in setting_names():
        assert f"\n  {name} " in explained, f"the setting {name} is not explained"


def test_stopping_is_quick_while_a_player_listens(tmp_path: Path) -> None:
    process = start(tmp_path / "home", "--port", "7820")
    node = greet(tmp_path / "home", process)
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {node.token}"})
    connection.getresponse().readline()
    begun_s = time.monotonic()
    stop(process)
    assert time.monotonic() - begun_s < 5
