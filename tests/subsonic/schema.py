"""What answers of the protocol look like, written down from its documentation; one table for JSON and XML.

A field is a type's name, `[type]` for a list, and `type?` if it may be absent. What is not in the table may not be
sent: a misspelt field is a mistake.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final
from xml.etree import ElementTree

from jsonschema import Draft202012Validator

NAMESPACE: Final = "{http://subsonic.org/restapi}"

_PLAIN: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"},
    "words": {"type": "string", "minLength": 1},
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "id": {"type": "string", "pattern": "^[a-z2-7]{26}$"},
    "folder": {"type": "string", "pattern": "^([a-z2-7]{26}|1)$"},
    "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
    "stars": {"type": "integer", "minimum": 1, "maximum": 5},
    "explicit": {"enum": ["explicit", "clean", ""]},
    "uuid": {"type": "string", "pattern": "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"},
    "true": {"const": True},
    "ok": {"const": "ok"},
    "failed": {"const": "failed"},
    "version": {"const": "1.16.1"},
    "server": {"const": "songkeep"},
    "code": {"enum": [0, 10, 20, 30, 40, 41, 42, 43, 44, 50, 60, 70]},
    "mediaType": {"enum": ["song", "album", "artist"]},
    "music": {"const": "music"},
}

_SONG: Final = {
    "id": "id", "parent": "id?", "isDir": "bool", "title": "words", "album": "text", "artist": "text", "track": "int?",
    "year": "int?", "genre": "words?", "coverArt": "id?", "size": "int?", "contentType": "words", "suffix": "words",
    "starred": "time?", "duration": "int", "bitRate": "int?", "bitDepth": "int?", "samplingRate": "int?",
    "channelCount": "int?", "path": "words?", "playCount": "int", "played": "time?", "userRating": "stars?",
    "averageRating": "float?", "bookmarkPosition": "int?", "discNumber": "int?", "created": "time", "albumId": "id?",
    "artistId": "id?", "type": "music", "mediaType": "mediaType", "isVideo": "bool", "bpm": "int", "comment": "text",
    "sortName": "text", "musicBrainzId": "uuid", "isrc": ["words"], "genres": ["ItemGenre"], "artists": ["Name"],
    "displayArtist": "text", "albumArtists": ["Name"], "displayAlbumArtist": "text", "contributors": ["Contributor"],
    "displayComposer": "text", "moods": ["words"], "replayGain": "ReplayGain", "explicitStatus": "explicit",
}  # fmt: skip
_ALBUM: Final = {
    "id": "id", "name": "words", "artist": "text", "artistId": "id?", "coverArt": "id?", "songCount": "int",
    "duration": "int", "playCount": "int", "created": "time", "starred": "time?", "year": "int?", "genre": "words?",
    "played": "time?", "userRating": "stars?", "recordLabels": ["Label"], "musicBrainzId": "uuid",
    "genres": ["ItemGenre"], "artists": ["Name"], "displayArtist": "text", "releaseTypes": ["words"],
    "moods": ["words"], "sortName": "text", "originalReleaseDate": "Date", "releaseDate": "Date",
    "isCompilation": "bool", "explicitStatus": "explicit", "discTitles": ["DiscTitle"],
}  # fmt: skip
_ARTIST: Final = {
    "id": "id", "name": "words", "coverArt": "id?", "albumCount": "int", "starred": "time?", "userRating": "stars?",
    "averageRating": "float?", "musicBrainzId": "uuid", "sortName": "text", "roles": ["words"],
}  # fmt: skip
_PLAYLIST: Final = {
    "id": "id", "name": "words", "comment": "text", "owner": "words", "public": "bool", "songCount": "int",
    "duration": "int", "created": "time", "changed": "time", "coverArt": "id?", "readonly": "bool",
    "allowedUser": ["words"],
}  # fmt: skip
_QUEUE: Final = {
    "position": "int", "username": "words", "changed": "time", "changedBy": "text", "entry": ["Song"],
}  # fmt: skip
_INFO: Final = {"biography": "text", "musicBrainzId": "uuid", "similarArtist": ["Artist"]}
_ROLES: Final = (
    "scrobblingEnabled", "adminRole", "settingsRole", "downloadRole", "uploadRole", "playlistRole", "coverArtRole",
    "commentRole", "podcastRole", "streamRole", "jukeboxRole", "shareRole", "videoConversionRole",
)  # fmt: skip

TYPES: Final[dict[str, dict[str, Any]]] = {
    "Song": _SONG,
    "AlbumID3": _ALBUM,
    "AlbumWithSongs": {**_ALBUM, "song": ["Song"]},
    "Artist": _ARTIST,
    "ArtistWithAlbums": {**_ARTIST, "album": ["AlbumID3"]},
    "Name": {"id": "id", "name": "words"},
    "ItemGenre": {"name": "words"},
    "Label": {"name": "words"},
    "Contributor": {"role": "words", "subRole": "words?", "artist": "Name"},
    "ReplayGain": {"trackGain": "float?", "albumGain": "float?", "trackPeak": "float?", "albumPeak": "float?"},
    "Date": {"year": "int?", "month": "int?", "day": "int?"},
    "DiscTitle": {"disc": "int", "title": "words"},
    "Folder": {
        "id": "id", "parent": "folder?", "isDir": "true", "title": "words", "name": "words?", "album": "text?",
        "artist": "text?", "artistId": "id?", "coverArt": "id?", "created": "time?", "duration": "int?",
        "genre": "words?", "genres": ["ItemGenre?"], "playCount": "int?", "played": "time?", "songCount": "int?",
        "starred": "time?", "userRating": "stars?", "year": "int?", "sortName": "text?", "musicBrainzId": "uuid?",
        "isVideo": "bool", "mediaType": "mediaType",
    },
    "MusicFolders": {"musicFolder": ["MusicFolder"]},
    "MusicFolder": {"id": "int", "name": "words"},
    "Artists": {"ignoredArticles": "text", "index": ["Index"]},
    "Index": {"name": "words", "artist": ["Artist"]},
    "Indexes": {
        "ignoredArticles": "text", "lastModified": "int", "shortcut": ["Artist"], "child": ["Song"], "index": ["Index"],
    },
    "Directory": {
        "id": "folder", "name": "words", "parent": "folder?", "starred": "time?", "userRating": "stars?",
        "playCount": "int?", "child": ["Song|Folder"],
    },
    "Genres": {"genre": ["Genre"]},
    "Genre": {"songCount": "int", "albumCount": "int", "value": "words"},
    "ArtistInfo": _INFO,
    "AlbumInfo": {"notes": "text", "musicBrainzId": "uuid"},
    "Songs": {"song": ["Song"]},
    "AlbumList": {"album": ["Folder"]},
    "AlbumList2": {"album": ["AlbumID3"]},
    "Found2": {"artist": ["Artist"], "album": ["Folder"], "song": ["Song"]},
    "Found3": {"artist": ["Artist"], "album": ["AlbumID3"], "song": ["Song"]},
    "Found": {"offset": "int", "totalHits": "int", "match": ["Song"]},
    "Playlists": {"playlist": ["Playlist"]},
    "Playlist": _PLAYLIST,
    "PlaylistWithSongs": {**_PLAYLIST, "entry": ["Song"]},
    "NowPlaying": {"entry": ["Playing"]},
    "Playing": {**_SONG, "username": "words", "minutesAgo": "int", "playerId": "int", "playerName": "words"},
    "Bookmarks": {"bookmark": ["Bookmark"]},
    "Bookmark": {
        "position": "int", "username": "words", "comment": "text", "created": "time", "changed": "time",
        "entry": "Song",
    },
    "PlayQueue": {"current": "id?", **_QUEUE},
    "PlayQueueByIndex": {"currentIndex": "int?", **_QUEUE},
    "Lyrics": {"artist": "text?", "title": "text?", "value": "text?"},
    "LyricsList": {"structuredLyrics": ["StructuredLyrics"]},
    "StructuredLyrics": {
        "displayArtist": "text", "displayTitle": "words", "lang": "words", "offset": "float", "synced": "bool",
        "line": ["Line"], "kind": "words?", "cueLine": ["CueLine?"],
    },
    "Line": {"start": "int?", "value": "text"},
    "CueLine": {"index": "int", "start": "int?", "end": "int?", "value": "text", "cue": ["Cue"]},
    "Cue": {"start": "int", "end": "int?", "byteStart": "int", "byteEnd": "int", "value": "words"},
    "License": {"valid": "true"},
    "Extension": {"name": "words", "versions": ["int"]},
    "TokenInfo": {"username": "words"},
    "Users": {"user": ["User"]},
    "User": {"username": "words", **dict.fromkeys(_ROLES, "bool"), "folder": ["int"]},
    "ScanStatus": {"scanning": "bool", "count": "int"},
    "Error": {"code": "code", "message": "words", "helpUrl": "words?"},
    "Empty": {},
    "Shares": {"share": ["Empty"]},
    "Podcasts": {"channel": ["Empty"]},
    "NewestPodcasts": {"episode": ["Empty"]},
    "Stations": {"internetRadioStation": ["Empty"]},
    "Chat": {"chatMessage": ["Empty"]},
    "Videos": {"video": ["Empty"]},
}  # fmt: skip

ANSWERS: Final[dict[str, tuple[str, Any]]] = {
    "getMusicFolders": ("musicFolders", "MusicFolders"), "getIndexes": ("indexes", "Indexes"),
    "getMusicDirectory": ("directory", "Directory"), "getGenres": ("genres", "Genres"),
    "getArtists": ("artists", "Artists"), "getArtist": ("artist", "ArtistWithAlbums"),
    "getAlbum": ("album", "AlbumWithSongs"), "getSong": ("song", "Song"), "getArtistInfo": ("artistInfo", "ArtistInfo"),
    "getArtistInfo2": ("artistInfo2", "ArtistInfo"), "getAlbumInfo": ("albumInfo", "AlbumInfo"),
    "getAlbumInfo2": ("albumInfo", "AlbumInfo"), "getSimilarSongs": ("similarSongs", "Songs"),
    "getSimilarSongs2": ("similarSongs2", "Songs"), "getTopSongs": ("topSongs", "Songs"),
    "getAlbumList": ("albumList", "AlbumList"), "getAlbumList2": ("albumList2", "AlbumList2"),
    "getRandomSongs": ("randomSongs", "Songs"), "getSongsByGenre": ("songsByGenre", "Songs"),
    "getNowPlaying": ("nowPlaying", "NowPlaying"), "getStarred": ("starred", "Found2"),
    "getStarred2": ("starred2", "Found3"), "search": ("searchResult", "Found"), "search2": ("searchResult2", "Found2"),
    "search3": ("searchResult3", "Found3"), "getPlaylists": ("playlists", "Playlists"),
    "getPlaylist": ("playlist", "PlaylistWithSongs"), "createPlaylist": ("playlist", "PlaylistWithSongs"),
    "getBookmarks": ("bookmarks", "Bookmarks"), "getPlayQueue": ("playQueue", "PlayQueue"),
    "getPlayQueueByIndex": ("playQueueByIndex", "PlayQueueByIndex"), "getLyrics": ("lyrics", "Lyrics"),
    "getLyricsBySongId": ("lyricsList", "LyricsList"), "getLicense": ("license", "License"),
    "getOpenSubsonicExtensions": ("openSubsonicExtensions", ["Extension"]), "tokenInfo": ("tokenInfo", "TokenInfo"),
    "getUser": ("user", "User"), "getUsers": ("users", "Users"), "getScanStatus": ("scanStatus", "ScanStatus"),
    "startScan": ("scanStatus", "ScanStatus"), "getShares": ("shares", "Shares"),
    "getPodcasts": ("podcasts", "Podcasts"), "getNewestPodcasts": ("newestPodcasts", "NewestPodcasts"),
    "getInternetRadioStations": ("internetRadioStations", "Stations"), "getChatMessages": ("chatMessages", "Chat"),
    "getVideos": ("videos", "Videos"),
}  # fmt: skip
"""What an endpoint answers with, and of which type that is; one that is not here answers with nothing but the head."""

_HEAD: Final = {
    "status": "ok",
    "version": "version",
    "type": "server",
    "serverVersion": "words",
    "openSubsonic": "true",
}


def check(endpoint: str, tree: dict[str, Any]) -> None:
    """That a whole answer (the content of subsonic-response) is one of `endpoint`'s. Raises AssertionError."""
    failed = tree.get("status") == "failed"
    problems = [
        f"{'/'.join(map(str, problem.absolute_path))}: {problem.message[:200]}"
        for problem in _validator("!" if failed else endpoint).iter_errors(tree)
    ]
    assert not problems, f"{endpoint}: {problems[:5]}"


