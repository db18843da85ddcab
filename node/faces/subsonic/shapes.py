"""Songs, albums, artists and playlists as the protocol shows them."""

from __future__ import annotations

import math
import re
import time
from typing import Any, Final

from node.catalog.extras import Extras
from node.catalog.words import artist_id, sort_key
from node.doors.index import AlbumDetail, ArtistDetail, PlaylistRow, Song
from node.faces.subsonic.protocol import Tree

_SUFFIXES: Final = {
    "audio/mpeg": "mp3", "audio/flac": "flac", "audio/mp4": "m4a", "audio/ogg": "ogg", "audio/webm": "webm",
    "audio/wav": "wav", "audio/aiff": "aiff", "audio/aac": "aac", "audio/x-ms-wma": "wma",
}  # fmt: skip
_DATE: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_MAX_SUFFIX_CHARS: Final = 8


def moment(time_ms: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ms // 1_000)) + f".{time_ms % 1_000:03}Z"


def song(row: Song) -> Tree:
    """A Child that is a song."""
    shown, extras = row.shown, row.extras
    artists = _names(shown["artists"])
    album_artists = _names(row.album_artists)
    genres: list[str] = shown["genres"]
    duration_ms: int = shown["duration_ms"]
    composers = extras.get("composers", [])
    mime = extras.get("mime", "application/octet-stream").partition(";")[0]
    path = extras.get("path", "")
    artist_ids = [each["id"] for each in artists]
    parent = row.album or (artist_ids[0] if artist_ids else None)
    isrc = extras.get("isrc", "")
    tree: Tree = {
        "id": row.id,
        "parent": parent,
        "isDir": False,
        "title": shown["title"],
        "album": row.album_name,
        "artist": _together(artists),
        "track": shown["track_no"],
        "year": shown["year"],
        "genre": genres[0] if genres else None,
        "coverArt": row.cover,
        "size": shown["size_bytes"] or None,
        "contentType": mime,
        "suffix": _suffix(path, mime),
        "starred": None if row.starred_ms is None else moment(row.starred_ms),
        "duration": round(duration_ms / 1_000),
        "bitRate": round((shown["bitrate_bps"] or 0) / 1_000) or None,
        "bitDepth": extras.get("bits"),
        "samplingRate": extras.get("hz"),
        "channelCount": extras.get("channels"),
        "path": path or None,
        "playCount": row.plays,
        "played": None if row.played_ms is None else moment(row.played_ms),
        "userRating": row.rating,
        "averageRating": None if row.rating is None else float(row.rating),
        "bookmarkPosition": row.bookmark_ms,
        "discNumber": shown["disc_no"],
        "created": moment(shown["added_ms"]),
        "albumId": row.album,
        "artistId": artist_ids[0] if artist_ids else None,
        "type": "music",
        "mediaType": "song",
        "isVideo": False,
        "bpm": extras.get("bpm", 0),
        "comment": extras.get("comment", ""),
        "sortName": extras.get("sort") or sort_key(shown["title"]),
        "musicBrainzId": _musicbrainz(extras, "recording", "track"),
        "isrc": [isrc] if isrc else [],
        "genres": [{"name": name} for name in genres],
        "artists": artists,
        "displayArtist": _together(artists),
        "albumArtists": album_artists,
        "displayAlbumArtist": _together(album_artists),
        "contributors": [{"role": "composer", "artist": {"id": artist_id(name), "name": name}} for name in composers],
        "displayComposer": ", ".join(composers),
        "moods": extras.get("moods", []),
        "replayGain": _replay_gain(shown["replaygain"]),
        "explicitStatus": _explicit(extras),
    }
    return {name: value for name, value in tree.items() if value is not None}


def album(row: AlbumDetail) -> Tree:
    """An AlbumID3."""
    artists = _names(row.artists)
    extras = row.extras
    tree: Tree = {
        "id": row.id,
        "name": row.name,
        "artist": _together(artists),
        "artistId": artists[0]["id"] if artists else None,
        "coverArt": row.cover,
        "songCount": row.tracks,
        "duration": round(row.duration_ms / 1_000),
        "playCount": row.plays,
        "created": moment(row.added_ms),
        "starred": None if row.starred_ms is None else moment(row.starred_ms),
        "year": row.year or None,
        "genre": row.genres[0] if row.genres else None,
        "played": None if row.played_ms is None else moment(row.played_ms),
        "userRating": row.rating,
        "recordLabels": [],
        "musicBrainzId": _musicbrainz(extras, "release"),
        "genres": [{"name": name} for name in row.genres],
        "artists": artists,
        "displayArtist": _together(artists),
        "releaseTypes": extras.get("types", []),
        "moods": extras.get("moods", []),
        "sortName": extras.get("album_sort") or row.name_key,
        "originalReleaseDate": _date(extras.get("original_date", "")),
        "releaseDate": _date(extras.get("date", "")),
        "isCompilation": row.compilation,
        "explicitStatus": _explicit(extras),
        "discTitles": [],
    }
    return {name: value for name, value in tree.items() if value is not None}


def album_with_songs(row: AlbumDetail, songs: list[Song]) -> Tree:
    """An AlbumID3WithSongs."""
    titles: dict[int, Tree] = {}
    for each in songs:
        title = each.extras.get("disc_title")
        if title:
            disc = each.shown["disc_no"] or 1
            titles.setdefault(disc, {"disc": disc, "title": title})
    return {**album(row), "discTitles": list(titles.values()), "song": [song(each) for each in songs]}


def album_folder(row: AlbumDetail) -> Tree:
    """A Child that is a folder: an album for apps that browse by folders."""
    whole = album(row)
    kept: Tree = {
        name: whole[name]
        for name in (
            "id", "artist", "artistId", "coverArt", "created", "duration", "genre", "genres", "playCount", "played",
            "songCount", "starred", "userRating", "year", "sortName", "musicBrainzId",
        )
        if name in whole
    }  # fmt: skip
    parent = {"parent": whole["artistId"]} if "artistId" in whole else {}
    return {
        **kept, **parent, "isDir": True, "title": row.name, "name": row.name, "album": row.name, "isVideo": False,
        "mediaType": "album",
    }  # fmt: skip


def artist(row: ArtistDetail) -> Tree:
    """An ArtistID3, which is also an Artist."""
    roles = [name for name, count in (("artist", row.tracks), ("albumartist", row.albums)) if count]
    tree: Tree = {
        "id": row.id,
        "name": row.name,
        "coverArt": row.cover,
        "albumCount": row.albums,
        "starred": None if row.starred_ms is None else moment(row.starred_ms),
        "userRating": row.rating,
        "averageRating": None if row.rating is None else float(row.rating),
        "musicBrainzId": _musicbrainz(row.extras, "artist"),
        "sortName": row.extras.get("artist_sort") or row.name_key,
        "roles": roles,
    }
    return {name: value for name, value in tree.items() if value is not None}


def playlist(row: PlaylistRow, owner: str) -> Tree:
    """A Playlist."""
    tree: Tree = {
        "id": row.id,
        "name": row.name,
        "comment": row.comment,
        "owner": owner,
        "public": False,
        "songCount": row.tracks,
        "duration": round(row.duration_ms / 1_000),
        "created": moment(row.created_ms),
        "changed": moment(row.changed_ms),
        "coverArt": row.cover,
        "readonly": False,
        "allowedUser": [],
    }
    return {name: value for name, value in tree.items() if value is not None}


def index_letter(name_key: str) -> str:
    """Under which letter of an index a name stands: '#' for what begins with none."""
    first = name_key[:1].upper()
    return first if first.isalpha() else "#"


def _names(artists: list[dict[str, str]]) -> list[Tree]:
    return [{"id": each["id"], "name": each["name"]} for each in artists]


def _together(artists: list[Tree]) -> str:
    return ", ".join(each["name"] for each in artists)


def _suffix(path: str, mime: str) -> str:
    ending = path.rpartition("/")[2].rpartition(".")
    if ending[1] and ending[2].isalnum() and len(ending[2]) <= _MAX_SUFFIX_CHARS:
        return ending[2].lower()
    return _SUFFIXES.get(mime, "bin")


def _musicbrainz(extras: Extras, *names: str) -> str:
    known = extras.get("musicbrainz", {})
    return next((known[name] for name in names if name in known), "")


def _replay_gain(gains: dict[str, Any] | None) -> Tree:
    named = {
        "trackGain": "track_gain_db",
        "albumGain": "album_gain_db",
        "trackPeak": "track_peak",
        "albumPeak": "album_peak",
    }
    found = {name: gains[field] for name, field in named.items()} if gains else {}
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def _explicit(extras: Extras) -> str:
    return {True: "explicit", False: "clean", None: ""}[extras.get("explicit")]


def _date(written: str) -> Tree:
    found = _DATE.match(written)
    if found is None:
        return {}
    return {name: int(part) for name, part in zip(("year", "month", "day"), found.groups(), strict=True) if part}
