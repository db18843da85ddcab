"""Meeting: be in the library's room on every server, say who is here, and answer those who want to connect."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp

from node.doors import rooms
from node.doors.channel import Channel
from node.doors.rooms import Room, TurnedAwayError
from node.doors.socket_pipe import linked
from node.errors import RefusedError, SongkeepError, UnavailableError
from node.flows.stay import Host, Place, Proofs, Stay, announce, learn
from node.ids import DeviceId
from node.peers.backoff import Backoff
from node.peers.directory import Directory, Presence
from node.peers.links import Links
from node.peers.membership import Membership
from node.peers.surroundings import Surroundings
from node.peers.suspicions import Misdeed
from node.wire.envelope import Message
from node.wire.roomevents import AccountTold, GrantAnswered
from node.wire.roster import Role, Roster

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
REFUSED_WAIT_S: Final = 300.0
SETTLED_S: Final = 30.0
"""A room that lasted this long ended by accident: the next try comes soon."""
LOOK_EVERY_S: Final = 3.0
TOGETHER_S: Final = 0.5
RELAY_AFTER_S: Final = 3.0
"""A direct way that has not opened by then probably never will: the last resort is tried beside it."""
GRANT_TIMEOUT_S: Final = 15.0
CHANGE_TIMEOUT_S: Final = 10.0
LOOK_FOR_ROOM_S: Final = 0.25
FAREWELL_TIMEOUT_S: Final = 1.0
MAX_ROOMS: Final = 24


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
        on_message: Callable[[Message, tuple[str, int]], None] = lambda _message, _place: None,
        on_account: Callable[[str, AccountTold], None] = lambda _url, _account: None,
        on_misdeed: Callable[[str, Misdeed], None] = lambda _url, _misdeed: None,
        addresses: Callable[[], Sequence[str]] = tuple,
        proofs: Proofs | None = None,
        wall_s: Callable[[], float] = time.time,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`presence` says what this device is now; `on_message` hears the kinds that are not meant for this flow,
        each with the room's address and the connection there that it came by,
        `on_account` what the library's account at a tracker has, `on_misdeed` that a server misbehaves; `addresses`
        gives what changes when the network does.
        """
        self._addresses = addresses
        self._wall_s = wall_s
        self._look_every_s = look_every_s
        self._host = Host(
            membership=membership,
            directory=directory,
            links=links,
            presence=presence,
            on_message=lambda message, place: self.on_message(message, place),
            on_account=on_account,
            on_grant=self._grant_answered,
            on_misdeed=on_misdeed,
            on_public_ip=self._seen_from_outside,
            proofs=proofs or Proofs(),
        )
        self._grants: dict[tuple[str, DeviceId], asyncio.Future[bytes]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self.trackers = tuple(url.rstrip("/") for url in trackers)
        """Addresses of trackers, as they were chosen."""
        self._nearby: tuple[str, ...] = ()
        self._far: dict[str, DeviceId | None] = {}
        self.on_network_change: list[Callable[[], None]] = []
        self.on_public_ip: list[Callable[[], None]] = []
        """Called when `public_ips` has become another."""
        self.relay: Callable[[DeviceId], Awaitable[Channel]] | None = None
        """Makes a channel where no direct way leads."""
        self.on_message = on_message
        self.places: dict[str, Place] = {url: Place(url) for url in self._servers()}
        membership.on_change.append(self._roster_changed)

    async def run(self) -> None:
        """Attends every room until cancelled; a server that is away is tried again and again, ever more rarely."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            self._session, self._group = session, group
            for url in list(self.places):
                self._attend(url)
            try:
                await self._watch_network()
            finally:
                self._group = None
                for task in self._tasks.values():
                    task.cancel()

    @property
    def public_ips(self) -> list[str]:
        """This machine's addresses as servers saw them."""
        return list(dict.fromkeys(place.public_ip for place in self.places.values() if place.public_ip))

    def _seen_from_outside(self) -> None:
        for tell in self.on_public_ip:
            tell()

    @property
    def links(self) -> Links:
        return self._host.links

    def set_trackers(self, urls: Sequence[str]) -> None:
        """Attend the rooms of these trackers, and of the library's seeds, and no others from now on."""
        self.trackers = tuple(url.rstrip("/") for url in urls)
        self._follow_servers()

    async def move_to(self, urls: Sequence[str]) -> None:
        """As `set_trackers`, and say so in the rooms that are left too, so that phones there come along."""
        self.trackers = tuple(url.rstrip("/") for url in urls)
        for place in list(self.places.values()):
            with contextlib.suppress(SongkeepError, TimeoutError):
                async with asyncio.timeout(FAREWELL_TIMEOUT_S):
                    await announce(self._host, place)
        self._follow_servers()

    @property
    def told_trackers(self) -> tuple[str, ...]:
        """Their addresses as others may know them: an invitation to one is nobody else's."""
        return tuple(url.partition("#")[0].rstrip("/") for url in self.trackers)

    def set_nearby(self, urls: Sequence[str]) -> None:
        """Attend also these rooms of the local network."""
        self._nearby = tuple(urls)
        self._follow_servers()

    def set_far(self, rooms: Mapping[str, DeviceId | None]) -> None:
        """Attend also these rooms, each on the very device that is named (None: on this one): the DHT told of them."""
        self._far = dict(rooms)
        self._follow_servers()

    def way_to(self, url: str) -> Literal["lan", "dht", "server"]:
        """How that room was found."""
        if url in self._nearby:
            return "lan"
        return "dht" if url in self._far else "server"

    def _servers(self) -> list[str]:
        """Every room server: those nearby, trackers, and the library's seeds, which have rooms too."""
        seeds = [each for member in self._host.membership.roster.active(Role.SEED) for each in member.addresses]
        found = [*self._nearby, *self.trackers, *(re.sub(r"^http", "ws", address) for address in seeds), *self._far]
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

    def network_changed(self, *, lost: bool = True) -> None:
        """Enter every room anew: the machine woke, or has another network, and old connections may hang.

        `lost`: an address is gone, or the others have given this device up; its channels hang too.
        """
        self._wake.set()
        for place in self.places.values():
            place.leave.set()
        if lost:
            self._host.links.drop()
        for tell in self.on_network_change:
            tell()

    async def _watch_network(self) -> None:
        """Notices that the machine has slept, or is in another network now; runs until cancelled."""
        look_s = self._look_every_s
        around = Surroundings(self._addresses(), monotonic_s=time.monotonic(), wall_s=self._wall_s())
        while True:
            await asyncio.sleep(look_s)
            change = around.look(
                self._addresses(), monotonic_s=time.monotonic(), wall_s=self._wall_s(), expected_s=look_s
            )
            if change is not None:
                log.info("network_changed slept=%s lost=%s", change.slept, change.lost)
                # Everybody in a house wakes, or changes network, at once.
                await asyncio.sleep(random.uniform(0, TOGETHER_S))
                self.network_changed(lost=change.slept or change.lost)

    async def say(self, member: DeviceId, kind: str, body: object) -> None:
        """A sealed message to a present member. Raises UnavailableError if it is in no room with this device."""
        for url, connection in self._host.directory.places_of(member):
            place = self.places.get(url)
            if place is not None and place.room is not None:
                await place.room.send(self._host.membership.seal_to(member, kind, body), to=connection)
                return
        raise UnavailableError("that device is not present in any room")

    async def connect(self, member: DeviceId) -> Channel:
        """A channel to a present member. Raises UnavailableError, PeerError, RefusedError."""
        stun = None
        if not any(url in self._nearby for url, _ in self._host.directory.places_of(member)):
            stun = next((place.stun for place in self.places.values() if place.joined and place.stun), None)
        direct = asyncio.ensure_future(self._host.links.connect(member, self.say, stun))
        try:
            await asyncio.wait({direct}, timeout=None if self.relay is None else RELAY_AFTER_S)
            late = not direct.done() or isinstance(direct.exception(), UnavailableError)
            if late and self.relay is not None:
                with contextlib.suppress(SongkeepError):
                    return await self.relay(member)
            return await direct
        finally:
            direct.cancel()

    async def ask_grant(self, tracker: str, seed: DeviceId, size_bytes: int) -> bytes:
        """A tracker's signed grant for so much on a seed, unchecked. Raises RefusedError, UnavailableError."""
        key = tracker.rstrip("/"), seed
        if key in self._grants:
            raise UnavailableError("a grant for that seed is being asked for already")
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._grants[key] = answered
        try:
            async with asyncio.timeout(GRANT_TIMEOUT_S):
                while not answered.done():
                    await self._ask_in_room(tracker, seed, size_bytes, answered)
                return await answered
        except TimeoutError as error:
            raise UnavailableError("the tracker did not answer the question for a grant") from error
        finally:
            del self._grants[key]

    async def _ask_in_room(
        self, tracker: str, seed: DeviceId, size_bytes: int, answered: asyncio.Future[bytes]
    ) -> None:
        """Until the answer is there, or the room has been changed for another one: it may have been lost with it."""
        room = await self._room_at(tracker)
        place = self.places[tracker.rstrip("/")]
        with contextlib.suppress(UnavailableError):
            await room.ask_grant(seed, size_bytes)
        while place.room is room and not answered.done():
            await asyncio.wait({answered}, timeout=LOOK_FOR_ROOM_S)

    async def tell_usage(self, tracker: str, usage_for: Callable[[bytes], Awaitable[bytes]]) -> None:
        """Show a tracker that keeps accounts what `usage_for` gives for its key. Raises UnavailableError."""
        room = await self._room_at(tracker)
        if room.key is None:
            raise UnavailableError("that tracker keeps no accounts")
        await room.tell_usage(await usage_for(room.key))

    async def _room_at(self, tracker: str) -> Room:
        """The room there; waits while it is only being changed for another one. Raises UnavailableError."""
        place = self.places.get(tracker.rstrip("/"))
        until_s = time.monotonic() + CHANGE_TIMEOUT_S
        while place is not None and not place.trouble and (place.room is None or place.leave.is_set()):
            if time.monotonic() > until_s:
                break
            await asyncio.sleep(CHANGE_TIMEOUT_S / 100)
        if place is None or place.room is None:
            raise UnavailableError("that tracker is not reached now")
        return place.room

    def _grant_answered(self, url: str, answer: GrantAnswered) -> None:
        waiting = self._grants.get((url, answer.seed))
        if waiting is None or waiting.done():
            return
        if answer.grant is None:
            waiting.set_exception(RefusedError(f"the tracker gives no room: {answer.refusal}"))
        else:
            waiting.set_result(answer.grant)

    async def announce(self) -> None:
        """Say in every room how things stand with this device."""
        for place in list(self.places.values()):
            await announce(self._host, place)

    def _attend(self, url: str) -> None:
        assert self._group is not None
        self._tasks[url] = self._group.create_task(self._keep_attending(self.places[url]))

    async def _keep_attending(self, place: Place) -> None:
        backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        while True:
            began_s = time.monotonic()
            try:
                await self._visit(place)
                continue  # the epoch or the network changed: the next room is entered at once
            except RefusedError as error:
                if isinstance(error, TurnedAwayError) and error.roster:
                    await learn(self._host.membership, error.roster)  # a revocation is believed only when it is signed
                place.trouble, wait_s = str(error), random.uniform(REFUSED_WAIT_S / 2, REFUSED_WAIT_S)
            except SongkeepError as error:
                if time.monotonic() - began_s > SETTLED_S:
                    backoff.begin_anew()
                # At a random time of the wait: a server that comes back must not meet everybody at once.
                place.trouble, wait_s = str(error), backoff.next_s(random.random())
            log.info("room_left server=%s reason=%s", urlsplit(place.url).netloc, place.trouble)
            await self._pause(wait_s)

    async def _pause(self, wait_s: float) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    async def _visit(self, place: Place) -> None:
        """One stay in a room; returns when it should be entered anew, or another room has taken its place."""
        membership = self._host.membership
        membership.check(membership.keys.id)  # who was revoked doesn't knock any more
        epoch, roster = membership.epoch, membership.roster
        async with rooms.joined(
            self._session,
            place.url,
            keys=membership.keys,
            library=membership.library,
            room=epoch.room_name,
            roster=roster.entries,
            digest=roster.digest,
        ) as room:
            place.leave = asyncio.Event()
            if membership.epoch is not epoch:
                return  # another epoch began meanwhile
            if membership.roster is not roster:
                await room.offer_roster(membership.roster.entries)
            if not any(each.joined for each in self.places.values()):
                self._wake.set()  # the way out is open again, so others need not wait any longer
            place.room, place.trouble = room, ""
            log.info("room_joined server=%s present=%d", urlsplit(place.url).netloc, len(room.present))
            linking = asyncio.create_task(self._keep_linked(place.url))
            try:
                await Stay(self._host, place, room, shown=len(roster.entries)).last()
            finally:
                linking.cancel()
                place.room = place.stun = None

    async def _keep_linked(self, url: str) -> None:
        """A channel straight to the device whose room this is: where nobody answers STUN, WebRTC finds no way to it."""
        membership, links = self._host.membership, self._host.links
        member = self._far.get(url)
        backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        while member is not None:
            if links.to(member) is not None:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                async with linked(self._session, url, keys=membership.keys, library=membership.library) as pipe:
                    await links.run_over(member, pipe)
            except SongkeepError as error:
                log.info("link_not_made reason=%s", error)
            await asyncio.sleep(backoff.next_s(random.random()))

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
                    await announce(self._host, place)
            if new_room:
                place.leave.set()
