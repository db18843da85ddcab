"""Who may ask: sign-in codes, sessions, the LAN password, and the control token of commands on this machine.

No cookies: those of one port on 127.0.0.1 are sent to every other port of it. A browser gets a token by way of a
code in the opened URL's fragment, which is neither sent nor logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from node.errors import RefusedError, SongkeepError

Access = Literal["own", "guest", "session"]
"""Who asks: the command that started this node, another command, or a browser that signed in."""

CODE_LIFE_S: Final = 3_600
CODES_AT_ONCE: Final = 16
SESSION_LIFE_S: Final = 90 * 86_400
RENEW_WHEN_LEFT_S: Final = 60 * 86_400
_KNOWN_SESSIONS: Final = 1_024
"""Sessions kept in memory, so that a request costs no query."""
_TOKEN_BYTES: Final = 32
_MAX_TOKEN_CHARS: Final = 100

ATTEMPTS_AT_ONCE: Final = 5
ATTEMPT_EVERY_S: Final = 10
_ADDRESSES_REMEMBERED: Final = 1_024


class TooManyAttemptsError(SongkeepError):
    """Somebody is guessing, or mistyping a lot."""

    code = "too_many_attempts"


class SessionStore(Protocol):
    """Where sessions are kept, as hashes (node/doors/index)."""

    def add(self, token_hash: bytes, media_hash: bytes, *, now_ms: int, expires_ms: int) -> None: ...

    def expires_ms(self, token_hash: bytes, now_ms: int) -> int | None: ...

    def media_expires_ms(self, media_hash: bytes, now_ms: int) -> int | None: ...

    def extend(self, token_hash: bytes, expires_ms: int) -> None: ...

    def remove(self, token_hash: bytes) -> None: ...

    def remove_all(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a browser keeps."""

    token: str
    media_key: str
    """Opens streams and covers alone: it stands in the addresses of <audio> and <img>."""
    expires_ms: int


def hashed(token: str) -> bytes:
    """32 bytes. Tokens are 256 random bits, so a plain hash can't be searched."""
    return hashlib.sha256(token.encode()).digest()


def hash_password(password: str) -> str:
    """An Argon2id hash that says its own parameters (RFC 9106)."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    """Whether `password` made `password_hash`. Takes tens of milliseconds on purpose."""
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


class Attempts:
    """How often an address may be wrong: 5 times at once, then once in 10 seconds."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def blocked(self, address: str, *, now_s: float) -> bool:
        """Whether another attempt would be too many."""
        used, at_s = self._used.get(address, (0.0, now_s))
        return used - (now_s - at_s) / ATTEMPT_EVERY_S + 1 > ATTEMPTS_AT_ONCE

    def spend(self, address: str, *, now_s: float) -> None:
        """Count one attempt. Raises TooManyAttemptsError."""
        used, at_s = self._used.pop(address, (0.0, now_s))
        used = max(0.0, used - (now_s - at_s) / ATTEMPT_EVERY_S)
        allowed = used + 1 <= ATTEMPTS_AT_ONCE
        self._used[address] = (used + 1 if allowed else used, now_s)
        while len(self._used) > _ADDRESSES_REMEMBERED:
            self._used.popitem(last=False)
        if not allowed:
            raise TooManyAttemptsError(f"too many attempts; try again in {ATTEMPT_EVERY_S} seconds")


@dataclass(frozen=True, slots=True)
class _Code:
    until_s: float
    user: int | None


