"""The porch of an HTTP server: who never finishes to ask costs little, and shuts out nobody who does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from node.porch import MAX_HEAD_BYTES, PorchLimits, listening

ASKED = b"GET / HTTP/1.1\r\nHost: seed\r\n\r\n"
SERVER, STRANGER, FRIEND = "127.0.0.61", "127.0.0.62", "127.0.0.63"
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def a_server(limits: PorchLimits) -> AsyncIterator[tuple[int, web.AppRunner]]:
    async def said(request: web.Request) -> web.Response:
        return web.Response(body=await request.read() or b"here")

    app = web.Application()
    app.router.add_route("*", "/", said)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        async with listening(runner, SERVER, 0, limits=limits) as port:
            yield port, runner
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def coming(port: int, count: int, *, address: str = STRANGER) -> AsyncIterator[list[Client]]:
    """So many connections, one after the other."""
    came: list[Client] = []
    try:
        for _ in range(count):
            came.append(await asyncio.open_connection(SERVER, port, local_addr=(address, 0)))
        yield came
    finally:
        for _, writer in came:
            writer.close()


async def answered(client: Client, asked: bytes = ASKED) -> bytes:
    client[1].write(asked)
    async with asyncio.timeout(60):
        return await client[0].readuntil(b"\r\n\r\n")


async def ended(client: Client) -> None:
    """The server has closed it."""
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            assert await client[0].read() == b""


async def test_who_never_asks_makes_room_for_others_oldest_first_and_the_server_hears_of_none() -> None:
    limits = PorchLimits(head_s=300, waiting_per_address=5, waiting=8)
    async with a_server(limits) as (port, runner), coming(port, 12) as strangers:
        for each in strangers[:7]:
            await ended(each)
        assert runner.server is not None
        assert runner.server.connections == []
        assert b" 200 " in await answered(strangers[7])
        async with coming(port, 4, address=FRIEND) as friends:
            for each in friends:
                assert b" 200 " in await answered(each)
        async with coming(port, 5, address=FRIEND), coming(port, 1, address="127.0.0.64"):
            await ended(strangers[8])  # eight wait at most, wherever they come from


async def test_a_head_that_does_not_end_in_time_or_at_all_ends_the_connection() -> None:
    async with a_server(PorchLimits(head_s=0.3)) as (port, _), coming(port, 2) as (slow, silent):
        slow[1].write(ASKED[:-2])
        await ended(slow)
        await ended(silent)
    async with a_server(PorchLimits(head_s=300)) as (port, _), coming(port, 1) as [endless]:
        endless[1].write(b"GET / HTTP/1.1\r\nX: " + b"x" * (MAX_HEAD_BYTES + 1))
        await ended(endless)


@pytest.mark.parametrize("cut", [1, 10, len(ASKED) - 1])
async def test_a_head_in_pieces_a_body_behind_it_and_a_second_request_are_answered(cut: int) -> None:
    async with a_server(PorchLimits(head_s=300)) as (port, _), coming(port, 1) as [client]:
        client[1].write(ASKED[:cut])
        await client[1].drain()
        await asyncio.sleep(0.01)  # so that it comes in two pieces, mostly; both ways are right
        assert b" 200 " in await answered(client, ASKED[cut:])
        assert await client[0].readexactly(4) == b"here"
        body = b"POST / HTTP/1.1\r\nHost: seed\r\nContent-Length: 5\r\n\r\nwords"
        assert b" 200 " in await answered(client, body)
        assert await client[0].readexactly(5) == b"words"


async def test_too_many_at_once_are_told_to_come_again_and_those_that_went_make_room() -> None:
    limits = PorchLimits(head_s=300, served_per_address=3, served=5)
    async with a_server(limits) as (port, _), coming(port, 4) as strangers:
        for each in strangers[:3]:
            assert b" 200 " in await answered(each)
        assert b" 503 " in await answered(strangers[3])
        async with coming(port, 3, address=FRIEND) as friends:
            assert b" 200 " in await answered(friends[0])
            assert b" 200 " in await answered(friends[1])
            assert b" 503 " in await answered(friends[2])
        for each in strangers[:3]:
            each[1].close()
        async with asyncio.timeout(60):
            while True:
                async with coming(port, 1) as [again]:
                    if b" 200 " in await answered(again):
                        break
