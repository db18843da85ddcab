"""A client that means harm, or has a bug: all endpoints answer in the protocol's form, and stay quick for others."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from node.faces.subsonic.table import NAMES
from tests.subsonic import schema
from tests.subsonic.apps import App, content
from tests.subsonic.test_conformance import BYTES

NUMBERS = ("size", "count", "offset", "songCount", "songOffset", "rating", "position", "currentIndex", "time",
           "maxBitRate", "timeOffset", "fromYear", "toYear", "ifModifiedSince", "songIndexToRemove")  # fmt: skip
TEXTS = ("id", "albumId", "artistId", "query", "name", "playlistId", "songId", "current", "type", "genre", "artist",
         "title", "comment", "username", "format")  # fmt: skip


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("-1", "\x00"),
        ("999999999999999", "a" * 4_096),
        ("1e9", '"" OR * NEAR('),
        ("-0.5", "../../etc/passwd"),
        ("٣", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")),
        ("", "%_'\"\\;--"),
    ],
)
def test_strange_values_are_answered_in_form_by_every_endpoint(app: App, number: str, text: str) -> None:
    strange: dict[str, Any] = {**dict.fromkeys(NUMBERS, number), **dict.fromkeys(TEXTS, text)}
    for name in sorted(NAMES):
        answer = app.raw(name, {**strange, "f": "json"}, method="POST")
        assert answer.status == 200, name
        if name in BYTES and not answer.headers["Content-Type"].startswith("application/json"):
            assert name == "getAvatar"
            continue
        told = content(answer)
        schema.check(name, told)
        assert "mistake" not in told.get("error", {}).get("message", ""), name
    for playlist in app.ask("getPlaylists")["playlist"]:
        app.ask("deletePlaylist", id=playlist["id"])


def test_connections_that_say_nothing_hold_up_nobody(app: App) -> None:
    silent = [socket.create_connection(("127.0.0.1", app.node.port)) for _ in range(200)]
    try:
        for each in silent[::2]:
            each.sendall(b"GET /rest/ping.view?u=me HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert app.tree("ping")["status"] == "ok"
    finally:
        for each in silent:
            each.close()


def test_a_flood_of_wrong_sign_ins_is_refused_and_the_app_beside_it_goes_on(app: App) -> None:
    assert app.tree("ping")["status"] == "ok"
    wrong = {"u": "me", "p": "guess", "v": "1.16.1", "c": "thief", "f": "json"}
    told = [content(app.raw("ping", wrong, signed=False))["error"] for _ in range(30)]
    assert {error["code"] for error in told} == {40}
    assert "too many" in told[-1]["message"]
    assert app.tree("ping")["status"] == "ok"
