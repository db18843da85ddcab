"""Who is let in, who is not, and how that is said."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from node.crypto.keys import member_keys_from_random
from node.doors.index import Index
from node.errors import NotFoundError, UserError
from node.faces.app_passwords import ALPHABET, MAX_PASSWORDS, AppSignIn, new_secret
from node.faces.sign_in import TooManyAttemptsError
from tests.living import Living
from tests.subsonic import schema
from tests.subsonic.apps import App, content

KEYS = member_keys_from_random(bytes(range(64)))


class Clock:
    """Time that passes when it is told to."""

    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def token(secret: str, salt: str) -> str:
    return hashlib.md5((secret + salt).encode()).hexdigest()


@pytest.fixture
def index(tmp_path: Path) -> Any:
    with Index.open(tmp_path / "index.db") as opened:
        yield opened


def test_a_password_opens_by_itself_and_by_its_token_and_after_a_restart(index: Index) -> None:
    sign_in = AppSignIn(index.app_passwords, KEYS)
    made, secret = sign_in.create("Phone")
    other, _ = sign_in.create("Tablet")
    for opened in (sign_in, AppSignIn(index.app_passwords, KEYS)):
        assert opened.by_text(secret, address="a").id == made.id  # type: ignore[union-attr]
        assert opened.by_text(secret.upper(), address="a").id == made.id  # type: ignore[union-attr]
        assert opened.by_token(token(secret, "salt"), "salt", address="a").id == made.id  # type: ignore[union-attr]
        assert opened.by_token(token(secret, "salt"), "pepper", address="a") is None
    assert other.id != made.id


def test_at_rest_it_can_not_be_read_and_opens_only_with_this_devices_key(tmp_path: Path) -> None:
    with Index.open(tmp_path / "index.db") as index:
        _, secret = AppSignIn(index.app_passwords, KEYS).create("Phone")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept
    with Index.open(tmp_path / "index.db") as again:
        stranger = AppSignIn(again.app_passwords, member_keys_from_random(bytes(64)))
        assert stranger.all() == []
        assert stranger.by_text(secret, address="a") is None


def test_a_revoked_one_opens_nothing_at_once(index: Index) -> None:
    sign_in = AppSignIn(index.app_passwords, KEYS)
    made, secret = sign_in.create("Phone")
    assert sign_in.by_text(secret, address="a") is not None
    sign_in.revoke(made.id)
    assert sign_in.by_text(secret, address="a") is None
    with pytest.raises(NotFoundError):
        sign_in.revoke(made.id)


def test_guessing_is_slowed_down_and_a_right_guess_is_not_told(index: Index) -> None:
    clock = Clock()
    sign_in = AppSignIn(index.app_passwords, KEYS, now_s=clock)
    _, secret = sign_in.create("Phone")
    for _ in range(5):
        assert sign_in.by_text("wrong", address="thief") is None
    for guess in ("wrong", secret):
        with pytest.raises(TooManyAttemptsError):
            sign_in.by_text(guess, address="thief")
    assert sign_in.by_text(secret, address="home") is not None
    clock.now_s += 10
    assert sign_in.by_text(secret, address="thief") is not None


def test_an_app_that_was_let_in_stays_in_while_another_at_its_address_guesses(index: Index) -> None:
    sign_in = AppSignIn(index.app_passwords, KEYS, now_s=Clock())
    _, secret = sign_in.create("Phone")
    assert sign_in.by_text(secret, address="home") is not None
    for _ in range(5):
        sign_in.by_text("old password", address="home")
    with pytest.raises(TooManyAttemptsError):
        sign_in.by_text("old password", address="home")
    assert sign_in.by_token(token(secret, "s"), "s", address="home") is not None


def test_the_last_use_is_written_down_now_and_then(index: Index) -> None:
    clock = Clock()
    sign_in = AppSignIn(index.app_passwords, KEYS, now_s=clock)
    made, _ = sign_in.create("Phone")
    assert sign_in.used(made)
    sign_in.write_use(made)
    assert index.app_passwords.all()[0].used_ms == clock.now_s * 1_000
    clock.now_s += 60
    assert not sign_in.used(made)
    clock.now_s += 300
    assert sign_in.used(made)


def test_names_and_numbers_of_them_are_bounded(index: Index) -> None:
    sign_in = AppSignIn(index.app_passwords, KEYS)
    for name in ("", " ", "x" * 101):
        with pytest.raises(UserError):
            sign_in.create(name)
    for number in range(MAX_PASSWORDS):
        sign_in.create(f"app {number}")
    with pytest.raises(UserError):
        sign_in.create("one too many")


def test_secrets_are_long_random_and_easy_to_type() -> None:
    drawn = {new_secret() for _ in range(200)}
    assert len(drawn) == 200
    assert all(len(secret) == 23 and set(secret) <= {*ALPHABET, "-"} for secret in drawn)
    assert len(ALPHABET) ** 20 > 2**98


def code(app: App, parameters: dict[str, Any], **options: Any) -> int:
    told = content(app.raw("ping", {"f": "json", "c": "tests", "v": "1.16.1", **parameters}, signed=False, **options))
    return -1 if told["status"] == "ok" else told["error"]["code"]


def test_every_way_to_sign_in_works_and_every_mistake_has_its_number(app: App) -> None:
    secret = app.password
    hexed = "enc:" + secret.encode().hex()
    right = {"u": "me", "t": token(secret, "abcdef"), "s": "abcdef"}
    for good in ({"apiKey": secret}, {"u": "x", "p": secret}, {"u": "x", "p": hexed}, right):
        assert code(app, good) == -1
        assert code(app, good, method="POST") == -1
    for bad, expected in (
        ({}, 10),
        ({"u": "me"}, 10),
        ({"p": secret}, 10),
        ({"u": "me", "t": token(secret, "x")}, 10),
        ({"u": "me", "p": "wrong"}, 40),
        ({"u": "me", "p": "enc:zz"}, 40),
        ({"u": "me", "t": token("wrong", "x"), "s": "x"}, 40),
        ({"apiKey": "wrong"}, 44),
        ({"apiKey": secret, "u": "me"}, 43),
        ({"u": "me", "p": secret, "t": token(secret, "x"), "s": "x"}, 43),
        ({"apiKey": secret, "v": None}, 10),
        ({"apiKey": secret, "v": "x"}, 10),
        ({"apiKey": secret, "c": None}, 10),
        ({"apiKey": secret, "v": "0.9.0"}, 20),
        ({"apiKey": secret, "v": "1.17.0"}, 30),
        ({"apiKey": secret, "v": "2.0.0"}, 30),
        ({"apiKey": secret, "v": "1.8.0"}, -1),
    ):
        assert code(app, bad) == expected, bad
    assert code(app, {}, headers={"Authorization": "Basic bWU6bWU="}) == 42


def test_without_a_sign_in_only_the_extensions_are_told(app: App) -> None:
    told = content(app.raw("getOpenSubsonicExtensions", {"f": "json"}, signed=False))
    assert {each["name"] for each in told["openSubsonicExtensions"]} == {
        "apiKeyAuthentication", "formPost", "songLyrics", "transcodeOffset", "indexBasedQueue",
    }  # fmt: skip
    from node.faces.subsonic.table import NAMES

    for name in NAMES - {"getOpenSubsonicExtensions"}:
        answer = app.raw(name, {"f": "json", "id": "x"}, signed=False)
        assert (answer.status, content(answer)["error"]["code"]) == (200, 10), name


def test_an_app_gets_in_under_any_host_name_and_a_browser_from_any_page(app: App) -> None:
    for headers in ({"Host": "music.example.org"}, {"Host": "pc.tail1234.ts.net:7720"}):
        assert content(app.raw("ping", {"f": "json"}, headers=headers))["status"] == "ok"
    answer = app.raw(
        "ping", {"f": "json"}, headers={"Origin": "https://player.example", "Sec-Fetch-Site": "cross-site"}
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert content(answer)["status"] == "ok"
    asked = {
        "Origin": "https://player.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
    }
    preflight = app.raw("stream", method="OPTIONS", headers=asked, signed=False)
    assert preflight.status == 204
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "range" in allowed
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    exposed = app.raw("ping").headers["Access-Control-Expose-Headers"]
    assert {"Content-Range", "Content-Length", "Accept-Ranges"} <= set(exposed.replace(",", "").split())


def test_the_door_of_the_apps_opens_nothing_else(node: Living, app: App) -> None:
    for host in ("music.example.org", "evil.example"):
        assert node.ask("GET", "/api/v1/library", headers={"Host": host}, documented=False).status == 421
    answer = node.ask("GET", "/api/v1/library", headers={"Origin": "https://player.example"}, documented=False)
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_unknown_address_is_told_in_the_protocols_form(app: App) -> None:
    for name in ("nothing", "", "../api/v1/library", "ping/extra"):
        answer = app.raw(name, {"f": "json"})
        assert answer.status == 404
        assert b"<html" not in answer.body.lower()
    assert content(app.raw("nothing", {"f": "json"}))["error"]["code"] == 70
    assert content(app.raw("nothing.view", {"f": "json"}))["status"] == "failed"
    for path in ("/rest", "/rest/"):
        bare = app.node.ask("GET", path, token=None, headers={"Host": "music.example.org"})
        assert bare.status == 404
        assert schema.from_xml("ping", bare.body)["error"]["code"] == 70


def test_what_is_too_much_is_refused(app: App) -> None:
    many = app.raw("ping", {"id": ["x"] * 30_000}, method="POST")
    assert schema.from_xml("ping", many.body)["error"]["code"] == 0
    assert app.error("getSong", id="x" * 5_000) == 0
    answer = app.raw("ping", {"f": "json", "comment": "x" * 2_000_000}, method="POST")
    assert answer.status == 413
