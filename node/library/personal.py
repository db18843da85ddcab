"""What the person does with the music: stars, ratings, plays, bookmarks and the saved queue, as catalog operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from node.catalog import personal
from node.catalog.batch import Op
from node.catalog.personal import Bookmark, Kind, Queue
from node.doors.index import Index, Mark
from node.errors import NotFoundError, UserError
from node.ids import TrackId, to_text
from node.library.changes import Changes

MAX_IDS: Final = 10_000
"""Tracks, albums and artists named in one call."""


@dataclass(frozen=True, slots=True)
class Play:
    """A track was listened to."""

    track: str
    at_ms: int


class Personal:
    """Part of the library; every change is one transaction and reaches every device."""

    def __init__(self, index: Index, changes: Changes, *, now_ms: Callable[[], int]) -> None:
        self._index = index
        self._changes = changes
        self._now_ms = now_ms

    def mark(self, row_id: str) -> Mark:
        """What the person did with a track, album or artist. Raises NotFoundError."""
        return self._index.personal.mark(self._named(row_id)[1])

    def star(self, row_ids: Sequence[str], *, starred: bool) -> None:
        """Put stars on tracks, albums and artists, or take them away; one that has a star keeps its time.

        Raises NotFoundError if one of them isn't there, and changes nothing.
        """
        _check_count(row_ids)
        with self._index.transaction():
            ops = []
            for kind, row in dict.fromkeys(self._named(row_id) for row_id in row_ids):
                has = self._index.personal.mark(row).starred_ms is not None
                if has != starred:
                    ops.append(personal.set_star(kind, row, self._now_ms() if starred else None))
            self._changes.write(ops)

    def rate(self, row_id: str, rating: int | None) -> None:
        """Give 1 to 5, or take it back with None. Raises NotFoundError, UserError."""
        if rating is not None and not 1 <= rating <= personal.MAX_RATING:
            raise UserError(f"a rating is a number from 1 to {personal.MAX_RATING}")
        with self._index.transaction():
            kind, row = self._named(row_id)
            if self._index.personal.mark(row).rating != rating:
                self._changes.write([personal.set_rating(kind, row, rating)])

    def play(self, plays: Sequence[Play]) -> None:
        """Count plays. One told twice, with the same time, counts once. Raises NotFoundError, and counts none."""
        _check_count(plays)
        with self._index.transaction():
            field = to_text(self._changes.log)
            counted: dict[TrackId, tuple[int, int]] = {}
            for play in sorted(plays, key=lambda play: play.at_ms):
                track = self._track(play.track)
                count, last_ms = counted.get(track) or self._index.personal.plays_by(track, field)
                if play.at_ms != last_ms:
                    counted[track] = count + 1, max(last_ms, min(max(play.at_ms, 0), personal.MAX_TIME_MS))
            log = self._changes.log
            self._changes.write(
                [personal.set_plays(track, log, count, last_ms) for track, (count, last_ms) in counted.items()]
            )

    def bookmarks(self) -> list[tuple[TrackId, Bookmark]]:
        """Latest first."""
        return self._index.personal.bookmarks()

    def set_bookmark(self, track_id: str, position_ms: int, comment: str = "") -> None:
        """Remember a place in a track, instead of the one before. Raises NotFoundError, UserError."""
        if not 0 <= position_ms <= personal.MAX_TIME_MS or len(comment) > personal.MAX_COMMENT_CHARS:
            raise UserError(f"a bookmark has a position and at most {personal.MAX_COMMENT_CHARS} characters of comment")
        with self._index.transaction():
            track, now_ms = self._track(track_id), self._now_ms()
            before = self._index.personal.bookmark(track)
            bookmark = Bookmark(
                position_ms=position_ms,
                comment=comment,
                created_ms=before.created_ms if before else now_ms,
                changed_ms=now_ms,
            )
            self._changes.write([personal.set_bookmark(track, bookmark)])

    def remove_bookmark(self, track_id: str) -> None:
        """Raises NotFoundError if there is no such track; none to remove is fine."""
        with self._index.transaction():
            track = self._track(track_id)
            if self._index.personal.bookmark(track) is not None:
                self._changes.write([personal.set_bookmark(track, None)])

    def queue(self) -> Queue:
        """What was saved last; an empty one if nothing was."""
        return self._index.personal.queue() or Queue()

    def save_queue(
        self, track_ids: Sequence[str], *, index: int | None, position_ms: int = 0, changed_by: str = ""
    ) -> None:
        """Save what plays. Raises NotFoundError, UserError, and then the old queue stands."""
        if len(track_ids) > personal.MAX_QUEUE_TRACKS:
            raise UserError(f"a saved queue has at most {personal.MAX_QUEUE_TRACKS} tracks")
        if index is not None and not 0 <= index < len(track_ids):
            raise UserError("the track that plays is not in the queue")
        with self._index.transaction():
            tracks = tuple(self._track(track_id) for track_id in track_ids)
            queue = Queue(
                tracks=tracks,
                index=index,
                position_ms=min(max(position_ms, 0), personal.MAX_TIME_MS),
                changed_ms=self._now_ms(),
                changed_by=changed_by[: personal.MAX_NAME_CHARS],
            )
            before = self._index.personal.queue()
            ops = [personal.set_queue_place(queue)]
            if before is None or before.tracks != tracks:
                ops.insert(0, personal.set_queue_tracks(tracks))
            self._changes.write(ops)

    def _track(self, track_id: str) -> TrackId:
        return self._index.tracks.resolve(track_id)

    def _named(self, row_id: str) -> tuple[Kind, str]:
        browse = self._index.browse
        found = browse.find(row_id)
        if found is not None and found[0] != "playlist":
            return found[0], found[1]
        if (album := browse.album_now(row_id)) is not None:
            return "album", album
        if (artist := browse.artist_now(row_id)) is not None:
            return "artist", artist
        raise NotFoundError("there is no such track, album or artist in this library")


def carried_over(index: Index, changes: Changes, before: TrackId, now: TrackId) -> list[Op]:
    """The writes that give a track, whose recording is known now, what the person did with its provisional name.

    None if `before` is a recording of its own: its file has become another one.
    """
    if before == now or not index.personal.touched(before) or index.tracks.fields(before):
        return []
    mark, log = index.personal.mark(before), changes.log
    ops: list[Op] = []
    if mark.starred_ms is not None:
        ops += [personal.set_star("track", now, mark.starred_ms), personal.set_star("track", before, None)]
    if mark.rating is not None:
        ops += [personal.set_rating("track", now, mark.rating), personal.set_rating("track", before, None)]
    count, last_ms = index.personal.plays_by(before, to_text(log))
    if count:
        had, had_ms = index.personal.plays_by(now, to_text(log))
        ops += [
            personal.set_plays(now, log, had + count, max(had_ms, last_ms)),
            personal.set_plays(before, log, 0, 0),
        ]
    bookmark = index.personal.bookmark(before)
    if bookmark is not None:
        ops += [personal.set_bookmark(now, bookmark), personal.set_bookmark(before, None)]
    ops += [
        personal.set_item(playlist, item, now, position)
        for playlist, item, position in index.personal.entries_of(before)
    ]
    return ops


def _check_count(asked: Sequence[object]) -> None:
    if len(asked) > MAX_IDS:
        raise UserError(f"at most {MAX_IDS} at once")
