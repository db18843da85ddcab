"""What a person or a program gets to hear who asks for something that can't be."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.living import SONGKEEP, environment, living, make_music, songkeep


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty library."""
    home = tmp_path_factory.mktemp("mistakes") / "home"
    songkeep(home, "init")
    return home


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["ls", "--sort", "colour"], "colour"),
        (["ls", "extra"], "extra"),
        (["frobnicate"], "frobnicate"),
        ([], "name a command"),
        (["add"], "PATH"),
        (["up", "--port", "99999"], "65535"),
        (["up", "--port", "0"], "65535"),
        (["add", "/nowhere/at all"], "/nowhere/at all"),
        (["add", ""], "empty path"),
        (["up", ""], "empty path"),
        (["export", "--all", ""], "empty path"),
        (["search", " "], "what to search"),
        (["show", ""], "name a track"),
        (["export", "--all"], "folder"),
        (["export", "Somewhere", "else", "--all"], "--all"),
        (["init"], "already"),
        (["config", "lan", "on"], "standard input"),
        (["config", "passphrase", "set"], "standard input"),
        (["config", "passphrase"], "passphrase set"),
    ],
)
def test_a_mistake_is_said_in_words_and_in_json_with_the_same_exit_code(
    home: Path, command: list[str], says: str
) -> None:
    spoken = songkeep(home, *command)
    assert (spoken.returncode, spoken.stdout) == (2, "")
    assert says.lower() in spoken.stderr.lower()
    assert "Traceback" not in spoken.stderr
    told = songkeep(home, *command, "--json")
    assert told.returncode == 2
    [line] = told.stdout.splitlines()
    error = json.loads(line)["error"]
    assert error["code"] == "invalid"
    assert says in error["message"]


def test_a_home_that_is_a_file_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no library")
    for command in (["ls"], ["init"], ["up", "--no-browser"], ["open"]):
        result = songkeep(tmp_path / "home", *command)
        assert result.returncode == 2
        assert "is a file" in result.stderr


def test_init_says_at_once_that_there_is_a_library_also_while_it_plays(tmp_path: Path) -> None:
    with living(tmp_path / "home", "--port", "7880") as node:
        result = node.songkeep("init", "--json")
        assert result.returncode == 2
        assert "already" in json.loads(result.stdout)["error"]["message"]


def test_programs_give_passwords_on_standard_input(tmp_path: Path) -> None:
    home, passphrase = tmp_path / "home", tmp_path / "passphrase"
    songkeep(home, "init")
    opened = songkeep(home, "config", "lan", "on", "--json", typed="a long enough one\n")
    assert (opened.returncode, json.loads(opened.stdout)) == (0, {"lan": True})
    passphrase.write_text("correct horse")
    locked = songkeep(home, "config", "passphrase", "set", "--json", typed="correct horse\n")
    assert (locked.returncode, json.loads(locked.stdout)) == (0, {"passphrase": True})
    assert songkeep(home, "ls").returncode == 4
    assert songkeep(home, "ls", more={"SONGKEEP_PASSPHRASE_FILE": str(passphrase)}).returncode == 0


def test_a_whole_home_is_added_only_if_the_person_says_so_and_the_system_never(tmp_path: Path) -> None:
    home, person = tmp_path / "home", make_music(tmp_path / "person")
    at_home = {"HOME": str(person), "USERPROFILE": str(person)}
    for folder, exit_code in (("/", 2), (str(person), 4)):
        refused = songkeep(home, "up", folder, "--no-browser", more=at_home)
        assert refused.returncode == exit_code
        assert "name the folder with your music" in refused.stderr
        assert not home.exists()
    songkeep(home, "init")
    doubted = songkeep(home, "add", str(person), "--json", more=at_home)
    assert (doubted.returncode, json.loads(doubted.stdout)["error"]["code"]) == (4, "unsure")
    [song, *_] = sorted(person.rglob("*.flac"))
    assert songkeep(home, "add", str(song), more=at_home).returncode == 0
    assert "1 chosen track" in songkeep(home, "folders").stdout
    assert songkeep(home, "add", str(person), "--yes", more=at_home).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
@pytest.mark.parametrize(("typed", "exit_code"), [(b"n\n", 4), (b"y\n", 0)])
def test_somebody_at_the_terminal_is_asked_about_a_whole_home(tmp_path: Path, typed: bytes, exit_code: int) -> None:
    home, person = tmp_path / "home", tmp_path / "person"
    person.mkdir()
    songkeep(home, "init")
    ours, theirs = os.openpty()
    try:
        os.write(ours, typed)  # the terminal keeps it until it is asked for
        asked = subprocess.Popen(
            [*SONGKEEP, "--home", str(home), "add", str(person)],
            stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env={**environment(), "HOME": str(person)},
        )  # fmt: skip
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # how Linux tells the end
            while part := os.read(ours, 65_536):
                said += part
        assert asked.wait(timeout=120) == exit_code
        assert b"Add all of it? [y/N]" in said
    finally:
        os.close(ours)


def test_up_starts_although_a_folder_is_unplugged_but_not_for_a_first_run_with_a_mistyped_one(tmp_path: Path) -> None:
    home, music = tmp_path / "home", make_music(tmp_path / "music")
    mistyped = songkeep(home, "up", str(tmp_path / "musik"), "--no-browser")
    assert mistyped.returncode == 2
    assert "musik" in mistyped.stderr
    assert not home.exists()
    songkeep(home, "init")
    songkeep(home, "add", str(music))
    music.rename(tmp_path / "unplugged")
    with living(home, str(music), "--port", "7885") as node:
        until_s = time.monotonic() + 30
        while node.get("folders")["items"][0]["state"] != "away":  # once the folder was looked at
            assert time.monotonic() < until_s
            time.sleep(0.05)
        assert node.get("library")["counts"]["tracks"] == 5


@pytest.mark.parametrize("command", [["devices", "revoke", "Old phone"], ["phrase", "remove", "x3kq"]])
def test_what_nobody_is_there_to_agree_to_is_refused_and_not_taken_for_done(home: Path, command: list[str]) -> None:
    refused = songkeep(home, *command, "--json")
    assert refused.returncode == 4
    assert json.loads(refused.stdout)["error"]["code"] == "unsure"
    assert songkeep(home, *command, "--json", "--yes").returncode == 3, "there is none of that name"
