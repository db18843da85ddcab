"""What the person wants to have on this device, or not to have: albums, playlists and tracks, by name of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from node.crypto.blob import Purpose
from node.errors import NotFoundError, UserError
from node.ids import BlobRoot
from node.library import Library

Kind = Literal["track", "album", "playlist"]
KINDS: Final[tuple[Kind, ...]] = ("track", "album", "playlist")
SETTING: Final = "wishes"
MAX_WISHES: Final = 10_000


class Wishes:
    """Kept on this device alone. Every method blocks."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._settings = library.index.settings

    def keep(self, kind: Kind, row_id: str) -> list[str]:
        """From now on have it here, and what is added to it later; its tracks. Raises NotFoundError, UserError."""
        return self._wish("keep", kind, row_id)

    def free(self, kind: Kind, row_id: str) -> list[str]:
        """From now on don't take it here unless the library lacks copies; its tracks."""
        return self._wish("free", kind, row_id)

    def forget(self, kind: Kind, row_id: str) -> None:
        """Take a wish back. Raises NotFoundError if there was none."""
        others = [list(each) for each in self.all() if each[1:] != (kind, row_id)]
        if len(others) == len(self.all()):
            raise NotFoundError(f"nothing was wished of that {kind}")
        self._settings.set(SETTING, others)

    def all(self) -> list[tuple[str, Kind, str]]:
        """Each as (keep or free, kind, identifier), the oldest first."""
        return [(wish, kind, row_id) for wish, kind, row_id in self._settings.get(SETTING, [])]

    def blobs(self, wish: Literal["keep", "free"]) -> frozenset[BlobRoot]:
        """All blobs of what is to be kept, or not to be taken. What was wished last counts."""
        latest: dict[str, str] = {}
        for wished, kind, row_id in self.all():
            try:
                tracks = self.tracks(kind, row_id)
            except NotFoundError:
                continue  # gone from the library since
            for track in tracks:
                latest.pop(track, None)
                latest[track] = wished
        return self.blobs_of(track for track, wished in latest.items() if wished == wish)

    def blobs_of(self, tracks: Iterable[str]) -> frozenset[BlobRoot]:
        """The originals and the small renditions of some tracks."""
        wanted = set(tracks)
        if not wanted:
            return frozenset()
        return frozenset(
            song.root
            for song in self._library.index.copies.songs()
            if song.track in wanted and song.root is not None and song.purpose is not Purpose.COVER
        )

    def tracks(self, kind: Kind, row_id: str) -> list[str]:
        """The tracks that make it up now. Raises NotFoundError, UserError."""
        if kind == "track":
            return [str(self._library.resolve(row_id))]
        if kind == "album":
            return [track["id"] for track in self._library.album(row_id)["tracks"]]
        if kind == "playlist":
            self._library.index.personal.playlist(row_id)
            return [str(item.track) for _, item in self._library.index.personal.items(row_id)]
        raise UserError(f"what can be kept is {', '.join(KINDS)}")

    def _wish(self, wish: str, kind: Kind, row_id: str) -> list[str]:
        tracks = self.tracks(kind, row_id)
        others: list[Any] = [list(each) for each in self.all() if each[1:] != (kind, row_id)]
        if len(others) >= MAX_WISHES:
            raise UserError(f"at most {MAX_WISHES} things can be kept or freed by name; make a playlist of them")
        self._settings.set(SETTING, [*others, [wish, kind, row_id]])
        return tracks
