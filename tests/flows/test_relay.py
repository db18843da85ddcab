"""The way through a seed's room, for devices between which no direct way leads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from node.crypto.keys import EpochKeys
from node.doors.channel import Channel
from node.doors.seeds import SeedClient
from node.errors import UnavailableError
from node.flows.relay import MAX_PIPES, Relay, RelayPipe
from node.ids import BlobRoot, DeviceId
from node.seed.options import SeedOptions
from node.seed.server import RunningSeed, running
from node.wire import seedapi
from node.wire.roster import Role, admit, read_roster, revoke
from tests.flows.people import Device, a_tracker, found, let_in, make_device, meeting, now_ms, of_member, until
from tests.seed.owner import OWNER_IP, SEED_IP, a_seed

ROOT = BlobRoot(b"\xaa" * 32)


def relayed(device: Device) -> Relay:
    relay = Relay(device.membership, device.directory, device.meeting, device.links)
    device.meeting.relay, device.meeting.on_message = relay.connect, relay.hear
    return relay


async def two_at(seed: RunningSeed) -> tuple[Device, Device]:
    """A PC and a laptop that have nothing but a seed in common."""
    pc, laptop, _again = await three_at(seed)
    return pc, laptop


async def three_at(seed: RunningSeed) -> tuple[Device, Device, Device]:
    """The same, and the laptop a second time, as a second tab of a phone is."""
    first = found()
    roster = admit(
        read_roster(first.roster),
        first.device,
        seed.keys.public,
        role=Role.SEED,
        epochs=first.epochs,
        time_ms=now_ms(),
        addresses=[seed.url],
    )
    home, laptop = let_in(of_member(first.device, roster))
    invite = seedapi.read_invite(await seed.invite(1_000_000))
    async with SeedClient.open(seed.url, local_address=OWNER_IP) as client:
        await client.join(home.device, invite, home.roster)
    return make_device("PC", home), make_device("Laptop", laptop), make_device("Laptop", laptop)


async def test_chunks_and_answers_come_through_the_seeds_room_which_can_read_none_of_them(tmp_path: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        pc, laptop = await two_at(seed)
        relay, other = relayed(laptop), relayed(pc)
        pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(12)]
        async with meeting(pc, laptop):
            await until(lambda: laptop.directory.get(pc.id).present)
            before = seed.rooms.host.relayed
            channel = await relay.connect(pc.id)
            assert isinstance(channel.pipe, RelayPipe)
            assert [chunk async for chunk in channel.chunks(ROOT, 0, 12)] == pc.blobs[ROOT]
            with pytest.raises(UnavailableError, match="hold"):
                [chunk async for chunk in channel.chunks(BlobRoot(bytes(32)), 0, 1)]
            assert seed.rooms.host.relayed - before >= 14
            # It is the one that is open now: whoever needs the PC is given it.
            assert await laptop.meeting.connect(pc.id) is channel
            await channel.close()
            await until(lambda: laptop.links.to(pc.id) is None)
        await relay.close()
        await other.close()


async def test_each_of_two_tabs_of_one_device_is_answered_where_it_asks(tmp_path: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        pc, older, newer = await three_at(seed)
        other = relayed(pc)
        pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(3)]
        async with meeting(pc, older):
            await until(lambda: len(pc.directory.places_of(older.id)) == 1)
            async with meeting(newer):
                await until(lambda: len(pc.directory.places_of(older.id)) == 2)
                for tab in (older, newer):
                    relay = relayed(tab)
                    channel = await greeted(relay, pc)
                    assert [chunk async for chunk in channel.chunks(ROOT, 0, 3)] == pc.blobs[ROOT]
                    await relay.close()
        await other.close()


async def greeted(relay: Relay, device: Device) -> Channel:
    """A greeting may be refused if the other tab's message, with a higher number, overtakes it: then once more."""
    with contextlib.suppress(UnavailableError):
        return await relay.connect(device.id)
    return await relay.connect(device.id)


async def test_what_goes_through_the_room_keeps_to_the_rate_that_the_seeds_owner_set(tmp_path: Path) -> None:
    async with running(
        SeedOptions(home=tmp_path / "seed", host=SEED_IP, port=0, stun_port=None, rate_bytes_per_s=100_000)
    ) as seed:
        pc, laptop = await two_at(seed)
        relay, other = relayed(laptop), relayed(pc)
        pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(12)]
        async with meeting(pc, laptop):
            await until(lambda: laptop.directory.get(pc.id).present)
            channel = await relay.connect(pc.id)
            began_s = time.monotonic()
            assert [chunk async for chunk in channel.chunks(ROOT, 0, 12)] == pc.blobs[ROOT]
            # 200 KB at 100 KB a second, the first of which needs no waiting; unlimited it takes half a second.
            assert time.monotonic() - began_s > 1.5
        await relay.close()
        await other.close()


async def test_a_device_that_is_revoked_is_cut_off_in_the_middle(tmp_path: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        pc, laptop = await two_at(seed)
        relay, other = relayed(laptop), relayed(pc)
        pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(200)]
        async with meeting(pc, laptop):
            await until(lambda: laptop.directory.get(pc.id).present)
            channel = await relay.connect(pc.id)
            got = 0

            async def listen() -> None:
                nonlocal got
                async for _chunk in channel.chunks(ROOT, 0, 200):
                    got += 1

            listening = asyncio.create_task(listen())
            await until(lambda: got > 2)
            await pc.membership.change(
                lambda roster, keys, _epochs: revoke(
                    roster, keys, [laptop.membership.keys.id], next_epoch=EpochKeys(2, os.urandom(32)), time_ms=now_ms()
                )
            )
            await until(lambda: pc.links.count == 0)
            listening.cancel()
            assert got < 200
        await relay.close()
        await other.close()


async def test_music_never_goes_through_a_tracker(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with a_tracker(tmp_path) as (url, _):
        pc, other = make_device("PC", home, url), make_device("Laptop", laptop, url)
        relay = relayed(other)
        relayed(pc)
        async with meeting(pc, other):
            await until(lambda: other.directory.get(pc.id).present)
            with pytest.raises(UnavailableError, match="no seed"):
                await relay.connect(pc.id)


async def test_who_greets_without_end_gets_few_answers_and_holds_up_nobody(tmp_path: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        pc, laptop = await two_at(seed)
        relay, other = relayed(laptop), relayed(pc)
        async with meeting(pc, laptop):
            await until(lambda: laptop.directory.get(pc.id).present)
            [place] = laptop.meeting.places.values()
            assert place.room is not None
            for number in range(3 * MAX_PIPES):
                body = {"session": number.to_bytes(16, "big"), "data": b""}
                [(_, connection)] = laptop.directory.places_of(pc.id)
                await place.room.send(laptop.membership.seal_to(pc.id, "relay", body), to=connection)
            await until(lambda: pc.links.count > 0)
            assert pc.links.count <= MAX_PIPES
            assert pc.meeting.places
        await relay.close()
        await other.close()


async def test_a_pipe_whose_other_side_is_simply_gone_makes_room_for_others_in_time() -> None:
    async def say(_member: DeviceId, _session: bytes, _data: bytes) -> None:
        pass

    ended = asyncio.Event()
    pipe = RelayPipe(DeviceId(b"m" * 32), b"s" * 16, say, ended.set, lifetime_s=0.05)
    pipe.take(b"said")
    assert await pipe.receive() == b"said"
    with pytest.raises(UnavailableError, match="ended"):
        await asyncio.wait_for(pipe.receive(), 60)
    assert ended.is_set()
