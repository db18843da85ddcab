"""A seed's rooms: members meet there, and play from the seed over WebRTC, without anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.doors import webrtc
from node.doors.channel import Channel, Offered
from node.doors.rooms import Room, joined, pair_room
from node.errors import RefusedError, SongkeepError, UnavailableError
from node.ids import BlobRoot
from node.seed import server as seed_server
from node.seed.options import SeedOptions
from node.seed.server import RunningSeed
from node.wire import codec
from node.wire.envelope import open_message, seal_to_member
from node.wire.roomevents import Came, Said
from node.wire.roster import Role, admit, revoke
from tests.doors.swarm.blobs import noises
from tests.seed.owner import Owner, a_seed, client_of, give_library, make_owner
from tests.seed.test_keeping import once

WAIT_S = 60.0


async def nothing(_root: BlobRoot, _first: int, _count: int) -> AsyncIterator[bytes]:
    raise UnavailableError("a phone gives nothing")
    yield b""


@contextlib.asynccontextmanager
async def in_room(owner: Owner, seed: RunningSeed, keys: MemberKeys) -> AsyncIterator[Room]:
    async with (
        aiohttp.ClientSession() as session,
        joined(
            session,
            seed.url.replace("http", "ws"),
            keys=keys,
            library=owner.roster.library,
            room=owner.epoch.room_name,
            roster=owner.roster.entries,
        ) as room,
    ):
        yield room


async def channel_to(owner: Owner, seed: RunningSeed, keys: MemberKeys, room: Room, *, counter: int = 1) -> Channel:
    """What a phone does: wait for the seed, offer, take its answer."""
    events = room.events()
    connection = next((number for number, member in room.present.items() if member == seed.keys.id), 0)
    while not connection:
        event = await anext(events)
        if isinstance(event, Came) and event.member == seed.keys.id:
            connection = event.connection
    offering = await webrtc.offer(None)
    body = {"session": os.urandom(16), "sdp": offering.sdp}
    public = seed.keys.public
    message = seal_to_member(
        keys, public.sign, public.receive, owner.roster.library, kind="offer", body=body, counter=counter, time_ms=1
    )
    await room.send(message, to=connection)
    async for event in events:
        if isinstance(event, Said):
            said = open_message(event.data, keys, owner.roster, {1: owner.epoch})
            assert (said.kind, said.body["session"]) == ("answer", body["session"])
            return Channel(await offering.accept(said.body["sdp"]), Offered(serve=nothing, answers={}))
    raise AssertionError("the room ended")


@contextlib.asynccontextmanager
async def running(channel: Channel) -> AsyncIterator[Channel]:
    task = asyncio.create_task(channel.run())
    try:
        yield channel
    finally:
        await channel.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_phone_plays_from_the_seed_when_no_other_device_is_there(tmp_path: Path) -> None:
    owner, phone = make_owner(), member_keys_from_random(os.urandom(64))
    owner.roster = admit(owner.roster, owner.keys, phone.public, role=Role.PLAYER, epochs=[owner.epoch], time_ms=2)
    volume, made = noises(1_000_000, 40_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            for each in made:
                await client.push(each.root, once(each.data))
        async with in_room(owner, seed, phone) as room, running(await channel_to(owner, seed, phone, room)) as channel:
            for each in made:
                count = -(-len(each.data) // 16_384)
                assert b"".join([chunk async for chunk in channel.chunks(each.root, 0, count)]) == each.data
            assert (
                b"".join([chunk async for chunk in channel.chunks(made[0].root, 1, 1)]) == made[0].data[16_384:32_768]
            )
            with pytest.raises(UnavailableError):
                [chunk async for chunk in channel.chunks(BlobRoot(bytes(32)), 0, 1)]
            assert codec.unpack(await channel.ask("heads", None), max_bytes=1_000) == []


async def test_a_phone_that_is_revoked_is_cut_off_at_once(tmp_path: Path) -> None:
    owner, phone = make_owner(), member_keys_from_random(os.urandom(64))
    owner.roster = admit(owner.roster, owner.keys, phone.public, role=Role.PLAYER, epochs=[owner.epoch], time_ms=2)
    volume, made = noises(100_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            await client.push(made[0].root, once(made[0].data))
            before = owner.roster
            async with in_room(owner, seed, phone) as room:
                async with running(await channel_to(owner, seed, phone, room)) as channel:
                    assert [chunk async for chunk in channel.chunks(made[0].root, 0, 1)]
                    second = EpochKeys(2, os.urandom(32))
                    owner.roster = revoke(owner.roster, owner.keys, [phone.id], next_epoch=second, time_ms=3)
                    await client.put_roster(owner.roster.entries)
                    with pytest.raises(SongkeepError):
                        [chunk async for chunk in channel.chunks(made[0].root, 0, 1)]
                with pytest.raises(RefusedError, match="revoked"):
                    async for _event in room.events():
                        pass
            owner.roster = before
            with pytest.raises(RefusedError):
                async with in_room(owner, seed, phone):
                    pass


async def test_a_phone_whose_clock_was_set_right_again_is_answered(tmp_path: Path) -> None:
    """Its messages are counted by its clock; another device keeps the room open meanwhile."""
    owner, phone = make_owner(), member_keys_from_random(os.urandom(64))
    owner.roster = admit(owner.roster, owner.keys, phone.public, role=Role.PLAYER, epochs=[owner.epoch], time_ms=2)
    in_2099 = 4_070_908_800_000_000
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with in_room(owner, seed, owner.keys):
            for counter in (in_2099, 5):
                async with (
                    asyncio.timeout(60),
                    in_room(owner, seed, phone) as room,
                    running(await channel_to(owner, seed, phone, room, counter=counter)) as channel,
                ):
                    assert codec.unpack(await channel.ask("heads", None), max_bytes=1_000) == []


async def test_a_message_over_anothers_connection_is_not_answered(tmp_path: Path) -> None:
    owner, phone = make_owner(), member_keys_from_random(os.urandom(64))
    owner.roster = admit(owner.roster, owner.keys, phone.public, role=Role.PLAYER, epochs=[owner.epoch], time_ms=2)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with in_room(owner, seed, phone) as room:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await channel_to(owner, seed, owner.keys, room)


async def test_a_stranger_is_not_let_into_a_room(tmp_path: Path) -> None:
    owner, stranger = make_owner(), member_keys_from_random(os.urandom(64))
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        with pytest.raises(RefusedError):
            async with in_room(owner, seed, stranger):
                pass


async def test_a_library_that_is_not_kept_here_has_no_room_here(tmp_path: Path) -> None:
    owner = make_owner()
    async with a_seed(tmp_path / "seed") as seed:
        with pytest.raises(RefusedError):
            async with in_room(owner, seed, owner.keys):
                pass


async def test_the_seed_leaves_a_room_as_the_last(tmp_path: Path) -> None:
    owner = make_owner()
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with in_room(owner, seed, owner.keys) as room:
            (await channel_to(owner, seed, owner.keys, room))
            assert seed.rooms.host.rooms.rooms == 1
        async with asyncio.timeout(60):
            while seed.rooms.host.rooms.connections:  # noqa: ASYNC110  nobody tells of it
                await asyncio.sleep(0.01)
        assert seed.rooms.host.rooms.rooms == 0


async def test_a_device_learns_its_own_address_from_the_seed(tmp_path: Path) -> None:
    owner = make_owner()
    async with a_seed(tmp_path / "seed", stun_port=0) as seed:
        await give_library(seed, owner)
        async with in_room(owner, seed, owner.keys) as room:
            assert room.stun is not None
            assert (await webrtc.public_address(room.stun))[0] == "127.0.0.1"


async def test_a_device_may_come_through_a_seed_and_a_phone_has_the_app_from_there(tmp_path: Path) -> None:
    owner = make_owner()
    async with (
        a_seed(tmp_path / "seed") as seed,
        aiohttp.ClientSession() as session,
        contextlib.AsyncExitStack() as stack,
    ):
        await give_library(seed, owner)
        server = seed.url.replace("http", "ws")
        old = await stack.enter_async_context(pair_room(session, server, "a" * 52, waits=True))
        new = await stack.enter_async_context(pair_room(session, server, "a" * 52, waits=False))
        await new.send(b"\xc4\x05hello")
        assert await asyncio.wait_for(old.receive(), WAIT_S) == b"\xc4\x05hello"
        async with session.get(f"{seed.url}/") as page:
            assert page.status == 200
            assert "<title>Songkeep</title>" in await page.text()
            assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        async with session.get(f"{seed.url}/status") as page:
            assert page.status == 403


async def test_a_seed_may_leave_the_app_out(tmp_path: Path) -> None:
    options = SeedOptions(home=tmp_path / "seed", host="127.0.0.1", port=0, stun_port=None, app=False)
    async with (
        seed_server.running(options) as seed,
        aiohttp.ClientSession() as session,
        session.get(f"{seed.url}/") as page,
    ):
        assert page.status == 404
