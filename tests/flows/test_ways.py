"""Music from other devices over real lanes and channels: liars, closed rooms, odd addresses, routers in between."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.blob import BlobCipher
from node.crypto.keys import EpochKeys
from node.doors.vault import Secrets
from node.errors import NotHeldError, SongkeepError, UnavailableError
from node.flows.fetch import DeviceFetch
from node.flows.lanes import Lanes
from node.flows.ways import Ways
from node.ids import BlobRoot, DeviceId
from node.peers.directory import Presence
from node.wire.roster import read_roster, revoke
from tests.flows import people
from tests.needs import require

PLAIN = random.Random(3).randbytes(600_000)


def sealed() -> tuple[BlobRef, list[bytes]]:
    key = bytes(range(32))
    cipher = BlobCipher(key, len(PLAIN))
    chunks = list(cipher.seal_all(PLAIN))
    root, _ = merkle.root_of_chunks(chunks)
    digest = hashlib.sha256(PLAIN).digest()
    return BlobRef(root=root, key=key, commitment=cipher.commitment, size_bytes=len(PLAIN), sha256=digest), chunks


BLOB, CHUNKS = sealed()
WHOLE = b"".join(CHUNKS)


@dataclass
class Walker:
    """A device with a lane and a way to the others'."""

    device: people.Device
    lanes: Lanes
    ways: Ways
    fetch: DeviceFetch
    lies: list[DeviceId] = field(default_factory=list)

    @property
    def id(self) -> DeviceId:
        return DeviceId(self.device.id)

    async def take(self) -> bytes:
        return await self.fetch.chunks(BLOB, 0, len(CHUNKS))


async def size_of(root: BlobRoot) -> int:
    return len(WHOLE)


def walker(name: str, secrets: Secrets, url: str, *, ip: str, told: Sequence[str] | None = None) -> Walker:
    """A device that answers at `ip` and dials from there; `told`: the addresses that it tells of."""
    device = people.make_device(name, secrets, url, lane=lambda: lanes.told)
    lanes = Lanes(
        device.membership,
        device.directory,
        lambda _member: device.serve,
        size_of=size_of,
        announce=device.meeting.announce,
        addresses=lambda: [ip] if told is None else told,
        bind=[ip],
        local_address=ip,
    )
    ways = Ways(device.membership.keys.id, device.directory, lanes, device.links, device.meeting)
    lies: list[DeviceId] = []
    fetch = DeviceFetch(device.membership, device.directory, ways.chunks, open_to=ways.open_to, on_lie=lies.append)
    return Walker(device, lanes, ways, fetch, lies)


@contextlib.asynccontextmanager
async def out(*walkers: Walker, lanes: bool = True) -> AsyncIterator[None]:
    """The devices are in their room, with their lanes open, and know of each other."""
    async with people.meeting(*(each.device for each in walkers)), asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.lanes.run()) for each in walkers] if lanes else []
        for each in walkers:
            others = [other for other in walkers if other is not each]
            await people.until(lambda each=each, others=others: _knows(each, others, lanes=lanes))  # type: ignore[misc]
        yield
        for task in tasks:
            task.cancel()


def _knows(one: Walker, others: Sequence[Walker], *, lanes: bool) -> bool:
    heard = [one.device.directory.get(other.id).presence for other in others]
    return all(presence is not None and bool(presence.lane) == lanes for presence in heard)


def three() -> tuple[Secrets, Secrets, Secrets]:
    """A library's owner and two more devices that read."""
    owner, second = people.let_in(people.found())
    owner, third = people.let_in(owner)
    return owner, people.of_member(second.device, read_roster(owner.roster)), third


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with people.a_tracker(tmp_path) as (address, _):
        yield address


async def test_music_comes_over_a_lane_and_no_channel_is_made(url: str) -> None:
    owner, _, third = three()
    pc, laptop = walker("PC", owner, url, ip="127.0.0.2"), walker("Laptop", third, url, ip="127.0.0.3")
    pc.device.blobs[BLOB.root] = CHUNKS
    async with out(pc, laptop):
        assert await laptop.take() == WHOLE
        assert laptop.ways.open_to(pc.id) == "lane"
        assert laptop.device.links.count == 0


