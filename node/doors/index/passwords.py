"""Passwords of music apps, as they are kept: sealed under a key of this device, which the index does not know."""

from __future__ import annotations

from dataclasses import dataclass, field

from node.doors.index.database import Database
from node.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPasswordRow:
    """One of them."""

    id: int
    name: str
    sealed: bytes = field(repr=False)
    created_ms: int
    used_ms: int | None


class AppPasswords:
    """Part of the index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[AppPasswordRow]:
        """Every one, oldest first."""
        rows = self._database.all("SELECT id, name, sealed, created_ms, used_ms FROM app_password ORDER BY id")
        return [
            AppPasswordRow(id=number, name=name, sealed=sealed, created_ms=created_ms, used_ms=used_ms)
            for number, name, sealed, created_ms, used_ms in rows
        ]

    def add(self, name: str, sealed: bytes, *, now_ms: int) -> int:
        """Keep one; returns its number, which is never given to another."""
        with self._database.write() as step:
            cursor = step.sql.execute(
                "INSERT INTO app_password (name, sealed, created_ms) VALUES (?, ?, ?)", (name, sealed, now_ms)
            )
            return int(cursor.lastrowid or 0)

    def used(self, number: int, at_ms: int) -> None:
        """Note that it has been used."""
        with self._database.write() as step:
            step.sql.execute("UPDATE app_password SET used_ms = ? WHERE id = ?", (at_ms, number))

    def remove(self, number: int) -> None:
        """Raises NotFoundError."""
        with self._database.write() as step:
            if step.sql.execute("DELETE FROM app_password WHERE id = ?", (number,)).rowcount == 0:
                raise NotFoundError("there is no such app password; 'songkeep app-password list' shows them")
