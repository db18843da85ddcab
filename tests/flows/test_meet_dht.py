"""Devices that are apart, without a tracker: they find each other through a table of their own, and no old record."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.crypto.keys import EpochKeys
from node.dht import Dht, DhtSettings
from node.doors.certificate import Identity
from node.flows.far import FarMeeting, FarOptions
from node.ids import BlobRoot, DeviceId, LibraryId, to_text
from node.wire.dhtrecord import (
    DAY_S,
    DhtRecord,
    dht_public,
    dht_secret,
    place_of,
    read_dht_key,
    seal_record,
    sign_dht_key,
)
from node.wire.roster import revoke
from tests.flows.people import Device, a_tracker, found, let_in, make_device, meeting, now_ms, until

LOOPBACK = "127.0.0.1"
ROOT = BlobRoot(b"\xaa" * 32)
DAY = now_ms() // 1_000 // DAY_S


@dataclass
class SharedBook:
    """What the catalog does: every device knows what each has told."""

    told: dict[DeviceId, list[bytes]] = field(default_factory=dict)

    def tell(self, device: DeviceId, signed: list[bytes]) -> None:
        self.told[device] = signed

    def of(self, device: DeviceId, library: LibraryId) -> bytes | None:
        return read_dht_key(self.told[device], device, library) if device in self.told else None


class Remembered:
    """The settings of an index, in memory."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = dict(value)


def afar(
    device: Device,
    book: SharedBook,
    door: Dht,
    *,
    kept: Remembered | None = None,
    ahead_s: float = 0,
    mode: Any = "private",
) -> FarMeeting:
    return FarMeeting(
        device.membership,
        device.directory,
        device.meeting,
        keys=book,
        kept=kept or Remembered(),
        heads=lambda: b"h" * 8,
        options=FarOptions(mode=mode, nodes=(f"{LOOPBACK}:{door.port}",)),
        tell=lambda _text: None,
        addresses=lambda: [LOOPBACK],
        bind=(LOOPBACK,),
        time_s=lambda: now_ms() / 1_000 + ahead_s,
    )


@contextlib.asynccontextmanager
async def open_afar(*meetings: FarMeeting) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in meetings]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def a_writer(door: Dht) -> AsyncIterator[Dht]:
    """Another node of the table, at somebody's hands."""
    async with Dht.open(DhtSettings(listen=f"{LOOPBACK}:0", bootstrap=(f"{LOOPBACK}:{door.port}",))) as writer:
        await writer.ready()
        yield writer


@contextlib.asynccontextmanager
async def a_table() -> AsyncIterator[Dht]:
    async with Dht.open(DhtSettings(listen=f"{LOOPBACK}:0")) as door:
        yield door


def pc_and_laptop(*trackers: str) -> tuple[Device, Device]:
    home, laptop = let_in(found())
    pc, other = make_device("PC", home, *trackers), make_device("Laptop", laptop, *trackers)
    pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(4)]
    return pc, other


def present(pc: Device, other: Device) -> bool:
    return other.directory.get(pc.id).present and pc.directory.get(other.id).present


async def test_two_devices_without_a_tracker_find_each_other_and_play() -> None:
    pc, other = pc_and_laptop()
    book = SharedBook()
    async with a_table() as door:
        far, near = afar(pc, book, door), afar(other, book, door)
        async with meeting(pc, other), open_afar(far, near):
            await until(lambda: present(pc, other), timeout_s=60)
            # A link, that is: nobody asked for WebRTC, and nobody would have answered STUN.
            await until(lambda: other.links.to(pc.id) is not None and pc.links.to(other.id) is not None)
            channel = await other.meeting.connect(pc.id)
            assert [chunk async for chunk in channel.chunks(ROOT, 0, 4)] == pc.blobs[ROOT]
            state = await near.as_json()
            assert state["stored_by"] >= 1
            assert state["trouble"] == ""
        assert far.dht is None


async def test_one_of_two_devices_is_door_enough() -> None:
    """The PC is the table's first node; the laptop enters by it, and there is no third."""
    pc, other = pc_and_laptop()
    book = SharedBook()
    async with a_table() as unused:
        far, near = afar(pc, book, unused), afar(other, book, unused)
    far.apply(FarOptions(mode="private"))
    async with meeting(pc, other), open_afar(far):
        await until(lambda: far.dht is not None, timeout_s=60)
        assert far.dht is not None
        near.apply(FarOptions(mode="private", nodes=(f"{LOOPBACK}:{far.dht.port}",)))
        async with open_afar(near):
            await until(lambda: present(pc, other), timeout_s=60)
            await until(lambda: far.took > 0 and near.took > 0, timeout_s=60)


async def test_when_the_tracker_dies_devices_that_are_apart_meet_through_the_dht(tmp_path: Path) -> None:
    book = SharedBook()
    async with a_table() as door, contextlib.AsyncExitStack() as tracker:
        url, _ = await tracker.enter_async_context(a_tracker(tmp_path))
        pc, other = pc_and_laptop(url)
        far, near = afar(pc, book, door), afar(other, book, door)
        async with meeting(pc, other), open_afar(far, near):
            await until(lambda: present(pc, other), timeout_s=60)
            await until(lambda: far.took > 0 and near.took > 0, timeout_s=60)
            assert {place for place, _ in other.directory.places_of(pc.id)} == {url}, "nobody is looked for in vain"
            await tracker.aclose()
            await until(lambda: not other.meeting.places[url].joined and present(pc, other), timeout_s=60)
            channel = await other.meeting.connect(pc.id)
            assert [chunk async for chunk in channel.chunks(ROOT, 0, 1)] == pc.blobs[ROOT][:1]


