"""Playlists: made, changed and deleted. What is changed here reaches every device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from node.catalog.personal import MAX_COMMENT_CHARS, MAX_NAME_CHARS
from node.doors.index import PlaylistRow
from node.errors import UserError
from node.faces.answers import answer, body_of, text_field, text_list_field
from node.faces.parts import PARTS, Parts
from node.ids import text_id
from node.library.playlists import MAX_TRACKS


def routes(app: web.Application) -> None:
    add = app.router.add_route
    add("GET", "/api/v1/playlists", listed)
    add("POST", "/api/v1/playlists", create)
    add("GET", "/api/v1/playlists/{id}", show)
    add("PATCH", "/api/v1/playlists/{id}", edit)
    add("DELETE", "/api/v1/playlists/{id}", delete)
    add("PUT", "/api/v1/playlists/{id}/tracks", replace)
    add("POST", "/api/v1/playlists/{id}/tracks", append)


def playlist_json(row: PlaylistRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "comment": row.comment,
        "tracks": row.tracks,
        "duration_ms": row.duration_ms,
        "cover": row.cover,
        "created_ms": row.created_ms,
        "changed_ms": row.changed_ms,
    }


async def listed(request: web.Request) -> web.Response:
    """Every playlist, by name, without its tracks."""
    parts = request.app[PARTS]
    return answer({"items": [playlist_json(row) for row in await parts.ask(parts.library.playlists.all)]})


async def create(request: web.Request) -> web.Response:
    """{"name", "comment"?, "tracks"?}."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"name", "comment", "tracks"}))
    name = text_field(body, "name", max_chars=MAX_NAME_CHARS)
    tracks = _tracks(body) if "tracks" in body else []
    made = await parts.ask(parts.library.playlists.create, name, tracks, _comment(body) or "")
    return answer(await parts.ask(_whole, parts, made), status=201)


async def show(request: web.Request) -> web.Response:
    """One playlist with its tracks in order; those that are not in the library any more are left out."""
    parts = request.app[PARTS]
    return answer(await parts.ask(_whole, parts, _named(request)))


async def edit(request: web.Request) -> web.Response:
    """{"name"?, "comment"?, "remove"?}: `remove` are places from 0, as they were before."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"name", "comment", "remove"}))
    places = body.get("remove", [])
    if not isinstance(places, list) or not all(isinstance(at, int) and not isinstance(at, bool) for at in places):
        raise UserError('"remove" is a list of places, counted from 0')
    name = text_field(body, "name", max_chars=MAX_NAME_CHARS) if "name" in body else None
    edited = parts.library.playlists.edit
    await parts.ask(edited, _named(request), name=name, comment=_comment(body), remove=frozenset(places))
    return await show(request)


async def append(request: web.Request) -> web.Response:
    """{"tracks"} at the end."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"tracks"}))
    await parts.ask(parts.library.playlists.edit, _named(request), add=_tracks(body))
    return await show(request)


async def replace(request: web.Request) -> web.Response:
    """{"tracks"} instead of all that are in it, in this order."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"tracks"}))
    await parts.ask(parts.library.playlists.replace, _named(request), _tracks(body))
    return await show(request)


async def delete(request: web.Request) -> web.Response:
    """The tracks stay in the library."""
    parts = request.app[PARTS]
    await parts.ask(parts.library.playlists.delete, _named(request))
    return answer({"deleted": True})


def _whole(parts: Parts, playlist_id: str) -> dict[str, Any]:
    row = parts.library.playlists.get(playlist_id)
    return {**playlist_json(row), "items": parts.library.browse.playlist_tracks(playlist_id)}


def _named(request: web.Request) -> str:
    return text_id(request.match_info["id"])


def _comment(body: Mapping[str, Any]) -> str | None:
    comment = body.get("comment")
    if comment is not None and (not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARS):
        raise UserError(f'"comment" is a text of at most {MAX_COMMENT_CHARS} characters')
    return comment


def _tracks(body: Mapping[str, Any]) -> list[str]:
    return [text_id(each) for each in text_list_field(body, "tracks", most=MAX_TRACKS)]