def from_xml(endpoint: str, body: bytes) -> dict[str, Any]:
    """The tree of an XML answer, as its JSON would be; the types say what is a number and what a list."""
    root = ElementTree.fromstring(body)
    assert root.tag == NAMESPACE + "subsonic-response"
    return _tree(root, _fields("!" if root.get("status") == "failed" else endpoint))


def _fields(endpoint: str) -> dict[str, Any]:
    if endpoint == "!":
        return {**_HEAD, "status": "failed", "error": "Error"}
    if endpoint not in ANSWERS:
        return _HEAD
    name, kind = ANSWERS[endpoint]
    return {**_HEAD, name: kind}


@cache
def _validator(endpoint: str) -> Draft202012Validator:
    definitions = {name: _object(fields) for name, fields in TYPES.items()}
    return Draft202012Validator({**_object(_fields(endpoint)), "$defs": definitions})


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _schema(kind) for name, kind in fields.items()},
        "required": [name for name, kind in fields.items() if not _is_optional(kind)],
        "additionalProperties": False,
    }


def _is_optional(kind: Any) -> bool:
    return _is_optional(kind[0]) if isinstance(kind, list) else kind.endswith("?")


def _schema(kind: Any) -> dict[str, Any]:
    if isinstance(kind, list):
        return {"type": "array", "items": _schema(kind[0])}
    names = kind.rstrip("?").split("|")
    options = [_PLAIN.get(name, {"$ref": f"#/$defs/{name}"}) for name in names]
    return options[0] if len(options) == 1 else {"anyOf": options}


