"""The library at a glance, and how the node is doing."""

from __future__ import annotations

import shutil
from typing import Any

from aiohttp import web

from node import __version__
from node.faces.answers import answer
from node.faces.folders import folder_json
from node.faces.parts import PARTS, Parts
from node.ids import to_text


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/library", library)
    app.router.add_get("/api/v1/status", status)


async def library(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    secrets = parts.vault.secrets
    summary = await parts.ask(parts.library.summary)
    return answer(
        {
            **summary,
            "library": to_text(parts.library_id),
            "device": to_text(secrets.device.id),
            "version": __version__,
            "phrase_confirmed": secrets.phrase_entropy is None,
        }
    )


def _store(parts: Parts) -> dict[str, Any]:
    index = parts.library.index
    to_seal, to_render = index.sources.to_seal(), parts.library.to_render()
    return {
        "sealed": index.blobs.totals(),
        "cache_limit_bytes": parts.settings.current.cache_bytes,
        "keep_sealed": parts.settings.current.keep_sealed,
        "left_to_seal": {"files": to_seal.files, "bytes": to_seal.bytes},
        "left_to_render": {"files": to_render.files, "bytes": to_render.bytes},
        "disk_free_bytes": shutil.disk_usage(parts.home.path).free,
    }


async def status(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    summary = await parts.ask(parts.library.summary)
    return answer(
        {
            "counts": summary["counts"],
            "duration_ms": summary["duration_ms"],
            "folders": [folder_json(each) for each in await parts.folders.list()],
            "jobs": [each.as_json() for each in parts.jobs.running()],
            "store": await parts.ask(_store, parts),
            "network": await parts.network.as_json(),
            "notices": [each.as_json() for each in parts.news.notices()],
        }
    )
