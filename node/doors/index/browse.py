"""Songs, albums and artists as music apps ask for them: with all their tags, stars, ratings and plays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from node.doors.index.database import Database
from node.doors.index.details import (
    ALBUM_COLUMNS,
    ALBUM_JOINS,
    ARTIST_COLUMNS,
    ARTIST_JOINS,
    SONG_COLUMNS,
    SONG_JOINS,
    AlbumDetail,
    ArtistDetail,
    Song,
    album_of,
    artist_of,
    song_of,
)

AlbumList = Literal[
    "random", "newest", "highest", "frequent", "recent", "starred", "alphabeticalByName", "alphabeticalByArtist",
    "added",
]  # fmt: skip
"""`added`: in the order in which they came, which never changes."""
Named = Literal["track", "album", "artist", "playlist"]

_ALBUM_LISTS: Final[dict[AlbumList, tuple[str, str]]] = {
    "random": ("", "random()"),
    "newest": ("", "a.added_ms DESC, a.n DESC"),
    "added": ("", "a.n"),
    "alphabeticalByName": ("", "a.name_key, a.n"),
    "alphabeticalByArtist": ("", "a.artist_key, a.year, a.name_key, a.n"),
    "highest": ("JOIN mark s ON s.id = a.id AND s.rating NOT NULL", "s.rating DESC, a.name_key, a.n"),
    "starred": ("JOIN mark s ON s.id = a.id AND s.starred_ms NOT NULL", "s.starred_ms DESC, a.n"),
    "frequent": ("JOIN played s ON s.album = a.n", "s.plays DESC, a.n"),
    "recent": ("JOIN played s ON s.album = a.n", "s.played_ms DESC, a.n"),
}
_PLAYED: Final = """WITH played AS MATERIALIZED (
    SELECT t.album AS album, sum(x.plays) AS plays, max(x.played_ms) AS played_ms
    FROM mark x JOIN track t ON t.id = x.id WHERE x.plays > 0 AND t.hidden = 0 GROUP BY t.album)"""


_SAMPLE: Final = 2_000
"""Tracks that similar artists are looked for among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Years:
    """From one year to another, both included; the other way round if `first` is the later one."""

    first: int
    last: int


