"""What strangers send to a seed: however large, slow or many, it costs the seed little and members nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import aiohttp
import msgpack
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from node.errors import PeerError
from node.seed.answers import answer_errors
from node.seed.bodies import FREE_BYTES, Bodies
from node.seed.server import RunningSeed
from node.wire import codec, roomframes, seedapi
from tests.seed.owner import Owner, a_seed, give_library, make_owner

WAIT_S = 60.0


@pytest.mark.parametrize("path", ["/v1/join", "/v1/grant"])
async def test_a_request_of_very_many_tiny_values_is_refused_before_any_is_made(tmp_path: Path, path: str) -> None:
    count = 3_000_000
    body = b"\xdd" + count.to_bytes(4, "big") + b"\x90" * count
    async with (
        a_seed(tmp_path / "seed") as seed,
        aiohttp.ClientSession() as session,
        session.post(seed.url + path, data=body) as answer,
    ):
        assert answer.status == 400
        assert "values" in (await answer.json())["error"]["message"]


async def test_a_roster_is_not_read_for_whoever_has_no_invitation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr("node.seed.api.read_roster", lambda entries: read.append(len(entries)))
    owner = make_owner()
    async with a_seed(tmp_path / "seed") as seed, aiohttp.ClientSession() as session:
        nonce = await _challenge(seed, session)
        host = seedapi.host_of(seed.url)
        body = seedapi.sign_join(
            owner.keys, nonce=nonce, host=host, secret=os.urandom(16), entries=list(owner.roster.entries)
        )
        async with session.post(f"{seed.url}/v1/join", data=body) as answer:
            assert answer.status == 404
    assert read == []


async def test_large_bodies_that_never_end_leave_members_and_small_requests_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.seed.api.MAX_UNREAD_BYTES", 1 << 20)
    owner = make_owner()
    async with a_seed(tmp_path / "seed") as seed, contextlib.AsyncExitStack() as stack:
        await give_library(seed, owner)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        member = {"Authorization": f"Bearer {await _capability(seed, owner, session)}"}
        for _ in range(2):
            _, writer = await asyncio.open_connection(*_address(seed.url))
            stack.callback(writer.close)
            writer.write(f"POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: {60 << 20}\r\n\r\n".encode())
            writer.write(bytes(800_000))
            await writer.drain()
        async with asyncio.timeout(WAIT_S):
            while (await session.post(f"{seed.url}/v1/join", data=bytes(900_000))).status != 503:
                pass  # the seed has not read yet what the others sent
            assert (await session.post(f"{seed.url}/v1/join", data=b"short")).status == 400
            body = codec.pack([*owner.roster.entries, *[bytes(200_000)] * 4])
            answer = await session.put(f"{seed.url}/v1/roster", data=body, headers=member)
            assert answer.status == 400  # read, and found to be no roster


async def _challenge(seed: RunningSeed, session: aiohttp.ClientSession) -> bytes:
    async with session.get(f"{seed.url}/v1/challenge") as answer:
        return codec.fixed_bytes(msgpack.unpackb(await answer.read()), 32, "a challenge")


async def _capability(seed: RunningSeed, owner: Owner, session: aiohttp.ClientSession) -> str:
    nonce = await _challenge(seed, session)
    body = seedapi.sign_session(owner.keys, nonce=nonce, host=seedapi.host_of(seed.url), library=b"")
    async with session.post(f"{seed.url}/v1/session", data=body) as answer:
        return str(msgpack.unpackb(await answer.read())[0][1])


async def _one_at_a_time(bodies: Bodies, *, hold: asyncio.Event) -> web.Application:
    async def take(request: web.Request) -> web.Response:
        async with bodies.read(request, 1 << 20) as body:
            size = len(body)
            if size > FREE_BYTES:
                await hold.wait()
        return web.Response(text=str(size))

    app = web.Application(middlewares=[answer_errors])
    app.router.add_post("/", take)
    return app


async def test_large_bodies_have_a_bound_together_and_give_their_room_back() -> None:
    hold = asyncio.Event()
    app = await _one_at_a_time(Bodies(300_000), hold=hold)
    async with TestClient(TestServer(app)) as client:
        first = asyncio.create_task(client.post("/", data=bytes(300_000)))
        async with asyncio.timeout(WAIT_S):
            while (await client.post("/", data=bytes(290_000))).status != 503:
                hold.set()  # it came before the first: let it go, and both try again
                await first
                hold.clear()
                first = asyncio.create_task(client.post("/", data=bytes(300_000)))
        assert (await client.post("/", data=bytes(FREE_BYTES))).status == 200
        hold.set()
        assert (await first).status == 200
        assert await (await client.post("/", data=bytes(300_000))).text() == "300000"
        assert (await client.post("/", data=bytes((1 << 20) + 1))).status == 400


async def test_a_body_that_trickles_is_cut_off() -> None:
    app = await _one_at_a_time(Bodies(1 << 20, arrive_timeout_s=0.2), hold=asyncio.Event())
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome")
        answer = await asyncio.wait_for(reader.readuntil(b"slowly"), WAIT_S)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def test_values_are_counted_as_they_are_read() -> None:
    value = [[], {}, [1, -1, 300, 70_000, 2**40, 1.5, None, True], {"a": [b"x" * 300, "y" * 40, "z" * 70_000]}, -200]
    packed = codec.pack([value, list(range(20)), {n: n for n in range(20)}, -70_000, -(2**40), b"w" * 70_000])
    exact = _count(codec.unpack(packed, max_bytes=1 << 20))
    assert codec.unpack(packed, max_bytes=1 << 20, max_values=exact) is not None
    with pytest.raises(PeerError, match="values"):
        codec.unpack(packed, max_bytes=1 << 20, max_values=exact - 1)


def test_a_frame_of_very_many_tiny_values_is_refused_and_the_longest_that_are_meant_are_not() -> None:
    with pytest.raises(PeerError, match="values"):
        roomframes.read_frame(b"\xdd" + (300_000).to_bytes(4, "big") + b"\x90" * 300_000)
    crowd = [[1 << 50, bytes(32)] for _ in range(roomframes.MAX_PRESENT)]
    word, fields = roomframes.read_frame(codec.pack(["joined", crowd]))
    assert (word, len(fields[1])) == ("joined", roomframes.MAX_PRESENT)
    for frame in roomframes.roster_frames([bytes(300)] * 11_000):
        assert roomframes.read_frame(frame)[0] == "roster"


def _count(value: object) -> int:
    if isinstance(value, list):
        return 1 + sum(map(_count, value))
    if isinstance(value, dict):
        return 1 + sum(1 + _count(each) for each in value.values())
    return 1
