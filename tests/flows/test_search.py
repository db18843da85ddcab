"""Looking for many who are away: in turns, ever more rarely, and nobody waits for one who isn't found."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from node.errors import UnavailableError
from node.flows.search import FIRST_WAIT_S, MAX_AT_ONCE, SOON_S, Search
from node.ids import DeviceId
from node.wire.dhtrecord import dht_public
from node.wire.roster import Role
from tests.flows.people import Device, found, let_in, make_device, meeting, until
from tests.flows.test_meet_dht import SharedBook, signed_by

DEVICES = 9


@dataclass
class SlowTable:
    """It holds nothing, and takes its time to say so."""

    takes_s: float = 0.0
    asked: list[tuple[float, bytes]] = field(default_factory=list)
    open: int = 0
    most_open: int = 0

    async def ready(self) -> None:
        if self.takes_s == float("inf"):
            raise UnavailableError("no other node of the DHT answers")

    async def get(self, public_32: bytes, place: bytes) -> bytes | None:
        self.asked.append((time.monotonic(), public_32))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.open -= 1
        return None


class Forgetful:
    """Keeps no serials."""

    def of(self, device: DeviceId) -> int:
        return 0

    def keep(self, device: DeviceId, serial: int) -> None:
        raise AssertionError("nothing was found")


def many() -> tuple[Device, list[Device], SharedBook]:
    """A device, and those that are away."""
    home = found()
    others = []
    for _ in range(DEVICES):
        home, other = let_in(home, Role.PLAYER)
        others.append(make_device("Away", other))
    book = SharedBook()
    for each in others:
        book.tell(each.id, signed_by(each))
    return make_device("PC", home), others, book


def search_of(device: Device, book: SharedBook) -> Search:
    return Search(
        device.membership, device.directory, device.meeting, keys=book, serials=Forgetful(), heads=lambda: b"h" * 8
    )


async def test_many_who_are_away_are_looked_for_in_turns_and_not_again_at_once() -> None:
    pc, others, book = many()
    search, table = search_of(pc, book), SlowTable(takes_s=0.1)
    running = asyncio.create_task(search.run(table, "wss://127.0.0.1:9#pin=" + "0" * 64))
    try:
        await until(
            lambda: {public for _, public in table.asked} == {dht_public(each.membership.keys) for each in others}
        )
        began_s = table.asked[0][0]
        assert table.most_open <= MAX_AT_ONCE * 3, "three days each"
        await asyncio.sleep(1)  # time enough for what must not happen
        early = [at_s for at_s, _ in table.asked if at_s < began_s + FIRST_WAIT_S / 2]
        assert len(early) <= DEVICES * 3, "once each"
    finally:
        running.cancel()


async def test_own_room_is_open_while_the_table_is_still_silent() -> None:
    pc, _, book = many()
    search, table = search_of(pc, book), SlowTable(takes_s=60)
    own = "wss://127.0.0.1:9#pin=" + "0" * 64
    async with meeting(pc):
        running = asyncio.create_task(search.run(table, own))
        try:
            await until(lambda: bool(table.asked))
            assert own in pc.meeting.places
        finally:
            running.cancel()


@pytest.mark.parametrize("takes_s", [0.0, float("inf")])
async def test_another_network_begins_the_search_anew(takes_s: float) -> None:
    pc, _, book = many()
    search, table = search_of(pc, book), SlowTable(takes_s=takes_s)
    running = asyncio.create_task(search.run(table, "wss://127.0.0.1:9#pin=" + "0" * 64))
    try:
        await until(lambda: len(search.sought) == DEVICES and all(each.trouble for each in search.sought.values()))
        assert all(each.due_s > time.monotonic() for each in search.sought.values())
        search.begin_anew()
        assert all(each.due_s <= time.monotonic() + SOON_S for each in search.sought.values())
    finally:
        running.cancel()
