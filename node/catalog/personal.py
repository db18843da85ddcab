"""What a person does with the music, as registers: stars, ratings, plays, playlists, bookmarks, the saved queue.

Playlists keep a register for each entry, so that songs added on two devices at once are both in it. Plays are counted
apart by each log, so that counts add up whatever the order of arrival (a grow-only counter).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from node.catalog.batch import Op
from node.catalog.register import Key
from node.catalog.vector import LogId
from node.catalog.vocabulary import PLAYLIST, PLAYS, RATING, STAR
from node.ids import TrackId, from_text, to_text

BOOKMARK: Final = "bookmark"
QUEUE: Final = "queue"
PERSONAL: Final = frozenset({STAR, RATING, PLAYS, PLAYLIST, BOOKMARK, QUEUE})
"""Tables of the catalog that this module knows."""

Kind = Literal["track", "album", "artist"]

MAX_RATING: Final = 5
MAX_NAME_CHARS: Final = 500
MAX_COMMENT_CHARS: Final = 4_000
MAX_QUEUE_TRACKS: Final = 4_000
"""16 bytes each: what one value of the catalog holds."""
MAX_TIME_MS: Final = (1 << 47) - 1
POSITION_STEP: Final = 1 << 20
"""Between entries of a playlist, so that others fit in between."""
_MAX_POSITION: Final = (1 << 53) - 1
_TRACK_BYTES: Final = 16

NAME: Final = "name"
COMMENT: Final = "comment"
CREATED: Final = "created"
CHANGED: Final = "changed"
ITEM_PREFIX: Final = "item:"
"""And an entry's own name: [16 bytes of the track, position]."""
QUEUE_ROW: Final = "saved"
QUEUE_TRACKS: Final = "tracks"
QUEUE_AT: Final = "at"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a playlist."""

    track: TrackId
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A place in a track that the person wants to come back to."""

    position_ms: int
    comment: str
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What was playing, to go on elsewhere."""

    tracks: tuple[TrackId, ...] = ()
    index: int | None = None
    """Which of them, from 0."""
    position_ms: int = 0
    changed_ms: int = 0
    changed_by: str = ""


def set_star(kind: Kind, row: str, at_ms: int | None) -> Op:
    """A star put at a time, or taken away by None."""
    return Op(Key(STAR, row, kind), at_ms)


def set_rating(kind: Kind, row: str, rating: int | None) -> Op:
    """1 to 5, or None."""
    return Op(Key(RATING, row, kind), rating)


def set_plays(track: TrackId, log: LogId, count: int, last_ms: int) -> Op:
    """How often a track was played through what `log` wrote, all in all, and when last."""
    return Op(Key(PLAYS, track, to_text(log)), [count, last_ms])


def set_playlist(playlist: str, field: str, value: str | int | None) -> Op:
    """One of `NAME`, `COMMENT`, `CREATED`, `CHANGED`."""
    return Op(Key(PLAYLIST, playlist, field), value)


def set_item(playlist: str, item: str, track: TrackId | None, position: int = 0) -> Op:
    """An entry of a playlist, or with None its end."""
    return Op(Key(PLAYLIST, playlist, ITEM_PREFIX + item), None if track is None else [from_text(track), position])


def set_bookmark(track: TrackId, bookmark: Bookmark | None) -> Op:
    value = None
    if bookmark is not None:
        value = [bookmark.position_ms, bookmark.comment, bookmark.created_ms, bookmark.changed_ms]
    return Op(Key(BOOKMARK, track, "position"), value)


def set_queue_tracks(tracks: Sequence[TrackId]) -> Op:
    """Apart from the place in it: the list changes seldom, the place often."""
    return Op(Key(QUEUE, QUEUE_ROW, QUEUE_TRACKS), b"".join(from_text(track) for track in tracks))


def set_queue_place(queue: Queue) -> Op:
    return Op(Key(QUEUE, QUEUE_ROW, QUEUE_AT), [queue.index, queue.position_ms, queue.changed_ms, queue.changed_by])


def read_time(value: Any) -> int | None:
    """A time in ms, or None if the value is malformed."""
    return value if _natural(value, MAX_TIME_MS) else None


def read_rating(value: Any) -> int | None:
    """1 to 5, or None."""
    return value if _natural(value, MAX_RATING) and value else None


def read_plays(value: Any) -> tuple[int, int]:
    """(count, last time in ms) of one log; (0, 0) if the value is malformed."""
    if isinstance(value, list) and len(value) >= 2 and _natural(value[0], 1 << 40) and _natural(value[1], MAX_TIME_MS):
        return value[0], value[1]
    return 0, 0


def read_text(value: Any, most: int) -> str | None:
    """A text of up to `most` characters; None if the value is something else."""
    return value[:most] if isinstance(value, str) else None


def read_item(value: Any) -> Item | None:
    """An entry, or None if the value is malformed."""
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[0], bytes):
        return None
    if len(value[0]) != _TRACK_BYTES or isinstance(value[1], bool) or not isinstance(value[1], int):
        return None
    if abs(value[1]) > _MAX_POSITION:
        return None
    return Item(TrackId(to_text(value[0])), value[1])


def read_bookmark(value: Any) -> Bookmark | None:
    """A bookmark, or None if the value is malformed."""
    if not isinstance(value, list) or len(value) < 4 or not isinstance(value[1], str):
        return None
    if not all(_natural(value[at], MAX_TIME_MS) for at in (0, 2, 3)):
        return None
    return Bookmark(
        position_ms=value[0], comment=value[1][:MAX_COMMENT_CHARS], created_ms=value[2], changed_ms=value[3]
    )


def read_queue(fields: Mapping[str, Any]) -> Queue | None:
    """The saved queue out of its registers; None if there is none."""
    raw, at = fields.get(QUEUE_TRACKS), fields.get(QUEUE_AT)
    if not isinstance(raw, bytes) or len(raw) % _TRACK_BYTES or not isinstance(at, list) or len(at) < 4:
        return None
    tracks = tuple(
        TrackId(to_text(raw[start : start + _TRACK_BYTES]))
        for start in range(0, min(len(raw), MAX_QUEUE_TRACKS * _TRACK_BYTES), _TRACK_BYTES)
    )
    index, position_ms, changed_ms, changed_by = at[:4]
    return Queue(
        tracks=tracks,
        index=index if _natural(index, len(tracks) - 1) else None,
        position_ms=position_ms if _natural(position_ms, MAX_TIME_MS) else 0,
        changed_ms=changed_ms if _natural(changed_ms, MAX_TIME_MS) else 0,
        changed_by=read_text(changed_by, MAX_NAME_CHARS) or "",
    )


def _natural(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