class Browse:
    """Part of the index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Names

    def find(self, row_id: str) -> tuple[Named, str] | None:
        """What an identifier names, and what that is called now: former names of all but playlists go on to work."""
        row = self._database.one(
            """SELECT 'track', id FROM track WHERE id = ?1
               UNION ALL SELECT 'album', id FROM album WHERE id = ?1
               UNION ALL SELECT 'artist', id FROM artist WHERE id = ?1
               UNION ALL SELECT 'playlist', id FROM playlist WHERE id = ?1
               UNION ALL SELECT 'track', t.id FROM alias l JOIN track t ON t.id = l.track WHERE l.id = ?1 LIMIT 1""",
            row_id,
        )
        return (row[0], row[1]) if row else None

    def album_now(self, album_id: str) -> str | None:
        """What an album is called now, whatever it was called before."""
        row = self._database.one(
            """SELECT id FROM album WHERE id = ?1 UNION ALL
               SELECT a.id FROM former f LEFT JOIN alias l ON l.id = f.track
               JOIN track t ON t.id = coalesce(l.track, f.track) JOIN album a ON a.n = t.album
               WHERE f.id = ?1 LIMIT 1""",
            album_id,
        )
        return row[0] if row else None

    def artist_now(self, artist_id: str) -> str | None:
        """What an artist is called now: after a retag, the first artist of a track that had this one."""
        row = self._database.one(
            """SELECT id FROM artist WHERE id = ?1 UNION ALL
               SELECT r.id FROM former f LEFT JOIN alias l ON l.id = f.track
               JOIN track t ON t.id = coalesce(l.track, f.track)
               JOIN artist r ON r.id = json_extract(t.shown, '$.artists[0].id') WHERE f.id = ?1 LIMIT 1""",
            artist_id,
        )
        return row[0] if row else None

    def shown(self, track_ids: Sequence[str]) -> set[str]:
        """Which of these tracks are shown."""
        rows = self._database.all(
            "SELECT t.id FROM json_each(?) j CROSS JOIN track t ON t.id = j.value WHERE t.hidden = 0",
            json.dumps([*track_ids]),
        )
        return {row[0] for row in rows}

    # Songs

    def songs(self, track_ids: Sequence[str]) -> list[Song]:
        """Tracks in the order asked for; those that are not shown are left out. Provisional names work."""
        return self._songs(
            """FROM json_each(?) j LEFT JOIN alias l ON l.id = j.value
               CROSS JOIN track t ON t.id = coalesce(l.track, j.value) AND t.hidden = 0""",
            "ORDER BY j.key",
            json.dumps([*track_ids]),
        )

    def songs_by_number(self, numbers: Sequence[int]) -> list[Song]:
        """Tracks in the order of their given row numbers."""
        return self._songs(
            "FROM json_each(?) j CROSS JOIN track t ON t.n = j.value", "ORDER BY j.key", json.dumps([*numbers])
        )

    def all_songs(self, offset: int, limit: int) -> list[Song]:
        """A page of all tracks in the order in which they came."""
        return self._songs("FROM track t", "WHERE t.hidden = 0 ORDER BY t.n LIMIT ? OFFSET ?", limit, offset)

    def album_songs(self, album_id: str) -> list[Song]:
        return self._songs(
            "FROM album o JOIN track t ON t.album = o.n AND t.hidden = 0",
            "WHERE o.id = ? ORDER BY t.disc_no, t.track_no, t.n",
            album_id,
        )

    def playlist_songs(self, playlist_id: str) -> list[Song]:
        """The entries of a playlist that can be shown."""
        return self._songs(
            "FROM playlist_item i JOIN track t ON t.id = i.track AND t.hidden = 0",
            "WHERE i.playlist = ? ORDER BY i.position, i.item",
            playlist_id,
        )

    def genre_songs(self, genre_key: str, offset: int, limit: int) -> list[Song]:
        """Tracks of a genre (folded name) by album."""
        return self._songs(
            "FROM genre g JOIN track_genre x ON x.genre = g.n JOIN track t ON t.n = x.track AND t.hidden = 0",
            "WHERE g.key = ? ORDER BY t.album_key, t.album, t.disc_no, t.track_no, t.n LIMIT ? OFFSET ?",
            genre_key, limit, offset,
        )  # fmt: skip

    def random_songs(self, limit: int, *, genre_key: str | None = None, years: Years | None = None) -> list[Song]:
        """Some tracks, of a genre or of some years if asked."""
        parts, values = ["t.hidden = 0"], list[Any]()
        if genre_key is not None:
            parts.append("t.n IN (SELECT x.track FROM genre g JOIN track_genre x ON x.genre = g.n WHERE g.key = ?)")
            values.append(genre_key)
        if years is not None:
            parts.append("t.year BETWEEN ? AND ?")
            values += sorted((years.first, years.last))
        # Drawn by number alone first: whole rows are read of the lucky ones only.
        return self._songs(
            f"FROM (SELECT t.n FROM track t WHERE {' AND '.join(parts)} ORDER BY random() LIMIT ?) j "
            "JOIN track t ON t.n = j.n",
            "ORDER BY random()",
            *values,
            limit,
        )

    def starred_songs(self) -> list[Song]:
        """Latest star first."""
        return self._songs(
            "FROM mark s JOIN track t ON t.id = s.id AND t.hidden = 0",
            "WHERE s.starred_ms NOT NULL ORDER BY s.starred_ms DESC, t.n",
        )

    def top_songs(self, artist_id: str, limit: int) -> list[Song]:
        """An artist's tracks, those most played, then best rated, then starred first."""
        return self._songs(
            """FROM artist r JOIN track_artist x ON x.artist = r.n JOIN track t ON t.n = x.track AND t.hidden = 0""",
            """WHERE r.id = ? ORDER BY coalesce(m.plays, 0) DESC, coalesce(m.rating, 0) DESC, m.starred_ms IS NULL,
               t.year DESC, t.album, t.disc_no, t.track_no, t.n LIMIT ?""",
            artist_id, limit,
        )  # fmt: skip

    def similar_songs(self, track_ids: Sequence[str], limit: int) -> list[Song]:
        """Tracks that share genres or artists with the given ones, most shared first, chance deciding the rest."""
        return self._songs(
            """FROM (SELECT n, sum(weight) AS score FROM (
                 SELECT y.track AS n, 2 AS weight FROM json_each(?1) j CROSS JOIN track o ON o.id = j.value
                   JOIN track_artist x ON x.track = o.n JOIN track_artist y ON y.artist = x.artist
                 UNION ALL SELECT y.track, 1 FROM json_each(?1) j CROSS JOIN track o ON o.id = j.value
                   JOIN track_genre x ON x.track = o.n JOIN track_genre y ON y.genre = x.genre)
               GROUP BY n ORDER BY score DESC, random() LIMIT ?2) c
               JOIN track t ON t.n = c.n AND t.hidden = 0 AND t.id NOT IN (SELECT value FROM json_each(?1))""",
            "ORDER BY random() LIMIT ?3",
            json.dumps([*track_ids]), limit * 4, limit,
        )  # fmt: skip

    def _songs(self, source: str, rest: str, *values: Any) -> list[Song]:
        rows = self._database.all(f"SELECT {SONG_COLUMNS} {source} {SONG_JOINS} {rest}", *values)
        return [song_of(row) for row in rows]

    # Albums

    def albums(
        self,
        order: AlbumList,
        offset: int,
        limit: int,
        *,
        genre_key: str | None = None,
        years: Years | None = None,
    ) -> list[AlbumDetail]:
        """A page of one of the lists; with `genre_key` those of a genre, with `years` those of some years, by year."""
        join, by = _ALBUM_LISTS[order]
        parts, values = ["1"], list[Any]()
        if genre_key is not None:
            parts.append(
                """a.n IN (SELECT t.album FROM genre g JOIN track_genre x ON x.genre = g.n
                   JOIN track t ON t.n = x.track AND t.hidden = 0 WHERE g.key = ?)"""
            )
            values.append(genre_key)
        if years is not None:
            parts.append("a.year BETWEEN ? AND ?")
            values += sorted((years.first, years.last))
            by = f"a.year {'ASC' if years.first <= years.last else 'DESC'}, a.name_key, a.n"
        played = _PLAYED if "played" in join else ""
        drawn = self._database.all(
            f"{played} SELECT a.n FROM album a {join} WHERE {' AND '.join(parts)} ORDER BY {by} LIMIT ? OFFSET ?",
            *values, limit, offset,
        )  # fmt: skip
        return self.albums_by_number([row[0] for row in drawn])

    def albums_by_number(self, numbers: Sequence[int]) -> list[AlbumDetail]:
        """Albums in the order of their given row numbers."""
        return self._albums(
            "FROM json_each(?) j CROSS JOIN album a ON a.n = j.value", "ORDER BY j.key", json.dumps([*numbers])
        )

    def album(self, album_id: str) -> AlbumDetail | None:
        found = self._albums("FROM album a", "WHERE a.id = ?", album_id)
        return found[0] if found else None

    def artist_albums(self, artist_id: str) -> list[AlbumDetail]:
        """Albums that bear the artist's name, then those of others on which they play; oldest first."""
        return self._albums(
            """FROM (SELECT album, min(guest) AS guest FROM (
                 SELECT y.album AS album, 0 AS guest FROM artist r JOIN album_artist y ON y.artist = r.n WHERE r.id = ?1
                 UNION ALL SELECT t.album, 1 FROM artist r JOIN track_artist x ON x.artist = r.n
                 JOIN track t ON t.n = x.track AND t.hidden = 0 WHERE r.id = ?1 AND t.album NOT NULL)
               GROUP BY album) o JOIN album a ON a.n = o.album""",
            "ORDER BY o.guest, a.year, a.name_key, a.n",
            artist_id,
        )

    def former_starred_albums(self) -> list[str]:
        """Identifiers with a star that were an album's and are none's now."""
        rows = self._database.all(
            """SELECT s.id FROM mark s JOIN former f ON f.id = s.id WHERE s.starred_ms NOT NULL
               AND NOT EXISTS (SELECT 1 FROM album a WHERE a.id = s.id)
               AND NOT EXISTS (SELECT 1 FROM artist r WHERE r.id = s.id)"""
        )
        return [row[0] for row in rows]

    def _albums(self, source: str, rest: str, *values: Any) -> list[AlbumDetail]:
        rows = self._database.all(f"SELECT {ALBUM_COLUMNS} {source} {ALBUM_JOINS} {rest}", *values)
        return [album_of(row) for row in rows]

    # Artists

    def album_artists(self) -> list[ArtistDetail]:
        """Every artist whose name an album bears, by name."""
        return self._artists("FROM artist r", "WHERE r.albums > 0 ORDER BY r.name_key, r.n")

    def all_artists(self, offset: int, limit: int) -> list[ArtistDetail]:
        """A page of all artists in the order in which they came."""
        return self._artists("FROM artist r", "ORDER BY r.n LIMIT ? OFFSET ?", limit, offset)

    def artists_by_number(self, numbers: Sequence[int]) -> list[ArtistDetail]:
        """Artists in the order of their given row numbers."""
        return self._artists(
            "FROM json_each(?) j CROSS JOIN artist r ON r.n = j.value", "ORDER BY j.key", json.dumps([*numbers])
        )

    def artist(self, artist_id: str) -> ArtistDetail | None:
        found = self._artists("FROM artist r", "WHERE r.id = ?", artist_id)
        return found[0] if found else None

    def starred_artists(self) -> list[ArtistDetail]:
        """Latest star first."""
        return self._artists(
            "FROM mark s JOIN artist r ON r.id = s.id", "WHERE s.starred_ms NOT NULL ORDER BY s.starred_ms DESC, r.n"
        )

    def similar_artists(self, artist_id: str, limit: int) -> list[ArtistDetail]:
        """Artists of albums, those with most tracks of this one's genres first; of a large library a sample counts."""
        return self._artists(
            """FROM (SELECT y.artist AS n, count(*) AS score
                 FROM (SELECT h.track FROM track_genre h WHERE h.genre IN
                         (SELECT g.genre FROM artist o JOIN track_artist x ON x.artist = o.n
                          JOIN track_genre g ON g.track = x.track WHERE o.id = ?1)
                       ORDER BY random() LIMIT ?3) s
                 JOIN track_artist y ON y.track = s.track GROUP BY y.artist) c
               JOIN artist r ON r.n = c.n AND r.albums > 0 AND r.id != ?1""",
            "ORDER BY c.score DESC, r.name_key LIMIT ?2",
            artist_id, limit, _SAMPLE,
        )  # fmt: skip

    def artist_tracks(self, artist_id: str, limit: int) -> list[str]:
        """Identifiers of some tracks of an artist."""
        rows = self._database.all(
            """SELECT t.id FROM artist r JOIN track_artist x ON x.artist = r.n
               JOIN track t ON t.n = x.track AND t.hidden = 0 WHERE r.id = ? ORDER BY random() LIMIT ?""",
            artist_id, limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def _artists(self, source: str, rest: str, *values: Any) -> list[ArtistDetail]:
        rows = self._database.all(f"SELECT {ARTIST_COLUMNS} {source} {ARTIST_JOINS} {rest}", *values)
        return [artist_of(row) for row in rows]