def _tree(element: ElementTree.Element, fields: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, text in element.attrib.items():
        assert name in fields, f"<{element.tag}> has an attribute {name} that is not in the table"
        assert isinstance(fields[name], str), f"{name} is a list, and came as an attribute"
        tree[name] = _value(text, fields[name])
    for name, kind in fields.items():
        children = element.findall(NAMESPACE + name)
        if isinstance(kind, list):
            if children or not _is_optional(kind):
                tree[name] = [_child(child, kind[0]) for child in children]
        elif children:
            assert len(children) == 1, f"{name} came more than once"
            tree[name] = _child(children[0], kind)
    known = {NAMESPACE + name for name in fields}
    assert all(child.tag in known for child in element), f"<{element.tag}> has a child that is not in the table"
    if "value" in fields and "value" not in tree and not _is_optional(fields["value"]):
        tree["value"] = element.text or ""
    elif element.text and "value" in fields and "value" not in tree:
        tree["value"] = element.text
    return tree


def _child(element: ElementTree.Element, kind: str) -> Any:
    names = kind.rstrip("?").split("|")
    if names[0] in _PLAIN:
        assert not element.attrib
        return _value(element.text or "", kind)
    if len(names) > 1:
        names = ["Folder" if element.get("isDir") == "true" else "Song"]
    return _tree(element, TYPES[names[0]])


def _value(text: str, kind: str) -> Any:
    schema = _PLAIN[kind.rstrip("?")]
    kinds = {schema.get("type"), *(type(value).__name__ for value in [schema.get("const"), *schema.get("enum", [])])}
    if kinds & {"boolean", "bool"}:
        assert text in ("true", "false")
        return text == "true"
    if kinds & {"integer", "int"}:
        return int(text)
    return float(text) if "number" in kinds else text