@pytest.mark.parametrize("ahead_s", [DAY_S, -DAY_S])
async def test_a_clock_that_is_off_by_a_day_finds_and_is_found(ahead_s: float) -> None:
    pc, other = pc_and_laptop()
    book = SharedBook()
    async with a_table() as door, meeting(pc, other):
        wrong = afar(other, book, door, ahead_s=ahead_s)
        async with open_afar(afar(pc, book, door), wrong):
            await until(lambda: present(pc, other), timeout_s=60)


async def test_nothing_is_open_while_it_is_off_or_nobody_else_is_there() -> None:
    book = SharedBook()
    async with a_table() as door:
        alone = make_device("PC", found())
        pc, _ = pc_and_laptop()
        for device, mode in ((alone, "private"), (pc, "off")):
            far = afar(device, book, door, mode=mode)
            async with meeting(device), open_afar(far):
                await asyncio.sleep(0.5)  # time enough for what must not happen
                assert far.dht is None
                assert far.room_port is None
        assert await door.count() == 0, "nobody has come"
        assert pc.id in book.told, "but its key is told, before it is needed"
        chosen = afar(pc, book, door, mode="off")
        async with meeting(pc), open_afar(chosen):
            chosen.apply(FarOptions(mode="private", nodes=(f"{LOOPBACK}:{door.port}",)))
            await until(lambda: chosen.dht is not None, timeout_s=60)
            chosen.apply(FarOptions())
            await until(lambda: chosen.dht is None, timeout_s=60)


async def put_for(pc: Device, door: Dht, record: DhtRecord, *, day: int = DAY, epoch: EpochKeys | None = None) -> None:
    membership = pc.membership
    epoch = epoch or membership.epoch
    sealed = seal_record(record, epoch, membership.library, pc.id, day=day, nonce_12=os.urandom(12))
    keys = membership.keys
    await door.put(dht_secret(keys), dht_public(keys), place_of(epoch, pc.id, day), sealed)


async def test_an_old_record_that_nodes_of_the_table_kept_is_refused(tmp_path: Path) -> None:
    """What a node of the table can do: give what its device once wrote, as long as its place is asked for."""
    pc, other = pc_and_laptop()
    book = SharedBook()
    kept = Remembered()
    kept.values["dht_serials"] = {to_text(pc.id): 5_000}
    old = DhtRecord(serial=4_999, addresses=(f"{LOOPBACK}:9",), pin=b"p" * 32, heads=b"h" * 8)
    async with a_table() as door, a_writer(door) as writer:
        await put_for(pc, writer, old)
        book.tell(pc.id, signed_by(pc))
        searching = afar(other, book, door, kept=kept)
        async with meeting(other), open_afar(searching):
            await until(lambda: any("older" in each.trouble for each in searching.search.sought.values()), timeout_s=60)
            assert searching.search.found == 0
            assert all("127.0.0.1:9" not in url for url in other.meeting.places)


def signed_by(device: Device) -> list[bytes]:
    return sign_dht_key(device.membership.keys, device.membership.library)


async def test_who_sits_at_an_address_that_was_the_devices_gets_no_word_of_the_library() -> None:
    """A record whose address somebody else has now: the certificate is another, and nothing is said to it."""
    pc, other = pc_and_laptop()
    book = SharedBook()
    heard: list[bytes] = []

    async def overhear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.close()

    stranger = await asyncio.start_server(overhear, LOOPBACK, 0, ssl=Identity().context)
    port = stranger.sockets[0].getsockname()[1]
    record = DhtRecord(serial=now_ms(), addresses=(f"{LOOPBACK}:{port}",), pin=b"p" * 32, heads=b"h" * 8)
    async with stranger, a_table() as door, a_writer(door) as writer:
        await put_for(pc, writer, record)
        book.tell(pc.id, signed_by(pc))
        async with meeting(other), open_afar(afar(other, book, door)):
            await until(lambda: bool(heard), timeout_s=60)
    said = b"".join(heard)
    for secret in (pc.id, other.id, pc.membership.library, pc.membership.epoch.room_name, b"/v1/room"):
        assert secret not in said


async def test_who_was_away_while_an_epoch_began_is_found_where_it_still_stands() -> None:
    home, laptop = let_in(found())
    grown, third = let_in(home)
    pc = make_device("PC", grown)
    other = make_device("Laptop", laptop)  # it has heard of neither the third device nor its end
    book = SharedBook()
    gone = third.device.id
    await pc.membership.change(
        lambda roster, keys, _epochs: revoke(
            roster, keys, [gone], next_epoch=EpochKeys(roster.next_epoch, os.urandom(32)), time_ms=now_ms()
        )
    )
    assert pc.membership.epoch.number > other.membership.epoch.number
    async with a_table() as door, meeting(pc, other), open_afar(afar(pc, book, door), afar(other, book, door)):
        await until(lambda: present(pc, other), timeout_s=60)
        assert other.membership.epoch.number == pc.membership.epoch.number
