"""Devices on one network, without any server: they find each other, let newcomers in and leave strangers alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.crypto.keys import EpochKeys
from node.doors import lan
from node.doors.vault import Vault
from node.errors import UnavailableError
from node.flows.enter import enter_library
from node.flows.lan import DAY_S, LanMeeting, nearby_newcomer_rooms
from node.flows.pair import Newcomer, Welcome
from node.flows.pairings import Pairings
from node.ids import BlobRoot
from node.wire.pairing import Invitation, code_from_text
from node.wire.roster import Role, read_roster, revoke
from tests.flows.people import Device, a_tracker, found, let_in, make_device, meeting, now_ms, of_member, until

LOOPBACK = ["127.0.0.1"]
ROOT = BlobRoot(b"\xaa" * 32)


def on_lan(device: Device) -> LanMeeting:
    return LanMeeting(device.membership, device.meeting, tell=lambda _text: None, interfaces=LOOPBACK, bind="127.0.0.1")


@contextlib.asynccontextmanager
async def nearby(*devices: Device) -> AsyncIterator[list[LanMeeting]]:
    """The devices are on one network while the context lasts."""
    lans = [on_lan(device) for device in devices]
    tasks = [asyncio.create_task(each.run()) for each in lans]
    try:
        async with meeting(*devices):
            yield lans
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_devices_meet_without_any_server_and_a_stranger_is_left_alone() -> None:
    home, laptop = let_in(found())
    theirs, _ = let_in(found())
    pc, other, stranger = make_device("PC", home), make_device("Laptop", laptop), make_device("Stranger", theirs)
    pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(4)]
    async with nearby(pc, other, stranger):
        await until(lambda: other.directory.get(pc.id).presence is not None, timeout_s=60)
        channel = await other.meeting.connect(pc.id)
        assert [chunk async for chunk in channel.chunks(ROOT, 0, 4)] == pc.blobs[ROOT]
        assert list(stranger.directory.present()) == []
        assert {member for member, _ in pc.directory.present()} == {other.id}


async def test_a_device_that_was_away_for_two_epochs_is_found_without_any_server() -> None:
    home, laptop = let_in(found())
    home, second = let_in(home)
    home, third = let_in(home)
    laptop = of_member(laptop.device, read_roster(home.roster))
    pc, other = make_device("PC", home), make_device("Laptop", laptop)
    for gone in (second, third):
        secret = os.urandom(32)
        await pc.membership.change(
            lambda roster, keys, _epochs, gone=gone, secret=secret: revoke(
                roster,
                keys,
                [gone.device.id],
                next_epoch=EpochKeys(roster.next_epoch, secret),
                time_ms=now_ms(),
            )
        )
    assert (pc.membership.epoch.number, other.membership.epoch.number) == (3, 1)
    async with nearby(pc, other):
        await until(lambda: other.membership.epoch.number == 3, timeout_s=60)
        await until(lambda: pc.directory.get(other.id).presence is not None, timeout_s=60)


async def test_a_revoked_device_no_longer_announces_itself() -> None:
    home, laptop = let_in(found())
    home, _ = let_in(home)
    pc, other = make_device("PC", home), make_device("Laptop", of_member(laptop.device, read_roster(home.roster)))
    lan_of_other = on_lan(other)
    assert lan_of_other.is_needed
    await pc.membership.change(
        lambda roster, keys, _epochs: revoke(
            roster, keys, [laptop.device.id], next_epoch=EpochKeys(2, os.urandom(32)), time_ms=now_ms()
        )
    )
    await other.membership.learn(pc.membership.roster.entries)
    assert not lan_of_other.is_needed
    assert on_lan(pc).is_needed


async def test_nothing_is_announced_while_there_is_nobody_to_meet() -> None:
    alone = make_device("PC", found())
    async with nearby(alone) as (own,), lan.opened(LOOPBACK) as observer:

        def ours() -> list[bool]:  # others on this machine may announce themselves too
            day = int(time.time() // DAY_S)
            tags = {alone.membership.epoch.lan_tag(each) for each in (day - 1, day)}
            return [each.pairing for each in observer.found if each.tag in tags]

        await asyncio.sleep(1.5)
        assert own.own_url is None
        assert ours() == []
        async with own.waiting_for_newcomer():
            await until(lambda: ours() == [True], timeout_s=60)
        await until(lambda: ours() == [], timeout_s=60)


async def test_devices_nearby_do_not_notice_that_the_tracker_died(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with contextlib.AsyncExitStack() as stack:
        tracker = contextlib.AsyncExitStack()
        url, _ = await tracker.enter_async_context(a_tracker(tmp_path))
        pc, other = make_device("PC", home, url), make_device("Laptop", laptop, url)
        pc.blobs[ROOT] = [os.urandom(16_384)]
        await stack.enter_async_context(nearby(pc, other))
        await until(lambda: len(other.directory.places_of(pc.id)) >= 2, timeout_s=60)
        await tracker.aclose()
        await until(lambda: not other.meeting.places[url].joined)
        assert other.directory.get(pc.id).present
        channel = await other.meeting.connect(pc.id)
        assert [chunk async for chunk in channel.chunks(ROOT, 0, 1)] == pc.blobs[ROOT]


async def test_a_newcomer_comes_from_the_local_network_with_nothing_but_the_code(tmp_path: Path) -> None:
    pc = make_device("PC", found())

    async def named(_newcomer: Newcomer) -> None:
        pass

    async def kept(_welcome: Welcome) -> None:
        pass

    async with nearby(pc) as (own,):
        pairings = Pairings(pc.membership, trackers=list, servers=list, nearby=own, named=named)
        pairing = pairings.start(role=Role.PLAYER, app_url=None, anywhere=False)
        await until(lambda: bool(pairing.events))
        shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        entering = asyncio.create_task(
            enter_library(
                tmp_path / "vault",
                Invitation(code_from_text(pairing.events[0]["code"])),
                name="Laptop",
                random=os.urandom,
                show_check=shown.set_result,
                was_typed=lambda: None,
                kept=kept,
                nearby=lambda: nearby_newcomer_rooms(LOOPBACK),
            )
        )
        await until(lambda: any(event["event"] == "check" for event in pairing.events), timeout_s=60)
        pairing.type_digits(await shown)
        welcome = await asyncio.wait_for(entering, 60)
        await until(lambda: pairing.ended)
        assert [event["event"] for event in pairing.events] == ["code", "met", "check", "paired", "end"]
        assert welcome.roster.entries == pc.membership.roster.entries
        secrets = Vault.open(tmp_path / "vault").secrets
        laptop = make_device("Laptop", secrets)
        async with nearby(laptop):
            await until(lambda: pc.directory.get(laptop.id).presence is not None, timeout_s=60)
        await pairings.close()


async def test_a_wrong_code_finds_nobody(tmp_path: Path) -> None:
    pc = make_device("PC", found())

    async def named(_newcomer: Newcomer) -> None:
        pass

    async def kept(_welcome: Welcome) -> None:
        raise AssertionError

    async with nearby(pc) as (own,):
        pairings = Pairings(pc.membership, trackers=list, servers=list, nearby=own, named=named)
        pairing = pairings.start(role=Role.PLAYER, app_url=None, anywhere=False)
        await until(lambda: bool(pairing.events))
        with pytest.raises(UnavailableError, match="waits with this code"):
            await enter_library(
                tmp_path / "vault",
                Invitation(b"x" * 10),
                name="Laptop",
                random=os.urandom,
                show_check=lambda _digits: None,
                was_typed=lambda: None,
                kept=kept,
                nearby=lambda: nearby_newcomer_rooms(LOOPBACK),
            )
        assert not (tmp_path / "vault").exists()
        await pairings.close()
