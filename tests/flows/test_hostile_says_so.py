"""What a hostile tracker does is said to the person, each kind as what it is, and nothing else comes of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from node.doors.rooms import pair_room
from node.errors import PeerError, RefusedError, UnavailableError
from node.peers.suspicions import SILENT_S, Misdeed, Suspicions
from node.wire import codec, pairing
from node.wire.pairing import Ephemeral, Side
from node.wire.roster import Role, admit
from tests.flows.hostile import Frame, HostileTracker, altered, by, hostile_tracker
from tests.flows.people import Device, both_here, found, let_in, make_device, meeting, new_keys, now_ms, until
from tests.flows.test_pair import CODE, Owner, Screen, a_pipe, ask_in


@pytest_asyncio.fixture
async def tracker(tmp_path: Path) -> AsyncIterator[HostileTracker]:
    async with hostile_tracker(tmp_path) as hostile:
        yield hostile


def two(tracker: HostileTracker) -> tuple[Device, Device]:
    home, laptop = let_in(found())
    return make_device("PC", home, tracker.url), make_device("Laptop", laptop, tracker.url)


def said(device: Device, tracker: HostileTracker) -> str:
    return "; ".join(device.meeting.places[tracker.url].suspicions.sentences())


async def test_an_honest_tracker_is_not_suspected(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    async with meeting(pc, other):
        await both_here(pc, other)
        for _ in range(20):
            await pc.meeting.announce()
        await pc.membership.change(lambda roster, keys, epochs: admit(
            roster, keys, new_keys().public, role=Role.PLAYER, epochs=list(epochs.values()), time_ms=now_ms()
        ))  # fmt: skip
        await until(lambda: other.membership.roster.entries == pc.membership.roster.entries)
        await (await other.meeting.connect(pc.id)).close()
        pc.meeting.network_changed()
        await until(lambda: pc.meeting.places[tracker.url].joined)
        await both_here(pc, other)
        assert said(pc, tracker) == said(other, tracker) == ""


async def test_rewriting_is_called_rewriting(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    tracker.twist = lambda frame: [altered(frame) if by(pc, frame) else frame]
    async with meeting(pc, other):
        await until(lambda: "altered" in said(other, tracker))
        assert other.directory.get(pc.id).presence is None


async def test_a_message_under_another_name_is_called_that(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    tracker.twist = lambda frame: [["from", frame[1], other.id, frame[3]]] if by(pc, frame) else [frame]
    async with meeting(pc, other):
        await until(lambda: "not by whom it said" in said(other, tracker))


async def test_replaying_is_called_replaying_and_old_heads_stay_old(tracker: HostileTracker) -> None:
    """The head that a recorded presence tells is older than the known one."""
    home, laptop = let_in(found())
    heads = {b"l" * 36: 1}
    pc = make_device("PC", home, tracker.url, heads=lambda: dict(heads))
    other = make_device("Laptop", laptop, tracker.url)
    recorded = tracker.record(pc)

    def known() -> int:
        presence = other.directory.get(pc.id).presence
        return presence.heads[b"l" * 36] if presence else 0

    async with meeting(pc, other):
        await both_here(pc, other)
        old = list(recorded)
        heads[b"l" * 36] = 2
        await pc.meeting.announce()
        await until(lambda: known() == 2)
        for frame in old:
            await tracker.say_to_all(*frame)
        await until(lambda: "again, or out of order" in said(other, tracker))
        assert known() == 2


async def test_two_tabs_of_a_phone_that_overtake_each_other_are_nobodys_fault(tracker: HostileTracker) -> None:
    """A phone draws its counter before it seals, each tab for itself."""
    home, laptop = let_in(found())
    phone = make_device("Phone", laptop, tracker.url)
    pc = make_device("PC", home, tracker.url)
    kept = tracker.record(phone)
    async with meeting(pc, phone):
        await both_here(pc, phone)
        presence = pc.directory.get(phone.id).presence
        assert presence is not None
        pc.directory.said(phone.id, replace(presence, role="phone"), now_ms())
        await tracker.say_to_all(*kept[0])
        await phone.meeting.announce()
        await asyncio.sleep(0.3)  # time enough for what must not happen
        assert said(pc, tracker) == ""


async def test_reordering_is_called_reordering_and_the_newest_word_stands(tracker: HostileTracker) -> None:
    home, laptop = let_in(found())
    seqs = [0]
    pc = make_device("PC", home, tracker.url, heads=lambda: {b"l" * 36: seqs[-1]})
    other = make_device("Laptop", laptop, tracker.url)
    kept: list[Frame] = []
    swap = False

    def reorder(frame: Frame) -> list[Frame]:
        if not swap or not by(pc, frame):
            return [frame]
        kept.append(frame)
        return [] if len(kept) % 2 else [kept[-1], kept[-2]]

    tracker.twist = reorder
    async with meeting(pc, other):
        await both_here(pc, other)
        swap = True
        for seq in (1, 2):
            seqs.append(seq)
            await pc.meeting.announce()
        await until(lambda: "again, or out of order" in said(other, tracker))
        presence = other.directory.get(pc.id).presence
        assert presence is not None
        assert presence.heads == {b"l" * 36: 2}


async def test_withholding_is_said_once_it_lasts(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    tracker.twist = lambda frame: [] if frame[0] == "from" else [frame]
    async with meeting(pc, other):
        place = other.meeting.places[tracker.url]
        await until(lambda: place.room is not None and bool(place.room.present))
        now_s = time.monotonic()
        assert place.suspicions.silent(now_s) == 0, "it may come yet"
        assert place.suspicions.silent(now_s + SILENT_S + 1) == 1
        with pytest.raises(UnavailableError, match="not present in any room"):
            await other.meeting.connect(pc.id)


async def test_an_old_roster_is_called_that_and_a_false_one_too(tracker: HostileTracker) -> None:
    pc, other = two(tracker)
    entries = pc.membership.roster.entries
    async with meeting(pc, other):
        await both_here(pc, other)
        await tracker.say_to_all("roster", list(entries[:1]), 0)
        await until(lambda: "older list" in said(other, tracker))
        await tracker.say_to_all("roster", [*entries, b"\x92\xc4\x01x\xc4\x01y"], 0)
        await until(lambda: "nobody in the library had signed" in said(other, tracker))
        assert other.membership.roster.entries == entries
        assert other.meeting.places[tracker.url].joined


async def test_an_old_roster_at_the_door_is_refused_by_who_knows_more(tracker: HostileTracker) -> None:
    """A tracker that shows a returning device the roster from before a device was let in."""
    home, laptop = let_in(found())
    grown, _ = let_in(home)
    pc = make_device("PC", grown, tracker.url)
    tracker.twist = lambda frame: [["roster", list(laptop.roster[:1]), 0], frame] if frame[0] == "joined" else [frame]
    async with meeting(pc):
        await until(lambda: "older list" in said(pc, tracker))
        assert pc.membership.roster.entries == grown.roster


async def test_each_kind_is_told_once_to_the_person(tracker: HostileTracker) -> None:
    home, laptop = let_in(found())
    told: list[tuple[str, Misdeed]] = []
    pc = make_device("PC", home, tracker.url)
    other = make_device("Laptop", laptop, tracker.url, on_misdeed=lambda url, misdeed: told.append((url, misdeed)))
    tracker.twist = lambda frame: [["from", frame[1], frame[2], b"\x92\x01\x02"]] if by(pc, frame) else [frame]
    async with meeting(pc, other):
        for _ in range(5):
            await pc.meeting.announce()
        await until(lambda: said(other, tracker).startswith("5 ") or len(told) > 0)
        await asyncio.sleep(0.2)
    assert told == [(tracker.url, Misdeed.ALTERED)]


async def test_keys_swapped_in_a_pairing_room_are_noticed_by_both(tracker: HostileTracker) -> None:
    """The tracker owns the pairing room and puts its own keys into both hands."""
    toward_owner = Ephemeral(Side.NEW, os.urandom(32), os.urandom(32))
    toward_newcomer = Ephemeral(Side.OLD, os.urandom(32), os.urandom(32))
    swapped: list[str] = []

    def swap(frame: Frame) -> list[Frame]:
        if frame[0] not in ("commit", "reveal"):
            return [frame]
        # The newcomer speaks first, each time.
        mine = toward_newcomer if frame[0] in swapped else toward_owner
        swapped.append(frame[0])
        return [codec.unpack(mine.commit_frame() if frame[0] == "commit" else mine.reveal_frame(), max_bytes=1_000)]

    tracker.twist = swap
    owner, screen = Owner(found()), Screen()
    name = pairing.pair_room(CODE)
    opened = asyncio.Event()

    async def wait_for_newcomer() -> None:
        async with pair_room(session, tracker.url, name, waits=True) as pipe:
            opened.set()
            await owner.invite(pipe, screen.read)

    async def enter() -> None:
        async with pair_room(session, tracker.url, name, waits=False) as pipe:
            await ask_in(pipe, screen, CODE)

    async with aiohttp.ClientSession() as session:
        waiting = asyncio.create_task(wait_for_newcomer())
        await opened.wait()
        entering = asyncio.create_task(enter())
        errors = await asyncio.wait_for(asyncio.gather(waiting, entering, return_exceptions=True), 60)
    assert swapped == ["commit", "commit", "reveal", "reveal"]
    for error in errors:
        assert isinstance(error, (PeerError, RefusedError, UnavailableError)), error
        assert str(error)
    assert owner.roster.entries == tuple(owner.secrets.roster), "nobody was let in"


async def test_who_owns_tracker_app_and_code_is_stopped_by_the_digits() -> None:
    """It pairs with each side by itself, and has the person type what the real newcomer shows."""
    toward_owner, as_newcomer = a_pipe()
    as_owner, toward_newcomer = a_pipe()
    owner, newcomer, false_owner = Owner(found()), Screen(), Owner(found())

    async def guess(_name: str) -> str:
        shown = await newcomer.shown  # it may know all digits but one, whatever it saw
        return shown[:5] + str((int(shown[5]) + 1) % 10)

    errors = await asyncio.wait_for(
        asyncio.gather(
            owner.invite(toward_owner, newcomer.read),
            ask_in(as_newcomer, Screen()),
            false_owner.invite(as_owner, guess),
            ask_in(toward_newcomer, newcomer),
            return_exceptions=True,
        ),
        30,
    )
    for error in errors:
        assert isinstance(error, (PeerError, RefusedError)), error
    assert "not the same" in str(errors[0])
    assert "not the same" in str(errors[3])
    assert owner.roster.entries == tuple(owner.secrets.roster), "nobody was let in"


def test_silence_is_only_silence_until_a_word_comes_or_the_device_leaves() -> None:
    suspicions = Suspicions()
    suspicions.named(1, 0.0)
    suspicions.named(2, 0.0)
    suspicions.heard(1)
    assert (suspicions.silent(SILENT_S), suspicions.silent(SILENT_S + 1)) == (0, 1)
    suspicions.entered()
    assert suspicions.silent(10 * SILENT_S) == 0
