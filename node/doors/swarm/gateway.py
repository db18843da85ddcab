"""The tracker that this node's own libtorrent asks, on loopback: it answers the peers that the directory knows.

libtorrent connects at once to peers that a tracker answers, but up to a second later to peers it is told of directly.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from node.doors.swarm.settings import Endpoint, compact
from node.ids import to_text
from node.wire.bencode import bencode
from node.wire.volume import VolumeId

_INTERVAL_S: Final = 600
_SECRET_BYTES: Final = 16


class Gateway:
    """Answers announces. Its addresses hold a random secret: other programs on this machine learn nothing from it."""

    def __init__(self) -> None:
        self._secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._peers: dict[str, frozenset[Endpoint]] = {}
        self._port = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Gateway]:
        """A gateway that answers until the block ends."""
        gateway = cls()
        app = web.Application()
        app.router.add_get("/{secret}/{volume}/announce", gateway._announce)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            gateway._port = runner.addresses[0][1]
            yield gateway
        finally:
            await runner.cleanup()

    def url(self, volume: VolumeId) -> str:
        """Where libtorrent announces this volume."""
        return f"http://127.0.0.1:{self._port}/{self._secret}/{to_text(volume)}/announce"

    def set_peers(self, volume: VolumeId, peers: Iterable[Endpoint]) -> bool:
        """What to answer from now on. True if there is somebody new among them."""
        before, now = self._peers.get(to_text(volume), frozenset()), frozenset(peers)
        self._peers[to_text(volume)] = now
        return not now <= before

    def forget(self, volume: VolumeId) -> None:
        self._peers.pop(to_text(volume), None)

    async def _announce(self, request: web.Request) -> web.Response:
        if not secrets.compare_digest(request.match_info["secret"].encode(), self._secret.encode()):
            raise web.HTTPNotFound
        v4, v6 = compact(self._peers.get(request.match_info["volume"], ()))
        answer = bencode({b"interval": _INTERVAL_S, b"min interval": 1, b"peers": v4, b"peers6": v6})
        return web.Response(body=answer, content_type="text/plain")
