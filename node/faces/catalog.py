"""The library as lists and pages: tracks, albums, artists, genres, search."""

from __future__ import annotations

from aiohttp import web

from node.errors import NotFoundError, UserError
from node.faces.answers import MAX_PAGE, answer, choice, optional_text, whole_number
from node.faces.parts import PARTS
from node.ids import text_id

_FARTHEST = 10_000_000
_DEFAULT_PAGE = 100
_MAX_FOUND = 100
_REMOVED_SHOWN = 100
_ORDERS = ("asc", "desc")


def routes(app: web.Application) -> None:
    get = app.router.add_get
    get("/api/v1/tracks", tracks)
    get("/api/v1/tracks/{id}", track)
    app.router.add_delete("/api/v1/tracks/{id}", hide)
    get("/api/v1/removals", removals)
    app.router.add_post("/api/v1/undo", undo)
    get("/api/v1/tracks/{id}/lyrics", lyrics)
    get("/api/v1/albums", albums)
    get("/api/v1/albums/{id}", album)
    get("/api/v1/artists", artists)
    get("/api/v1/artists/{id}", artist)
    get("/api/v1/genres", genres)
    get("/api/v1/search", search)


def _named(request: web.Request) -> str:
    return text_id(request.match_info["id"])


def _page(request: web.Request) -> tuple[int, int]:
    return (
        whole_number(request, "offset", 0, highest=_FARTHEST),
        whole_number(request, "limit", _DEFAULT_PAGE, highest=MAX_PAGE),
    )


async def tracks(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    offset, limit = _page(request)
    sorts = ("title", "artist", "album", "added", "year", "duration")
    return answer(
        await parts.ask(
            parts.library.tracks,
            offset=offset,
            limit=limit,
            sort=choice(request, "sort", sorts),
            order=choice(request, "order", _ORDERS),
            album=optional_text(request, "album"),
            artist=optional_text(request, "artist"),
            genre=optional_text(request, "genre"),
        )
    )


async def track(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    return answer(await parts.ask(parts.library.track, _named(request)))


async def hide(request: web.Request) -> web.Response:
    """Take a track out of the library for good; no file is touched."""
    parts = request.app[PARTS]
    await parts.ask(parts.library.hide, _named(request))
    return answer({"hidden": True})


async def removals(request: web.Request) -> web.Response:
    """What was taken out in the last 30 days, the newest first; of each the first tracks."""
    parts = request.app[PARTS]

    def told() -> list[dict[str, object]]:
        return [
            {
                "removed_ms": each.removed_ms,
                "count": len(each.tracks),
                "tracks": parts.library.named(each.tracks[:_REMOVED_SHOWN]),
            }
            for each in parts.library.removals()
        ]

    return answer({"items": await parts.ask(told)})


async def undo(request: web.Request) -> web.Response:
    """Bring back what was taken out last. Answers 404 if there is nothing."""
    parts = request.app[PARTS]

    restored = await parts.ask(lambda: parts.library.named(parts.library.undo()))
    if not restored:
        raise NotFoundError("nothing was removed from this library in the last 30 days")
    return answer({"restored": restored})


async def lyrics(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    return answer(await parts.words.of(_named(request)))


async def albums(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    offset, limit = _page(request)
    return answer(
        await parts.ask(
            parts.library.albums,
            offset=offset,
            limit=limit,
            sort=choice(request, "sort", ("name", "artist", "year", "added")),
            order=choice(request, "order", _ORDERS),
            artist=optional_text(request, "artist"),
            genre=optional_text(request, "genre"),
        )
    )


async def album(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    return answer(await parts.ask(parts.library.album, _named(request)))


async def artists(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    offset, limit = _page(request)
    return answer(await parts.ask(parts.library.artists, offset=offset, limit=limit))


async def artist(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    return answer(await parts.ask(parts.library.artist, _named(request)))


async def genres(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    return answer(await parts.ask(parts.library.genres))


async def search(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    words = optional_text(request, "q")
    if words is None:
        raise UserError("say what to search for (q)")
    limit = whole_number(request, "limit", 20, highest=_MAX_FOUND)
    return answer(await parts.ask(parts.library.search, words, limit))
