"""The phone's app as plain files, and where a phone gets it from."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from node.config import Settings, change
from node.errors import StorageError, UserError
from node.flows.app_export import export_app
from tests.living import songkeep


def test_the_exported_app_is_the_app_and_says_what_it_may_do(tmp_path: Path) -> None:
    done = export_app(tmp_path / "site")
    exported = [file for file in (tmp_path / "site").rglob("*") if file.is_file()]
    assert len(exported) == done.files
    client = files("client")
    for name in ("main.js", "sw.js", "manifest.webmanifest", "core/player.js", "icons/icon-512.png"):
        assert (tmp_path / "site" / name).read_bytes() == client.joinpath(name).read_bytes()
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "script-src 'self';" in policy[1]
    assert page.index("http-equiv") < page.index("<script"), "a policy counts from where it stands"
    headers = (tmp_path / "site" / "_headers").read_text()
    assert "Content-Security-Policy: default-src 'none'" in headers
    assert "Permissions-Policy: camera=(self)" in headers


def test_an_export_is_written_over_an_earlier_one_and_over_nothing_else(tmp_path: Path) -> None:
    export_app(tmp_path / "site")
    (tmp_path / "site" / "main.js").write_text("old")
    export_app(tmp_path / "site")
    assert (tmp_path / "site" / "main.js").read_text() != "old"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("my own page")
    with pytest.raises(UserError, match="other files"):
        export_app(tmp_path / "mine")
    assert (tmp_path / "mine" / "index.html").read_text() == "my own page"
    with pytest.raises(UserError, match="is a file"):
        export_app(tmp_path / "mine" / "index.html")
    with pytest.raises(StorageError):
        export_app(tmp_path / "mine" / "index.html" / "site")


def test_app_export_is_a_command(tmp_path: Path) -> None:
    result = songkeep(tmp_path / "home", "app", "export", str(tmp_path / "site"), "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["dir"]) == (0, str(tmp_path / "site"))
    assert told["files"] > 100


@pytest.mark.parametrize(
    "url",
    ["http://m.example.org/", "ftp://x.org/", "https://", "https://x.org/?a=1", "https://x.org/#pair", "https://x y/"],
)
def test_an_address_that_no_phone_could_use_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="https address"):
        change(Settings(), {"app": url})


def test_an_address_is_kept_as_one_address() -> None:
    assert change(Settings(), {"app": "https://music.example.org"}).app == "https://music.example.org/"
    assert change(Settings(app="https://x.org/"), {"app": ""}).app == ""


def test_pairing_a_phone_without_an_address_says_the_four_ways(tmp_path: Path) -> None:
    assert songkeep(tmp_path / "home", "init").returncode == 0
    result = songkeep(tmp_path / "home", "pair", "--phone")
    assert result.returncode == 2
    for way in ("seed or tracker", "friend's tracker", "songkeep app export", "songkeep config lan on"):
        assert way in result.stderr
