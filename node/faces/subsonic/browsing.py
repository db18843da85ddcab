"""Walking through the library: folders, indexes, artists, albums, songs, and what is known about them."""

from __future__ import annotations

import itertools
from typing import Final

from node.doors.index import ArtistDetail
from node.errors import NotFoundError
from node.faces.subsonic import shapes
from node.faces.subsonic.asked import MUSIC_FOLDER, Asked
from node.faces.subsonic.protocol import NOT_FOUND, Failure, Tree

MUSIC_FOLDER_NAME: Final = "Music"
_MAX_COUNT: Final = 500


def get_music_folders(asked: Asked) -> Tree:
    return {"musicFolders": {"musicFolder": [{"id": MUSIC_FOLDER, "name": MUSIC_FOLDER_NAME}]}}


def get_artists(asked: Asked) -> Tree:
    artists = asked.parts.library.browse.album_artists()
    return {"artists": {"ignoredArticles": _articles(asked), "index": _indexed(artists)}}


def get_indexes(asked: Asked) -> Tree:
    """As getArtists, for apps that browse by folders; nothing but the date if nothing has changed since then."""
    changed_ms = asked.state.changed_ms
    indexes: Tree = {"ignoredArticles": _articles(asked), "lastModified": changed_ms, "shortcut": [], "child": []}
    if asked.number("ifModifiedSince", -1, lowest=-1) >= changed_ms:
        return {"indexes": {**indexes, "index": []}}
    return {"indexes": {**indexes, "index": _indexed(asked.parts.library.browse.album_artists())}}


def get_music_directory(asked: Asked) -> Tree:
    """The library as a tree of folders: artists, their albums, the songs."""
    browse = asked.parts.library.browse
    wanted = asked.text("id")
    if wanted == str(MUSIC_FOLDER):
        artists = [_artist_folder(row) for row in browse.album_artists()]
        return {"directory": {"id": wanted, "name": MUSIC_FOLDER_NAME, "child": artists}}
    kind, now = browse.named(wanted)
    if kind == "artist":
        artist, albums = browse.artist(now)
        return {
            "directory": {
                **_common(shapes.artist(artist)),
                "parent": str(MUSIC_FOLDER),
                "child": [shapes.album_folder(album) for album in albums],
            }
        }
    if kind == "album":
        album, songs = browse.album(now)
        shown = shapes.album(album)
        parent = {"parent": shown["artistId"]} if "artistId" in shown else {}
        return {"directory": {**_common(shown), **parent, "child": [shapes.song(song) for song in songs]}}
    raise Failure(NOT_FOUND, "that is not a folder")


def get_genres(asked: Asked) -> Tree:
    genres = asked.parts.library.genres()["items"]
    return {
        "genres": {
            "genre": [
                {"songCount": genre["tracks"], "albumCount": genre["albums"], "value": genre["name"]}
                for genre in genres
            ]
        }
    }


def get_artist(asked: Asked) -> Tree:
    artist, albums = asked.parts.library.browse.artist(asked.text("id"))
    return {"artist": {**shapes.artist(artist), "album": [shapes.album(album) for album in albums]}}


def get_album(asked: Asked) -> Tree:
    album, songs = asked.parts.library.browse.album(asked.text("id"))
    return {"album": shapes.album_with_songs(album, songs)}


def get_song(asked: Asked) -> Tree:
    return {"song": shapes.song(asked.parts.library.browse.song(asked.text("id")))}


def get_artist_info(asked: Asked) -> Tree:
    return {"artistInfo": _artist_info(asked)}


def get_artist_info2(asked: Asked) -> Tree:
    return {"artistInfo2": _artist_info(asked)}


def get_album_info(asked: Asked) -> Tree:
    """What the files themselves say; nothing is asked of anybody on the network."""
    browse = asked.parts.library.browse
    kind, now = browse.named(asked.text("id"))
    if kind == "track":
        album_of_song = browse.song(now).album
        if album_of_song is None:
            return {"albumInfo": {"notes": "", "musicBrainzId": ""}}
        now = album_of_song
    album, _ = browse.album(now)
    return {"albumInfo": {"notes": "", "musicBrainzId": shapes.album(album)["musicBrainzId"]}}


def get_similar_songs(asked: Asked) -> Tree:
    return {"similarSongs": {"song": _similar(asked)}}


def get_similar_songs2(asked: Asked) -> Tree:
    return {"similarSongs2": {"song": _similar(asked)}}


def get_top_songs(asked: Asked) -> Tree:
    count = asked.number("count", 50, highest=_MAX_COUNT)
    wanted = asked.text_or("artistId") or asked.text("artist")
    songs = asked.parts.library.browse.top_songs(wanted, count)
    return {"topSongs": {"song": [shapes.song(song) for song in songs]}}


def _similar(asked: Asked) -> list[Tree]:
    count = asked.number("count", 50, highest=_MAX_COUNT)
    songs = asked.parts.library.browse.similar_songs(asked.text("id"), count)
    return [shapes.song(song) for song in songs]


def _artist_info(asked: Asked) -> Tree:
    browse = asked.parts.library.browse
    kind, now = browse.named(asked.text("id"))
    if kind == "track":
        artists = browse.song(now).shown["artists"]
    elif kind == "album":
        artists = browse.album(now)[0].artists
    else:
        artists = [{"id": now}]
    if not artists:
        raise NotFoundError("nothing is known about the artist of that")
    artist, _ = browse.artist(artists[0]["id"])
    similar = browse.similar_artists(artist.id, asked.number("count", 20, highest=_MAX_COUNT))
    return {
        "biography": "",
        "musicBrainzId": shapes.artist(artist)["musicBrainzId"],
        "similarArtist": [shapes.artist(row) for row in similar],
    }


def _indexed(artists: list[ArtistDetail]) -> list[Tree]:
    # Names sort by their keys, so each letter's are together; what begins with no letter may be apart.
    letters: dict[str, list[Tree]] = {}
    for letter, rows in itertools.groupby(artists, key=lambda row: shapes.index_letter(row.name_key)):
        letters.setdefault(letter, []).extend(shapes.artist(row) for row in rows)
    return [{"name": letter, "artist": rows} for letter, rows in letters.items()]


def _articles(asked: Asked) -> str:
    return " ".join(article.capitalize() for article in asked.parts.settings.current.sort_articles)


def _common(shown: Tree) -> Tree:
    return {name: shown[name] for name in ("id", "name", "starred", "userRating", "playCount") if name in shown}


def _artist_folder(row: ArtistDetail) -> Tree:
    shown = shapes.artist(row)
    kept: Tree = {
        name: shown[name] for name in ("id", "coverArt", "starred", "userRating", "sortName") if name in shown
    }
    return {
        **kept, "parent": str(MUSIC_FOLDER), "isDir": True, "title": row.name, "artist": row.name, "artistId": row.id,
        "isVideo": False, "mediaType": "artist",
    }  # fmt: skip
