"""The door of a room server: who comes, who says nothing, who says too much, and how everybody is seen off."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import os
import struct
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import node.roomdoor
from node.ids import DeviceId, LibraryId
from node.roomdoor import RoomDoor
from node.wire import codec, roomframes
from node.wire.roomeffects import Limits
from node.wire.roomhost import RoomHost, Surroundings
from node.wire.roomstate import RoomServer
from node.wire.roster import Roster
from tests.flows.people import a_tracker, until
from tests.needs import require
from tests.wire.family import Family, make_family
from tests.wire.test_websocket import client_frame

BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
HOUR_S = 3_600.0


@pytest.fixture
def nobody_is_cut_off_for_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test which waits long, on a slow machine, still sees only what it is about."""
    monkeypatch.setattr(node.roomdoor, "LOOK_EVERY_S", HOUR_S)
    monkeypatch.setattr(node.roomdoor, "CLOSE_TIMEOUT_S", HOUR_S)


class Raw:
    """A client that sends whatever bytes it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer, self.host = reader, writer, host

    async def frame(self) -> tuple[int, bytes]:
        first, size = await self.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)

    async def said(self, word: str) -> list[object]:
        while True:
            opcode, payload = await self.frame()
            fields = codec.unpack(payload, max_bytes=1 << 20) if opcode == BINARY else [None]
            if fields[0] == word:
                return list(fields)

    async def control(self, wanted: int) -> bytes:
        """What the next control frame of that kind holds."""
        while True:
            opcode, payload = await self.frame()
            if opcode == wanted:
                return payload

    def say(self, *fields: object) -> None:
        self.writer.write(client_frame(BINARY, codec.pack(list(fields))))

    async def join_frames(self, family: Family) -> bytes:
        """A join and the roster that will be asked for, ready to be sent."""
        nonce = (await self.said("challenge"))[1]
        assert isinstance(nonce, bytes)
        roster, room = family.roster, family.epoch.room_name
        proof = roomframes.join_proof(family.founder, nonce, self.host, roster.library, room)
        join = ["join", roster.library, room, family.founder.id, len(roster.entries), proof]
        return client_frame(BINARY, codec.pack(join))


@contextlib.asynccontextmanager
async def raw(url: str, *, path: str = "/v1/room", key: str | None = None) -> AsyncIterator[Raw]:
    host = url.removeprefix("ws://")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    key = base64.b64encode(os.urandom(16)).decode() if key is None else key
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head, head
    try:
        yield Raw(reader, writer, host)
    finally:
        writer.close()


async def test_what_comes_while_the_store_is_asked_waits_its_turn(tmp_path: Path) -> None:
    """A join needs the store; the roster and a message sent in the same breath are heard after it."""
    family = make_family()
    async with a_tracker(tmp_path) as (url, _), raw(url) as client, asyncio.timeout(60):
        join = await client.join_frames(family)
        roster = codec.pack(["roster", list(family.roster.entries), 0])
        account = codec.pack(["account"])
        client.writer.write(join + client_frame(BINARY, roster) + client_frame(BINARY, account))
        await client.said("joined")
        told = (await client.said("account"))[1]
        assert isinstance(told, dict)
        assert told["plan"] == "free"


async def test_a_ping_is_answered_and_a_flood_of_them_is_not(tmp_path: Path, nobody_is_cut_off_for_time: None) -> None:
    patient = Limits(unjoined_s=HOUR_S)
    async with a_tracker(tmp_path, limits=patient) as (url, tracker), raw(url) as client, asyncio.timeout(60):
        await client.frame()
        client.writer.write(client_frame(PING, b"there?"))
        assert await client.frame() == (PONG, b"there?")
        client.writer.write(client_frame(PING, b"") * 1_000)
        await gone(client)
        await until(lambda: tracker.rooms.rooms.connections == 0)


async def test_nonsense_ends_with_a_reason(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, tracker), asyncio.timeout(60):
        for nonsense, code in (
            (b"\x82\x05Hello", roomframes.CLOSE_MALFORMED),
            (client_frame(BINARY, bytes(400_000)), roomframes.CLOSE_MALFORMED),
            (client_frame(0x1, b"text"), 1003),
        ):
            async with raw(url) as client:
                await client.frame()
                client.writer.write(nonsense)
                opcode, payload = await client.frame()
                assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
                client.writer.write(client_frame(CLOSE, payload[:2]))
        await until(lambda: tracker.rooms.rooms.connections == 0)


async def test_who_goes_on_after_the_goodbye_is_cut_off(tmp_path: Path, nobody_is_cut_off_for_time: None) -> None:
    async with a_tracker(tmp_path) as (url, tracker), raw(url) as client, asyncio.timeout(60):
        await client.frame()
        client.writer.write(client_frame(BINARY, b"no frame of ours"))
        await client.said("refused")
        with contextlib.suppress(ConnectionError):
            while tracker.rooms.rooms.connections:
                client.writer.write(client_frame(BINARY, bytes(60_000)))
                await client.writer.drain()
                await asyncio.sleep(0)


async def test_who_is_silent_is_asked_and_then_dropped_and_who_answers_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.roomdoor, "LOOK_EVERY_S", 1.0)  # so long may this machine be held up between two words
    family = make_family()
    async with (
        asyncio.timeout(60),
        a_tracker(tmp_path, limits=Limits(unjoined_s=HOUR_S)) as (url, tracker),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/v1/room") as answers,
    ):
        reading = asyncio.create_task(_read_all(answers))
        async with raw(url) as silent:
            await silent.join_frames(family)
            assert await silent.frame() == (PING, b"")
            await gone(silent)
        await until(lambda: tracker.rooms.rooms.connections == 1)
        assert not answers.closed
        reading.cancel()


async def gone(client: Raw) -> None:
    """Read until the server has cut the connection."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await client.frame()


