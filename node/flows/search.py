"""Looking for the devices that are in no room with this one: in the DHT, ever more rarely, never all at once."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from node.errors import SongkeepError, UnavailableError
from node.flows.meet import Meeting
from node.ids import DeviceId, LibraryId, to_text
from node.peers.backoff import Backoff
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.wire.dhtrecord import DAY_S, DhtRecord, check_serial, open_record, place_of
from node.wire.roomframes import pinned_url
from node.wire.roster import Role

log = logging.getLogger(__name__)

SOON_S: Final = 2.0
"""Within so much, at random, one who has just gone is looked for."""
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 1_800.0
MAX_AT_ONCE: Final = 4
MAX_FAR_ROOMS: Final = 8
MAX_EPOCHS: Final = 3
"""How many epochs back: one who was away doesn't know of the newest, and records where it stood."""
DIAL_TIMEOUT_S: Final = 4.0
OTHERS_TIMEOUT_S: Final = 1.0
"""What the places of other days and epochs have, once a record was found at one."""
NEVER_S: Final = float("inf")


class Table(Protocol):
    """Where records are found: node/dht."""

    async def ready(self) -> None: ...

    async def get(self, public_32: bytes, place: bytes) -> bytes | None: ...


class KeyBook(Protocol):
    """Whose records stand under which key: node/library/devices.py."""

    def of(self, device: DeviceId, library: LibraryId) -> bytes | None: ...


class Serials(Protocol):
    """The newest serial that was seen of each device, kept over restarts."""

    def of(self, device: DeviceId) -> int: ...

    def keep(self, device: DeviceId, serial: int) -> None: ...


@dataclass(slots=True)
class Sought:
    """One who is away."""

    due_s: float
    """By the monotonic clock."""
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S))
    record: DhtRecord | None = None
    url: str | None = None
    is_looked_for: bool = False
    """At this moment."""
    is_unreached: bool = False
    """It told where it is, and doesn't answer there."""
    trouble: str = ""
    """Why it is not found or reached; a sentence."""


