"""Songs, albums and artists with all that music apps are told of them: how they are read from the index's rows."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from node.catalog.extras import Extras

SONG_COLUMNS: Final = """t.id, t.shown, t.extras, a.id, a.name, a.artists, coalesce(t.cover, a.cover), m.starred_ms,
    m.rating, m.plays, m.played_ms, b.position_ms"""
SONG_JOINS: Final = """LEFT JOIN album a ON a.n = t.album LEFT JOIN mark m ON m.id = t.id
    LEFT JOIN bookmark b ON b.track = t.id"""
# The plays of an album are those of its tracks; both figures in one text, since a subquery gives one value.
ALBUM_COLUMNS: Final = """a.id, a.name, a.name_key, a.artists, a.year, a.tracks, a.duration_ms, a.cover, a.added_ms,
    a.compilation, m.starred_ms, m.rating,
    (SELECT t.extras FROM track t WHERE t.album = a.n AND t.hidden = 0 ORDER BY t.disc_no, t.track_no, t.n LIMIT 1),
    (SELECT coalesce(sum(x.plays), 0) || ' ' || coalesce(max(x.played_ms), 0) FROM track t JOIN mark x ON x.id = t.id
     WHERE t.album = a.n AND t.hidden = 0),
    a.genres"""
ALBUM_JOINS: Final = "LEFT JOIN mark m ON m.id = a.id"
ARTIST_COLUMNS: Final = """r.id, r.name, r.name_key, r.albums, r.tracks, r.cover, m.starred_ms, m.rating,
    (SELECT t.extras FROM track_artist x JOIN track t ON t.n = x.track AND t.hidden = 0
     WHERE x.artist = r.n AND json_array_length(t.shown, '$.artists') = 1 LIMIT 1)"""
ARTIST_JOINS: Final = "LEFT JOIN mark m ON m.id = r.id"


class Song(NamedTuple):
    """A track. `shown` is what lists show of it (node/catalog/listing.py)."""

    id: str
    shown: dict[str, Any]
    extras: Extras
    album: str | None
    album_name: str
    album_artists: list[dict[str, str]]
    cover: str | None
    starred_ms: int | None
    rating: int | None
    plays: int
    played_ms: int | None
    bookmark_ms: int | None


class AlbumDetail(NamedTuple):
    id: str
    name: str
    name_key: str
    artists: list[dict[str, str]]
    year: int
    tracks: int
    duration_ms: int
    cover: str | None
    added_ms: int
    compilation: bool
    starred_ms: int | None
    rating: int | None
    extras: Extras
    """Of its first track."""
    plays: int
    played_ms: int | None
    genres: list[str]


class ArtistDetail(NamedTuple):
    id: str
    name: str
    name_key: str
    albums: int
    tracks: int
    cover: str | None
    starred_ms: int | None
    rating: int | None
    extras: Extras
    """Of a track that is theirs alone."""


def song_of(row: tuple[Any, ...]) -> Song:
    track, shown, extras, album, album_name, artists, *rest = row
    cover, starred_ms, rating, plays, played_ms, bookmark_ms = rest
    return Song(
        track, json.loads(shown), json.loads(extras), album, album_name or "", json.loads(artists) if artists else [],
        cover, starred_ms, rating, plays or 0, played_ms, bookmark_ms,
    )  # fmt: skip


def album_of(row: tuple[Any, ...]) -> AlbumDetail:
    values = list(row)
    plays, _, played_ms = values[13].partition(" ")
    values[3] = json.loads(values[3])
    values[9] = bool(values[9])
    values[12] = json.loads(values[12]) if values[12] else {}
    values[13:] = [int(plays), int(played_ms) or None, values[14].split("\x1f") if values[14] else []]
    return AlbumDetail._make(values)


def artist_of(row: tuple[Any, ...]) -> ArtistDetail:
    return ArtistDetail._make((*row[:-1], json.loads(row[-1]) if row[-1] else {}))
