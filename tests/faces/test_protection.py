"""What a page elsewhere, another user or a stranger may not do, against a real process."""

from __future__ import annotations

import contextlib
import gzip
import socket
import stat
import sys
from collections.abc import Iterator

import pytest

from tests.living import Living
from tests.needs import require


def test_nothing_of_the_api_answers_without_signing_in(node: Living) -> None:
    for path in ("library", "tracks", "status", "events", "config", "phrase", "search?q=x", "folders"):
        answer = node.ask("GET", f"/api/v1/{path}", token=None)
        assert answer.status == 401
        assert "songkeep open" in answer.json["error"]["message"]
    assert node.ask("GET", "/metrics", token=None).status == 401
    assert node.ask("GET", "/api/v1/library", token="guess").status == 401


def test_a_code_that_was_used_signs_nobody_in(node: Living) -> None:
    assert node.ask("POST", "/api/v1/session", {"code": node.code}, token=None).status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "192.168.1.2:{port}"])
@pytest.mark.parametrize("path", ["/", "/api/v1/library", "/healthz"])
def test_a_rebound_name_gets_nothing(node: Living, host: str, path: str) -> None:
    answer = node.ask("GET", path, headers={"Host": host.format(port=node.port)})
    assert answer.status == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1:{port}"])
def test_another_websites_request_is_refused_even_with_the_token(node: Living, origin: str) -> None:
    headers = {"Origin": origin.format(port=node.port)}
    assert node.ask("GET", "/api/v1/library", headers=headers).status == 403
    assert node.ask("POST", "/api/v1/session", {"code": "x"}, token=None, headers=headers).status == 403


def test_a_picture_or_sound_embedded_elsewhere_is_refused(node: Living) -> None:
    cover = node.get("albums")["items"][0]["cover"] or "a" * 26
    path = f"/api/v1/covers/{cover}?key={node.media_key}"
    assert node.ask("GET", path, token=None, headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert node.ask("GET", path, token=None, headers={"Sec-Fetch-Site": "same-site"}).status == 403


def test_its_own_pages_may_ask(node: Living) -> None:
    headers = {"Origin": f"http://127.0.0.1:{node.port}", "Sec-Fetch-Site": "same-origin"}
    assert node.ask("GET", "/api/v1/library", headers=headers).status == 200


def test_every_answer_carries_the_protecting_headers(node: Living) -> None:
    for path in ("/", "/healthz", "/api/v1/library", "/api/v1/nothing", "/nothing"):
        headers = node.ask("GET", path, documented=False).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert "camera=(self)" in headers["Permissions-Policy"]
        assert "microphone=()" in headers["Permissions-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers


def test_the_player_is_served_and_no_other_file(node: Living) -> None:
    page = node.ask("GET", "/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<script" in page.body
    again = node.ask("GET", "/", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert page.headers["Content-Encoding"] is None
    script = node.ask("GET", "/core/source.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in (
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/core/../../pyproject.toml",
        "/jsconfig.json",
        "/core",
        "/.",
    ):
        assert node.ask("GET", path).status == 404


def test_the_player_is_compressed_for_browsers_that_take_it_and_each_form_has_its_own_tag(node: Living) -> None:
    plain = node.ask("GET", "/core/source.js")
    small = node.ask("GET", "/core/source.js", headers={"Accept-Encoding": "br;q=1.0, gzip, deflate"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) < len(plain.body)
    assert small.headers["ETag"] != plain.headers["ETag"]
    for accepted, other in (("gzip", plain), ("gzip;q=0", small), ("identity", small), ("xgzip", small)):
        tag = {"Accept-Encoding": accepted, "If-None-Match": other.headers["ETag"]}
        assert node.ask("GET", "/core/source.js", headers=tag).status == 200, "another form is another body"
    tag = {"Accept-Encoding": "gzip", "If-None-Match": small.headers["ETag"]}
    assert node.ask("GET", "/core/source.js", headers=tag).status == 304
    picture = node.ask("GET", "/icons/icon-192.png", headers={"Accept-Encoding": "gzip"})
    assert picture.headers["Content-Encoding"] is None, "it would not become smaller"


def test_guessing_sign_in_codes_is_slowed_down(node: Living) -> None:
    statuses = [node.ask("POST", "/api/v1/session", {"code": "guess"}, token=None).status for _ in range(20)]
    assert 429 in statuses
    assert set(statuses) <= {403, 429}


def other_addresses() -> Iterator[str]:
    """This machine's, without the one of loopback."""
    if sys.platform == "linux":
        yield "127.0.0.2"  # all of 127/8 is answered, where something listens on every address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing; only asks which address would be used
        yield probe.getsockname()[0]


def test_it_listens_on_loopback_alone(node: Living) -> None:
    others = {*other_addresses()} - {"127.0.0.1"}
    require("another address", others)
    for address in others:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, node.port), timeout=5).close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_everything_in_the_home_is_its_owners_alone(node: Living) -> None:
    assert stat.S_IMODE(node.home.stat().st_mode) == 0o700
    for entry in node.home.iterdir():
        if entry.is_file():
            assert stat.S_IMODE(entry.stat().st_mode) & 0o077 == 0, entry.name


def test_the_log_of_all_this_names_no_music_no_path_and_no_secret(node: Living) -> None:
    text = (node.home / "songkeep.log").read_text(encoding="utf-8")
    assert "node_started" in text
    for secret in (
        "Glass",
        "Prisms",
        "Anna",
        "Ярус",
        "Низ",
        ".flac",
        str(node.home),
        node.token,
        node.media_key,
        node.code,
    ):
        assert secret not in text
    for word in node.told["phrase"].split():
        assert f" {word} " not in text
