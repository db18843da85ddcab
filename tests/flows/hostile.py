"""A tracker whose owner means harm: a real one, behind a hand that changes what it says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from node.wire import codec
from tests.flows.people import Device, a_tracker

Frame = list[Any]
Twist = Callable[[Frame], list[Frame]]
"""What the clients are told instead of a frame of the tracker."""


def honest(frame: Frame) -> list[Frame]:
    return [frame]


def by(device: Device, frame: Frame) -> bool:
    """Whether a frame brings what a device said."""
    return frame[0] == "from" and frame[2] == device.id


def altered(frame: Frame) -> Frame:
    """A frame that brings something, with one bit of it turned over."""
    return [*frame[:3], frame[3][:-1] + bytes([frame[3][-1] ^ 1])]


class HostileTracker:
    """`twist` may be changed at any time."""

    def __init__(self) -> None:
        self.url = ""
        self.twist: Twist = honest
        self.heard: list[bytes] = []
        """Every byte string that came by in either direction."""
        self._clients: list[web.WebSocketResponse] = []
        self._upstream = ""

    def record(self, device: Device) -> list[Frame]:
        """Tell the truth, and keep from now on what a device says."""
        kept: list[Frame] = []

        def keep(frame: Frame) -> list[Frame]:
            if by(device, frame):
                kept.append(frame)
            return [frame]

        self.twist = keep
        return kept

    async def relay(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(max_msg_size=1 << 21)
        await client.prepare(request)
        self._clients.append(client)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                self._upstream + str(request.rel_url), max_msg_size=1 << 21, headers={"Host": request.host}
            ) as server,
        ):
            outward = asyncio.create_task(self._to_client(server, client))
            try:
                async for message in client:
                    self.heard.append(message.data)
                    await server.send_bytes(message.data)
            finally:
                outward.cancel()
        return client

    async def _to_client(self, server: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
        async for message in server:
            self.heard.append(message.data)
            for frame in self.twist(codec.unpack(message.data, max_bytes=1 << 21)):
                await client.send_bytes(codec.pack(frame))
        await client.close(code=server.close_code or 1000)

    async def say_to_all(self, *fields: object) -> None:
        """A frame of its own making."""
        for client in self._clients:
            if not client.closed:
                await client.send_bytes(codec.pack(list(fields)))


@contextlib.asynccontextmanager
async def hostile_tracker(home: Path) -> AsyncIterator[HostileTracker]:
    hostile = HostileTracker()
    app = web.Application()
    app.router.add_get("/{path:.*}", hostile.relay)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    hostile.url = f"ws://127.0.0.1:{port}"
    try:
        async with a_tracker(home, names=frozenset({f"127.0.0.1:{port}"})) as (url, _):
            hostile._upstream = url.replace("ws:", "http:")
            yield hostile
    finally:
        await runner.cleanup()
