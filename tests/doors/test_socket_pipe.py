"""Links: a channel over one WebSocket, for members only, to no device but the one that was meant."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest

from node.doors.certificate import Identity
from node.doors.lan_rooms import LanRooms, LinkDoor, serving
from node.doors.socket_pipe import SocketPipe, linked
from node.errors import RefusedError, UnavailableError
from node.flows.lan import OwnShelf
from node.ids import DeviceId
from node.peers.membership import Membership
from node.wire.roomframes import check_link_proof, pinned_url
from tests.flows.people import MemoryVault, found, let_in, new_keys, now_ms

HERE = "127.0.0.1"


class House:
    """A device that takes links, and gives back what it hears."""

    def __init__(self) -> None:
        home, laptop = let_in(found())
        self.membership = Membership(MemoryVault(home), time_ms=now_ms, random=os.urandom)
        self.laptop = laptop.device
        self.came: list[DeviceId] = []

    def admit(self, member: DeviceId, signature: bytes, nonce: bytes, host: str) -> None:
        self.membership.check(member)
        check_link_proof(member, signature, nonce=nonce, host=host, library=self.membership.library)

    async def run(self, member: DeviceId, pipe: SocketPipe) -> None:
        self.came.append(member)
        while True:
            await pipe.send(await pipe.receive())


@contextlib.asynccontextmanager
async def a_house() -> AsyncIterator[tuple[House, LanRooms, aiohttp.ClientSession]]:
    house = House()
    async with (
        serving(
            OwnShelf(house.membership), bind=(HERE,), identity=Identity(), links=LinkDoor(house.admit, house.run)
        ) as server,
        aiohttp.ClientSession() as session,
    ):
        yield house, server, session


async def test_a_member_is_heard_and_answered() -> None:
    async with a_house() as (house, server, session):
        async with linked(session, server.own_url, keys=house.laptop, library=house.membership.library) as pipe:
            for size in (1, 17 * 1024):
                await pipe.send(b"x" * size)
                assert await pipe.receive() == b"x" * size
        assert house.came == [house.laptop.id]


async def test_a_stranger_and_a_revoked_key_hear_nothing() -> None:
    async with a_house() as (house, server, session):
        with pytest.raises(UnavailableError):
            async with linked(session, server.own_url, keys=new_keys(), library=house.membership.library):
                raise AssertionError
        assert house.came == []


async def test_a_proof_for_another_library_or_another_host_is_not_taken() -> None:
    async with a_house() as (house, server, session):
        with pytest.raises(UnavailableError):
            async with linked(session, server.own_url, keys=house.laptop, library=found_library_id()):
                raise AssertionError
        by_name = server.own_url.replace(HERE, "localhost")
        with pytest.raises(UnavailableError):
            async with linked(session, by_name, keys=house.laptop, library=house.membership.library):
                raise AssertionError
        assert house.came == []


def found_library_id() -> object:
    return Membership(MemoryVault(found()), time_ms=now_ms, random=os.urandom).library


async def test_nothing_is_said_to_a_server_with_another_certificate() -> None:
    async with a_house() as (house, server, session):
        other = pinned_url(f"{HERE}:{server.port}", os.urandom(32))
        with pytest.raises(UnavailableError, match="can't be reached"):
            async with linked(session, other, keys=house.laptop, library=house.membership.library):
                raise AssertionError
        with pytest.raises(UnavailableError, match="not known"):
            async with linked(
                session, f"wss://{HERE}:{server.port}", keys=house.laptop, library=house.membership.library
            ):
                raise AssertionError
        assert house.came == []


async def test_a_message_that_is_too_long_or_no_message_ends_the_link() -> None:
    async with a_house() as (house, server, session):
        async with linked(session, server.own_url, keys=house.laptop, library=house.membership.library) as pipe:
            await pipe._socket.send_bytes(b"x" * (17 * 1024 + 1))
            with pytest.raises(UnavailableError, match="ended"):
                await pipe.receive()
        for first in (b"", b"\x93\x01", os.urandom(40)):
            async with session.ws_connect(
                server.own_url.partition("#")[0] + "/v1/link", ssl=aiohttp.Fingerprint(server.pin or b"")
            ) as socket:
                await socket.receive_bytes()
                await socket.send_bytes(first)
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert house.came == [house.laptop.id]
        with pytest.raises(RefusedError):
            house.membership.check(DeviceId(new_keys().id))
