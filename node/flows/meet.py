"""Meeting: be in the library's room on every server, say who is here, and answer those who want to connect."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from node.doors import rooms
from node.doors.channel import Channel
from node.doors.rooms import Room, TurnedAwayError
from node.doors.webrtc import StunServer, public_address
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import DeviceId, to_text
from node.peers.directory import Directory, Presence, read_presence
from node.peers.links import Links
from node.peers.membership import Membership
from node.wire import codec
from node.wire.envelope import Message, ReplayGuard, open_message
from node.wire.roomevents import AccountTold, Came, GrantAnswered, Left, RosterOffered, Said
from node.wire.roomframes import TO_ALL
from node.wire.roster import MAX_ENTRIES, MAX_ENTRY_BYTES, Role, Roster

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
REFUSED_WAIT_S: Final = 300.0
SETTLED_S: Final = 30.0
"""A room that lasted this long ended by accident: the next try comes soon."""
GRANT_TIMEOUT_S: Final = 15.0
MAX_ROOMS: Final = 24
MAX_OFFERS_AT_ONCE: Final = 8
MAX_TOLD_ROSTER_BYTES: Final = 60_000
"""What fits into one message; a longer chain goes by way of the server."""


@dataclass(slots=True)
class Place:
    """How things stand with one room server."""

    url: str
    joined: bool = False
    trouble: str = ""
    """A sentence, while it isn't joined."""
    room: Room | None = None
    stun: StunServer | None = None
    account: AccountTold | None = None
    """What the library may store on seeds through this tracker."""
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when another epoch, and so another room, has begun."""


class Meeting:
    """This device's part in the library's rooms. `run` must be running."""

    def __init__(
        self,
        *,
        membership: Membership,
        directory: Directory,
        links: Links,
        presence: Callable[[], Presence],
        trackers: Sequence[str],
        on_message: Callable[[DeviceId, Message], None] = lambda _member, _message: None,
        on_account: Callable[[str, AccountTold], None] = lambda _url, _account: None,
    ) -> None:
        """`presence` says what this device is now; `on_message` hears the kinds that are not meant for this flow,
        `on_account` what the library's account at a tracker has.
        """
        self._on_account = on_account
        self._grants: dict[tuple[str, DeviceId], asyncio.Future[bytes]] = {}
        self._membership = membership
        self._directory = directory
        self._links = links
        self._presence = presence
        self._on_message = on_message
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self._guards: dict[str, ReplayGuard] = {}
        self.trackers = tuple(url.rstrip("/") for url in trackers)
        """Addresses of trackers, as they were chosen."""
        self._nearby: tuple[str, ...] = ()
        self.places: dict[str, Place] = {url: Place(url) for url in self._servers()}
        membership.on_change.append(self._roster_changed)

    async def run(self) -> None:
        """Attends every room until cancelled; a server that is away is tried again and again, ever more rarely."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            self._session, self._group = session, group
            for url in list(self.places):
                self._attend(url)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
                for task in self._tasks.values():
                    task.cancel()

    def set_trackers(self, urls: Sequence[str]) -> None:
        """Attend the rooms of these trackers, and of the library's seeds, and no others from now on."""
        self.trackers = tuple(url.rstrip("/") for url in urls)
        self._follow_servers()

    def set_nearby(self, urls: Sequence[str]) -> None:
        """Attend also these rooms of the local network."""
        self._nearby = tuple(urls)
        self._follow_servers()

    def _servers(self) -> list[str]:
        """Every room server: those nearby, trackers, and the library's seeds, which have rooms too."""
        seeds = [each for member in self._membership.roster.active(Role.SEED) for each in member.addresses]
        found = [*self._nearby, *self.trackers, *(re.sub(r"^http", "ws", address) for address in seeds)]
        return list(dict.fromkeys(url.rstrip("/") for url in found if url.startswith(("ws://", "wss://"))))[:MAX_ROOMS]

    def _follow_servers(self) -> None:
        urls = self._servers()
        for url in [url for url in self.places if url not in urls]:
            del self.places[url]
            if (task := self._tasks.pop(url, None)) is not None:
                task.cancel()
        for url in urls:
            if url not in self.places:
                self.places[url] = Place(url)
                if self._group is not None:
                    self._attend(url)

    def network_changed(self) -> None:
        """Try every room again now: the machine woke, or has another network."""
        self._wake.set()

    async def say(self, member: DeviceId, kind: str, body: object) -> None:
        """A sealed message to a present member. Raises UnavailableError if it is in no room with this device."""
        for url, connection in self._directory.places_of(member):
            place = self.places.get(url)
            if place is not None and place.room is not None:
                await place.room.send(self._membership.seal_to(member, kind, body), to=connection)
                return
        raise UnavailableError("that device is not present in any room")

    async def connect(self, member: DeviceId) -> Channel:
        """A channel to a present member. Raises UnavailableError, PeerError, RefusedError."""
        stun = None
        if not any(url in self._nearby for url, _ in self._directory.places_of(member)):
            stun = next((place.stun for place in self.places.values() if place.joined and place.stun), None)
        return await self._links.connect(member, self.say, stun)

    async def ask_grant(self, tracker: str, seed: DeviceId, size_bytes: int) -> bytes:
        """A tracker's signed grant for so much on a seed, unchecked. Raises RefusedError, UnavailableError."""
        place = self.places.get(tracker.rstrip("/"))
        if place is None or place.room is None:
            raise UnavailableError("that tracker is not reached now")
        key = place.url, seed
        if key in self._grants:
            raise UnavailableError("a grant for that seed is being asked for already")
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._grants[key] = answered
        try:
            await place.room.ask_grant(seed, size_bytes)
            async with asyncio.timeout(GRANT_TIMEOUT_S):
                return await answered
        except TimeoutError as error:
            raise UnavailableError("the tracker did not answer the question for a grant") from error
        finally:
            del self._grants[key]

    def _grant_answered(self, url: str, seed: DeviceId, answer: GrantAnswered) -> None:
        waiting = self._grants.get((url, seed))
        if waiting is None or waiting.done():
            return
        if answer.grant is None:
            waiting.set_exception(RefusedError(f"the tracker gives no room: {answer.refusal}"))
        else:
            waiting.set_result(answer.grant)

    async def announce(self) -> None:
        """Say in every room how things stand with this device."""
        for place in list(self.places.values()):
            if place.room is not None:
                await self._announce_in(place.room)

    def _attend(self, url: str) -> None:
        assert self._group is not None
        self._tasks[url] = self._group.create_task(self._keep_attending(self.places[url]))

    async def _keep_attending(self, place: Place) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began_s = time.monotonic()
            try:
                await self._visit(place)
                continue  # the epoch changed: the next room is entered at once
            except RefusedError as error:
                if isinstance(error, TurnedAwayError) and error.roster:
                    await self._learn(error.roster)  # a revocation is believed only when it is signed
                place.trouble, wait_s = str(error), REFUSED_WAIT_S
            except SongkeepError as error:
                settled = time.monotonic() - began_s > SETTLED_S
                place.trouble, wait_s = str(error), FIRST_WAIT_S if settled else min(wait_s * 2, LONGEST_WAIT_S)
            log.info("room_left server=%s reason=%s", urlsplit(place.url).netloc, place.trouble)
            # At a random time of the wait: a server that comes back must not meet everybody at once.
            await self._pause(random.uniform(wait_s / 2, wait_s))

    async def _pause(self, wait_s: float) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    async def _visit(self, place: Place) -> None:
        """One stay in a room; returns when another epoch, and so another room, has begun."""
        membership = self._membership
        membership.check(membership.keys.id)  # who was revoked doesn't knock any more
        async with rooms.joined(
            self._session,
            place.url,
            keys=membership.keys,
            library=membership.library,
            room=membership.epoch.room_name,
            roster=membership.roster.entries,
        ) as room:
            place.room, place.joined, place.trouble = room, True, ""
            log.info("room_joined server=%s present=%d", urlsplit(place.url).netloc, len(room.present))
            place.leave = asyncio.Event()
            try:
                async with asyncio.TaskGroup() as group:
                    work = [
                        group.create_task(self._probe_stun(place, room)),
                        group.create_task(self._listen(place, room, group)),
                    ]
                    for connection, member in room.present.items():
                        self._directory.came(place.url, connection, member)
                    await self._announce_in(room)
                    if room.key is not None:
                        await room.ask_account()
                    await place.leave.wait()
                    for task in work:
                        task.cancel()
            except* SongkeepError as several:
                raise several.exceptions[0] from several
            finally:
                place.room, place.joined, place.stun = None, False, None
                self._directory.left_room(place.url, _now_ms())

    async def _listen(self, place: Place, room: Room, group: asyncio.TaskGroup) -> None:
        guard = self._guards.setdefault(place.url, ReplayGuard())
        slots = asyncio.Semaphore(MAX_OFFERS_AT_ONCE)
        async for event in room.events():
            match event:
                case Came(connection, member):
                    self._directory.came(place.url, connection, member)
                    await self._announce_in(room, to=connection)
                case Left(connection):
                    self._directory.left(place.url, connection, _now_ms())
                case RosterOffered(entries):
                    await self._learn(entries)
                case AccountTold():
                    place.account = event
                    self._on_account(place.url, event)
                case GrantAnswered(seed):
                    self._grant_answered(place.url, seed, event)
                case Said(connection, member, data):
                    message = self._opened(member, data, guard)
                    if message is not None:
                        await self._hear(place, room, connection, message, group, slots)

    def _opened(self, member: DeviceId, data: bytes, guard: ReplayGuard) -> Message | None:
        """The message, if a member really said it, and for the first time; else None: the server may be hostile."""
        membership = self._membership
        try:
            message = open_message(data, membership.keys, membership.roster, membership.epochs)
            if message.sender != member:
                raise PeerError("the room server names another sender than the message does")
            guard.check(message)
        except SongkeepError as error:
            log.info("message_refused member=%s reason=%s", to_text(member)[:8], error)
            return None
        return message

    async def _hear(
        self,
        place: Place,
        room: Room,
        connection: int,
        message: Message,
        group: asyncio.TaskGroup,
        slots: asyncio.Semaphore,
    ) -> None:
        try:
            match message.kind:
                case "presence":
                    presence = read_presence(message.body)
                    self._directory.said(message.sender, presence, _now_ms())
                    if presence.roster < len(self._membership.roster.entries):
                        await self._tell_roster(room, connection, message.sender)
                case "roster":
                    await self._learn(_read_entries(message.body))
                case "offer" if not message.to_room:
                    if slots.locked():
                        raise UnavailableError("too many offers at once")
                    group.create_task(self._answer_offer(place, room, connection, message, slots))
                case "answer" if not message.to_room:
                    self._links.take_answer(message.body)
                case "bye":
                    self._directory.left(place.url, connection, _now_ms())
                case _:
                    self._on_message(message.sender, message)
        except (PeerError, RefusedError) as error:
            log.info("message_refused member=%s reason=%s", to_text(message.sender)[:8], error)

    async def _answer_offer(
        self, place: Place, room: Room, connection: int, message: Message, slots: asyncio.Semaphore
    ) -> None:
        async with slots:
            try:
                answer = await self._links.answered_offer(message.sender, message.body, place.stun)
                await room.send(self._membership.seal_to(message.sender, "answer", answer), to=connection)
            except (PeerError, RefusedError, UnavailableError) as error:
                log.info("offer_refused member=%s reason=%s", to_text(message.sender)[:8], error)

    async def _announce_in(self, room: Room, *, to: int = TO_ALL) -> None:
        await room.send(self._membership.seal_to_room("presence", self._presence().body()), to=to)

    async def _tell_roster(self, room: Room, connection: int, member: DeviceId) -> None:
        entries = self._membership.roster.entries
        if sum(map(len, entries)) < MAX_TOLD_ROSTER_BYTES:
            await room.send(self._membership.seal_to(member, "roster", list(entries)), to=connection)

    async def _learn(self, entries: Sequence[bytes]) -> None:
        try:
            await self._membership.learn(entries)
        except (PeerError, RefusedError) as error:
            # Only what is newer and continues the known chain is believed; a server that offers else is not.
            log.warning("roster_refused reason=%s", error)

    def _roster_changed(self, before: Roster, after: Roster) -> None:
        self._follow_servers()
        if self._group is not None:
            self._group.create_task(self._spread(after, new_room=after.epoch > before.epoch))

    async def _spread(self, roster: Roster, *, new_room: bool) -> None:
        """Tell every server of a roster that grew; it tells the others."""
        for place in list(self.places.values()):
            if place.room is None:
                continue
            with contextlib.suppress(SongkeepError):
                await place.room.offer_roster(roster.entries)
                if not new_room:
                    await self._announce_in(place.room)
            if new_room:
                place.leave.set()

    async def _probe_stun(self, place: Place, room: Room) -> None:
        if room.stun is None:
            return
        try:
            await public_address(room.stun)
        except UnavailableError:
            log.info("stun_silent server=%s", urlsplit(place.url).netloc)
        else:
            place.stun = room.stun


def _read_entries(body: object) -> list[bytes]:
    if not isinstance(body, list) or len(body) > MAX_ENTRIES:
        raise PeerError("a roster is not a list")
    return [codec.bounded_bytes(entry, MAX_ENTRY_BYTES, "a roster entry") for entry in body]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
