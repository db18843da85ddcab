"""Keeps the rows that lists and searches read in step with the catalog and the files, inside the same transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from node.catalog.listing import Listing, list_track, listed_path, pending_facts
from node.catalog.vocabulary import TRACK, TrackFacts, read_track
from node.catalog.words import DEFAULT_ARTICLES, fold
from node.crypto.blob import Purpose
from node.doors.index.database import Step
from node.doors.index.facts import facts_of
from node.doors.index.numbering import number_albums, number_artists, number_genres
from node.doors.index.registers import MAX_STORED_VALUE_BYTES
from node.doors.index.totals import Touched, refresh_totals
from node.ids import CoverId
from node.wire.codec import unpack

_CHUNK: Final = 500
ARTICLES_SETTING: Final = "sort_articles"
_COLUMNS: Final = (
    "n", "id", "hidden", "title", "title_key", "artist_key", "album", "album_key", "disc_no", "track_no", "year",
    "duration_ms", "added_ms", "size_bytes", "cover", "compilation", "sealed", "mobile", "shown", "extras",
)  # fmt: skip
_ALBUM: Final = _COLUMNS.index("album")
_FLAGS: Final = (_COLUMNS.index("sealed"), _COLUMNS.index("mobile"))


@dataclass(slots=True)
class _Made:
    """One chunk's changes, collected to be written together."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    listings: list[tuple[int, Listing]] = field(default_factory=list)
    """Of the rows that are shown."""
    replaced: list[tuple[int]] = field(default_factory=list)
    gone: list[tuple[int]] = field(default_factory=list)
    flags: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, row: tuple[Any, ...], listings: Iterable[Listing]) -> None:
        self.rows.append(row)
        self.listings += [(row[0], listing) for listing in listings]


def refresh(step: Step) -> None:
    """Make the rows of every touched track again, and of the albums, artists and genres that they touch."""
    if not step.tracks:
        return
    articles = sort_articles(step.sql)
    touched = Touched()
    tracks = sorted(step.tracks)
    for at in range(0, len(tracks), _CHUNK):
        _refresh_chunk(step.sql, tracks[at : at + _CHUNK], touched, articles)
    refresh_totals(step.sql, touched)
    step.tracks.clear()
    step.changed = True


def sort_articles(sql: sqlite3.Connection) -> tuple[str, ...]:
    """Leading words that don't count in sorting."""
    row = sql.execute("SELECT value FROM setting WHERE key = ?", (ARTICLES_SETTING,)).fetchone()
    return DEFAULT_ARTICLES if row is None else tuple(unpack(row[0], max_bytes=MAX_STORED_VALUE_BYTES))


def touch_all(step: Step) -> None:
    """Have every track made again: after a change of rules."""
    step.tracks.update(row[0] for row in step.sql.execute("SELECT id FROM track"))
    step.tracks.update(row[0] for row in step.sql.execute("SELECT DISTINCT id FROM register WHERE tbl = ?", (TRACK,)))
    step.tracks.update(row[0] for row in step.sql.execute("SELECT track FROM source WHERE track IS NOT NULL"))


