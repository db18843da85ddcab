"""Lists of albums and songs, and searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast, get_args

from node.doors.index import AlbumDetail, AlbumList, Years
from node.faces.subsonic import shapes
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import GENERIC, Failure, Tree
from node.library.browse import MAX_PAGE, FoundByWords, Paged

_BY_NAME: Final = frozenset(get_args(AlbumList)) - {"added"}
_LAST_YEAR: Final = 9_999


def get_album_list(asked: Asked) -> Tree:
    return {"albumList": {"album": [shapes.album_folder(album) for album in _albums(asked)]}}


def get_album_list2(asked: Asked) -> Tree:
    return {"albumList2": {"album": [shapes.album(album) for album in _albums(asked)]}}


def get_random_songs(asked: Asked) -> Tree:
    years = None
    if asked.texts("fromYear") or asked.texts("toYear"):
        years = Years(
            first=asked.number("fromYear", 0, highest=_LAST_YEAR),
            last=asked.number("toYear", _LAST_YEAR, highest=_LAST_YEAR),
        )
    songs = asked.parts.library.browse.random_songs(
        asked.number("size", 10, highest=MAX_PAGE), genre=asked.text_or("genre") or None, years=years
    )
    return {"randomSongs": {"song": [shapes.song(song) for song in songs]}}


def get_songs_by_genre(asked: Asked) -> Tree:
    songs = asked.parts.library.browse.genre_songs(
        asked.text("genre"), Paged(asked.number("count", 10, highest=MAX_PAGE), asked.number("offset", 0))
    )
    return {"songsByGenre": {"song": [shapes.song(song) for song in songs]}}


def get_now_playing(asked: Asked) -> Tree:
    playing = asked.state.now_playing()
    songs = {song.id: song for song in asked.parts.library.browse.songs([player.track for player, _ in playing])}
    entries = [
        {
            **shapes.song(songs[player.track]),
            "username": player.user,
            "minutesAgo": minutes,
            "playerId": player.number,
            "playerName": player.app,
        }
        for player, minutes in playing
        if player.track in songs
    ]
    return {"nowPlaying": {"entry": entries}}


def get_starred(asked: Asked) -> Tree:
    return {"starred": _found(asked.parts.library.browse.starred(), shapes.album_folder)}


def get_starred2(asked: Asked) -> Tree:
    return {"starred2": _found(asked.parts.library.browse.starred(), shapes.album)}


def search(asked: Asked) -> Tree:
    """The oldest search: songs alone, by any of their words."""
    words = " ".join(asked.text_or(name) for name in ("artist", "album", "title", "any")).strip()
    page = Paged(asked.number("count", 20, highest=MAX_PAGE), asked.number("offset", 0))
    found = asked.parts.library.browse.search(words, artists=Paged(0), albums=Paged(0), songs=page)
    songs = [shapes.song(song) for song in found.songs]
    total = page.offset + len(songs)
    return {"searchResult": {"offset": page.offset, "totalHits": total, "match": songs}}


def search2(asked: Asked) -> Tree:
    return {"searchResult2": _found(_search(asked), shapes.album_folder)}


def search3(asked: Asked) -> Tree:
    return {"searchResult3": _found(_search(asked), shapes.album)}


def _albums(asked: Asked) -> list[AlbumDetail]:
    kind = asked.text("type")
    page = Paged(asked.number("size", 10, highest=MAX_PAGE), asked.number("offset", 0))
    browse = asked.parts.library.browse
    if kind == "byYear":
        years = Years(
            first=asked.needed_number("fromYear", highest=_LAST_YEAR),
            last=asked.needed_number("toYear", highest=_LAST_YEAR),
        )
        return browse.albums("alphabeticalByName", page, years=years)
    if kind == "byGenre":
        return browse.albums("alphabeticalByName", page, genre=asked.text("genre"))
    if kind not in _BY_NAME:
        raise Failure(GENERIC, f"there is no list of albums of the type {kind[:40]!r}")
    return browse.albums(cast(AlbumList, kind), page)


def _search(asked: Asked) -> FoundByWords:
    def paged(name: str) -> Paged:
        return Paged(asked.number(f"{name}Count", 20, highest=MAX_PAGE), asked.number(f"{name}Offset", 0))

    return asked.parts.library.browse.search(
        asked.text_or("query"), artists=paged("artist"), albums=paged("album"), songs=paged("song")
    )


def _found(found: FoundByWords, album: Callable[[AlbumDetail], Tree]) -> Tree:
    return {
        "artist": [shapes.artist(row) for row in found.artists],
        "album": [album(row) for row in found.albums],
        "song": [shapes.song(row) for row in found.songs],
    }
