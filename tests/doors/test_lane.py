"""The lane: sealed chunks to members, and nothing to anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from node.crypto.labels import CHUNK_BYTES
from node.doors import lane, strangers
from node.doors.certificate import Identity
from node.doors.lane import Lane, LaneDoor
from node.errors import DamagedError, NotFoundError, NotHeldError, RefusedError, SongkeepError, UnavailableError
from node.ids import BlobRoot, DeviceId, to_text

MEMBER = DeviceId(b"m" * 32)
OTHER = DeviceId(b"o" * 32)
PASSES = {"Songkeep pass": MEMBER, "Songkeep another": OTHER}
ROOT = BlobRoot(b"r" * 32)
DATA = random.Random(4).randbytes(40 * CHUNK_BYTES - 77)
HERE = "127.0.0.9"


@dataclass
class Holder:
    """A lane, and what it was asked for."""

    port: int = 0
    print_32: bytes = b""
    trouble: SongkeepError | None = None
    out: bool = False
    """Whether the member was revoked."""
    served: list[int] = field(default_factory=list)
    data: bytes = DATA

    async def serve(self, root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        if root != ROOT:
            raise NotFoundError("not held")
        for index in range(first, min(first + count, -(-len(self.data) // CHUNK_BYTES))):
            if self.trouble is not None and index >= first + 2:
                raise self.trouble
            self.served.append(index)
            yield self.data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            await asyncio.sleep(0)

    async def size_of(self, root: BlobRoot) -> int:
        if root != ROOT:
            raise NotFoundError("not held")
        return len(self.data)

    def admit(self, text: str) -> DeviceId:
        if text not in PASSES:
            raise RefusedError("no member")
        return PASSES[text]

    def allowed(self, member: DeviceId) -> None:
        if self.out:
            raise RefusedError("revoked")

    @property
    def url(self) -> str:
        return f"https://{HERE}:{self.port}/v1/blobs/{to_text(ROOT)}"


@contextlib.asynccontextmanager
async def a_holder() -> AsyncIterator[Holder]:
    holder = Holder()
    async with lane.serving(
        Identity(),
        lambda _member: holder.serve,
        size_of=holder.size_of,
        admit=holder.admit,
        allowed=holder.allowed,
        bind=[HERE],
    ) as server:
        holder.port, holder.print_32 = server.port, server.print_32
        yield holder


@contextlib.asynccontextmanager
async def a_lane(holder: Holder, *, pass_: str = "Songkeep pass") -> AsyncIterator[Lane]:
    async with LaneDoor.open() as door:
        yield await door.reach([f"{HERE}:{holder.port}"], print_32=holder.print_32, pass_=pass_)


async def taken(way: Lane, first: int, count: int) -> bytes:
    parts = [part async for part in way.chunks(ROOT, first, count)]
    assert all(len(part) % CHUNK_BYTES == 0 for part in parts[:-1])
    return b"".join(parts)


async def test_any_chunks_come_bit_for_bit_in_whole_chunks() -> None:
    async with a_holder() as holder, a_lane(holder) as way:
        assert await taken(way, 0, 40) == DATA
        assert await taken(way, 3, 1) == DATA[3 * CHUNK_BYTES : 4 * CHUNK_BYTES]
        assert await taken(way, 38, 100) == DATA[38 * CHUNK_BYTES :]


async def test_a_lane_tells_the_length_before_it_gives() -> None:
    async with a_holder() as holder, aiohttp.ClientSession() as session:
        headers = {"Authorization": "Songkeep pass", "Range": f"bytes={38 * CHUNK_BYTES}-{100 * CHUNK_BYTES - 1}"}
        async with session.get(holder.url, headers=headers, ssl=False) as answer:
            assert answer.content_length == len(DATA) - 38 * CHUNK_BYTES
            assert await answer.read() == DATA[38 * CHUNK_BYTES :]


async def test_whoever_has_no_pass_gets_nothing_and_learns_nothing() -> None:
    async with a_holder() as holder:
        with pytest.raises(RefusedError):
            async with a_lane(holder, pass_="Songkeep other"):
                pass
        async with aiohttp.ClientSession() as session:
            for headers in (
                {},
                {"Authorization": "Bearer x"},
                {"Authorization": "Songkeep pass", "Origin": "https://x"},
            ):
                asked = {"Range": f"bytes=0-{CHUNK_BYTES - 1}", **headers}
                async with session.get(holder.url, headers=asked, ssl=False) as answer:
                    assert answer.status == 403
                    assert await answer.read() == b""
        assert holder.served == []


async def test_the_certificate_names_nobody() -> None:
    async with a_holder() as holder:
        pem = await asyncio.to_thread(ssl.get_server_certificate, (HERE, holder.port))
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate(pem.encode())
        assert list(certificate.subject) == list(certificate.issuer) == list(certificate.extensions) == []


async def test_another_machine_at_the_same_address_is_not_taken_for_the_device() -> None:
    async with a_holder() as holder, LaneDoor.open() as door:
        with pytest.raises(UnavailableError):
            await door.reach([f"{HERE}:{holder.port}"], print_32=bytes(32), pass_="Songkeep pass")
        assert holder.served == []


async def test_the_first_address_that_answers_is_used() -> None:
    async with a_holder() as holder, LaneDoor.open() as door:
        addresses = ["127.0.0.1:9", "nonsense", "[::1]:9", f"{HERE}:{holder.port}"]
        way = await door.reach(addresses, print_32=holder.print_32, pass_="Songkeep pass")
        assert way.url.endswith(f"{HERE}:{holder.port}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 403), ({"Range": "bytes=1-16384"}, 403), ({"Range": f"bytes=0-{257 * CHUNK_BYTES - 1}"}, 403)],
)
async def test_only_whole_chunks_and_not_too_many_can_be_asked_for(headers: dict[str, str], status: int) -> None:
    async with a_holder() as holder, aiohttp.ClientSession() as session:
        async with session.get(holder.url, headers={"Authorization": "Songkeep pass", **headers}, ssl=False) as answer:
            assert answer.status == status
        assert holder.served == []


async def test_what_is_not_held_is_said_and_what_breaks_off_is_noticed() -> None:
    async with a_holder() as holder, a_lane(holder) as way:
        with pytest.raises(NotHeldError):
            [part async for part in way.chunks(BlobRoot(b"x" * 32), 0, 4)]
        holder.trouble = DamagedError("a bad disk")
        with pytest.raises(UnavailableError):
            await taken(way, 0, 40)


async def test_a_revocation_ends_a_song_that_is_being_sent() -> None:
    async with a_holder() as holder, a_lane(holder) as way:
        got = []

        async def listen() -> None:
            async for part in way.chunks(ROOT, 0, 40):
                got.append(part)
                holder.out = True

        with pytest.raises(UnavailableError):
            await listen()
        assert 0 < len(b"".join(got)) < len(DATA)
        with pytest.raises(RefusedError):
            await taken(way, 0, 4)


@contextlib.asynccontextmanager
async def a_connection(holder: Holder) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One that reads next to nothing ahead."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, (HERE, holder.port))
    reader, writer = await asyncio.open_connection(sock=plug, ssl=context, server_hostname="", limit=4096)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def request_for(count: int, pass_: str = "Songkeep pass") -> bytes:
    head = f"GET /v1/blobs/{to_text(ROOT)} HTTP/1.1\r\nHost: x\r\nAuthorization: {pass_}\r\n"
    return f"{head}Range: bytes=0-{count * CHUNK_BYTES - 1}\r\n\r\n".encode()


async def status_of(holder: Holder, pass_: str = "Songkeep pass") -> int:
    headers = {"Authorization": pass_, "Range": f"bytes=0-{CHUNK_BYTES - 1}"}
    async with aiohttp.ClientSession() as session, session.get(holder.url, headers=headers, ssl=False) as answer:
        return answer.status


async def has_begun(holder: Holder) -> None:
    async with asyncio.timeout(60):
        while not holder.served:  # noqa: ASYNC110 - the holder tells nobody
            await asyncio.sleep(0.01)


async def test_who_does_not_read_loses_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "SILENCE_TIMEOUT_S", 2.0)
    monkeypatch.setattr(lane, "MAX_AT_ONCE", 1)
    async with a_holder() as holder, a_connection(holder) as (_, stalled):
        holder.data = bytes(256 * CHUNK_BYTES)
        stalled.write(request_for(256))
        await has_begun(holder)
        assert await status_of(holder, "Songkeep another") == 503
        async with asyncio.timeout(60):
            while await status_of(holder, "Songkeep another") != 206:  # noqa: ASYNC110 - the lane tells nobody
                await asyncio.sleep(0.05)


async def test_one_member_cannot_take_the_turns_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MAX_AT_ONCE_EACH", 1)
    async with a_holder() as holder, a_connection(holder) as (_, stalled):
        holder.data = bytes(256 * CHUNK_BYTES)
        stalled.write(request_for(256))
        await has_begun(holder)
        assert await status_of(holder) == 503
        assert await status_of(holder, "Songkeep another") == 206


async def test_who_shows_no_pass_is_not_kept_connected_and_who_does_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "STRANGER_TIMEOUT_S", 2.0)
    async with a_holder() as holder, a_connection(holder) as (known, asking):
        asking.write(request_for(1))
        assert b"206" in await known.readuntil(b"\r\n\r\n")
        assert len(await known.readexactly(CHUNK_BYTES)) == CHUNK_BYTES
        async with a_connection(holder) as (silent, _), asyncio.timeout(60):
            with contextlib.suppress(ConnectionError):
                assert await silent.read(1) == b""
        asking.write(request_for(1))
        assert b"206" in await known.readuntil(b"\r\n\r\n")


async def test_of_too_many_strangers_the_oldest_goes_and_a_member_still_gets_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strangers, "MAX_STRANGERS", 2)
    monkeypatch.setattr(strangers, "STRANGER_TIMEOUT_S", 3_600.0)  # nobody goes for the time being over
    async with a_holder() as holder, contextlib.AsyncExitStack() as stack:
        silent = [(await stack.enter_async_context(a_connection(holder)))[0] for _ in range(3)]
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionError):
                assert await silent[0].read(1) == b""
            assert await status_of(holder) == 206
        assert not silent[2].at_eof()
