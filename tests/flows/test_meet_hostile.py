"""A tracker that rewrites, replays, reorders, invents or withholds: nothing comes of it but a sentence."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from node.crypto.keys import EpochKeys
from node.errors import UnavailableError
from node.flows.stay import Proofs
from node.ids import BlobRoot, DeviceId
from node.peers.directory import Presence
from node.wire import codec
from node.wire.roster import revoke
from tests.flows.hostile import Frame, HostileTracker, altered, by, hostile_tracker
from tests.flows.people import Device, both_here, found, let_in, make_device, meeting, new_keys, now_ms, until

ROOT = BlobRoot(b"\xaa" * 32)


@pytest_asyncio.fixture
async def tracker(tmp_path: Path) -> AsyncIterator[HostileTracker]:
    async with hostile_tracker(tmp_path) as hostile:
        yield hostile


def two(tracker: HostileTracker) -> tuple[Device, Device]:
    home, laptop = let_in(found())
    pc, other = make_device("Home PC", home, tracker.url), make_device("Laptop", laptop, tracker.url)
    pc.blobs[ROOT] = [os.urandom(16_384) for _ in range(8)]
    return pc, other


async def test_a_rewritten_message_is_not_believed(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    twisted: list[Frame] = []

    def flip(frame: Frame) -> list[Frame]:
        if by(pc, frame):
            frame = altered(frame)
            twisted.append(frame)
        return [frame]

    tracker.twist = flip
    async with meeting(pc, other):
        await until(lambda: bool(twisted))
        await asyncio.sleep(0.2)  # time enough for what must not happen
        assert other.directory.get(pc.id).presence is None


async def test_what_was_said_before_is_not_heard_again(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    recorded = tracker.record(pc)
    async with meeting(pc, other):
        await until(lambda: other.directory.get(pc.id).presence is not None)
        pc.name = "Home PC, renamed"
        await pc.meeting.announce()
        await until(lambda: other.directory.get(pc.id).presence == renamed(pc))
        for frame in recorded:
            await tracker.say_to_all(*frame)
        await pc.meeting.announce()
        await until(lambda: len(recorded) >= 3)
        assert other.directory.get(pc.id).presence == renamed(pc)


def renamed(pc: Device) -> Presence:
    entries, trackers = pc.membership.roster.entries, pc.meeting.told_trackers
    return Presence(name=pc.name, role="node", roster=len(entries), trackers=trackers)


async def test_a_message_under_another_devices_name_is_not_believed(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    twisted: list[Frame] = []

    def rename(frame: Frame) -> list[Frame]:
        if by(pc, frame):
            frame[2] = other.id
            twisted.append(frame)
        return [frame]

    tracker.twist = rename
    async with meeting(pc, other):
        await until(lambda: bool(twisted))
        await asyncio.sleep(0.2)
        assert other.directory.get(pc.id).presence is None
        assert other.directory.get(other.id).presence is None


async def test_an_old_roster_or_one_that_a_stranger_went_on_with_changes_nothing(tracker: HostileTracker) -> None:
    """What a tracker can make by itself; forks that owners signed are in tests/wire/test_roster_forks.py."""
    pc, other = two(tracker)
    entries = pc.membership.roster.entries
    async with meeting(pc, other):
        await both_here(pc, other)
        for offered in (entries[:1], (*entries, b"\x92\xc4\x01x\xc4\x01y"), (*entries, entries[-1])):
            await tracker.say_to_all("roster", list(offered), 0)
        await pc.meeting.announce()
        await asyncio.sleep(0.2)
        assert other.membership.roster.entries == entries
        assert other.meeting.places[tracker.url].joined


async def test_a_device_does_not_believe_that_it_was_revoked_without_a_signature(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    thief = new_keys()
    roster = pc.membership.roster
    async with meeting(pc, other):
        await both_here(pc, other)
        with pytest.raises(Exception):  # noqa: B017, PT011  # nobody but an owner can even write it
            revoke(roster, thief, [other.id], next_epoch=EpochKeys(2, os.urandom(32)), time_ms=now_ms())
        await tracker.say_to_all("refused", 4403, "you were revoked, delete everything")
        await until(lambda: "revoked" in other.meeting.places[tracker.url].trouble)
        assert other.membership.me.active
        assert "delete" not in other.meeting.places[tracker.url].trouble
        other.meeting.network_changed()
        await until(lambda: other.meeting.places[tracker.url].joined)


async def test_a_connection_can_not_be_taken_over(tracker: HostileTracker) -> None:
    """The tracker owns every frame, but what it would have to change is sealed and signed."""
    pc, other = two(tracker)
    async with meeting(pc, other):
        await both_here(pc, other)
        channel = await other.meeting.connect(pc.id)
        assert [chunk async for chunk in channel.chunks(ROOT, 0, 8)] == pc.blobs[ROOT]
        assert not any(b"fingerprint" in data or b"candidate:" in data for data in tracker.heard)


async def test_with_every_message_withheld_nobody_seems_to_be_here(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    withheld: list[Frame] = []

    def withhold(frame: Frame) -> list[Frame]:
        if frame[0] == "from":
            withheld.append(frame)
            return []
        return [frame]

    tracker.twist = withhold
    async with meeting(pc, other):
        await until(
            lambda: len(withheld) >= 2 or all(device.meeting.places[tracker.url].joined for device in (pc, other))
        )
        await tracker.say_to_all("came", 99, pc.id)
        await asyncio.sleep(0.2)  # time enough for what must not happen
        assert not other.directory.get(pc.id).present
        with pytest.raises(UnavailableError, match="not present"):
            await other.meeting.connect(pc.id)


async def test_a_recording_makes_no_absent_device_present_also_after_a_restart(tracker: HostileTracker) -> None:
    home, laptop = let_in(found())
    pc, other = make_device("Home PC", home, tracker.url), make_device("Laptop", laptop, tracker.url)
    recorded = tracker.record(pc)
    async with meeting(pc, other):
        await both_here(pc, other)
    assert len(recorded) >= 2
    again = make_device("Laptop", laptop, tracker.url)  # it remembers nothing of what it heard
    async with meeting(again):
        await until(lambda: again.meeting.places[tracker.url].joined)
        await tracker.say_to_all("came", 99, pc.id)
        for frame in recorded:
            await tracker.say_to_all("from", 99, pc.id, frame[3])
        third = make_device("Home PC", home, tracker.url)
        async with meeting(third):  # the real one is still believed, and what was recorded is heard by then
            await until(lambda: again.directory.get(pc.id).present)
            assert all(connection != 99 for _, connection in again.directory.places_of(pc.id))
        await until(lambda: not again.directory.get(pc.id).present)


async def test_a_departure_that_the_tracker_hides_is_noticed_in_the_end(tracker: HostileTracker) -> None:
    home, laptop = let_in(found())
    pc = make_device("Home PC", home, tracker.url)
    other = make_device("Laptop", laptop, tracker.url, proofs=Proofs(every_s=0.3, within_s=0.3))
    tracker.twist = lambda frame: [] if frame[0] == "left" else [frame]
    async with meeting(other):
        async with meeting(pc):
            await both_here(pc, other)
            room = other.meeting.places[tracker.url].room
            await asyncio.sleep(1)  # it is asked anew, answers, and stays
            assert other.directory.get(pc.id).present
        await until(lambda: not other.directory.get(pc.id).present)
        assert other.meeting.places[tracker.url].room is room


async def test_garbage_from_the_tracker_is_survived(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    async with meeting(pc, other):
        await both_here(pc, other)
        places = [device.meeting.places[tracker.url] for device in (pc, other)]
        before = [place.room for place in places]
        for frame in (
            ["from", 1, pc.id, os.urandom(100)],
            ["from", "x", 5, None],
            ["joined", 1, [[1, b"short"]], {}],
            ["came", 2**60, pc.id],
            ["roster", "no list"],
            ["roster", [b""], 10**6],
            [],
            ["left"],
            ["nonsense", {"a": [1]}],
        ):
            await tracker.say_to_all(*frame)
        await until(lambda: all(place.room not in (None, old) for place, old in zip(places, before, strict=True)))
        await both_here(pc, other)
        channel = await other.meeting.connect(pc.id)
        assert [chunk async for chunk in channel.chunks(ROOT, 0, 1)] == pc.blobs[ROOT][:1]


async def test_nothing_readable_passes_through_the_tracker_or_stays_there(
    tracker: HostileTracker, tmp_path: Path
) -> None:
    home, laptop = let_in(found())

    async def answer(_body: object) -> bytes:
        return b"So What by Miles Davis"

    pc = make_device("Kitchen computer", home, tracker.url, answers={"catalog": answer})
    other = make_device("Anna's laptop", laptop, tracker.url)
    async with meeting(pc, other):
        await both_here(pc, other)
        channel = await other.meeting.connect(pc.id)
        assert await channel.ask("catalog", {"title": "So What"}) == b"So What by Miles Davis"
        await pc.meeting.announce()
    everything = b"".join(tracker.heard) + await asyncio.to_thread(whole_state, tmp_path)
    secrets = [b"Kitchen", b"Anna", b"So What", b"Miles", b"sdp", b"presence"]
    secrets += [epoch.secret for epoch in home.epochs] + [pc.membership.epoch.room]
    for keys in (home.device, laptop.device):
        secrets += [keys.sign_secret, keys.receive_secret]
    assert home.device.id in everything, "the search itself works"
    assert codec.pack("join") in everything
    for secret in secrets:
        assert secret not in everything


def whole_state(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_grant_that_got_lost_with_its_room_is_asked_for_again_in_the_next(tracker: HostileTracker) -> None:
    pc, _ = two(tracker)
    grants: list[Frame] = []

    def lose_the_first(frame: Frame) -> list[Frame]:
        if frame[0] == "grant":
            grants.append(frame)
            if len(grants) == 1:
                pc.meeting.network_changed(lost=False)
                return []
        return [frame]

    tracker.twist = lose_the_first
    async with meeting(pc):
        await until(lambda: any(place.account for place in pc.meeting.places.values()), timeout_s=60)
        grant = await pc.meeting.ask_grant(tracker.url, DeviceId(b"s" * 32), 1_000)
    assert len(grants) >= 2
    assert grants[-1][2] == grant
