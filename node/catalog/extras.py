"""What music apps are told of a track beyond what lists show: one compact JSON text for each track. Pure."""

from __future__ import annotations

import json
from typing import Final, TypedDict

from node.catalog.model import Tags
from node.catalog.vocabulary import TrackFacts

MAX_COMMENT_CHARS: Final = 1_000


class Extras(TypedDict, total=False):
    """What is absent or empty is left out."""

    path: str
    mime: str
    hz: int
    channels: int
    bits: int
    bpm: int
    comment: str
    sort: str
    album_sort: str
    artist_sort: str
    isrc: str
    moods: list[str]
    composers: list[str]
    explicit: bool
    disc_title: str
    types: list[str]
    date: str
    original_date: str
    musicbrainz: dict[str, str]


def extras_of(facts: TrackFacts, *, path: str) -> str:
    """The JSON of a track's `Extras`; `path` is its file's, below its music folder."""
    tags = facts.tags or Tags()
    extras: Extras = {
        "path": path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "bpm": tags.bpm or 0,
        "comment": tags.comment[:MAX_COMMENT_CHARS],
        "sort": tags.title_sort,
        "album_sort": tags.album_sort,
        "artist_sort": tags.artist_sort if len(tags.artists) == 1 else "",
        "isrc": tags.isrc,
        "moods": list(tags.moods),
        "composers": list(tags.composers),
        "disc_title": tags.disc_subtitle,
        "types": list(tags.release_types),
        "date": tags.date,
        "original_date": tags.original_date,
        "musicbrainz": dict(tags.musicbrainz),
    }
    if facts.stream is not None:
        extras["mime"] = facts.stream.mime
        extras["hz"] = facts.stream.sample_rate_hz
        extras["channels"] = facts.stream.channels
        extras["bits"] = facts.stream.bit_depth or 0
    kept = {name: value for name, value in extras.items() if value}
    if tags.explicit is not None:
        kept["explicit"] = tags.explicit
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
