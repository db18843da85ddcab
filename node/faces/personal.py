"""What the person does with the music: stars, ratings, plays, bookmarks, the saved queue."""

from __future__ import annotations

import time
from typing import Any, Final

from aiohttp import web

from node.catalog.personal import MAX_COMMENT_CHARS, MAX_QUEUE_TRACKS, MAX_TIME_MS, Bookmark, Queue
from node.doors.index import Mark
from node.faces.answers import MAX_PAGE, answer, body_of, text_field, text_list_field, whole_field, whole_number
from node.faces.parts import PARTS
from node.ids import text_id
from node.library.personal import Play

_KINDS: Final = ("tracks", "albums", "artists")


def routes(app: web.Application) -> None:
    add = app.router.add_route
    for kind in _KINDS:
        add("PUT", f"/api/v1/{kind}/{{id}}/star", star)
        add("DELETE", f"/api/v1/{kind}/{{id}}/star", star)
        add("PUT", f"/api/v1/{kind}/{{id}}/rating", rate)
        add("DELETE", f"/api/v1/{kind}/{{id}}/rating", rate)
    add("GET", "/api/v1/starred", starred)
    add("POST", "/api/v1/plays", play)
    add("GET", "/api/v1/history", history)
    add("GET", "/api/v1/bookmarks", bookmarks)
    add("PUT", "/api/v1/tracks/{id}/bookmark", set_bookmark)
    add("DELETE", "/api/v1/tracks/{id}/bookmark", remove_bookmark)
    add("GET", "/api/v1/queue", queue)
    add("PUT", "/api/v1/queue", save_queue)


def mark_json(mark: Mark) -> dict[str, Any]:
    return {
        "starred_ms": mark.starred_ms, "rating": mark.rating, "plays": mark.plays, "played_ms": mark.played_ms,
    }  # fmt: skip


async def star(request: web.Request) -> web.Response:
    """PUT puts a star on it, DELETE takes it away."""
    parts = request.app[PARTS]
    named = text_id(request.match_info["id"])
    await parts.ask(parts.library.personal.star, [named], starred=request.method == "PUT")
    return answer(mark_json(await parts.ask(parts.library.personal.mark, named)))


async def rate(request: web.Request) -> web.Response:
    """PUT {"rating": 1 to 5}; DELETE takes it back."""
    parts = request.app[PARTS]
    named = text_id(request.match_info["id"])
    rating = None
    if request.method == "PUT":
        rating = whole_field(await body_of(request, fields=frozenset({"rating"})), "rating", highest=5)
    await parts.ask(parts.library.personal.rate, named, rating)
    return answer(mark_json(await parts.ask(parts.library.personal.mark, named)))


async def starred(request: web.Request) -> web.Response:
    """Everything with a star, the latest first."""
    parts = request.app[PARTS]
    return answer(await parts.ask(parts.library.browse.starred_lists))


async def play(request: web.Request) -> web.Response:
    """A track was listened to. The same play told twice counts once."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"track", "played_ms"}))
    track = text_id(text_field(body, "track"))
    now_ms = time.time_ns() // 1_000_000
    at_ms = whole_field(body, "played_ms", highest=MAX_TIME_MS) if "played_ms" in body else now_ms
    await parts.ask(parts.library.personal.play, [Play(track, at_ms)])
    return answer(mark_json(await parts.ask(parts.library.personal.mark, track)))


async def history(request: web.Request) -> web.Response:
    """What was played last, and what is played most."""
    parts = request.app[PARTS]
    limit = whole_number(request, "limit", 100, highest=MAX_PAGE)
    return answer(await parts.ask(parts.library.browse.history, limit))


async def bookmarks(request: web.Request) -> web.Response:
    """Every bookmark, the latest first."""
    parts = request.app[PARTS]
    found = await parts.ask(parts.library.personal.bookmarks)
    return answer({"items": [{"track": track, **_bookmark_json(bookmark)} for track, bookmark in found]})


async def set_bookmark(request: web.Request) -> web.Response:
    """{"position_ms", "comment"?}: instead of the one that the track had."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"position_ms", "comment"}))
    position_ms = whole_field(body, "position_ms", highest=MAX_TIME_MS)
    comment = text_field(body, "comment", max_chars=MAX_COMMENT_CHARS) if body.get("comment") else ""
    await parts.ask(parts.library.personal.set_bookmark, text_id(request.match_info["id"]), position_ms, comment)
    return answer({"position_ms": position_ms})


async def remove_bookmark(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    await parts.ask(parts.library.personal.remove_bookmark, text_id(request.match_info["id"]))
    return answer({"removed": True})


async def queue(request: web.Request) -> web.Response:
    """What was saved last, by any device or app."""
    parts = request.app[PARTS]
    return answer(_queue_json(await parts.ask(parts.library.personal.queue)))


async def save_queue(request: web.Request) -> web.Response:
    """{"tracks", "index", "position_ms", "changed_by"?}: to go on elsewhere."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"tracks", "index", "position_ms", "changed_by"}))
    tracks = [text_id(each) for each in text_list_field(body, "tracks", most=MAX_QUEUE_TRACKS)]
    await parts.ask(
        parts.library.personal.save_queue,
        tracks,
        index=None if body.get("index") is None else whole_field(body, "index", highest=MAX_QUEUE_TRACKS),
        position_ms=whole_field(body, "position_ms", highest=MAX_TIME_MS) if "position_ms" in body else 0,
        changed_by=text_field(body, "changed_by", max_chars=100) if body.get("changed_by") else "",
    )
    return answer(_queue_json(await parts.ask(parts.library.personal.queue)))


def _bookmark_json(bookmark: Bookmark) -> dict[str, Any]:
    return {
        "position_ms": bookmark.position_ms,
        "comment": bookmark.comment,
        "created_ms": bookmark.created_ms,
        "changed_ms": bookmark.changed_ms,
    }


def _queue_json(saved: Queue) -> dict[str, Any]:
    return {
        "tracks": list(saved.tracks),
        "index": saved.index,
        "position_ms": saved.position_ms,
        "changed_ms": saved.changed_ms,
        "changed_by": saved.changed_by,
    }
