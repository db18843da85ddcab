"""Pages of tracks, albums, artists and genres, read from the projection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from node.catalog.words import fold
from node.doors.index.database import Database
from node.doors.index.personal import Mark
from node.errors import NotFoundError

TrackOrder = Literal["title", "artist", "album", "added", "year", "duration"]
AlbumOrder = Literal["name", "artist", "year", "added"]

_TRACK_COLUMNS: Final = """t.id, t.shown, a.id, a.name, a.artists, coalesce(t.cover, a.cover), t.sealed, t.mobile,
    (SELECT min(CASE WHEN s.state = 'missing' THEN 4 WHEN f.state = 'away' THEN 3 WHEN s.ctime_ns = 0 THEN 2
     WHEN s.state = 'changed' THEN 1 ELSE 0 END)
     FROM source s JOIN folder f ON f.id = s.folder WHERE s.track = t.id),
    (SELECT max(b.stored > 0) FROM named_blob x JOIN blob b ON b.root = x.root WHERE x.row = t.id AND NOT b.damaged
     AND x.purpose = 1),
    (SELECT max(b.stored > 0) FROM named_blob x JOIN blob b ON b.root = x.root WHERE x.row = t.id AND NOT b.damaged
     AND x.purpose = 2), m.starred_ms, m.rating, m.plays, m.played_ms"""
_TRACK_JOINS: Final = "LEFT JOIN album a ON a.n = t.album LEFT JOIN mark m ON m.id = t.id"
_TRACK_FROM: Final = f"FROM track t {_TRACK_JOINS}"
_TRACK_ORDERS: Final[dict[str, tuple[str, ...]]] = {
    "title": ("t.title_key *", "t.n *"),
    "artist": ("t.artist_key *", "t.album_key", "t.disc_no", "t.track_no", "t.n"),
    "album": ("t.album_key *", "t.album", "t.disc_no", "t.track_no", "t.n"),
    "added": ("t.added_ms *", "t.n *"),
    "year": ("t.year *", "t.album_key", "t.disc_no", "t.track_no", "t.n"),
    "duration": ("t.duration_ms *", "t.n *"),
}
_ALBUM_COLUMNS: Final = """a.id, a.name, a.artists, a.year, a.tracks, a.discs, a.duration_ms, a.cover, a.added_ms,
    a.compilation, m.starred_ms, m.rating, a.genres"""
_ALBUM_ORDERS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("a.name_key *", "a.n *"),
    "artist": ("a.artist_key *", "a.year", "a.name_key", "a.n"),
    "year": ("a.year *", "a.name_key", "a.n"),
    "added": ("a.added_ms *", "a.n *"),
}
_ARTIST_COLUMNS: Final = "r.id, r.name, r.albums, r.tracks, r.cover, m.starred_ms, m.rating"
_ARTIST_JOINS: Final = "LEFT JOIN mark m ON m.id = r.id"


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One track as lists show it. `source`: 0 present, 1 changed, 2 in the cloud, 3 away, 4 missing, None: never."""

    id: str
    shown: dict[str, Any]
    album: dict[str, str] | None
    album_artists: list[dict[str, str]]
    cover: str | None
    sealed: bool
    mobile: bool
    source: int | None
    original_here: bool
    mobile_here: bool
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumRow:
    id: str
    name: str
    artists: list[dict[str, str]]
    year: int | None
    genres: list[str]
    tracks: int
    discs: int
    duration_ms: int
    cover: str | None
    added_ms: int
    compilation: bool
    starred_ms: int | None
    rating: int | None


@dataclass(frozen=True, slots=True)
class ArtistRow:
    id: str
    name: str
    albums: int
    tracks: int
    cover: str | None
    starred_ms: int | None
    rating: int | None


@dataclass(frozen=True, slots=True)
class GenreRow:
    name: str
    tracks: int
    albums: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    tracks: int
    albums: int
    artists: int
    genres: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """Which tracks or albums: those of an album, an artist, a genre (by name); None for all."""

    album: str | None = None
    artist: str | None = None
    genre: str | None = None


