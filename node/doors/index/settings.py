"""Settings of this device and sign-ins to its player."""

from __future__ import annotations

from typing import Any, Final

from node.doors.index.database import Database
from node.wire.codec import pack, unpack

MAX_SETTING_BYTES: Final = 1 << 20
MAX_SESSIONS: Final = 256
"""The oldest are signed out beyond that."""


class Settings:
    """Values by name, kept on this device alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default` if it was never set."""
        row = self._database.one("SELECT value FROM setting WHERE key = ?", key)
        return default if row is None else unpack(row[0], max_bytes=MAX_SETTING_BYTES)

    def set(self, key: str, value: object) -> None:
        """Keep a msgpack value; None forgets it."""
        with self._database.write() as step:
            if value is None:
                step.sql.execute("DELETE FROM setting WHERE key = ?", (key,))
            else:
                step.sql.execute(
                    "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                    (key, pack(value)),
                )


class Sessions:
    """Who is signed in. Only hashes are kept: a copy of the index signs nobody in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token_hash: bytes, media_hash: bytes, *, now_ms: int, expires_ms: int) -> None:
        """Sign in; `token_hash` and `media_hash` are SHA-256 of the session's token and media key."""
        with self._database.write() as step:
            step.sql.execute("DELETE FROM session WHERE expires_ms <= ?", (now_ms,))
            step.sql.execute("INSERT INTO session VALUES (?, ?, ?, ?)", (token_hash, media_hash, now_ms, expires_ms))
            step.sql.execute(
                """DELETE FROM session WHERE token IN
                   (SELECT token FROM session ORDER BY created_ms DESC, token LIMIT -1 OFFSET ?)""",
                (MAX_SESSIONS,),
            )

    def expires_ms(self, token_hash: bytes, now_ms: int) -> int | None:
        """When the session of this token ends; None if there is none at `now_ms`."""
        return self._find("token", token_hash, now_ms)

    def media_expires_ms(self, media_hash: bytes, now_ms: int) -> int | None:
        """When the session of this media key ends; None if there is none at `now_ms`."""
        return self._find("media", media_hash, now_ms)

    def extend(self, token_hash: bytes, expires_ms: int) -> None:
        """Let a session last until `expires_ms`."""
        with self._database.write() as step:
            step.sql.execute("UPDATE session SET expires_ms = ? WHERE token = ?", (expires_ms, token_hash))

    def remove(self, token_hash: bytes) -> None:
        """Sign out."""
        with self._database.write() as step:
            step.sql.execute("DELETE FROM session WHERE token = ?", (token_hash,))

    def remove_all(self) -> None:
        """Sign everybody out."""
        with self._database.write() as step:
            step.sql.execute("DELETE FROM session")

    def _find(self, column: str, digest: bytes, now_ms: int) -> int | None:
        row = self._database.one(
            f"SELECT expires_ms FROM session WHERE {column} = ? AND expires_ms > ?", digest, now_ms
        )
        return None if row is None else int(row[0])