def track_fields(sql: sqlite3.Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The shown values of tracks' registers, by track and field."""
    fields: dict[str, dict[str, Any]] = {}
    best: tuple[str, str] | None = None
    for row, name, value in sql.execute(
        """SELECT r.id, r.field, r.value FROM json_each(?) j CROSS JOIN register r ON r.tbl = 'track' AND r.id = j.value
           JOIN log l ON l.n = r.log ORDER BY r.id, r.field, r.stamp DESC, l.id DESC""",
        (json.dumps([*ids]),),
    ):
        if (row, name) != best:
            best = row, name
            fields.setdefault(row, {})[name] = unpack(value, max_bytes=MAX_STORED_VALUE_BYTES)
    return fields


def _refresh_chunk(sql: sqlite3.Connection, ids: list[str], touched: Touched, articles: tuple[str, ...]) -> None:
    listings, facts = _listings(sql, ids, articles)
    old = _rows_of(sql, ids)
    next_n = sql.execute("SELECT coalesce(max(n), 0) + 1 FROM track").fetchone()[0]
    made = _Made()
    for track in ids:
        before, listing = old.get(track), listings.get(track)
        if listing is None:
            made.gone += [] if before is None else [(before[0],)]
            continue
        row = _row(before[0] if before else next_n, track, listing, facts[track])
        if before is None:
            next_n += 1
        elif _but_flags(before) == _but_flags(row):
            made.flags += [] if before == row else [(row[_FLAGS[0]], row[_FLAGS[1]], row[0])]
            continue
        else:
            made.replaced.append((row[0],))
        made.add(row, () if facts[track].hidden else (listing,))
    _touch_old(sql, [n for (n,) in (*made.replaced, *made.gone)], touched)
    _write(sql, made, touched)
    _write_blobs(sql, ids, facts)


def _rows_of(sql: sqlite3.Connection, ids: list[str]) -> dict[str, tuple[Any, ...]]:
    """Tracks' rows as they are, with the album's identifier in place of its number."""
    columns = ", ".join("a.id" if name == "album" else f"t.{name}" for name in _COLUMNS)
    rows = sql.execute(
        f"""SELECT {columns} FROM json_each(?) j CROSS JOIN track t ON t.id = j.value
            LEFT JOIN album a ON a.n = t.album""",
        (json.dumps(ids),),
    )
    return {row[1]: row for row in rows}


def _row(n: int, track: str, listing: Listing, facts: TrackFacts) -> tuple[Any, ...]:
    """A track's row, with the album's identifier in place of its number."""
    album = listing.album.id if listing.album and not facts.hidden else None
    return (
        n, track, int(facts.hidden), listing.title, listing.title_key, listing.artist_key,
        album, listing.album_key, listing.disc_no, listing.track_no, listing.year,
        listing.duration_ms, listing.added_ms, listing.size_bytes, listing.cover, int(listing.compilation),
        int(bool(facts.originals)), int(facts.mobile is not None), listing.shown, listing.extras,
    )  # fmt: skip


def _but_flags(row: tuple[Any, ...]) -> tuple[Any, ...]:
    first, second = _FLAGS
    return row[:first] + row[second + 1 :]


def _listings(
    sql: sqlite3.Connection, ids: list[str], articles: tuple[str, ...]
) -> tuple[dict[str, Listing], dict[str, TrackFacts]]:
    listings: dict[str, Listing] = {}
    facts: dict[str, TrackFacts] = {}
    for track, fields in track_fields(sql, ids).items():
        known = read_track(fields)
        size = known.originals[0].blob.size_bytes if known.originals else 0
        line = list_track(known, path=listed_path(known.originals), size_bytes=size, articles=articles)
        facts[track] = known
        if line is not None:
            listings[track] = line
    for track, path, size, raw, cover, hidden, added in sql.execute(
        """SELECT s.track, s.path, s.size_bytes, s.facts, s.cover, s.hidden, s.added_ms
           FROM json_each(?) j CROSS JOIN source s ON s.track = j.value
           WHERE NOT s.identified AND s.facts IS NOT NULL""",
        (json.dumps([track for track in ids if track not in facts]),),
    ):
        tags, stream = facts_of(raw)
        known = pending_facts(
            tags, stream, added_ms=added, cover=None if cover is None else CoverId(cover), hidden=bool(hidden)
        )
        line = list_track(known, path=path.decode("utf-8", "surrogateescape"), size_bytes=size, articles=articles)
        facts[track] = known
        if line is not None:
            listings[track] = line
    return listings, facts


def _touch_old(sql: sqlite3.Connection, numbers: list[int], touched: Touched) -> None:
    """What the tracks stood in before: their albums, artists and genres count again."""
    wanted = (json.dumps(numbers),)
    touched.albums.update(
        n for (n,) in sql.execute(
            "SELECT DISTINCT t.album FROM json_each(?) j CROSS JOIN track t ON t.n = j.value WHERE t.album NOT NULL",
            wanted,
        )
    )  # fmt: skip
    for seen, table, column in ((touched.artists, "track_artist", "artist"), (touched.genres, "track_genre", "genre")):
        seen.update(
            n for (n,) in sql.execute(
                f"SELECT DISTINCT x.{column} FROM json_each(?) j CROSS JOIN {table} x ON x.track = j.value", wanted
            )
        )  # fmt: skip


def _write(sql: sqlite3.Connection, made: _Made, touched: Touched) -> None:
    shown = [listing for _, listing in made.listings]
    artists, albums, genres = number_artists(sql, shown), number_albums(sql, shown), number_genres(sql, shown)
    touched.artists.update(artists.values())
    touched.albums.update(albums.values())
    touched.genres.update(genres.values())
    plays = [(artists[artist.id], n) for n, listing in made.listings for artist in listing.artists]
    rows = [
        (*row[:_ALBUM], None if row[_ALBUM] is None else albums[row[_ALBUM]], *row[_ALBUM + 1 :]) for row in made.rows
    ]
    before = made.replaced + made.gone
    _remember_former(sql, rows, plays)
    sql.executemany("DELETE FROM track_artist WHERE track = ?", before)
    sql.executemany("DELETE FROM track_genre WHERE track = ?", before)
    sql.executemany("DELETE FROM track_words WHERE rowid = ?", before)
    sql.executemany("DELETE FROM track WHERE n = ?", made.gone)
    sql.executemany("UPDATE track SET sealed = ?, mobile = ? WHERE n = ?", made.flags)
    changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
    places = ", ".join("?" * len(_COLUMNS))
    sql.executemany(
        f"INSERT INTO track ({', '.join(_COLUMNS)}) VALUES ({places}) ON CONFLICT (n) DO UPDATE SET {changes}", rows
    )
    sql.executemany("INSERT OR IGNORE INTO track_artist VALUES (?, ?)", plays)
    sql.executemany(
        "INSERT OR IGNORE INTO track_genre VALUES (?, ?, ?)",
        [
            (genres[fold(genre)], n, albums[listing.album.id] if listing.album else None)
            for n, listing in made.listings
            for genre in listing.genres
        ],
    )
    sql.executemany(
        "INSERT INTO track_words (rowid, title, artist, album) VALUES (?, ?, ?, ?)",
        [(n, *listing.words) for n, listing in made.listings],
    )


def _remember_former(sql: sqlite3.Connection, rows: list[tuple[Any, ...]], plays: list[tuple[int, int]]) -> None:
    """Note by which track an album or artist is found again once its name, and with it its identifier, has changed."""
    wanted = json.dumps([row[0] for row in rows])
    stays = {(row[0], row[_ALBUM]) for row in rows}
    former = [
        (identifier, track)
        for n, album, identifier, track in sql.execute(
            """SELECT t.n, a.n, a.id, t.id FROM json_each(?) j CROSS JOIN track t ON t.n = j.value
               JOIN album a ON a.n = t.album""",
            (wanted,),
        )
        if (n, album) not in stays
    ]
    still = set(plays)
    former += [
        (identifier, track)
        for artist, n, identifier, track in sql.execute(
            """SELECT r.n, t.n, r.id, t.id FROM json_each(?) j CROSS JOIN track t ON t.n = j.value
               JOIN track_artist x ON x.track = t.n JOIN artist r ON r.n = x.artist""",
            (wanted,),
        )
        if (artist, n) not in still
    ]
    sql.executemany("INSERT INTO former VALUES (?, ?) ON CONFLICT DO UPDATE SET track = excluded.track", former)


def _write_blobs(sql: sqlite3.Connection, ids: list[str], facts: dict[str, TrackFacts]) -> None:
    sql.executemany("DELETE FROM named_blob WHERE row = ?", [(track,) for track in ids])
    sql.executemany(
        "INSERT OR IGNORE INTO named_blob VALUES (?, ?, ?)",
        [
            (rendition.blob.root, track, purpose)
            for track, known in facts.items()
            for purpose, renditions in (
                (Purpose.ORIGINAL, known.originals),
                (Purpose.MOBILE, known.mobiles),
            )
            for rendition in renditions
        ],
    )
