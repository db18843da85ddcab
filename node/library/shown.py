"""Tracks as lists show them, with where those are that aren't here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from node.doors.index import Index, TrackRow
from node.ids import BlobRoot
from node.library.shapes import Elsewhere, TrackJson, is_here, track_json


class Shown:
    """Part of the library."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.elsewhere: Callable[[Mapping[str, Sequence[BlobRoot]]], Mapping[str, Elsewhere]] = lambda _roots: {}
        """Given the blobs of tracks by identifier, what other devices have of them. Called in any thread."""

    def tracks(self, rows: Sequence[TrackRow]) -> list[TrackJson]:
        """These rows; what is not here is looked for elsewhere, all of it at once."""
        gone = [row.id for row in rows if not is_here(row)]
        elsewhere = self.elsewhere(self._index.tracks.roots(gone)) if gone else {}
        return [track_json(row, elsewhere.get(row.id)) for row in rows]
