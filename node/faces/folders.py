"""The music folders that are watched."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from node.faces.answers import answer, body_of, flag_field, numbered, text_field
from node.faces.parts import PARTS
from node.faces.work import add_result, whole_path
from node.flows.folders import FolderView


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/folders", listed)
    app.router.add_post("/api/v1/folders", add)
    app.router.add_delete("/api/v1/folders/{id}", remove)
    app.router.add_post("/api/v1/folders/{id}/move", move)


def folder_json(folder: FolderView) -> dict[str, Any]:
    return {
        "id": str(folder.id),
        "path": str(folder.path),
        "state": folder.state,
        "tracks": folder.tracks,
        "files": folder.files,
        "failed": folder.failed,
        "whole": folder.whole,
        "note": folder.note,
    }


async def listed(request: web.Request) -> web.Response:
    folders = await request.app[PARTS].folders.list()
    return answer({"total": len(folders), "items": [folder_json(each) for each in folders]})


async def add(request: web.Request) -> web.Response:
    """Watch a folder from now on; answers when it is known, its music follows."""
    body = await body_of(request, fields=frozenset({"path", "sure"}))
    parts = request.app[PARTS]
    folder = await parts.folders.add(whole_path(text_field(body, "path")), sure=flag_field(body, "sure"))
    return answer(folder_json(folder), status=201)


async def remove(request: web.Request) -> web.Response:
    """Stop watching; no file is touched. Says what stays playable."""
    report = await request.app[PARTS].folders.remove(numbered(request, "a folder"))
    return answer({"tracks_kept": report.tracks_kept, "tracks_without_copy": report.tracks_without_copy})


async def move(request: web.Request) -> web.Response:
    """Tell where a folder is now; nothing is read again but what changed."""
    body = await body_of(request, fields=frozenset({"path"}))
    path = whole_path(text_field(body, "path"))
    report = await request.app[PARTS].folders.move(numbered(request, "a folder"), path)
    return answer(add_result(report))
