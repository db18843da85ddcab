"""App passwords: what music apps sign in with. Random, one for each app, never a secret of the library.

The protocol's token sign-in, MD5 of password and salt, needs them readable: they are kept sealed under a key of this
device, and in memory while the node runs. At 100 random bits nobody guesses one, which is why MD5 does no harm here.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.crypto.keys import MemberKeys, derive
from node.crypto.labels import LABEL_APP_PASSWORD, NONCE_BYTES
from node.doors.index.passwords import AppPasswordRow, AppPasswords
from node.errors import UserError
from node.faces.sign_in import Attempts

log = logging.getLogger(__name__)

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what is easily taken for something else: i, l, o, 0, 1."""
GROUPS: Final = 4
GROUP_CHARS: Final = 5
MAX_PASSWORDS: Final = 100
MAX_NAME_CHARS: Final = 100
USED_EVERY_MS: Final = 300_000
"""How often at most the last use is written down."""
_TRUSTED: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPassword:
    """One of them, opened."""

    id: int
    name: str
    created_ms: int
    used_ms: int | None
    secret: bytes = field(repr=False)


class AppSignIn:
    """Makes, checks and revokes app passwords. Checking is a matter of memory: nothing slow, no query."""

    def __init__(self, store: AppPasswords, device: MemberKeys, *, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._cipher = AESGCM(derive(device.receive_secret, LABEL_APP_PASSWORD))
        self._now_s = now_s
        self._lock = threading.Lock()
        self._known: dict[int, AppPassword] | None = None
        self._attempts = Attempts()
        self._trusted: OrderedDict[tuple[str, int], None] = OrderedDict()

    def create(self, name: str) -> tuple[AppPassword, str]:
        """A new one and its text, shown this once. Blocks. Raises UserError."""
        name = name.strip()
        if not 0 < len(name) <= MAX_NAME_CHARS:
            raise UserError(f"an app password has a name of 1 to {MAX_NAME_CHARS} characters: of the app and device")
        with self._lock:
            known = self._load()
            if len(known) >= MAX_PASSWORDS:
                raise UserError(f"there are {MAX_PASSWORDS} app passwords; revoke those that are not in use")
            secret = new_secret()
            now_ms = self._now_ms()
            nonce = os.urandom(NONCE_BYTES)
            sealed = nonce + self._cipher.encrypt(nonce, secret.encode(), _context(name, now_ms))
            number = self._store.add(name, sealed, now_ms=now_ms)
            made = AppPassword(id=number, name=name, created_ms=now_ms, used_ms=None, secret=secret.encode())
            self._known = {**known, number: made}
        return made, secret

    def all(self) -> list[AppPassword]:
        """Every one, oldest first. Blocks the first time."""
        with self._lock:
            return list(self._load().values())

    def revoke(self, number: int) -> None:
        """From now on it opens nothing. Blocks. Raises NotFoundError."""
        with self._lock:
            known = dict(self._load())
            self._store.remove(number)
            known.pop(number, None)
            self._known = known

    def by_text(self, secret: str, *, address: str) -> AppPassword | None:
        """The app password that `secret` is, or None. Raises TooManyAttemptsError."""
        given = secret.strip().lower().encode("utf-8", "replace")
        return self._first(lambda known: hmac.compare_digest(known.secret, given), address)

    def by_token(self, token: str, salt: str, *, address: str) -> AppPassword | None:
        """The one whose MD5 with `salt` is `token` (hex), or None. Raises TooManyAttemptsError."""
        given = token.lower().encode("utf-8", "replace")
        pepper = salt.encode("utf-8", "replace")

        def matches(known: AppPassword) -> bool:
            digest = hashlib.md5(known.secret + pepper, usedforsecurity=False).hexdigest()
            return hmac.compare_digest(digest.encode(), given)

        return self._first(matches, address)

    def used(self, password: AppPassword) -> bool:
        """Note a use in memory; whether it should be written down (`write_use`)."""
        known = self._known or {}
        latest = known.get(password.id)
        now_ms = self._now_ms()
        if latest is None or (latest.used_ms is not None and now_ms - latest.used_ms < USED_EVERY_MS):
            return False
        known[password.id] = replace(latest, used_ms=now_ms)
        return True

    def write_use(self, password: AppPassword) -> None:
        """Blocks."""
        self._store.used(password.id, self._now_ms())

    @property
    def is_loaded(self) -> bool:
        """Whether checking needs no query any more."""
        return self._known is not None

    def _first(self, matches: Callable[[AppPassword], bool], address: str) -> AppPassword | None:
        known = self._known
        if known is None:
            with self._lock:
                known = self._load()
        found = next((one for one in known.values() if matches(one)), None)
        if found is not None and (address, found.id) in self._trusted:
            return found
        now_s = self._now_s()
        if found is None or self._attempts.blocked(address, now_s=now_s):
            # Who guesses is slowed down, and while slowed down not even told of a right guess. An app that was
            # let in before from there goes on: another one's old password must not lock it out.
            self._attempts.spend(address, now_s=now_s)
            return None
        self._trusted[address, found.id] = None
        while len(self._trusted) > _TRUSTED:
            self._trusted.popitem(last=False)
        return found

    def _load(self) -> dict[int, AppPassword]:
        if self._known is None:
            self._known = {row.id: opened for row in self._store.all() if (opened := self._open(row)) is not None}
        return self._known

    def _open(self, row: AppPasswordRow) -> AppPassword | None:
        try:
            secret = self._cipher.decrypt(
                row.sealed[:NONCE_BYTES], row.sealed[NONCE_BYTES:], _context(row.name, row.created_ms)
            )
        except InvalidTag:
            # Of another device, whose index was copied here: it opens nothing, and must not close the others.
            log.warning("app_password_unreadable id=%d", row.id)
            return None
        return AppPassword(id=row.id, name=row.name, created_ms=row.created_ms, used_ms=row.used_ms, secret=secret)

    def _now_ms(self) -> int:
        return int(self._now_s() * 1_000)


def new_secret() -> str:
    """Four groups of five characters: 99 random bits that can be typed on a television."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))


def shown(password: AppPassword) -> dict[str, Any]:
    """One as JSON, without its secret."""
    return {
        "id": password.id,
        "name": password.name,
        "created_ms": password.created_ms,
        "used_ms": password.used_ms,
    }


def _context(name: str, created_ms: int) -> bytes:
    return f"{created_ms}\0{name}".encode("utf-8", "replace")
