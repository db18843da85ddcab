"""Finding by words: every script, without regard to case and accents, from the first letter typed.

The full-text index is unicode61 with prefixes; scripts without spaces are indexed character by character. Ranking by
bm25 would visit every match of a one-letter query, so candidates are taken in tiers (words of the title, then of
artist, then of album), a bounded number each, and only those are ranked.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from node.catalog.words import match_expression, sort_key
from node.doors.index.database import Database

_CANDIDATES: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """Row numbers, best first."""

    artists: list[int]
    albums: list[int]
    tracks: list[int]


class Search:
    """Part of the index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, query: str, *, tracks: int, albums: int, artists: int) -> Found:
        """The best matches of each kind, at most so many."""
        expression = match_expression(query)
        if not expression:
            return Found([], [], [])
        wanted = sort_key(query)
        with self._database.read() as sql:
            return Found(
                _named(sql, "artist", expression, ("name",), wanted, artists),
                _named(sql, "album", expression, ("name", "artist"), wanted, albums),
                _tracks(sql, expression, wanted, tracks),
            )


def _named(
    sql: sqlite3.Connection, table: str, expression: str, columns: tuple[str, ...], wanted: str, limit: int
) -> list[int]:
    """Artists or albums: those of that very name, those that begin with it, then the shortest."""
    found: dict[int, None] = {}
    every = _matching(sql, table, expression)
    for column in columns:
        if len(found) >= limit or found.keys() >= every:
            break
        rows = sql.execute(
            f"""SELECT x.n FROM {table} x
                JOIN (SELECT rowid FROM {table}_words WHERE {table}_words MATCH ? LIMIT ?) w ON w.rowid = x.n
                ORDER BY x.name_key != ?, substr(x.name_key, 1, ?) != ?, length(x.name_key), x.name_key, x.n
                LIMIT ?""",
            (f"{{{column}}} : ({expression})", _CANDIDATES, wanted, len(wanted), wanted, limit),
        )
        found.update(dict.fromkeys(row[0] for row in rows))
    return list(found)[:limit]


def _tracks(sql: sqlite3.Connection, expression: str, wanted: str, limit: int) -> list[int]:
    """Tracks whose title begins so, then those with the words in their title, artist, album, or anywhere."""
    found: dict[int, None] = {}
    if wanted:
        rows = sql.execute(
            """SELECT n FROM track WHERE hidden = 0 AND title_key >= ? AND title_key < ?
               ORDER BY title_key, n LIMIT ?""",
            (wanted, wanted + "\U0010ffff", limit),
        )
        found.update(dict.fromkeys(row[0] for row in rows))
    if len(found) >= limit:
        return list(found)[:limit]
    every = _matching(sql, "track", expression)
    for columns in ("title", "artist", "album", "title artist album"):
        if len(found) >= limit or found.keys() >= every:
            break
        rows = sql.execute(
            """SELECT t.n FROM track t JOIN (SELECT rowid FROM track_words WHERE track_words MATCH ? LIMIT ?) w
               ON w.rowid = t.n ORDER BY length(t.title_key), t.title_key, t.n LIMIT ?""",
            (f"{{{columns}}} : ({expression})", _CANDIDATES, limit),
        )
        found.update(dict.fromkeys(row[0] for row in rows))
    return list(found)[:limit]


def _matching(sql: sqlite3.Connection, table: str, expression: str) -> set[int]:
    """Row numbers of what matches in any column, or of so much of it that not all can be found by one tier.

    What few words find is mostly found by the first tier already, and the others need not be asked.
    """
    rows = sql.execute(
        f"SELECT rowid FROM {table}_words WHERE {table}_words MATCH ? LIMIT ?", (expression, _CANDIDATES + 1)
    )
    return {row[0] for row in rows}
