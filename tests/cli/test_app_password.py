"""songkeep app-password, as a person runs it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.living import Living, living, songkeep


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("apps") / "home", "--port", "7760") as running:
        yield running


def ping(node: Living, password: str) -> Any:
    url = f"http://127.0.0.1:{node.port}/rest/ping?apiKey={password}&v=1.16.1&c=tests&f=json"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)["subsonic-response"]["status"]


def test_a_password_is_made_used_listed_and_revoked(node: Living) -> None:
    assert json.loads(node.songkeep("app-password", "--json").stdout) == []
    made = json.loads(node.songkeep("app-password", "new", "Symfonium on Pixel", "--json").stdout)
    assert ping(node, made["password"]) == "ok"
    listed = json.loads(node.songkeep("app-password", "list", "--json").stdout)
    assert [(one["id"], one["name"]) for one in listed] == [(made["id"], "Symfonium on Pixel")]
    assert listed[0]["used_ms"] is not None
    assert made["password"] not in node.songkeep("app-password").stdout
    revoked = node.songkeep("app-password", "revoke", "Symfonium on Pixel")
    assert revoked.returncode == 0
    assert ping(node, made["password"]) == "failed"


def test_what_a_person_types_into_the_app_is_printed(node: Living) -> None:
    said = node.songkeep("app-password", "new", "Feishin").stdout
    assert f"http://127.0.0.1:{node.port}" in said
    assert "User name" in said
    assert "once" in said


def test_unknown_and_ambiguous_names_are_not_guessed(node: Living) -> None:
    for _ in range(2):
        node.songkeep("app-password", "new", "Twin")
    assert node.songkeep("app-password", "revoke", "Twin").returncode == 2
    assert node.songkeep("app-password", "revoke", "nobody").returncode == 3
    assert node.songkeep("app-password", "new", " ").returncode == 2


def test_passwords_work_without_a_running_node_to_make_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert songkeep(home, "init").returncode == 0
    made = json.loads(songkeep(home, "app-password", "new", "Later", "--json").stdout)
    with living(home, "--port", "7770") as node:
        assert ping(node, made["password"]) == "ok"
