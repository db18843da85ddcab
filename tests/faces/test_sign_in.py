"""Codes, sessions, the LAN password and their limits."""

from __future__ import annotations

import pytest

from node.errors import RefusedError
from node.faces.sign_in import (
    ATTEMPTS_AT_ONCE,
    CODE_LIFE_S,
    SESSION_LIFE_S,
    Attempts,
    SignIn,
    TooManyAttemptsError,
    hash_password,
)


class MemorySessions:
    """Sessions in memory, as the index keeps them."""

    def __init__(self) -> None:
        self.rows: dict[bytes, list[object]] = {}

    def add(self, token_hash: bytes, media_hash: bytes, *, now_ms: int, expires_ms: int) -> None:
        self.rows[token_hash] = [media_hash, expires_ms]

    def expires_ms(self, token_hash: bytes, now_ms: int) -> int | None:
        row = self.rows.get(token_hash)
        return row[1] if row and row[1] > now_ms else None  # type: ignore[return-value,operator]

    def media_expires_ms(self, media_hash: bytes, now_ms: int) -> int | None:
        return next((self.expires_ms(token, now_ms) for token, row in self.rows.items() if row[0] == media_hash), None)

    def extend(self, token_hash: bytes, expires_ms: int) -> None:
        self.rows[token_hash][1] = expires_ms

    def remove(self, token_hash: bytes) -> None:
        self.rows.pop(token_hash, None)

    def remove_all(self) -> None:
        self.rows.clear()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Door:
    """A sign-in with its clock, its store and its password in hand."""

    def __init__(self, password_hash: str = "") -> None:
        self.clock = Clock()
        self.store = MemorySessions()
        self.sign_in = SignIn(self.store, password_hash=lambda: password_hash, now_s=self.clock)


async def test_a_code_opens_one_session_and_only_once() -> None:
    door = Door()
    code = door.sign_in.new_code()
    session = await door.sign_in.begin_by_code(code, address="a")
    assert await door.sign_in.access(session.token) == "session"
    with pytest.raises(RefusedError):
        await door.sign_in.begin_by_code(code, address="a")


async def test_an_old_code_opens_nothing() -> None:
    door = Door()
    code = door.sign_in.new_code()
    door.clock.now_s += CODE_LIFE_S + 1
    with pytest.raises(RefusedError):
        await door.sign_in.begin_by_code(code, address="a")


async def test_a_code_for_one_user_opens_nothing_for_another_and_stays_good_for_its_own() -> None:
    door = Door()
    code = door.sign_in.new_code(user=1000)
    with pytest.raises(RefusedError):
        await door.sign_in.begin_by_code(code, address="a", user=1001)
    session = await door.sign_in.begin_by_code(code, address="a", user=1000)
    assert await door.sign_in.access(session.token) == "session"


async def test_the_media_key_opens_media_and_the_token_everything_else() -> None:
    door = Door()
    session = await door.sign_in.begin_by_code(door.sign_in.new_code(), address="a")
    assert await door.sign_in.media_opens(session.media_key)
    assert not await door.sign_in.media_opens(session.token)
    assert await door.sign_in.access(session.media_key) is None


async def test_signing_out_closes_the_token_and_the_media_key_at_once() -> None:
    door = Door()
    session = await door.sign_in.begin_by_code(door.sign_in.new_code(), address="a")
    assert await door.sign_in.access(session.token)
    assert await door.sign_in.media_opens(session.media_key)
    await door.sign_in.end(session.token)
    assert await door.sign_in.access(session.token) is None
    assert not await door.sign_in.media_opens(session.media_key)


async def test_a_session_ends_when_it_is_not_used_and_lasts_while_it_is() -> None:
    door = Door()
    used = await door.sign_in.begin_by_code(door.sign_in.new_code(), address="a")
    unused = await door.sign_in.begin_by_code(door.sign_in.new_code(), address="a")
    for _ in range(4):
        door.clock.now_s += SESSION_LIFE_S / 2
        assert await door.sign_in.access(used.token) == "session"
    assert await door.sign_in.access(unused.token) is None


async def test_only_hashes_are_stored() -> None:
    door = Door()
    session = await door.sign_in.begin_by_code(door.sign_in.new_code(), address="a")
    stored = repr(door.store.rows)
    assert session.token not in stored
    assert session.media_key not in stored


async def test_who_has_a_token_of_the_node_is_told_apart_from_guests_with_the_published_one() -> None:
    door = Door()
    assert await door.sign_in.access(door.sign_in.own_token) == "own"
    assert not door.sign_in.guest_seen_within(1)
    assert await door.sign_in.access(door.sign_in.published_token) == "guest"
    assert door.sign_in.guest_seen_within(1)
    assert await door.sign_in.access("x" * 43) is None
    assert await door.sign_in.access("") is None


async def test_the_password_signs_in_and_a_wrong_one_does_not() -> None:
    door = Door(hash_password("open sesame"))
    with pytest.raises(RefusedError):
        await door.sign_in.begin_by_password("open barley", address="a")
    session = await door.sign_in.begin_by_password("open sesame", address="a")
    assert await door.sign_in.access(session.token) == "session"


async def test_without_a_password_set_none_signs_in() -> None:
    with pytest.raises(RefusedError):
        await Door().sign_in.begin_by_password("", address="a")


async def test_guessing_codes_is_slowed_down_but_never_locks_a_good_one_out() -> None:
    door = Door()
    good = door.sign_in.new_code()
    for _ in range(ATTEMPTS_AT_ONCE):
        with pytest.raises(RefusedError):
            await door.sign_in.begin_by_code("guess", address="a")
    with pytest.raises(TooManyAttemptsError):
        await door.sign_in.begin_by_code("guess", address="a")
    await door.sign_in.begin_by_code(good, address="a")


def test_attempts_come_back_with_time_and_are_counted_by_address() -> None:
    attempts = Attempts()
    for _ in range(ATTEMPTS_AT_ONCE):
        attempts.spend("a", now_s=0)
    with pytest.raises(TooManyAttemptsError):
        attempts.spend("a", now_s=0)
    attempts.spend("b", now_s=0)
    with pytest.raises(TooManyAttemptsError):
        attempts.spend("a", now_s=9)
    attempts.spend("a", now_s=11)