class Pages:
    """Part of the index: what lists show, a page at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """Counts what a person could see change; never goes back."""
        row = self._database.one("SELECT revision FROM state")
        return 0 if row is None else int(row[0])

    def counts(self) -> Counts:
        """How much music there is."""
        row = self._database.one(
            """SELECT count(*), coalesce(sum(duration_ms), 0), (SELECT count(*) FROM album),
               (SELECT count(*) FROM artist), (SELECT count(*) FROM genre) FROM track INDEXED BY track_by_duration
               WHERE hidden = 0"""
        )
        assert row is not None
        return Counts(tracks=row[0], duration_ms=row[1], albums=row[2], artists=row[3], genres=row[4])

    def tracks(
        self, narrowed: Narrowed, *, order: TrackOrder, descending: bool, offset: int, limit: int
    ) -> tuple[int, list[TrackRow]]:
        """How many tracks there are in all, and a page of them. An album's come in its own order whatever is asked."""
        where, values = _track_filter(narrowed)
        orders = _TRACK_ORDERS["album" if narrowed.album else order]
        by = _order_by(orders, descending and not narrowed.album)
        with self._database.read() as sql:
            by_index = "" if values else "INDEXED BY track_by_added"  # a tenth of reading the rows
            total = sql.execute(f"SELECT count(*) FROM track t {by_index} WHERE {where}", values).fetchone()[0]
            numbers = sql.execute(
                f"SELECT t.n FROM track t WHERE {where} ORDER BY {by} LIMIT ? OFFSET ?", (*values, limit, offset)
            )
            return total, _tracks_by_number(sql, [n for (n,) in numbers])

    def track(self, track_id: str) -> TrackRow:
        """One track, also a hidden one. Raises NotFoundError."""
        row = self._database.one(f"SELECT {_TRACK_COLUMNS} {_TRACK_FROM} WHERE t.id = ?", track_id)
        if row is None:
            raise NotFoundError("there is no such track in this library")
        return _track(row)

    def tracks_by_number(self, numbers: Sequence[int]) -> list[TrackRow]:
        """Tracks in the order of their given row numbers."""
        with self._database.read() as sql:
            return _tracks_by_number(sql, numbers)

    def played(self, order: Literal["most", "last"], limit: int) -> list[TrackRow]:
        """Tracks that were played at least once: the most played, or the last played, first."""
        by = {"most": "m.plays DESC, m.played_ms DESC", "last": "m.played_ms DESC"}[order]
        with self._database.read() as sql:
            numbers = sql.execute(
                f"""SELECT t.n FROM mark m JOIN track t ON t.id = m.id WHERE m.plays > 0 AND t.hidden = 0
                    ORDER BY {by}, t.n LIMIT ?""",
                (limit,),
            )
            return _tracks_by_number(sql, [n for (n,) in numbers])

    def albums(
        self, narrowed: Narrowed, *, order: AlbumOrder, descending: bool, offset: int, limit: int
    ) -> tuple[int, list[AlbumRow]]:
        """How many albums there are in all, and a page of them; an artist's are those that bear the artist's name."""
        where, values = _album_filter(narrowed)
        by = _order_by(_ALBUM_ORDERS[order], descending)
        total_row = self._database.one(f"SELECT count(*) FROM album a WHERE {where}", *values)
        assert total_row is not None
        return total_row[0], self._albums(f"WHERE {where} ORDER BY {by} LIMIT ? OFFSET ?", *values, limit, offset)

    def album(self, album_id: str) -> AlbumRow:
        """Raises NotFoundError."""
        found = self._albums("WHERE a.id = ?", album_id)
        if not found:
            raise NotFoundError("there is no such album in this library")
        return found[0]

    def appears_on(self, artist_id: str, limit: int) -> list[AlbumRow]:
        """Albums of others on which an artist plays, oldest first."""
        return self._albums(
            """WHERE a.n IN (SELECT t.album FROM artist r JOIN track_artist x ON x.artist = r.n
                             JOIN track t ON t.n = x.track WHERE r.id = ? AND t.hidden = 0)
               AND a.n NOT IN (SELECT y.album FROM artist r JOIN album_artist y ON y.artist = r.n WHERE r.id = ?)
               ORDER BY a.year, a.name_key, a.n LIMIT ?""",
            artist_id, artist_id, limit,
        )  # fmt: skip

    def albums_by_number(self, numbers: Sequence[int]) -> list[AlbumRow]:
        """Albums in the order of their given row numbers."""
        return self._albums("JOIN json_each(?) j ON j.value = a.n ORDER BY j.key", json.dumps([*numbers]))

    def artists(self, *, offset: int, limit: int) -> tuple[int, list[ArtistRow]]:
        """How many artists there are in all, and a page of them by name."""
        total = self._database.one("SELECT count(*) FROM artist")
        assert total is not None
        rows = self._database.all(
            f"SELECT {_ARTIST_COLUMNS} FROM artist r {_ARTIST_JOINS} ORDER BY r.name_key, r.n LIMIT ? OFFSET ?",
            limit,
            offset,
        )
        return total[0], [ArtistRow(*row) for row in rows]

    def artist(self, artist_id: str) -> ArtistRow:
        """Raises NotFoundError."""
        row = self._database.one(f"SELECT {_ARTIST_COLUMNS} FROM artist r {_ARTIST_JOINS} WHERE r.id = ?", artist_id)
        if row is None:
            raise NotFoundError("there is no such artist in this library")
        return ArtistRow(*row)

    def artists_by_number(self, numbers: Sequence[int]) -> list[ArtistRow]:
        """Artists in the order of their given row numbers."""
        rows = self._database.all(
            f"""SELECT {_ARTIST_COLUMNS} FROM json_each(?) j CROSS JOIN artist r ON r.n = j.value
                {_ARTIST_JOINS} ORDER BY j.key""",
            json.dumps([*numbers]),
        )
        return [ArtistRow(*row) for row in rows]

    def genres(self) -> list[GenreRow]:
        """Every genre, by name."""
        rows = self._database.all(
            """SELECT g.name, x.tracks, x.albums FROM genre g JOIN
                 (SELECT genre, count(*) AS tracks, count(DISTINCT album) AS albums FROM track_genre GROUP BY genre) x
               ON x.genre = g.n ORDER BY g.key"""
        )
        return [GenreRow(*row) for row in rows]

    def ids(self, after: str, limit: int) -> list[str]:
        """Identifiers of shown tracks in their own order, those above `after`: to go through all in small memory."""
        rows = self._database.all("SELECT id FROM track WHERE id > ? AND hidden = 0 ORDER BY id LIMIT ?", after, limit)
        return [row[0] for row in rows]

    def _albums(self, rest: str, *values: Any) -> list[AlbumRow]:
        with self._database.read() as sql:
            rows = sql.execute(
                f"SELECT {_ALBUM_COLUMNS} FROM album a LEFT JOIN mark m ON m.id = a.id {rest}", values
            ).fetchall()
        return [_album(row) for row in rows]


