"""The JSON of the API: what a track, an album and an artist look like to whoever shows them."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, TypedDict

from node.doors.index import AlbumRow, ArtistRow, GenreRow, TrackRow

SourceWord = Literal["present", "changed", "cloud", "away", "missing"]
_SOURCE: Final[tuple[SourceWord, ...]] = ("present", "changed", "cloud", "away", "missing")
_FROM_FILE: Final = (_SOURCE.index("present"), _SOURCE.index("changed"))


class Elsewhere(NamedTuple):
    """What other devices have of a track that isn't here."""

    playable: bool
    """One that has it is here."""
    note: str
    """A sentence: which, or where it is."""


class NameJson(TypedDict):
    id: str
    name: str


class StateJson(TypedDict):
    playable: bool
    source: SourceWord
    sealed: bool
    mobile: bool
    note: str
    """A sentence for the person where something is missing; '' where nothing is."""


class TrackJson(TypedDict):
    id: str
    title: str
    artists: list[NameJson]
    album: NameJson | None
    album_artists: list[NameJson]
    track_no: int | None
    disc_no: int | None
    year: int | None
    genres: list[str]
    duration_ms: int
    cover: str | None
    added_ms: int
    replaygain: dict[str, float | None] | None
    codec: str | None
    bitrate_bps: int | None
    size_bytes: int
    state: StateJson
    starred_ms: int | None
    rating: int | None
    plays: int
    played_ms: int | None


class AlbumJson(TypedDict):
    id: str
    name: str
    artists: list[NameJson]
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


class ArtistJson(TypedDict):
    id: str
    name: str
    albums: int
    tracks: int
    cover: str | None
    starred_ms: int | None
    rating: int | None


class GenreJson(TypedDict):
    name: str
    tracks: int
    albums: int


class PageJson(TypedDict):
    total: int
    items: list[Any]


class FoundJson(TypedDict):
    artists: list[ArtistJson]
    albums: list[AlbumJson]
    tracks: list[TrackJson]


def track_json(row: TrackRow, elsewhere: Elsewhere | None = None) -> TrackJson:
    shown = row.shown
    return {
        "id": row.id,
        "title": shown["title"],
        "artists": shown["artists"],
        "album": None if row.album is None else {"id": row.album["id"], "name": row.album["name"]},
        "album_artists": [{"id": artist["id"], "name": artist["name"]} for artist in row.album_artists],
        "track_no": shown["track_no"],
        "disc_no": shown["disc_no"],
        "year": shown["year"],
        "genres": shown["genres"],
        "duration_ms": shown["duration_ms"],
        "cover": row.cover,
        "added_ms": shown["added_ms"],
        "replaygain": shown["replaygain"],
        "codec": shown["codec"],
        "bitrate_bps": shown["bitrate_bps"],
        "size_bytes": shown["size_bytes"],
        "state": state_json(row, elsewhere),
        "starred_ms": row.mark.starred_ms,
        "rating": row.mark.rating,
        "plays": row.mark.plays,
        "played_ms": row.mark.played_ms,
    }


def is_here(row: TrackRow) -> bool:
    """Whether this device alone can play it."""
    return row.source in _FROM_FILE or row.original_here or row.mobile_here


def state_json(row: TrackRow, elsewhere: Elsewhere | None = None) -> StateJson:
    source: SourceWord = "missing" if row.source is None else _SOURCE[row.source]
    return {
        "playable": is_here(row) or (elsewhere is not None and elsewhere.playable),
        "source": source,
        "sealed": row.sealed,
        "mobile": row.mobile,
        "note": "" if source == "present" else _note(source, row, elsewhere),
    }


def _note(source: SourceWord, row: TrackRow, elsewhere: Elsewhere | None) -> str:
    if source == "changed":
        return "The file has changed and is being taken in again."
    what = "Its folder is away" if source == "away" else "Its file is not on this device"
    if source == "cloud":
        what = "Its file is only in the cloud"
    if row.original_here:
        return f"{what}; the sealed copy here plays."
    if row.mobile_here:
        return f"{what}; the small rendition here plays."
    if elsewhere is not None:
        return f"{what}. {elsewhere.note}"
    if source == "cloud":
        return f"{what}; have your cloud program download it, and it plays."
    if source == "away":
        return f"{what}; it plays again when the folder is back."
    return f"{what}, and no copy of it is here."


def album_json(row: AlbumRow) -> AlbumJson:
    return {
        "id": row.id,
        "name": row.name,
        "artists": [{"id": artist["id"], "name": artist["name"]} for artist in row.artists],
        "year": row.year,
        "genres": row.genres,
        "tracks": row.tracks,
        "discs": row.discs,
        "duration_ms": row.duration_ms,
        "cover": row.cover,
        "added_ms": row.added_ms,
        "compilation": row.compilation,
        "starred_ms": row.starred_ms,
        "rating": row.rating,
    }


def artist_json(row: ArtistRow) -> ArtistJson:
    return {
        "id": row.id,
        "name": row.name,
        "albums": row.albums,
        "tracks": row.tracks,
        "cover": row.cover,
        "starred_ms": row.starred_ms,
        "rating": row.rating,
    }


def genre_json(row: GenreRow) -> GenreJson:
    return {"name": row.name, "tracks": row.tracks, "albums": row.albums}
