"""The first minutes of a library: its phrase, and signing in the browser of the person whose it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.doors.vault import Vault
from tests.living import Living, living
from tests.needs import require_program, require_root


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path / "home", "--port", "7880") as node:
        yield node


def test_the_phrase_is_shown_until_three_of_its_words_are_typed_back(fresh: Living) -> None:
    words = fresh.get("phrase")["words"]
    assert words == fresh.told["phrase"].split()
    positions = fresh.get("phrase/challenge")["positions"]
    assert fresh.get("phrase/challenge")["positions"] == positions
    right = {str(position): words[position - 1] for position in positions}
    wrong = {**right, str(positions[1]): "zoo" if words[positions[1] - 1] != "zoo" else "zebra"}
    others = {str(position % 24 + 1): "zoo" for position in positions}
    for typed in (wrong, others, {}, {str(positions[0]): right[str(positions[0])]}, ["zoo"], {**right, "25": "zoo"}):
        assert fresh.ask("POST", "/api/v1/phrase/confirm", {"words": typed}).status == 422
    assert not fresh.get("library")["phrase_confirmed"]
    typed = {position: f" {word.upper()} " for position, word in right.items()}
    assert fresh.ask("POST", "/api/v1/phrase/confirm", {"words": typed}).json == {"confirmed": True}
    assert fresh.get("library")["phrase_confirmed"]
    for path in ("phrase", "phrase/challenge"):
        assert fresh.ask("GET", f"/api/v1/{path}").status == 404
    assert Vault.open(fresh.home / "vault").secrets.phrase_entropy is None


def test_the_address_that_the_browser_was_opened_with_is_of_no_use_to_another_user(fresh: Living) -> None:
    require_root()
    curl = require_program("curl")
    token = json.loads((fresh.home / "node.json").read_text())["token"]
    code = fresh.ask("POST", "/api/v1/session/code", {"own_user": True}, token=token).json["code"]

    def sign_in_as(user: int | None) -> str:
        body = json.dumps({"code": code})
        url = f"http://127.0.0.1:{fresh.port}/api/v1/session"
        command = [
            curl, "-s", "-o", "/dev/null", "-w", "%{http_code}",
            "-H", "Content-Type: application/json", "-d", body, url,
        ]  # fmt: skip
        return subprocess.run(
            command, user=user, cwd="/", capture_output=True, text=True, timeout=60, check=True
        ).stdout

    assert sign_in_as(65_534) == "403"
    assert sign_in_as(None) == "200"
    assert sign_in_as(None) == "403"