async def test_where_no_lane_leads_a_channel_is_made(url: str) -> None:
    owner, _, third = three()
    pc = walker("PC", owner, url, ip="127.0.0.2", told=["127.0.0.66"])
    laptop = walker("Laptop", third, url, ip="127.0.0.3")
    pc.device.blobs[BLOB.root] = CHUNKS
    async with out(pc, laptop):
        assert await laptop.take() == WHOLE
        assert laptop.ways.open_to(pc.id) == "channel"


async def test_who_gives_wrong_bytes_is_named_and_not_asked_again(url: str) -> None:
    owner, second, third = three()
    pc, nas, laptop = (
        walker("PC", owner, url, ip="127.0.0.2"),
        walker("NAS", second, url, ip="127.0.0.4"),
        walker("Laptop", third, url, ip="127.0.0.3"),
    )
    pc.device.blobs[BLOB.root] = CHUNKS
    nas.device.blobs[BLOB.root] = [chunk[:-1] + bytes([chunk[-1] ^ 1]) for chunk in CHUNKS]
    async with out(pc, nas, laptop):
        for _ in range(3):
            assert await laptop.take() == WHOLE
        assert laptop.lies == [nas.id]


async def test_if_only_a_liar_has_it_the_song_fails_and_no_wrong_byte_is_given(url: str) -> None:
    owner, _, third = three()
    pc, laptop = walker("PC", owner, url, ip="127.0.0.2"), walker("Laptop", third, url, ip="127.0.0.3")
    pc.device.blobs[BLOB.root] = [*CHUNKS[:7], bytes(len(CHUNKS[7])), *CHUNKS[8:]]
    async with out(pc, laptop):
        with pytest.raises(SongkeepError, match="other bytes"):
            await laptop.take()
        assert laptop.lies == [pc.id]
        with pytest.raises(UnavailableError):
            await laptop.take()


async def test_with_every_room_gone_music_still_comes_over_a_lane(tmp_path: Path) -> None:
    owner, _, third = three()
    async with contextlib.AsyncExitStack() as stack:
        tracker = await stack.enter_async_context(contextlib.AsyncExitStack())
        url, _ = await tracker.enter_async_context(people.a_tracker(tmp_path))
        pc, laptop = walker("PC", owner, url, ip="127.0.0.2"), walker("Laptop", third, url, ip="127.0.0.3")
        pc.device.blobs[BLOB.root] = CHUNKS
        await stack.enter_async_context(out(pc, laptop))
        assert await laptop.take() == WHOLE
        await tracker.aclose()
        await people.until(lambda: not laptop.device.directory.get(pc.id).present)
        assert await laptop.take() == WHOLE


async def test_two_devices_behind_one_address_are_both_served(url: str) -> None:
    owner, second, third = three()
    pc = walker("PC", owner, url, ip="127.0.0.2")
    laptops = [walker(name, secrets, url, ip="127.0.0.3") for name, secrets in (("A", second), ("B", third))]
    pc.device.blobs[BLOB.root] = CHUNKS
    async with out(pc, *laptops):
        assert await asyncio.gather(*(each.take() for each in laptops)) == [WHOLE, WHOLE]
        assert all(each.ways.open_to(pc.id) == "lane" for each in laptops)


async def test_a_device_that_comes_from_another_address_than_it_tells_is_served(url: str) -> None:
    owner, _, third = three()
    pc = walker("PC", owner, url, ip="127.0.0.2")
    laptop = walker("Laptop", third, url, ip="127.0.0.3", told=["127.0.0.99"])
    pc.device.blobs[BLOB.root] = CHUNKS
    async with out(pc, laptop):
        assert await laptop.take() == WHOLE
        assert laptop.ways.open_to(pc.id) == "lane"


