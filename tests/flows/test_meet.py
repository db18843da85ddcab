"""Devices that meet through a tracker: presence, channels, chunks, revocation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.crypto.keys import EpochKeys
from node.errors import SongkeepError, UnavailableError
from node.ids import BlobRoot
from node.wire.roster import revoke
from tests.flows.people import a_tracker, found, let_in, make_device, meeting, now_ms, until

ROOT = BlobRoot(b"\xaa" * 32)


async def test_two_devices_see_each_other_and_exchange_chunks(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with a_tracker(tmp_path) as (url, _):
        pc, other = make_device("Home PC", home, url), make_device("Laptop", laptop, url)
        pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(40)]
        async with meeting(pc, other):
            await until(lambda: other.directory.get(pc.id).presence is not None)
            assert other.directory.get(pc.id).presence.name == "Home PC"
            channel = await other.meeting.connect(pc.id)
            assert [chunk async for chunk in channel.chunks(ROOT, 3, 30)] == pc.blobs[ROOT][3:33]
            with pytest.raises(UnavailableError, match="hold"):
                [chunk async for chunk in channel.chunks(BlobRoot(bytes(32)), 0, 1)]


async def test_a_question_gets_its_whole_answer(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    whole = os.urandom(100_000)

    async def echo(body: object) -> bytes:
        return whole if body == {"all": True} else b""

    async with a_tracker(tmp_path) as (url, _):
        pc = make_device("Home PC", home, url, answers={"catalog": echo})
        other = make_device("Laptop", laptop, url)
        async with meeting(pc, other):
            await until(lambda: other.directory.get(pc.id).present)
            channel = await other.meeting.connect(pc.id)
            assert await channel.ask("catalog", {"all": True}) == whole
            assert await channel.ask("catalog", None) == b""
            with pytest.raises(UnavailableError):
                await channel.ask("nonsense", None)


async def test_a_revoked_device_is_cut_off_at_once(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with a_tracker(tmp_path) as (url, _):
        pc, other = make_device("Home PC", home, url), make_device("Laptop", laptop, url)
        pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(256)]
        async with meeting(pc, other):
            await until(lambda: other.directory.get(pc.id).present)
            channel = await other.meeting.connect(pc.id)
            got: list[bytes] = []

            async def fetch_and_be_revoked() -> None:
                async for chunk in channel.chunks(ROOT, 0, 256):
                    got.append(chunk)
                    if len(got) == 1:
                        await pc.membership.change(
                            lambda roster, keys, epochs: revoke(
                                roster, keys, [other.id], next_epoch=EpochKeys(2, os.urandom(32)), time_ms=now_ms()
                            )
                        )

            with pytest.raises(SongkeepError):
                await fetch_and_be_revoked()
            assert len(got) < 256
            await until(lambda: "revoked" in other.meeting.places[url].trouble)
            await until(lambda: pc.meeting.places[url].joined and not pc.directory.get(other.id).present)
            with pytest.raises(SongkeepError):
                await pc.meeting.say(other.id, "x", None)
