"""Meeting on the local network: a room here, and the rooms of the library's other devices nearby."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from node.doors import lan, lan_rooms
from node.doors.lan import Found, Lan
from node.doors.lan_rooms import LanRooms
from node.errors import RefusedError, SongkeepError
from node.flows.meet import Meeting
from node.ids import DeviceId, LibraryId
from node.peers.membership import Membership
from node.wire.roster import Role, Roster

log = logging.getLogger(__name__)

DAY_S: Final = 86_400
RETRY_S: Final = 60.0
TAG_EVERY_S: Final = 600.0
"""How often it is looked whether the day has changed."""
FIND_TIMEOUT_S: Final = 6.0
REACH_TIMEOUT_S: Final = 1.0
OPEN_TIMEOUT_S: Final = 3.0
MAX_LAN_ROOMS: Final = 16
MAX_FORMER_EPOCHS: Final = 64
_NEAR_DAYS: Final = (-1, 0, 1)
"""Clocks may be off by a day."""

WHY: Final = (
    "Songkeep now answers on your local network, so that your devices find each other there; "
    "your system may ask whether to allow it."
)


class OwnShelf:
    """The rosters that a node's own room server knows: that of its library, and no other."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    async def load(self, library: LibraryId) -> Sequence[bytes]:
        if library != self._membership.library:
            raise RefusedError("this device belongs to another library")
        return self._membership.roster.entries

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        return self._membership.roster.entries if member in self._membership.roster.members else None

    async def keep(self, roster: Roster) -> None:
        with contextlib.suppress(SongkeepError):
            await self._membership.learn(roster.entries)


class LanMeeting:
    """Open while there is somebody to meet: another device, or a newcomer that is waited for. `run` must be running."""

    def __init__(
        self,
        membership: Membership,
        meeting: Meeting,
        *,
        tell: Callable[[str], None],
        interfaces: Sequence[str] | None = None,
        bind: str = "0.0.0.0",
    ) -> None:
        """`tell` says to the person why a port is opened. `interfaces` and `bind`: addresses, all unless given."""
        self._membership = membership
        self._meeting = meeting
        self._tell = tell
        self._interfaces = interfaces
        self._bind = bind
        self._pairings = 0
        self._changed = asyncio.Event()
        self._opened = asyncio.Event()
        self._told = False
        self._running = False
        self._moved = False
        self.own_url: str | None = None
        """Of the room server here, while it is open."""
        membership.on_change.append(lambda _before, _after: self._changed.set())
        meeting.on_network_change.append(self._network_changed)

    @contextlib.asynccontextmanager
    async def waiting_for_newcomer(self) -> AsyncIterator[None]:
        """The local network is open while the context lasts, so that a newcomer finds this device.

        A node that runs for one command alone has nobody else to meet there: then it is open for this.
        """
        self._pairings += 1
        self._changed.set()
        own_run = None if self._running else asyncio.create_task(self.run())
        try:
            with contextlib.suppress(TimeoutError):  # without a local network a tracker may still do
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    await self._opened.wait()
            yield
        finally:
            self._pairings -= 1
            self._changed.set()
            if own_run is not None:
                own_run.cancel()
                await asyncio.gather(own_run, return_exceptions=True)

    @property
    def is_needed(self) -> bool:
        """Whether there is anybody to meet here: another device that reads, or a newcomer."""
        others = [each.public.id for each in self._membership.roster.active(Role.OWNER, Role.PLAYER)]
        return bool(self._pairings) or (self._membership.keys.id in others and len(others) > 1)

    def _network_changed(self) -> None:
        """What was opened on the addresses of before hears nothing on those of now."""
        self._moved = True
        self._changed.set()

    async def run(self) -> None:
        """Opens and closes as there is need, until cancelled."""
        self._running = True
        try:
            await self._keep_open()
        finally:
            self._running = False

    async def _keep_open(self) -> None:
        while True:
            self._changed.clear()
            if self.is_needed:
                try:
                    await self._be_open()
                except SongkeepError as error:
                    log.warning("lan_closed reason=%s", error)
                    self._changed.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(RETRY_S):
                            await self._changed.wait()  # for another network, say
            else:
                await self._changed.wait()

    async def _be_open(self) -> None:
        if not self._told:
            self._told = True
            self._tell(WHY)
        async with lan_rooms.serving(OwnShelf(self._membership), bind=(self._bind,)) as server:
            self.own_url = server.own_url
            try:
                while self.is_needed:
                    self._moved = False
                    async with lan.opened(self._interfaces) as network:
                        await self._be_found(network, server)
            finally:
                self.own_url = None
                self._opened.clear()
                self._meeting.set_nearby([])

    async def _be_found(self, network: Lan, server: LanRooms) -> None:
        """Announces, and goes to who is announced, as long as the network is the same."""
        network.on_change.append(self._changed.set)
        self._opened.set()
        while self.is_needed and not self._moved:
            self._changed.clear()
            await network.announce(server.port, self._tag(0), pairing=bool(self._pairings))
            self._meeting.set_nearby([server.own_url, *await self._others(network)])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TAG_EVERY_S):
                    await self._changed.wait()

    def _tag(self, days_on: int) -> bytes:
        return self._membership.epoch.lan_tag(_today() + days_on)

    async def _others(self, network: Lan) -> list[str]:
        """Rooms of this library that this device goes to: of each two devices, one goes to the other.

        To one that was away while epochs began, and knows only the tags of before, whoever recognises these goes.
        """
        tags = {self._tag(days_on) for days_on in _NEAR_DAYS}
        before = self._former_tags()
        found = [
            each
            for each in network.found
            if (each.tag in tags and each.name < network.name) or (each.tag in before and each.tag not in tags)
        ]
        reached = await asyncio.gather(*(reachable(each) for each in found[:MAX_LAN_ROOMS]))
        return [url for url in reached if url is not None]

    def _former_tags(self) -> set[bytes]:
        former = sorted(number for number in self._membership.epochs if number < self._membership.epoch.number)
        epochs = [self._membership.epochs[number] for number in former[-MAX_FORMER_EPOCHS:]]
        return {epoch.lan_tag(_today() + days_on) for epoch in epochs for days_on in _NEAR_DAYS}


def _today() -> int:
    return int(time.time() // DAY_S)


async def reachable(found: Found) -> str | None:
    """The first of its addresses that answers: a machine has some that only it can use."""
    for url in found.urls:
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(REACH_TIMEOUT_S):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except (OSError, TimeoutError):
            continue
        writer.close()
        return url
    return None


async def nearby_newcomer_rooms(interfaces: Sequence[str] | None = None) -> AsyncIterator[str]:
    """Addresses on the local network where somebody waits for a newcomer, as they are found, for six seconds."""
    changed = asyncio.Event()
    seen: set[str] = set()
    async with lan.opened(interfaces) as network:
        network.on_change.append(changed.set)
        until_s = time.monotonic() + FIND_TIMEOUT_S
        while (left_s := until_s - time.monotonic()) > 0:
            for each in network.found:
                if each.pairing and each.name not in seen:
                    seen.add(each.name)
                    url = await reachable(each)
                    if url is not None:
                        yield url
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await changed.wait()
            changed.clear()
