"""What lists show of a track: names, their sort keys, the album it stands in, the words it is found by. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.catalog.extras import extras_of
from node.catalog.model import Rendition, Stream, Tags
from node.catalog.vocabulary import TrackFacts
from node.catalog.words import album_folder, album_id, artist_id, fold, search_words, sort_key
from node.ids import AlbumId, ArtistId, CoverId

VARIOUS: Final = "Various Artists"
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_YEAR: Final = re.compile(r"\d{4}")
_LAST: Final = "\U0010ffff"
"""Sorts after every name: what has none comes last."""


@dataclass(frozen=True, slots=True)
class ArtistName:
    """One artist, as named in one place."""

    id: ArtistId
    name: str
    key: str

    def shown(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumName:
    """The album that a track says it is on. `artists` is None if its files don't say whose it is."""

    id: AlbumId
    name: str
    key: str
    artists: tuple[ArtistName, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One track's line in every list."""

    title: str
    title_key: str
    artists: tuple[ArtistName, ...]
    artist_key: str
    album: AlbumName | None
    album_key: str
    disc_no: int
    track_no: int
    year: int
    duration_ms: int
    added_ms: int
    size_bytes: int
    cover: CoverId | None
    compilation: bool
    genres: tuple[str, ...]
    words: tuple[str, str, str]
    """Of title, artists, album: for the full-text index."""
    shown: str
    """JSON: the parts of the API's track that follow from this track alone."""
    extras: str
    """JSON: what music apps are told beyond that (node/catalog/extras.py)."""


def list_track(facts: TrackFacts, *, path: str, size_bytes: int, articles: tuple[str, ...]) -> Listing | None:
    """The line of a track, or None if nothing is known to show. `path` is its file's, below its music folder."""
    if facts.tags is None and facts.stream is None:
        return None
    tags = facts.tags or Tags()
    title = tags.title.strip() or _stem(path)
    artists = _artists(tags.artists or tags.album_artists, tags.artist_sort, articles)
    album = _album(tags, path, articles)
    year = _year(tags)
    genres = _distinct(tags.genres)
    duration_ms = facts.stream.duration_ms if facts.stream else 0
    added_ms = facts.added_ms or 0
    return Listing(
        title=title,
        title_key=sort_key(tags.title_sort or title, articles),
        artists=artists,
        artist_key=" ".join(artist.key for artist in artists) or _LAST,
        album=album,
        album_key=album.key if album else _LAST,
        disc_no=tags.disc_no or 0,
        track_no=tags.track_no or 0,
        year=year or 0,
        duration_ms=duration_ms,
        added_ms=added_ms,
        size_bytes=size_bytes,
        cover=facts.cover,
        compilation=tags.compilation,
        genres=genres,
        words=(search_words(title), _artist_words(tags, artists), search_words(album.name) if album else ""),
        shown=_JSON.encode(
            {
                "title": title,
                "artists": [artist.shown() for artist in artists],
                "track_no": tags.track_no,
                "disc_no": tags.disc_no,
                "year": year,
                "genres": genres,
                "duration_ms": duration_ms,
                "added_ms": added_ms,
                "replaygain": _replaygain(tags),
                "codec": facts.stream.codec if facts.stream else None,
                "bitrate_bps": facts.stream.bitrate_bps if facts.stream else None,
                "size_bytes": size_bytes,
            }
        ),
        extras=extras_of(facts, path=path),
    )


def pending_facts(tags: Tags, stream: Stream, *, added_ms: int, cover: CoverId | None, hidden: bool) -> TrackFacts:
    """What is known of a file whose recording is not identified yet."""
    return TrackFacts(tags=tags, stream=stream, added_ms=added_ms, cover=cover, hidden=hidden)


def listed_path(originals: Sequence[Rendition]) -> str:
    """The path that speaks for a track with several files: the same on every device."""
    return min((original.path for original in originals if original.path), default="")


def album_artists(track_artists: Sequence[Sequence[dict[str, str]]]) -> list[dict[str, str]]:
    """Whose an album is that doesn't say so, from its tracks' artists: theirs if they agree, else Various Artists."""
    if track_artists and all(artists == track_artists[0] for artists in track_artists):
        return list(track_artists[0])
    firsts = {artists[0]["id"] if artists else "" for artists in track_artists}
    if len(firsts) == 1 and "" not in firsts:
        return [track_artists[0][0]]
    return [{"id": artist_id(VARIOUS), "name": VARIOUS}]


def _artists(names: Sequence[str], sort_name: str, articles: tuple[str, ...]) -> tuple[ArtistName, ...]:
    plain = _distinct(names)
    return tuple(
        ArtistName(artist_id(name), name, sort_key(sort_name if sort_name and len(plain) == 1 else name, articles))
        for name in plain
    )


def _album(tags: Tags, path: str, articles: tuple[str, ...]) -> AlbumName | None:
    name = tags.album.strip()
    if not name:
        return None
    release = dict(tags.musicbrainz).get("release", "")
    own = _artists(tags.album_artists, tags.album_artist_sort, articles) or None
    if release:
        identity = album_id("release", release)
    elif own:
        identity = album_id("artists", fold(name), *(artist.id for artist in own))
    else:
        identity = album_id("folder", fold(name), album_folder(path))
    return AlbumName(id=identity, name=name, key=sort_key(tags.album_sort or name, articles), artists=own)


def _artist_words(tags: Tags, artists: Sequence[ArtistName]) -> str:
    names = _distinct([*(artist.name for artist in artists), *tags.album_artists, *tags.composers])
    return search_words(" ".join(names))


def _replaygain(tags: Tags) -> dict[str, float | None] | None:
    names = ("track_gain_db", "track_peak", "album_gain_db", "album_peak")
    gains: dict[str, float | None] = {name: getattr(tags, name) for name in names}
    return gains if any(value is not None for value in gains.values()) else None


def _year(tags: Tags) -> int | None:
    for date in (tags.original_date, tags.date):
        found = _YEAR.search(date)
        if found and int(found.group()):
            return int(found.group())
    return None


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    by_fold: dict[str, str] = {}
    for name in names:
        if name.strip():
            by_fold.setdefault(fold(name), name.strip())
    return tuple(by_fold.values())


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return stem.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if stem else "Untitled"
