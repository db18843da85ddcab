"""Stars, ratings, plays, playlists and bookmarks as rows, in step with the catalog's registers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node.catalog import personal
from node.catalog.personal import BOOKMARK, Bookmark, Item, Queue
from node.catalog.register import Key
from node.catalog.vocabulary import PLAYLIST, PLAYS, RATING, STAR
from node.catalog.words import sort_key
from node.doors.index.database import Database, Step
from node.doors.index.registers import MAX_STORED_VALUE_BYTES
from node.errors import NotFoundError
from node.ids import TrackId
from node.wire.codec import unpack

_MARKS = (STAR, RATING, PLAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the person did with one track, album or artist."""

    starred_ms: int | None = None
    rating: int | None = None
    plays: int = 0
    played_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistRow:
    """A playlist without its entries; tracks that can't be shown here don't count."""

    id: str
    name: str
    comment: str
    created_ms: int
    changed_ms: int
    tracks: int
    duration_ms: int
    cover: str | None


class Personal:
    """Part of the index: reading what the person did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self, row_id: str) -> Mark:
        """Of a track, album or artist; an empty one if there is none."""
        row = self._database.one("SELECT starred_ms, rating, plays, played_ms FROM mark WHERE id = ?", row_id)
        return Mark() if row is None else Mark(starred_ms=row[0], rating=row[1], plays=row[2], played_ms=row[3])

    def playlists(self) -> list[PlaylistRow]:
        """Every playlist, by name."""
        return self._playlists("ORDER BY p.name_key, p.created_ms, p.id")

    def playlist(self, playlist_id: str) -> PlaylistRow:
        """Raises NotFoundError."""
        found = self._playlists("WHERE p.id = ?", playlist_id)
        if not found:
            raise NotFoundError("there is no such playlist in this library")
        return found[0]

    def items(self, playlist_id: str) -> list[tuple[str, Item]]:
        """A playlist's entries in order, each with its own name, also those that can't be shown here."""
        return [
            (item, Item(TrackId(track), position))
            for item, track, position in self._database.all(
                "SELECT item, track, position FROM playlist_item WHERE playlist = ? ORDER BY position, item",
                playlist_id,
            )
        ]

    def bookmarks(self) -> list[tuple[TrackId, Bookmark]]:
        """Bookmarks of tracks that are shown, latest first."""
        return [
            (
                TrackId(track),
                Bookmark(position_ms=position, comment=comment, created_ms=created, changed_ms=changed),
            )
            for track, position, comment, created, changed in self._database.all(
                """SELECT b.* FROM bookmark b JOIN track t ON t.id = b.track AND t.hidden = 0
                   ORDER BY b.changed_ms DESC, b.track"""
            )
        ]

    def bookmark(self, track_id: str) -> Bookmark | None:
        row = self._database.one(
            "SELECT position_ms, comment, created_ms, changed_ms FROM bookmark WHERE track = ?", track_id
        )
        if row is None:
            return None
        return Bookmark(position_ms=row[0], comment=row[1], created_ms=row[2], changed_ms=row[3])

    def queue(self) -> Queue | None:
        """The saved queue, if there is one."""
        with self._database.read() as sql:
            names = (personal.QUEUE_TRACKS, personal.QUEUE_AT)
            return personal.read_queue(
                {name: _shown(sql, Key(personal.QUEUE, personal.QUEUE_ROW, name)) for name in names}
            )

    def plays_by(self, track_id: str, field: str) -> tuple[int, int]:
        """How often and when last a track was played as one log counted."""
        with self._database.read() as sql:
            return personal.read_plays(_shown(sql, Key(PLAYS, track_id, field)))

    def touched(self, row_id: str) -> bool:
        """Whether the person has done anything with what bears this identifier."""
        row = self._database.one(
            """SELECT EXISTS (SELECT 1 FROM mark WHERE id = ?1) OR EXISTS (SELECT 1 FROM bookmark WHERE track = ?1)
               OR EXISTS (SELECT 1 FROM playlist_item WHERE track = ?1)""",
            row_id,
        )
        return bool(row and row[0])

    def entries_of(self, track_id: str) -> list[tuple[str, str, int]]:
        """(playlist, entry, position) of every entry that is this track."""
        return [
            (playlist, item, position)
            for playlist, item, position in self._database.all(
                "SELECT playlist, item, position FROM playlist_item WHERE track = ?", track_id
            )
        ]

    def _playlists(self, rest: str, *values: Any) -> list[PlaylistRow]:
        rows = self._database.all(
            f"""SELECT p.id, p.name, p.comment, p.created_ms, p.changed_ms,
                  (SELECT count(*) FROM playlist_item i JOIN track t ON t.id = i.track AND t.hidden = 0
                   WHERE i.playlist = p.id),
                  (SELECT coalesce(sum(t.duration_ms), 0) FROM playlist_item i
                   JOIN track t ON t.id = i.track AND t.hidden = 0 WHERE i.playlist = p.id),
                  (SELECT coalesce(t.cover, a.cover) FROM playlist_item i
                   JOIN track t ON t.id = i.track AND t.hidden = 0 LEFT JOIN album a ON a.n = t.album
                   WHERE i.playlist = p.id AND coalesce(t.cover, a.cover) NOT NULL ORDER BY i.position, i.item LIMIT 1)
                FROM playlist p {rest}""",
            *values,
        )
        return [
            PlaylistRow(
                id=row[0],
                name=row[1],
                comment=row[2],
                created_ms=row[3],
                changed_ms=row[4],
                tracks=row[5],
                duration_ms=row[6],
                cover=row[7],
            )
            for row in rows
        ]


def refresh_personal(step: Step) -> None:
    """Make the rows again that the touched registers decide."""
    if not step.personal:
        return
    marks: set[str] = set()
    playlists: set[str] = set()
    for key in step.personal:
        if key.table in _MARKS:
            marks.add(key.id)
        elif key.table == BOOKMARK:
            _refresh_bookmark(step.sql, key)
        elif key.table == PLAYLIST:
            if key.field.startswith(personal.ITEM_PREFIX):
                _refresh_item(step.sql, key)
            else:
                playlists.add(key.id)
    _refresh_marks(step.sql, sorted(marks))
    for playlist in sorted(playlists):
        _refresh_playlist(step.sql, playlist)
    step.personal.clear()
    step.changed = True


def touch_personal(step: Step) -> None:
    """Have every personal row made again: of what stands in the registers and of what is shown now."""
    sql = step.sql
    tables = json.dumps(sorted(personal.PERSONAL))
    step.personal.update(
        Key(*row)
        for row in sql.execute(
            "SELECT DISTINCT tbl, id, field FROM register WHERE tbl IN (SELECT value FROM json_each(?))", (tables,)
        )
    )
    step.personal.update(Key(STAR, row, "") for (row,) in sql.execute("SELECT id FROM mark"))
    step.personal.update(Key(BOOKMARK, row, "position") for (row,) in sql.execute("SELECT track FROM bookmark"))
    step.personal.update(Key(PLAYLIST, row, personal.NAME) for (row,) in sql.execute("SELECT id FROM playlist"))
    step.personal.update(
        Key(PLAYLIST, row, personal.ITEM_PREFIX + item)
        for row, item in sql.execute("SELECT playlist, item FROM playlist_item")
    )


def _refresh_marks(sql: sqlite3.Connection, ids: Sequence[str]) -> None:
    stars: dict[str, int] = {}
    ratings: dict[str, int] = {}
    plays: dict[str, tuple[int, int]] = {}
    seen: set[Key] = set()
    for table, row, name, raw in sql.execute(
        """SELECT r.tbl, r.id, r.field, r.value FROM json_each(?) j
           CROSS JOIN register r ON r.tbl IN ('star', 'rating', 'plays') AND r.id = j.value
           JOIN log l ON l.n = r.log ORDER BY r.tbl, r.id, r.field, r.stamp DESC, l.id DESC""",
        (json.dumps([*ids]),),
    ):
        if (key := Key(table, row, name)) in seen:
            continue
        seen.add(key)
        value = unpack(raw, max_bytes=MAX_STORED_VALUE_BYTES)
        if table == STAR and (at_ms := personal.read_time(value)) is not None:
            stars[row] = max(stars.get(row, 0), at_ms)
        elif table == RATING and (rating := personal.read_rating(value)) is not None:
            ratings[row] = rating
        elif table == PLAYS:
            count, last_ms = personal.read_plays(value)
            before = plays.get(row, (0, 0))
            plays[row] = before[0] + count, max(before[1], last_ms)
    shown = [row for row in ids if row in stars or row in ratings or plays.get(row, (0, 0))[0]]
    sql.executemany("DELETE FROM mark WHERE id = ?", [(row,) for row in ids])
    sql.executemany(
        "INSERT INTO mark VALUES (?, ?, ?, ?, ?)",
        [
            (row, stars.get(row), ratings.get(row), plays.get(row, (0, 0))[0], plays.get(row, (0, 0))[1] or None)
            for row in shown
        ],
    )


def _refresh_bookmark(sql: sqlite3.Connection, key: Key) -> None:
    bookmark = personal.read_bookmark(_shown(sql, Key(BOOKMARK, key.id, "position")))
    sql.execute("DELETE FROM bookmark WHERE track = ?", (key.id,))
    if bookmark is not None:
        sql.execute(
            "INSERT INTO bookmark VALUES (?, ?, ?, ?, ?)",
            (key.id, bookmark.position_ms, bookmark.comment, bookmark.created_ms, bookmark.changed_ms),
        )


def _refresh_item(sql: sqlite3.Connection, key: Key) -> None:
    name = key.field.removeprefix(personal.ITEM_PREFIX)
    item = personal.read_item(_shown(sql, key))
    if item is None:
        sql.execute("DELETE FROM playlist_item WHERE playlist = ? AND item = ?", (key.id, name))
    else:
        sql.execute(
            "INSERT OR REPLACE INTO playlist_item VALUES (?, ?, ?, ?)", (key.id, name, item.position, item.track)
        )


def _refresh_playlist(sql: sqlite3.Connection, playlist: str) -> None:
    name = personal.read_text(_shown(sql, Key(PLAYLIST, playlist, personal.NAME)), personal.MAX_NAME_CHARS)
    sql.execute("DELETE FROM playlist WHERE id = ?", (playlist,))
    if name is None:
        return
    comment = personal.read_text(_shown(sql, Key(PLAYLIST, playlist, personal.COMMENT)), personal.MAX_COMMENT_CHARS)
    created_ms = personal.read_time(_shown(sql, Key(PLAYLIST, playlist, personal.CREATED))) or 0
    changed_ms = personal.read_time(_shown(sql, Key(PLAYLIST, playlist, personal.CHANGED))) or created_ms
    sql.execute(
        "INSERT INTO playlist VALUES (?, ?, ?, ?, ?, ?)",
        (playlist, name, sort_key(name), comment or "", created_ms, changed_ms),
    )


def _shown(sql: sqlite3.Connection, key: Key) -> Any:
    row = sql.execute(
        """SELECT r.value FROM register r JOIN log l ON l.n = r.log WHERE r.tbl = ? AND r.id = ? AND r.field = ?
           ORDER BY r.stamp DESC, l.id DESC LIMIT 1""",
        key,
    ).fetchone()
    return None if row is None else unpack(row[0], max_bytes=MAX_STORED_VALUE_BYTES)