async def _read_all(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


async def test_everybody_is_told_when_the_server_goes(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as clients, asyncio.timeout(60):
        async with a_tracker(tmp_path) as (url, _):
            both = [await clients.enter_async_context(raw(url)) for _ in range(2)]
            for client in both:
                await client.frame()
        for client in both:
            opcode, payload = await client.frame()
            assert (opcode, payload[:2], payload[2:]) == (CLOSE, b"\x03\xe9", b"the tracker is going down")


async def test_what_is_no_handshake_is_answered_as_http(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, _), aiohttp.ClientSession(url.replace("ws:", "http:")) as session:
        for headers in (
            {},
            {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"},
            {"Upgrade": "h2c", "Connection": "Upgrade"},
        ):
            async with session.get("/v1/room", headers=headers) as answer:
                assert answer.status == 400
        async with session.get("/healthz") as health:
            assert health.status == 200


class SlowShelf:
    """A store that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def load(self, library: LibraryId) -> Sequence[bytes] | None:
        self.asked.set()
        await self.answer.wait()
        return None

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        return None

    async def keep(self, roster: Roster) -> None:
        pass


@pytest.mark.parametrize("cut_by", ["client", "server"])
async def test_who_goes_while_the_store_is_asked_leaves_nothing_behind(cut_by: str) -> None:
    family, shelf = make_family(), SlowShelf()
    host = RoomHost(RoomServer(), shelf, Surroundings(time.monotonic, lambda: 1, os.urandom))
    door = RoomDoor(host, address=lambda request: "", dialled=lambda request: request.host)
    app = web.Application()
    door.add_to(app)
    runner = web.AppRunner(app)
    await runner.setup()
    async with asyncio.timeout(20), contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(door.open("goodbye"))
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = await stack.enter_async_context(raw(f"ws://127.0.0.1:{runner.addresses[0][1]}"))
        client.writer.write(await client.join_frames(family))
        await shelf.asked.wait()
        if cut_by == "client":
            client.writer.transport.abort()
        else:
            await stack.aclose()
        assert host.rooms.connections == 1
        shelf.answer.set()
        await until(lambda: host.rooms.connections == 0)
    await runner.cleanup()


class SlowLedger:
    """Tells accounts when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def admit(self, library: LibraryId, invitation: str) -> None:
        pass

    async def account(self, library: LibraryId) -> dict[str, object]:
        self.asked.set()
        await self.answer.wait()
        return {}

    async def grant(self, library: LibraryId, seed: DeviceId, size_bytes: int) -> bytes:
        raise AssertionError

    async def keep_usage(self, library: LibraryId, record: bytes) -> None:
        raise AssertionError


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_a_client_that_is_gone_while_it_waits_for_an_answer_does_not_hurt_who_writes_to_it(library: str) -> None:
    """On uvloop too, which raises at what asyncio passes over."""
    require(library, importlib.util.find_spec(library))
    with asyncio.Runner(loop_factory=importlib.import_module(library).new_event_loop) as runner:
        runner.run(_write_to_who_is_gone())


async def _write_to_who_is_gone() -> None:
    family, shelf, ledger = make_family(), SlowShelf(), SlowLedger()
    shelf.answer.set()
    host = RoomHost(RoomServer(), shelf, Surroundings(time.monotonic, lambda: 1, os.urandom), ledger=ledger)
    door = RoomDoor(host, address=lambda request: "", dialled=lambda request: request.host)
    app = web.Application()
    door.add_to(app)
    runner = web.AppRunner(app)
    await runner.setup()
    async with asyncio.timeout(20), contextlib.AsyncExitStack() as stack:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        writer, gone_one = [await stack.enter_async_context(raw(url)) for _ in range(2)]
        for client in (writer, gone_one):
            client.writer.write(await client.join_frames(family))
            client.say("roster", list(family.roster.entries), 0)
            await client.said("joined")
        gone_one.say("account")
        await ledger.asked.wait()
        (working,) = [socket for socket in door.here if socket.is_busy]
        working.abort()
        await until(lambda: working not in door.here)
        writer.say("send", 0, b"anybody?")
        writer.writer.write(client_frame(PING, b"still in"))
        assert await writer.control(PONG) == b"still in"
        ledger.answer.set()
        await until(lambda: host.rooms.connections == 1)
    await runner.cleanup()
