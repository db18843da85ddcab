"""What albums, artists and genres show of their tracks: counted again for those that a change touched."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from node.catalog.listing import VARIOUS, album_artists
from node.catalog.words import artist_id, search_words, sort_key


@dataclass(slots=True)
class Touched:
    """Row numbers of what has to be counted again."""

    albums: set[int] = field(default_factory=set)
    artists: set[int] = field(default_factory=set)
    genres: set[int] = field(default_factory=set)


def refresh_totals(sql: sqlite3.Connection, touched: Touched) -> None:
    """Count touched albums, then artists and genres; those with nothing left go."""
    _refresh_albums(sql, touched)
    _refresh_artists(sql, touched)
    _refresh_genres(sql, touched)


def _refresh_albums(sql: sqlite3.Connection, touched: Touched) -> None:
    if not touched.albums:
        return
    wanted = (json.dumps(sorted(touched.albums)),)
    for (artist,) in sql.execute(
        "SELECT DISTINCT x.artist FROM json_each(?) j CROSS JOIN album_artist x ON x.album = j.value", wanted
    ):
        touched.artists.add(artist)
    sql.execute("DELETE FROM album_artist WHERE album IN (SELECT value FROM json_each(?))", wanted)
    sql.execute("DELETE FROM album_words WHERE rowid IN (SELECT value FROM json_each(?))", wanted)
    sql.execute(
        """DELETE FROM album WHERE n IN (SELECT value FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM track t WHERE t.album = album.n AND t.hidden = 0)""",
        wanted,
    )
    sql.execute(
        """UPDATE album SET (tracks, discs, duration_ms, year, added_ms, compilation) =
             (SELECT count(*), count(DISTINCT max(disc_no, 1)), sum(duration_ms), max(year), max(added_ms),
                max(compilation) FROM track t WHERE t.album = album.n AND t.hidden = 0),
           cover = (SELECT cover FROM track t WHERE t.album = album.n AND t.hidden = 0 AND cover NOT NULL
                    ORDER BY disc_no, track_no, n LIMIT 1),
           genres = (SELECT group_concat(name, char(31)) FROM
             (SELECT g.name FROM track t JOIN track_genre x ON x.track = t.n JOIN genre g ON g.n = x.genre
              WHERE t.album = album.n AND t.hidden = 0 GROUP BY g.n ORDER BY count(*) DESC, g.key LIMIT 8))
           WHERE n IN (SELECT value FROM json_each(?))""",
        wanted,
    )
    _name_artists(sql, wanted)
    rows = sql.execute(
        "SELECT a.n, a.name, a.artists FROM json_each(?) j CROSS JOIN album a ON a.n = j.value", wanted
    ).fetchall()
    words: list[tuple[int, str, str]] = []
    links: list[tuple[int, str]] = []
    for n, name, raw_artists in rows:
        artists = json.loads(raw_artists)
        words.append((n, search_words(name), search_words(" ".join(artist["name"] for artist in artists))))
        links += [(n, artist["id"]) for artist in artists]
    sql.executemany("INSERT INTO album_words (rowid, name, artist) VALUES (?, ?, ?)", words)
    sql.executemany("INSERT OR IGNORE INTO album_artist SELECT artist.n, ? FROM artist WHERE artist.id = ?", links)
    for (artist,) in sql.execute(
        "SELECT DISTINCT x.artist FROM json_each(?) j CROSS JOIN album_artist x ON x.album = j.value", wanted
    ):
        touched.artists.add(artist)


def _name_artists(sql: sqlite3.Connection, wanted: tuple[str]) -> None:
    """Albums whose files don't say whose they are get their tracks' artist, or Various Artists."""
    tracks: dict[int, list[list[dict[str, str]]]] = {}
    keys: dict[int, str] = {}
    for album, artists, key in sql.execute(
        """SELECT t.album, json_extract(t.shown, '$.artists'), t.artist_key FROM json_each(?) j
           JOIN album a ON a.n = j.value AND a.own_artists = 0 JOIN track t ON t.album = a.n AND t.hidden = 0
           ORDER BY t.album, t.disc_no, t.track_no, t.n""",
        wanted,
    ):
        tracks.setdefault(album, []).append(json.loads(artists))
        keys.setdefault(album, key)
    changes: list[tuple[Any, ...]] = []
    for album, listed in tracks.items():
        found = album_artists(listed)
        various = found[:1] == [{"id": artist_id(VARIOUS), "name": VARIOUS}]
        key = sort_key(VARIOUS) if various else keys[album]
        changes.append((json.dumps(found, ensure_ascii=False), key, int(various), album))
        if various:
            sql.execute(
                "INSERT INTO artist (id, name, name_key) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
                (artist_id(VARIOUS), VARIOUS, sort_key(VARIOUS)),
            )
    sql.executemany(
        "UPDATE album SET artists = ?, artist_key = ?, compilation = max(compilation, ?) WHERE n = ?", changes
    )


def _refresh_artists(sql: sqlite3.Connection, touched: Touched) -> None:
    if not touched.artists:
        return
    wanted = (json.dumps(sorted(touched.artists)),)
    sql.execute(
        """UPDATE artist SET albums = (SELECT count(*) FROM album_artist x WHERE x.artist = artist.n),
             tracks = (SELECT count(*) FROM track_artist x WHERE x.artist = artist.n),
             cover = (SELECT a.cover FROM album_artist x JOIN album a ON a.n = x.album
                      WHERE x.artist = artist.n AND a.cover NOT NULL ORDER BY a.year DESC, a.n LIMIT 1)
           WHERE n IN (SELECT value FROM json_each(?))""",
        wanted,
    )
    sql.execute("DELETE FROM artist_words WHERE rowid IN (SELECT value FROM json_each(?))", wanted)
    sql.execute("DELETE FROM artist WHERE n IN (SELECT value FROM json_each(?)) AND albums = 0 AND tracks = 0", wanted)
    names = sql.execute(
        "SELECT a.n, a.name FROM json_each(?) j CROSS JOIN artist a ON a.n = j.value", wanted
    ).fetchall()
    sql.executemany(
        "INSERT INTO artist_words (rowid, name) VALUES (?, ?)", [(n, search_words(name)) for n, name in names]
    )


def _refresh_genres(sql: sqlite3.Connection, touched: Touched) -> None:
    sql.execute(
        """DELETE FROM genre WHERE n IN (SELECT value FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM track_genre x WHERE x.genre = genre.n)""",
        (json.dumps(sorted(touched.genres)),),
    )
