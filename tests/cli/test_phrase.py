"""songkeep phrase, as a person and as a program drives it: real processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.config import Settings, change, save_settings
from tests.living import SONGKEEP, Living, environment, living, songkeep

TRACKER = "wss://tracker.example.org"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("phrase") / "home", "--port", "7720") as running:
        yield running


def drive(node: Living, *arguments: str) -> subprocess.Popen[str]:
    command = [*SONGKEEP, "--home", str(node.home), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment())


def event(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    read: dict[str, Any] = json.loads(process.stdout.readline())
    return read


def test_a_program_makes_a_phrase_and_removes_it_with_its_words(node: Living, tmp_path: Path) -> None:
    node.songkeep("config", "trackers", TRACKER)
    process = drive(node, "phrase", "new", "--json")
    words = event(process)
    assert words["event"] == "words"
    assert words["trackers"] == [TRACKER]
    assert process.stdin is not None
    process.stdin.write("zoo\n" * 3)
    process.stdin.flush()
    assert event(process)["event"] == "wrong"
    process.stdin.write("".join(words["words"][place - 1] + "\n" for place in words["positions"]))
    process.stdin.flush()
    added = event(process)
    assert added["event"] == "added"
    assert added["phrase"]["id"] == words["id"]
    assert process.wait(60) == 0
    assert [each["id"] for each in node.get("phrases")["items"]][1:] == [words["id"]]

    refused = node.songkeep("phrase", "remove", words["id"], "--yes", "--json")
    assert refused.returncode == 4
    assert "--with-phrase" in json.loads(refused.stdout)["error"]["message"]
    paper = tmp_path / "words.txt"
    paper.write_text(" ".join(words["words"][:12]) + "\n" + " ".join(words["words"][12:]) + "\n")
    removed = node.songkeep("phrase", "remove", words["id"][:8], "--phrase-file", str(paper), "--yes", "--json")
    assert removed.returncode == 0, removed.stderr
    assert json.loads(removed.stdout)["active"] is False
    last = node.songkeep("phrase", "remove", node.get("phrases")["items"][0]["id"], "--yes")
    assert last.returncode == 2
    assert "only recovery phrase" in last.stderr


def test_words_that_are_not_typed_back_change_nothing(node: Living) -> None:
    before = node.get("phrases")["items"]
    result = songkeep(node.home, "phrase", "new", typed="zoo\nzoo\n")
    assert result.returncode == 2
    assert "was not added" in result.stderr
    assert " 24. " in result.stdout
    assert f"tracker  {TRACKER}" in result.stdout
    assert node.get("phrases")["items"] == before


def test_the_addresses_stand_beside_the_first_phrase_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    save_settings(home / "settings.json", change(Settings(), {"trackers": [f"{TRACKER}#invite=abc"]}))
    told = songkeep(home, "init").stdout
    assert f"tracker  {TRACKER}\n" in told
    assert "invite" not in told
    assert "no seed yet" in songkeep(tmp_path / "other", "init").stdout


def test_the_api_gives_words_once_and_takes_them_in_order(node: Living) -> None:
    draft = node.ask("POST", "/api/v1/phrases", {})
    assert draft.status == 201
    made = draft.json
    path = f"/api/v1/phrases/{made['id']}"
    for typed in ({}, {"1": 5}, {"25": "zoo"}, [], {"x": "zoo"}):
        assert node.ask("POST", f"{path}/confirm", {"words": typed}).status == 422
    assert node.ask("POST", f"{path}/discard").json == {"discarded": True}
    assert node.ask("POST", f"{path}/discard").status == 404
    assert node.ask("POST", f"{path}/confirm", {"words": {"1": "zoo"}}).status == 404
    assert node.ask("POST", "/api/v1/phrases/zzzz/remove", {}).status == 404
    assert node.ask("POST", "/api/v1/phrases", {}, token=None).status == 401
