"""Playlists: an entry is a thing of its own, so that what two devices add at once is both kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Final

from node.catalog import personal
from node.catalog.batch import Op
from node.catalog.personal import POSITION_STEP, Item
from node.doors.index import Index, PlaylistRow
from node.errors import UserError
from node.ids import TrackId, to_text
from node.library.changes import Changes

MAX_PLAYLISTS: Final = 2_000
MAX_TRACKS: Final = 20_000
"""In one playlist."""
_ID_BYTES: Final = 16
_ITEM_BYTES: Final = 8

Entries = list[tuple[str, Item]]


class Playlists:
    """Part of the library; every change is one transaction and reaches every device."""

    def __init__(self, index: Index, changes: Changes, *, now_ms: Callable[[], int]) -> None:
        self._index = index
        self._changes = changes
        self._now_ms = now_ms

    def all(self) -> list[PlaylistRow]:
        """Every playlist, by name."""
        return self._index.personal.playlists()

    def get(self, playlist_id: str) -> PlaylistRow:
        """One playlist. Raises NotFoundError."""
        return self._index.personal.playlist(playlist_id)

    def create(self, name: str, track_ids: Sequence[str] = (), comment: str = "") -> str:
        """A new playlist; its identifier, 26 characters. Raises UserError, NotFoundError for an unknown track."""
        _check_texts(name, comment)
        playlist = to_text(secrets.token_bytes(_ID_BYTES))
        with self._index.transaction():
            if len(self._index.personal.playlists()) >= MAX_PLAYLISTS:
                raise UserError(f"a library has at most {MAX_PLAYLISTS} playlists")
            now_ms = self._now_ms()
            ops = [
                personal.set_playlist(playlist, personal.NAME, name),
                personal.set_playlist(playlist, personal.CREATED, now_ms),
                personal.set_playlist(playlist, personal.CHANGED, now_ms),
            ]
            if comment:
                ops.append(personal.set_playlist(playlist, personal.COMMENT, comment))
            self._changes.write(ops + _rewritten(playlist, [], self._tracks(track_ids)))
        return playlist

    def edit(
        self,
        playlist_id: str,
        *,
        name: str | None = None,
        comment: str | None = None,
        remove: Collection[int] = (),
        add: Sequence[str] = (),
    ) -> None:
        """Rename, take out entries by their places from 0 (ones that don't exist are passed over), then append.

        Raises NotFoundError, UserError.
        """
        _check_texts(name or "a name", comment or "")
        with self._index.transaction():
            before = self._index.personal.playlist(playlist_id)
            ops: list[Op] = []
            if name is not None and name != before.name:
                ops.append(personal.set_playlist(playlist_id, personal.NAME, name))
            if comment is not None and comment != before.comment:
                ops.append(personal.set_playlist(playlist_id, personal.COMMENT, comment))
            if remove or add:
                entries = self._shown(playlist_id)
                gone = {item for at, (item, _) in enumerate(entries) if at in remove}
                ops += [personal.set_item(playlist_id, item, None) for item in gone]
                everything = self._index.personal.items(playlist_id)
                last = everything[-1][1].position if everything else 0
                ops += _appended(playlist_id, last, self._tracks(add), room=MAX_TRACKS - len(entries) + len(gone))
            self._write(playlist_id, ops)

    def replace(self, playlist_id: str, track_ids: Sequence[str]) -> None:
        """Give a playlist these tracks in this order. Raises NotFoundError, UserError."""
        with self._index.transaction():
            self._index.personal.playlist(playlist_id)
            entries = self._index.personal.items(playlist_id)
            self._write(playlist_id, _rewritten(playlist_id, entries, self._tracks(track_ids)))

    def delete(self, playlist_id: str) -> None:
        """Raises NotFoundError. The tracks stay in the library."""
        with self._index.transaction():
            self._index.personal.playlist(playlist_id)
            names = (personal.NAME, personal.COMMENT, personal.CREATED, personal.CHANGED)
            ops = [personal.set_playlist(playlist_id, name, None) for name in names]
            ops += [personal.set_item(playlist_id, item, None) for item, _ in self._index.personal.items(playlist_id)]
            self._changes.write(ops)

    def _shown(self, playlist_id: str) -> Entries:
        """The entries that can be shown: the places that a person counts."""
        entries = self._index.personal.items(playlist_id)
        shown = self._index.browse.shown([item.track for _, item in entries])
        return [(name, item) for name, item in entries if item.track in shown]

    def _tracks(self, track_ids: Sequence[str]) -> list[TrackId]:
        if len(track_ids) > MAX_TRACKS:
            raise UserError(f"a playlist has at most {MAX_TRACKS} tracks")
        known: dict[str, TrackId] = {}
        for track_id in track_ids:
            if track_id not in known:
                known[track_id] = self._index.tracks.resolve(track_id)
        return [known[track_id] for track_id in track_ids]

    def _write(self, playlist_id: str, ops: list[Op]) -> None:
        if ops:
            self._changes.write([*ops, personal.set_playlist(playlist_id, personal.CHANGED, self._now_ms())])


def _check_texts(name: str, comment: str) -> None:
    if not 0 < len(name) <= personal.MAX_NAME_CHARS or len(comment) > personal.MAX_COMMENT_CHARS:
        raise UserError(
            f"a playlist has a name of 1 to {personal.MAX_NAME_CHARS} characters "
            f"and a comment of at most {personal.MAX_COMMENT_CHARS}"
        )


def _new_item() -> str:
    return to_text(secrets.token_bytes(_ITEM_BYTES))


def _appended(playlist: str, last: int, tracks: Sequence[TrackId], *, room: int) -> list[Op]:
    if len(tracks) > room:
        raise UserError(f"a playlist has at most {MAX_TRACKS} tracks")
    return [
        personal.set_item(playlist, _new_item(), track, last + POSITION_STEP * count)
        for count, track in enumerate(tracks, start=1)
    ]


def _rewritten(playlist: str, entries: Entries, tracks: Sequence[TrackId]) -> list[Op]:
    """The fewest writes that make `entries` into `tracks`, given that mostly one place of a list changes."""
    before = [item.track for _, item in entries]
    start = 0
    while start < min(len(before), len(tracks)) and before[start] == tracks[start]:
        start += 1
    end = 0
    while end < min(len(before), len(tracks)) - start and before[-1 - end] == tracks[-1 - end]:
        end += 1
    gone = entries[start : len(entries) - end]
    fresh = tracks[start : len(tracks) - end]
    low = entries[start - 1][1].position if start else None
    high = entries[len(entries) - end][1].position if end else None
    places = positions(low, high, len(fresh))
    if places is None:
        # No room is left between two neighbours: all get new places.
        ops = [personal.set_item(playlist, name, None) for name, _ in entries]
        return ops + _appended(playlist, 0, tracks, room=MAX_TRACKS)
    ops = [personal.set_item(playlist, name, None) for name, _ in gone]
    return ops + [
        personal.set_item(playlist, _new_item(), track, place) for track, place in zip(fresh, places, strict=True)
    ]


def positions(low: int | None, high: int | None, count: int) -> list[int] | None:
    """`count` rising places between `low` and `high` (None: no neighbour); None if there is no room."""
    if high is None:
        return [(low or 0) + POSITION_STEP * number for number in range(1, count + 1)]
    if low is None:
        return [high - POSITION_STEP * number for number in range(count, 0, -1)]
    step = (high - low) // (count + 1)
    return [low + step * number for number in range(1, count + 1)] if step or not count else None
