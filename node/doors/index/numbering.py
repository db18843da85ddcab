"""Row numbers of artists, albums and genres, made if need be, by identifier."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from node.catalog.listing import ArtistName, Listing
from node.catalog.words import fold


def number_artists(sql: sqlite3.Connection, listings: Sequence[Listing]) -> dict[str, int]:
    """Of all artists that tracks and their albums name."""
    named: dict[str, ArtistName] = {}
    for listing in listings:
        for artist in (*listing.artists, *((listing.album.artists or ()) if listing.album else ())):
            named[artist.id] = artist
    sql.executemany(
        """INSERT INTO artist (id, name, name_key) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE
           SET name = excluded.name, name_key = excluded.name_key
           WHERE name != excluded.name OR name_key != excluded.name_key""",
        [(artist.id, artist.name, artist.key) for artist in named.values()],
    )
    return _numbers(sql, "SELECT r.id, r.n FROM json_each(?) j CROSS JOIN artist r ON r.id = j.value", [*named])


def number_albums(sql: sqlite3.Connection, listings: Sequence[Listing]) -> dict[str, int]:
    """Of the albums that tracks stand in."""
    albums = {listing.album.id: listing.album for listing in listings if listing.album}
    sql.executemany(
        """INSERT INTO album (id, name, name_key, artists, artist_key, own_artists, compilation, year, tracks, discs,
             duration_ms, added_ms) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)
           ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
             artists = CASE excluded.own_artists WHEN 1 THEN excluded.artists ELSE artists END,
             artist_key = CASE excluded.own_artists WHEN 1 THEN excluded.artist_key ELSE artist_key END,
             own_artists = max(own_artists, excluded.own_artists)""",
        [
            (
                album.id, album.name, album.key,
                json.dumps([artist.shown() for artist in album.artists or ()], ensure_ascii=False),
                " ".join(artist.key for artist in album.artists or ()), int(album.artists is not None),
            )
            for album in albums.values()
        ],
    )  # fmt: skip
    return _numbers(sql, "SELECT a.id, a.n FROM json_each(?) j CROSS JOIN album a ON a.id = j.value", [*albums])


def number_genres(sql: sqlite3.Connection, listings: Sequence[Listing]) -> dict[str, int]:
    """By folded name."""
    genres = {fold(genre): genre for listing in listings for genre in listing.genres}
    sql.executemany("INSERT INTO genre (key, name) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", list(genres.items()))
    return _numbers(sql, "SELECT g.key, g.n FROM json_each(?) j CROSS JOIN genre g ON g.key = j.value", [*genres])


def _numbers(sql: sqlite3.Connection, query: str, names: Sequence[str]) -> dict[str, int]:
    return dict(sql.execute(query, (json.dumps(names),)))