class SignIn:
    """On the event loop; what the store is asked waits in a thread."""

    def __init__(
        self, store: SessionStore, *, password_hash: Callable[[], str], now_s: Callable[[], float] = time.time
    ) -> None:
        self.own_token = secrets.token_urlsafe(_TOKEN_BYTES)
        """Opens everything; for whoever started this node."""
        self.published_token = secrets.token_urlsafe(_TOKEN_BYTES)
        """Opens everything; for other commands that read it in the home directory."""
        self._own, self._published = hashed(self.own_token), hashed(self.published_token)
        self._guest_seen_s = float("-inf")
        self._store = store
        self._password_hash = password_hash
        self._now_s = now_s
        self._codes: OrderedDict[bytes, _Code] = OrderedDict()
        self._known: OrderedDict[tuple[str, bytes], int] = OrderedDict()
        self._attempts = Attempts()
        self._password_turn = asyncio.Semaphore(1)

    def guest_seen_within(self, span_s: float) -> bool:
        """Whether a command that did not start this node has asked something of late."""
        return self._now_s() - self._guest_seen_s < span_s

    def new_code(self, *, user: int | None = None) -> str:
        """A code that signs one browser in within an hour; with `user`, one of that user of this machine."""
        code = secrets.token_urlsafe(_TOKEN_BYTES)
        self._codes[hashed(code)] = _Code(self._now_s() + CODE_LIFE_S, user)
        while len(self._codes) > CODES_AT_ONCE:
            self._codes.popitem(last=False)
        return code

    async def begin_by_code(self, code: str, *, address: str, user: int | None = None) -> Session:
        """Trade a code for a session; it works once. `user` is who connects, if known.

        Raises RefusedError, TooManyAttemptsError.
        """
        kept = self._codes.get(hashed(code))
        stranger = kept is not None and kept.user is not None and user is not None and user != kept.user
        if kept is None or stranger or kept.until_s < self._now_s():
            self._attempts.spend(address, now_s=self._now_s())
            raise RefusedError("this sign-in link was used already or is too old: run 'songkeep open' for a new one")
        del self._codes[hashed(code)]
        return await self._begin()

    async def begin_by_password(self, password: str, *, address: str) -> Session:
        """Trade the LAN password for a session. Raises RefusedError, TooManyAttemptsError."""
        self._attempts.spend(address, now_s=self._now_s())
        expected = self._password_hash()
        # One at a time: each costs 64 MiB and is slow on purpose.
        async with self._password_turn:
            if not expected or not await asyncio.to_thread(password_matches, expected, password):
                raise RefusedError("this is not the password")
        return await self._begin()

    async def _begin(self) -> Session:
        now_ms = self._now_ms()
        session = Session(
            token=secrets.token_urlsafe(_TOKEN_BYTES),
            media_key=secrets.token_urlsafe(_TOKEN_BYTES),
            expires_ms=now_ms + SESSION_LIFE_S * 1_000,
        )
        token_hash, media_hash = hashed(session.token), hashed(session.media_key)
        await asyncio.to_thread(self._store.add, token_hash, media_hash, now_ms=now_ms, expires_ms=session.expires_ms)
        return session

    async def access(self, token: str) -> Access | None:
        """What a bearer token opens, or None."""
        if not 0 < len(token) <= _MAX_TOKEN_CHARS:
            return None
        token_hash = hashed(token)
        if hmac.compare_digest(token_hash, self._own):
            return "own"
        if hmac.compare_digest(token_hash, self._published):
            self._guest_seen_s = self._now_s()
            return "guest"
        left_ms = await self._left_ms("token", token_hash)
        if left_ms <= 0:
            return None
        if left_ms < RENEW_WHEN_LEFT_S * 1_000:
            self._known.clear()
            await asyncio.to_thread(self._store.extend, token_hash, self._now_ms() + SESSION_LIFE_S * 1_000)
        return "session"

    async def media_opens(self, media_key: str) -> bool:
        """Whether a media key belongs to a session."""
        if not 0 < len(media_key) <= _MAX_TOKEN_CHARS:
            return False
        return await self._left_ms("media", hashed(media_key)) > 0

    async def end(self, token: str) -> None:
        """Sign one browser out; its media key with it."""
        await asyncio.to_thread(self._store.remove, hashed(token))
        self._known.clear()

    async def end_all(self) -> None:
        """Sign every browser out: the password that let some of them in holds no more."""
        await asyncio.to_thread(self._store.remove_all)
        self._known.clear()

    async def _left_ms(self, kind: Literal["token", "media"], some_hash: bytes) -> int:
        now_ms = self._now_ms()
        place = (kind, some_hash)
        expires_ms = self._known.get(place)
        if expires_ms is None:
            ask = self._store.expires_ms if kind == "token" else self._store.media_expires_ms
            expires_ms = await asyncio.to_thread(ask, some_hash, now_ms)
            if expires_ms is None:
                return 0
            self._known[place] = expires_ms
            while len(self._known) > _KNOWN_SESSIONS:
                self._known.popitem(last=False)
        return expires_ms - now_ms

    def _now_ms(self) -> int:
        return int(self._now_s() * 1_000)
