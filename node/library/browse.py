"""The library as music apps walk through it. Former identifiers of albums and artists go on to work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.catalog.words import artist_id, fold
from node.doors.index import AlbumDetail, AlbumList, ArtistDetail, Index, Named, PlaylistRow, Song, Years
from node.errors import NotFoundError
from node.library.shapes import FoundJson, TrackJson, album_json, artist_json
from node.library.shown import Shown

MAX_PAGE: Final = 500
MAX_FOUND: Final = 1_000
"""How deep one may page through what words find."""
_SEEDS: Final = 50
"""Tracks of an album or artist that similar ones are looked for by."""


@dataclass(frozen=True, slots=True)
class Paged:
    """Which part of a list."""

    count: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class FoundByWords:
    artists: list[ArtistDetail]
    albums: list[AlbumDetail]
    songs: list[Song]


class Browse:
    """Part of the library."""

    def __init__(self, index: Index, shown: Shown) -> None:
        self._index = index
        self._shown = shown

    def named(self, row_id: str) -> tuple[Named, str]:
        """What an identifier names, and what that is called now. Raises NotFoundError."""
        rows = self._index.browse
        found = rows.find(row_id)
        if found is not None:
            return found
        if (album := rows.album_now(row_id)) is not None:
            return "album", album
        if (artist := rows.artist_now(row_id)) is not None:
            return "artist", artist
        raise NotFoundError("there is no such thing in this library")

    def song(self, track_id: str) -> Song:
        """Raises NotFoundError."""
        found = self._index.browse.songs([track_id])
        if not found:
            raise NotFoundError("there is no such track in this library")
        return found[0]

    def songs(self, track_ids: Sequence[str]) -> list[Song]:
        """In the order asked for, without those that are not shown."""
        return self._index.browse.songs(track_ids)

    def album(self, album_id: str) -> tuple[AlbumDetail, list[Song]]:
        """An album and its tracks in order. Raises NotFoundError."""
        now = self._index.browse.album_now(album_id)
        album = None if now is None else self._index.browse.album(now)
        if album is None:
            raise NotFoundError("there is no such album in this library")
        return album, self._index.browse.album_songs(album.id)

    def artist(self, artist_id: str) -> tuple[ArtistDetail, list[AlbumDetail]]:
        """An artist and the albums that they are on, their own first. Raises NotFoundError."""
        now = self._index.browse.artist_now(artist_id)
        artist = None if now is None else self._index.browse.artist(now)
        if artist is None:
            raise NotFoundError("there is no such artist in this library")
        return artist, self._index.browse.artist_albums(artist.id)

    def playlist(self, playlist_id: str) -> tuple[PlaylistRow, list[Song]]:
        """Raises NotFoundError."""
        return self._index.personal.playlist(playlist_id), self._index.browse.playlist_songs(playlist_id)

    def album_artists(self) -> list[ArtistDetail]:
        """Every artist whose name an album bears, by name."""
        return self._index.browse.album_artists()

    def albums(
        self, order: AlbumList, paged: Paged, *, genre: str | None = None, years: Years | None = None
    ) -> list[AlbumDetail]:
        """A page of one of the lists of albums."""
        key = None if genre is None else fold(genre)
        return self._index.browse.albums(order, paged.offset, _page(paged.count), genre_key=key, years=years)

    def genre_songs(self, genre: str, paged: Paged) -> list[Song]:
        """A page of a genre's tracks, by album."""
        return self._index.browse.genre_songs(fold(genre), paged.offset, _page(paged.count))

    def random_songs(self, count: int, *, genre: str | None = None, years: Years | None = None) -> list[Song]:
        """Up to 500 tracks by chance."""
        key = None if genre is None else fold(genre)
        return self._index.browse.random_songs(_page(count), genre_key=key, years=years)

    def starred(self) -> FoundByWords:
        """Everything with a star, the latest first."""
        rows = self._index.browse
        albums = rows.albums("starred", 0, MAX_FOUND)
        known = {album.id for album in albums}
        for former in rows.former_starred_albums():
            now = rows.album_now(former)
            album = rows.album(now) if now is not None and now not in known else None
            if album is not None:
                known.add(album.id)
                albums.append(album._replace(starred_ms=self._index.personal.mark(former).starred_ms))
        return FoundByWords(rows.starred_artists(), albums, rows.starred_songs())

    def starred_lists(self) -> FoundJson:
        """Everything with a star, as the player's lists show it."""
        found, pages = self.starred(), self._index.pages
        return {
            "artists": [artist_json(pages.artist(artist.id)) for artist in found.artists],
            "albums": [album_json(pages.album(album.id)) for album in found.albums],
            "tracks": self._shown.tracks([pages.track(song.id) for song in found.songs]),
        }

    def history(self, count: int) -> dict[str, list[TrackJson]]:
        """Up to 500 tracks each: `recent`, the last played first, and `most`, the most played first."""
        pages = self._index.pages
        return {
            "recent": self._shown.tracks(pages.played("last", _page(count))),
            "most": self._shown.tracks(pages.played("most", _page(count))),
        }

    def playlist_tracks(self, playlist_id: str) -> list[TrackJson]:
        """A playlist's tracks in order, as the player's lists show them."""
        songs = self._index.browse.playlist_songs(playlist_id)
        rows = {song.id: self._index.pages.track(song.id) for song in songs}
        return self._shown.tracks([rows[song.id] for song in songs])

    def search(self, words: str, *, artists: Paged, albums: Paged, songs: Paged) -> FoundByWords:
        """A page of each kind; of everything, in an order that stays, if `words` are empty."""
        rows = self._index.browse
        if not words.strip().strip('"').strip():
            return FoundByWords(
                rows.all_artists(artists.offset, _page(artists.count)) if artists.count else [],
                rows.albums("added", albums.offset, _page(albums.count)) if albums.count else [],
                rows.all_songs(songs.offset, _page(songs.count)) if songs.count else [],
            )
        found = self._index.search.find(words, tracks=_end(songs), albums=_end(albums), artists=_end(artists))
        return FoundByWords(
            rows.artists_by_number(found.artists[artists.offset : _end(artists)]),
            rows.albums_by_number(found.albums[albums.offset : _end(albums)]),
            rows.songs_by_number(found.tracks[songs.offset : _end(songs)]),
        )

    def top_songs(self, artist: str, count: int) -> list[Song]:
        """The tracks of an artist, by name or identifier, that are played most."""
        rows = self._index.browse
        now = rows.artist_now(artist) or rows.artist_now(artist_id(artist))
        return [] if now is None else rows.top_songs(now, _page(count))

    def similar_songs(self, row_id: str, count: int) -> list[Song]:
        """Tracks like a track, an album or an artist: found by shared artists and genres. Raises NotFoundError."""
        rows = self._index.browse
        kind, now = self.named(row_id)
        if kind == "track":
            seeds = [now]
        elif kind == "album":
            seeds = [song.id for song in rows.album_songs(now)][:_SEEDS]
        elif kind == "artist":
            seeds = rows.artist_tracks(now, _SEEDS)
        else:
            seeds = [song.id for song in rows.playlist_songs(now)][:_SEEDS]
        return rows.similar_songs(seeds, _page(count))

    def similar_artists(self, artist_id: str, count: int) -> list[ArtistDetail]:
        """Artists whose tracks share genres with this one's."""
        now = self._index.browse.artist_now(artist_id)
        return [] if now is None else self._index.browse.similar_artists(now, _page(count))


def _page(count: int) -> int:
    return max(0, min(count, MAX_PAGE))


def _end(paged: Paged) -> int:
    return min(paged.offset + _page(paged.count), MAX_FOUND) if paged.count else 0