def _tracks_by_number(sql: sqlite3.Connection, numbers: Sequence[int]) -> list[TrackRow]:
    rows = sql.execute(
        f"""SELECT {_TRACK_COLUMNS} FROM json_each(?) j CROSS JOIN track t ON t.n = j.value
            {_TRACK_JOINS} ORDER BY j.key""",
        (json.dumps([*numbers]),),
    )
    return [_track(row) for row in rows]


def _track_filter(narrowed: Narrowed) -> tuple[str, tuple[Any, ...]]:
    parts, values = ["t.hidden = 0"], []
    if narrowed.album is not None:
        parts.append("t.album = (SELECT n FROM album WHERE id = ?)")
        values.append(narrowed.album)
    if narrowed.artist is not None:
        parts.append("t.n IN (SELECT x.track FROM artist r JOIN track_artist x ON x.artist = r.n WHERE r.id = ?)")
        values.append(narrowed.artist)
    if narrowed.genre is not None:
        parts.append("t.n IN (SELECT x.track FROM genre g JOIN track_genre x ON x.genre = g.n WHERE g.key = ?)")
        values.append(fold(narrowed.genre))
    return " AND ".join(parts), tuple(values)


def _album_filter(narrowed: Narrowed) -> tuple[str, tuple[Any, ...]]:
    parts, values = ["1"], []
    if narrowed.artist is not None:
        parts.append("a.n IN (SELECT x.album FROM artist r JOIN album_artist x ON x.artist = r.n WHERE r.id = ?)")
        values.append(narrowed.artist)
    if narrowed.genre is not None:
        parts.append(
            """a.n IN (SELECT t.album FROM genre g JOIN track_genre x ON x.genre = g.n JOIN track t ON t.n = x.track
               WHERE g.key = ?)"""
        )
        values.append(fold(narrowed.genre))
    return " AND ".join(parts), tuple(values)


def _order_by(orders: tuple[str, ...], descending: bool) -> str:
    return ", ".join(order.replace("*", "DESC" if descending else "ASC") for order in orders)


def _track(row: tuple[Any, ...]) -> TrackRow:
    track, shown, album, name, artists, cover, sealed, mobile, source, original_here, mobile_here, *mark = row
    return TrackRow(
        track,
        json.loads(shown),
        None if album is None else {"id": album, "name": name},
        [] if artists is None else json.loads(artists),
        cover,
        bool(sealed),
        bool(mobile),
        source,
        bool(original_here),
        bool(mobile_here),
        Mark(starred_ms=mark[0], rating=mark[1], plays=mark[2] or 0, played_ms=mark[3]),
    )


def _album(row: tuple[Any, ...]) -> AlbumRow:
    album, name, artists, year, tracks, discs, duration_ms, cover, added_ms, compilation, *mark, genres = row
    return AlbumRow(
        id=album,
        name=name,
        artists=json.loads(artists),
        year=year or None,
        genres=genres.split("\x1f") if genres else [],
        tracks=tracks,
        discs=discs,
        duration_ms=duration_ms,
        cover=cover,
        added_ms=added_ms,
        compilation=bool(compilation),
        starred_ms=mark[0],
        rating=mark[1],
    )
