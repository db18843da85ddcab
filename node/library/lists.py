"""What is shown: pages of tracks, albums, artists and genres, and what a search finds, as the API's JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final, cast

from node.doors.index import AlbumOrder, Counts, Index, Narrowed, TrackOrder
from node.errors import NotFoundError
from node.library.detail import track_detail
from node.library.places import Places
from node.library.shapes import (
    AlbumJson,
    ArtistJson,
    FoundJson,
    PageJson,
    TrackJson,
    album_json,
    artist_json,
    genre_json,
)
from node.library.shown import Shown

MAX_PAGE: Final = 500
_MAX_ALBUM_TRACKS: Final = 10_000
_ARTISTS_FOUND: Final = 10


class Lists(Places):
    """Part of the library."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self.shown = Shown(index)
        self._counted: tuple[int, Counts] | None = None

    @property
    def revision(self) -> int:
        """Counts what a person could see change."""
        return self.index.pages.revision()

    def summary(self) -> dict[str, Any]:
        """How much there is: {revision, counts: {tracks, albums, artists, genres}, duration_ms}."""
        revision = self.revision
        if self._counted is None or self._counted[0] != revision:
            self._counted = revision, self.index.pages.counts()
        counts = self._counted[1]
        return {
            "revision": revision,
            "counts": {
                "tracks": counts.tracks,
                "albums": counts.albums,
                "artists": counts.artists,
                "genres": counts.genres,
            },
            "duration_ms": counts.duration_ms,
        }

    def tracks(
        self,
        offset: int = 0,
        limit: int = 100,
        *,
        sort: str = "title",
        order: str = "asc",
        album: str | None = None,
        artist: str | None = None,
        genre: str | None = None,
    ) -> PageJson:
        """A page of tracks, of one album, artist or genre if asked; an album's come in its own order."""
        total, rows = self.index.pages.tracks(
            Narrowed(album=album, artist=artist, genre=genre),
            order=cast(TrackOrder, sort),
            descending=order == "desc",
            offset=offset,
            limit=_page(limit),
        )
        return {"total": total, "items": self.shown.tracks(rows)}

    def track(self, track_id: str) -> dict[str, Any]:
        """One track with its files, renditions and all its tags. Raises NotFoundError."""
        row = self.index.pages.track(self.resolve(track_id))
        return {**self.shown.tracks([row])[0], **track_detail(self.files(row.id))}

    def named(self, track_ids: Sequence[str]) -> list[TrackJson]:
        """Those tracks as lists show them, also such as were removed; what is unknown is left out."""
        rows = []
        for track_id in track_ids:
            with contextlib.suppress(NotFoundError):
                rows.append(self.index.pages.track(self.resolve(track_id)))
        return self.shown.tracks(rows)

    def albums(
        self,
        offset: int = 0,
        limit: int = 100,
        *,
        sort: str = "name",
        order: str = "asc",
        artist: str | None = None,
        genre: str | None = None,
    ) -> PageJson:
        """A page of albums, of one artist or genre if asked."""
        total, rows = self.index.pages.albums(
            Narrowed(artist=artist, genre=genre),
            order=cast(AlbumOrder, sort),
            descending=order == "desc",
            offset=offset,
            limit=_page(limit),
        )
        return {"total": total, "items": [album_json(row) for row in rows]}

    def album(self, album_id: str) -> dict[str, Any]:
        """One album with its tracks in order. Raises NotFoundError."""
        album: AlbumJson = album_json(self.index.pages.album(album_id))
        return {**album, "tracks": self._all_tracks(Narrowed(album=album_id))}

    def artists(self, offset: int = 0, limit: int = 100) -> PageJson:
        """A page of artists by name: those of albums and those of single tracks."""
        total, rows = self.index.pages.artists(offset=offset, limit=_page(limit))
        return {"total": total, "items": [artist_json(row) for row in rows]}

    def artist(self, artist_id: str) -> dict[str, Any]:
        """One artist with albums, albums of others on which they play, and up to 500 tracks. Raises NotFoundError."""
        pages = self.index.pages
        artist: ArtistJson = artist_json(pages.artist(artist_id))
        _, albums = pages.albums(Narrowed(artist=artist_id), order="year", descending=False, offset=0, limit=MAX_PAGE)
        appears = pages.appears_on(artist_id, MAX_PAGE)
        _, tracks = pages.tracks(Narrowed(artist=artist_id), order="album", descending=False, offset=0, limit=MAX_PAGE)
        return {
            **artist,
            "albums": [album_json(row) for row in albums],
            "appears_on": [album_json(row) for row in appears],
            "tracks": self.shown.tracks(tracks),
        }

    def genres(self) -> PageJson:
        """Every genre by name, with how many tracks and albums have it."""
        rows = self.index.pages.genres()
        return {"total": len(rows), "items": [genre_json(row) for row in rows]}

    def search(self, words: str, limit: int = 20) -> FoundJson:
        """The best matches: up to `limit` tracks and albums, and ten artists."""
        found = self.index.search.find(words, tracks=limit, albums=limit, artists=min(limit, _ARTISTS_FOUND))
        pages = self.index.pages
        return {
            "artists": [artist_json(row) for row in pages.artists_by_number(found.artists)],
            "albums": [album_json(row) for row in pages.albums_by_number(found.albums)],
            "tracks": self.shown.tracks(pages.tracks_by_number(found.tracks)),
        }

    def _all_tracks(self, narrowed: Narrowed) -> list[TrackJson]:
        _, rows = self.index.pages.tracks(narrowed, order="album", descending=False, offset=0, limit=_MAX_ALBUM_TRACKS)
        return self.shown.tracks(rows)


def _page(limit: int) -> int:
    return max(0, min(limit, MAX_PAGE))
