"""Answers of other machines are read whole, and no further than was agreed."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from node.bounded import read_whole
from node.errors import PeerError


async def _told(parts: list[bytes], max_bytes: int) -> bytes:
    """What is read of an answer without a length, of which the second half comes once the first was read."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, ClientSession() as session, session.get(server.make_url("/")) as response:
        return await read_whole(response, max_bytes)


async def test_an_answer_that_comes_in_many_parts_is_read_to_its_end() -> None:
    parts = [bytes([number]) * 1_000 for number in range(100)]
    assert await _told(parts, 100_000) == b"".join(parts)


async def test_an_answer_that_goes_on_and_on_is_refused() -> None:
    with pytest.raises(PeerError, match="too long"):
        await _told([bytes(1_000)] * 11, 10_999)