async def test_lanes_go_over_ipv6_too(url: str) -> None:
    with contextlib.suppress(OSError):
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        owner, _, third = three()
        pc, laptop = walker("PC", owner, url, ip="::1"), walker("Laptop", third, url, ip="::1")
        pc.device.blobs[BLOB.root] = CHUNKS
        async with out(pc, laptop):
            assert await laptop.take() == WHOLE
            assert laptop.ways.open_to(pc.id) == "lane"
        return
    require("IPv6 on loopback", False)


async def test_what_is_evicted_in_mid_song_is_taken_on_from_another_holder(url: str) -> None:
    owner, second, third = three()
    pc, nas, laptop = (
        walker("PC", owner, url, ip="127.0.0.2"),
        walker("NAS", second, url, ip="127.0.0.4"),
        walker("Laptop", third, url, ip="127.0.0.3"),
    )
    for each in (pc, nas):
        each.device.blobs[BLOB.root] = CHUNKS
    async with out(pc, nas, laptop):
        first = await laptop.fetch.chunks(BLOB, 0, 8)
        del pc.device.blobs[BLOB.root]
        assert first + await laptop.fetch.chunks(BLOB, 8, len(CHUNKS)) == WHOLE


async def test_a_revoked_device_gets_nothing_more(url: str) -> None:
    owner, _, third = three()
    pc, laptop = walker("PC", owner, url, ip="127.0.0.2"), walker("Laptop", third, url, ip="127.0.0.3")
    pc.device.blobs[BLOB.root] = CHUNKS
    async with out(pc, laptop):
        assert await laptop.take() == WHOLE
        await pc.device.membership.change(
            lambda roster, keys, _epochs: revoke(
                roster, keys, [laptop.id], next_epoch=EpochKeys(2, b"\x07" * 32), time_ms=people.now_ms()
            )
        )
        with pytest.raises(SongkeepError):
            await laptop.take()


async def test_who_was_late_is_asked_last_and_the_rest_of_the_song_does_not_wait_for_it(url: str) -> None:
    owner, second, third = three()
    laptop = walker("Laptop", third, url, ip="127.0.0.3")
    hangs, gives = (people.make_device("a holder", each, url) for each in (owner, second))
    asked: list[bytes] = []

    async def take(member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        asked.append(member)
        if member == hangs.id:
            await asyncio.Event().wait()
        yield b"".join(CHUNKS[first : first + count])

    directory = laptop.device.directory
    for number, holder in enumerate((hangs, gives)):
        directory.came(url, number, DeviceId(holder.id))
        directory.said(DeviceId(holder.id), Presence(name="a holder", role="node", roster=3), 1)
    fetch = DeviceFetch(laptop.device.membership, directory, take, open_to=lambda _member: "lane")
    assert await fetch.chunks(BLOB, 0, len(CHUNKS)) == WHOLE
    assert hangs.id in asked
    asked.clear()
    for _ in range(3):
        assert await fetch.chunks(BLOB, 0, len(CHUNKS)) == WHOLE
    assert asked == [gives.id] * 3


async def test_the_only_holder_that_hangs_is_named(url: str) -> None:
    owner, second, third = three()
    laptop = walker("Laptop", third, url, ip="127.0.0.3")
    hangs, other = (people.make_device("a holder", each, url) for each in (owner, second))

    async def take(member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        if member == other.id:
            raise NotHeldError("not held")
        yield CHUNKS[first]
        await asyncio.Event().wait()

    directory = laptop.device.directory
    for number, holder in enumerate((hangs, other)):
        directory.came(url, number, DeviceId(holder.id))
        directory.said(DeviceId(holder.id), Presence(name="a holder", role="node", roster=3), 1)
    names = {DeviceId(hangs.id): "Home PC", DeviceId(other.id): "NAS"}
    fetch = DeviceFetch(
        laptop.device.membership,
        directory,
        take,
        open_to=lambda _member: "lane",
        name_of=names.__getitem__,
        silent_s=0.3,
    )
    with pytest.raises(UnavailableError, match=r"^Home PC does not answer"):
        await fetch.chunks(BLOB, 0, 8)
