"""Looking through the music folders because an app asks for it."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from node.errors import SongkeepError
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import Tree
from node.faces.subsonic.system import get_scan_status

log = logging.getLogger(__name__)


async def start_scan(request: web.Request, asked: Asked) -> Tree:
    """Begins unless one is under way. Folders are watched anyway: this finds what a network disk didn't tell."""
    state = asked.state
    if not state.scanning:
        state.scanning = True
        state.scan = asyncio.create_task(_scan(asked))
    return await asked.parts.ask(get_scan_status, asked)


async def _scan(asked: Asked) -> None:
    try:
        await asked.parts.ingest.rescan()
    except SongkeepError as error:
        log.warning("scan_failed error=%s", error.code)
    finally:
        asked.state.scanning = False
