"""Where the person is: bookmarks in tracks, and the saved queue."""

from __future__ import annotations

from node.catalog.personal import Queue
from node.faces.subsonic import shapes
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import GENERIC, MISSING_PARAMETER, Failure, Tree


def get_bookmarks(asked: Asked) -> Tree:
    bookmarks = asked.parts.library.personal.bookmarks()
    songs = {song.id: song for song in asked.parts.library.browse.songs([track for track, _ in bookmarks])}
    return {
        "bookmarks": {
            "bookmark": [
                {
                    "position": bookmark.position_ms,
                    "username": asked.user,
                    "comment": bookmark.comment,
                    "created": shapes.moment(bookmark.created_ms),
                    "changed": shapes.moment(bookmark.changed_ms),
                    "entry": shapes.song(songs[track]),
                }
                for track, bookmark in bookmarks
                if track in songs
            ]
        }
    }


def create_bookmark(asked: Asked) -> Tree:
    asked.parts.library.personal.set_bookmark(
        asked.text("id"), asked.needed_number("position"), asked.text_or("comment")
    )
    return {}


def delete_bookmark(asked: Asked) -> Tree:
    asked.parts.library.personal.remove_bookmark(asked.text("id"))
    return {}


def get_play_queue(asked: Asked) -> Tree:
    queue = asked.parts.library.personal.queue()
    current = {} if queue.index is None else {"current": queue.tracks[queue.index]}
    return {"playQueue": {**current, **_queue(asked, queue)}}


def get_play_queue_by_index(asked: Asked) -> Tree:
    queue = asked.parts.library.personal.queue()
    current = {} if queue.index is None else {"currentIndex": _shown_index(asked, queue)}
    return {"playQueueByIndex": {**current, **_queue(asked, queue)}}


def save_play_queue(asked: Asked) -> Tree:
    """Without songs the queue is emptied."""
    tracks = asked.texts("id")
    current = asked.text_or("current")
    index = None
    if current and tracks:
        now = asked.parts.library.resolve(current)
        places = [
            at for at, track in enumerate(tracks) if track == current or asked.parts.library.resolve(track) == now
        ]
        if not places:
            raise Failure(GENERIC, "the song that plays is not in the queue")
        index = places[0]
    return _save(asked, tracks, index)


def save_play_queue_by_index(asked: Asked) -> Tree:
    tracks = asked.texts("id")
    if not tracks:
        return _save(asked, [], None)
    if not asked.texts("currentIndex"):
        raise Failure(MISSING_PARAMETER, "the parameter currentIndex is missing")
    index = asked.number("currentIndex", 0, lowest=-1)
    if not 0 <= index < len(tracks):
        raise Failure(GENERIC, "currentIndex is not a place in the queue")
    return _save(asked, tracks, index)


def _save(asked: Asked, tracks: list[str], index: int | None) -> Tree:
    asked.parts.library.personal.save_queue(
        tracks, index=index, position_ms=asked.number("position", 0), changed_by=asked.app
    )
    return {}


def _queue(asked: Asked, queue: Queue) -> Tree:
    songs = asked.parts.library.browse.songs(queue.tracks)
    return {
        "position": queue.position_ms,
        "username": asked.user,
        "changed": shapes.moment(queue.changed_ms),
        "changedBy": queue.changed_by,
        "entry": [shapes.song(song) for song in songs],
    }


def _shown_index(asked: Asked, queue: Queue) -> int:
    """The place among the tracks that are shown, since only those are told."""
    assert queue.index is not None
    return len(asked.parts.library.browse.songs(queue.tracks[: queue.index]))
