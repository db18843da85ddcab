"""The lane: sealed chunks to members, and nothing to anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from node.crypto.labels import CHUNK_BYTES
from node.doors import lane
from node.doors.certificate import Identity
from node.doors.lane import Lane, LaneDoor
from node.errors import DamagedError, NotFoundError, NotHeldError, RefusedError, SongkeepError, UnavailableError
from node.ids import BlobRoot, DeviceId, to_text

MEMBER = DeviceId(b"m" * 32)
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

    async def serve(self, root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        if root != ROOT:
            raise NotFoundError("not held")
        for index in range(first, min(first + count, 40)):
            if self.trouble is not None and index >= first + 2:
                raise self.trouble
            self.served.append(index)
            yield DATA[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            await asyncio.sleep(0)

    async def size_of(self, root: BlobRoot) -> int:
        if root != ROOT:
            raise NotFoundError("not held")
        return len(DATA)

    def admit(self, text: str) -> DeviceId:
        if text != "Songkeep pass":
            raise RefusedError("no member")
        return MEMBER

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
        holder.serve,
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
