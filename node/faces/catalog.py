"""The library as lists and pages: tracks, albums, artists, genres, search."""

from __future__ import annotations

from aiohttp import web

from node.errors import UserError
from node.faces.answers import MAX_PAGE, answer, choice, optional_text, whole_number
from node.faces.parts import PARTS
from node.ids import text_id

_FARTHEST = 10_000_000
_DEFAULT_PAGE = 100
_MAX_FOUND = 100
_ORDERS = ("asc", "desc")


def routes(app: web.Application) -> None:
    get = app.router.add_get
    get("/api/v1/tracks", tracks)
    get("/api/v1/tracks/{id}", track)
    app.router.add_delete("/api/v1/tracks/{id}", hide)
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