class Search:
    """`run` must be running, with a table, for as long as there is one."""

    def __init__(
        self,
        membership: Membership,
        directory: Directory,
        meeting: Meeting,
        *,
        keys: KeyBook,
        serials: Serials,
        heads: Callable[[], bytes],
        time_s: Callable[[], float] = time.time,
    ) -> None:
        self._membership = membership
        self._directory = directory
        self._meeting = meeting
        self._keys = keys
        self._serials = serials
        self._heads = heads
        self._time_s = time_s
        self._changed = asyncio.Event()
        self._own_url: str | None = None
        self.sought: dict[DeviceId, Sought] = {}
        directory.on_change.append(lambda _member: self._changed.set())
        membership.on_change.append(lambda _before, _after: self._changed.set())

    def begin_anew(self) -> None:
        """The network is another one: who is away is looked for soon, and as if for the first time."""
        for each in self.sought.values():
            each.due_s = _soon_s()
            each.backoff.begin_anew()
        self._changed.set()

    @property
    def found(self) -> int:
        """Devices whose records tell where they are."""
        return sum(each.record is not None for each in self.sought.values())

    @property
    def unreached(self) -> int:
        """Devices that told where they are, and don't answer there."""
        return sum(each.is_unreached for each in self.sought.values())

    async def run(self, table: Table, own_url: str) -> None:
        """Looks for everybody who is away, and attends their rooms; until cancelled."""
        self._own_url = own_url
        turns = asyncio.Semaphore(MAX_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    self._follow()
                    self._attend()
                    now_s = time.monotonic()
                    for member, each in self.sought.items():
                        if each.due_s <= now_s and not each.is_looked_for:
                            each.is_looked_for = True
                            group.create_task(self._seek(table, member, each, turns))
                    await self._until_next()
        finally:
            self._own_url = None
            self.sought.clear()
            self._meeting.set_far({})

    async def _until_next(self) -> None:
        next_s = min((each.due_s for each in self.sought.values() if not each.is_looked_for), default=NEVER_S)
        wait_s = None if next_s == NEVER_S else max(next_s - time.monotonic(), 0)
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def _follow(self) -> None:
        """Who has gone is sought from now on; who is here no longer, unless it is here by the room we found."""
        roster, me = self._membership.roster, self._membership.keys.id
        others = {each.public.id for each in roster.active(Role.OWNER, Role.PLAYER)} - {me}
        for member in others:
            if not self._directory.get(member).present and member not in self.sought:
                self.sought[member] = Sought(_soon_s())
        for member, each in list(self.sought.items()):
            if member not in others or (self._directory.get(member).present and not self._is_used(each)):
                del self.sought[member]
            elif self._directory.get(member).present:
                each.due_s, each.trouble = NEVER_S, ""
                each.backoff.begin_anew()
            elif each.due_s == NEVER_S:
                each.due_s = _soon_s()

    def _is_used(self, each: Sought) -> bool:
        place = self._meeting.places.get(each.url) if each.url else None
        return place is not None and place.joined

    def _attend(self) -> None:
        """The rooms of those who were found; those who may have something new before the others."""
        own = self._heads()
        reached = [(member, each) for member, each in self.sought.items() if each.url is not None]
        reached.sort(key=lambda pair: pair[1].record is None or pair[1].record.heads == own)
        rooms: dict[str, DeviceId | None] = {self._own_url: None} if self._own_url else {}
        rooms |= {each.url: member for member, each in reached[:MAX_FAR_ROOMS] if each.url is not None}
        self._meeting.set_far(rooms)

    async def _seek(self, table: Table, member: DeviceId, each: Sought, turns: asyncio.Semaphore) -> None:
        try:
            async with turns:
                await table.ready()
                record = await self._find(table, member)
            if record is None:
                each.trouble = "it has told the DHT nothing yesterday, today or tomorrow"
            else:
                each.record, each.is_unreached = record, True
                address = await first_answer(record.addresses)
                each.url, each.is_unreached, each.trouble = pinned_url(address, record.pin), False, ""
                log.info("dht_found member=%s", to_text(member)[:8])
        except SongkeepError as error:
            each.trouble = str(error)
            log.info("dht_search_failed member=%s reason=%s", to_text(member)[:8], error)
        each.due_s = time.monotonic() + each.backoff.next_s(random.random())
        each.is_looked_for = False
        self._changed.set()

    async def _find(self, table: Table, member: DeviceId) -> DhtRecord | None:
        """The newest record of a device that is worth anything.

        Raises UnavailableError, or what is wrong with those that were found.
        """
        public = await asyncio.to_thread(self._keys.of, member, self._membership.library)
        if public is None:
            raise UnavailableError("it hasn't told its key for the DHT; that needs one meeting in another way")
        known = [number for number in self._membership.epochs if number <= self._membership.roster.epoch]
        epochs = sorted(known, reverse=True)[:MAX_EPOCHS]
        today = int(self._time_s() // DAY_S)
        reading = [
            asyncio.create_task(self._read(table, member, public, number, day))
            for number in epochs
            for day in (today, today - 1, today + 1)
        ]
        try:
            records, errors = await _first_of(reading)
        finally:
            for each in reading:
                each.cancel()
        if records:
            newest = max(records, key=lambda record: record.serial)
            await asyncio.to_thread(self._serials.keep, member, newest.serial)
            return newest
        if errors:
            raise errors[0]
        return None

    async def _read(self, table: Table, member: DeviceId, public: bytes, number: int, day: int) -> DhtRecord | None:
        epoch = self._membership.epochs[number]
        item = await table.get(public, place_of(epoch, member, day))
        if item is None:
            return None
        record = open_record(item, epoch, self._membership.library, member, day=day)
        check_serial(record, await asyncio.to_thread(self._serials.of, member))
        return record


async def _first_of(
    reading: list[asyncio.Task[DhtRecord | None]],
) -> tuple[list[DhtRecord], list[SongkeepError]]:
    """The records that are found until a little after the first, and what was wrong with others."""
    waiting, timeout_s = set(reading), None
    records: list[DhtRecord] = []
    errors: list[SongkeepError] = []
    while waiting:
        done, waiting = await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            break
        for each in done:
            try:
                record = each.result()
            except SongkeepError as error:
                errors.append(error)
            else:
                records += [record] if record is not None else []
        timeout_s = OTHERS_TIMEOUT_S if records else None
    return records, errors


async def first_answer(addresses: tuple[str, ...]) -> str:
    """The first of these addresses where something answers, all tried at once. Raises UnavailableError."""
    trying = [asyncio.create_task(_answers(address)) for address in addresses]
    try:
        for done in asyncio.as_completed(trying):
            address = await done
            if address is not None:
                return address
    finally:
        for each in trying:
            each.cancel()
    raise UnavailableError("it was found, but none of its addresses can be reached from here")


async def _answers(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return None
    writer.close()
    return address


def _soon_s() -> float:
    return time.monotonic() + random.uniform(0, SOON_S)
