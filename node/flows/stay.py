"""One stay in one room: say who this device is, hear the others, answer those who want to connect."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from node.doors.rooms import Room
from node.doors.webrtc import StunServer, public_address
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import DeviceId, to_text
from node.peers.directory import Directory, Presence, read_presence
from node.peers.links import Links
from node.peers.membership import Membership
from node.peers.suspicions import Misdeed, Suspicions
from node.wire import codec
from node.wire.attendance import FRESH_BYTES, Attendance, with_freshness
from node.wire.envelope import Message, open_message
from node.wire.roomevents import AccountTold, Came, GrantAnswered, Left, RosterOffered, Said
from node.wire.roomframes import TO_ALL
from node.wire.roster import MAX_ENTRIES, MAX_ENTRY_BYTES, Role

log = logging.getLogger(__name__)

MAX_OFFERS_AT_ONCE: Final = 8
MAX_TOLD_ROSTER_BYTES: Final = 60_000
"""What fits into one message; a longer chain goes by way of the server."""


@dataclass(slots=True)
class Place:
    """How things stand with one room server."""

    url: str
    trouble: str = ""
    """A sentence, while it isn't joined."""
    room: Room | None = None
    """While it is joined."""
    stun: StunServer | None = None
    """What the server offers, once it has answered."""
    public_ip: str | None = None
    """This machine's address as the server saw it last."""
    account: AccountTold | None = None
    """What the library may store on seeds through this tracker."""
    attendance: Attendance | None = None
    """While it is joined: who has shown to be there."""
    suspicions: Suspicions = field(default_factory=Suspicions)
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this room should be entered anew, or another one."""

    @property
    def joined(self) -> bool:
        return self.room is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """How often those who are present must show it anew, and how soon: a server may keep a departure to itself."""

    every_s: float = 900.0
    within_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Those for whom a stay listens and speaks."""

    membership: Membership
    directory: Directory
    links: Links
    presence: Callable[[], Presence]
    on_message: Callable[[Message, tuple[str, int]], None]
    on_account: Callable[[str, AccountTold], None]
    on_grant: Callable[[str, GrantAnswered], None]
    on_public_ip: Callable[[], None]
    """Called when a server sees this machine under another address than before."""
    on_misdeed: Callable[[str, Misdeed], None]
    """Called with a server's address when it does something of a kind for the first time."""
    proofs: Proofs


class Stay:
    """From joining to leaving. Messages of a server that means harm are passed over, and logged by their reason."""

    def __init__(self, host: Host, place: Place, room: Room, *, shown: int) -> None:
        """`shown`: how long a roster the server must know by now."""
        self._host = host
        self._shown = shown
        self._place = place
        self._room = room
        self._offers = asyncio.Semaphore(MAX_OFFERS_AT_ONCE)
        place.suspicions.entered()
        self._attendance = place.attendance = Attendance(host.membership.random(FRESH_BYTES))

    async def last(self) -> None:
        """Until `place.leave` is set. Raises what ended the room."""
        try:
            async with asyncio.TaskGroup() as group:
                work = [
                    group.create_task(self._probe_stun()),
                    group.create_task(self._listen(group)),
                    group.create_task(self._ask_anew()),
                ]
                for connection, member in self._room.present.items():
                    self._arrived(connection, member)
                await announce(self._host, self._place)
                if self._room.key is not None:
                    await self._room.ask_account()
                await self._place.leave.wait()
                for task in work:
                    task.cancel()
        except* SongkeepError as several:
            raise several.exceptions[0] from several
        finally:
            self._place.attendance = None
            self._host.directory.left_room(self._place.url, _now_ms())

    def _arrived(self, connection: int, member: DeviceId) -> None:
        """The server says that a member is here. A seed says nothing of itself; of others it is not yet believed."""
        known = self._host.membership.roster.members.get(member)
        if known is not None and known.active and known.role is Role.SEED:
            self._host.directory.came(self._place.url, connection, member)
        else:
            self._place.suspicions.named(connection, time.monotonic())

    def _suspect(self, misdeed: Misdeed) -> None:
        if self._place.suspicions.note(misdeed):
            log.warning("server_misbehaved server=%s kind=%s", urlsplit(self._place.url).netloc, misdeed.name)
            self._host.on_misdeed(self._place.url, misdeed)

    async def _ask_anew(self) -> None:
        proofs, attendance = self._host.proofs, self._attendance
        while True:
            await asyncio.sleep(proofs.every_s)
            asked = attendance.renew(self._host.membership.random(FRESH_BYTES))
            await announce(self._host, self._place)
            await asyncio.sleep(proofs.within_s)
            for connection in asked:
                if not attendance.has_proved(connection):
                    self._host.directory.left(self._place.url, connection, _now_ms())

    async def _listen(self, group: asyncio.TaskGroup) -> None:
        directory, url = self._host.directory, self._place.url
        async for event in self._room.events():
            match event:
                case Came(connection, member):
                    self._arrived(connection, member)
                case Left(connection):
                    self._attendance.left(connection)
                    self._place.suspicions.heard(connection)
                    directory.left(url, connection, _now_ms())
                case RosterOffered(entries):
                    await self._learn(entries)
                case AccountTold():
                    self._place.account = event
                    self._host.on_account(url, event)
                case GrantAnswered():
                    self._host.on_grant(url, event)
                case Said(connection, member, data):
                    message = self._opened(member, data)
                    if message is not None:
                        await self._hear(connection, message, group)

    async def _learn(self, entries: Sequence[bytes]) -> None:
        """What the server offers: never less than it has shown before, and nothing that wasn't signed."""
        try:
            await self._host.membership.learn(entries)
        except RefusedError as error:
            log.warning("roster_refused reason=%s", error)
            if len(entries) < self._shown:
                self._suspect(Misdeed.OLD_ROSTER)
        except PeerError as error:
            log.warning("roster_refused reason=%s", error)
            self._suspect(Misdeed.BROKEN_ROSTER)
        else:
            self._shown = max(self._shown, len(entries))

    def _opened(self, member: DeviceId, data: bytes) -> Message | None:
        """The message, if a member really wrote it; else None: the server may be hostile."""
        membership = self._host.membership
        try:
            message = open_message(data, membership.keys, membership.roster, membership.epochs)
            if message.sender != member:
                raise PeerError("the room server names another sender than the message does")
        except SongkeepError as error:
            log.info("message_refused member=%s reason=%s", to_text(member)[:8], error)
            if isinstance(error, PeerError):
                self._suspect(Misdeed.ALTERED)
            return None
        return message

    async def _hear(self, connection: int, message: Message, group: asyncio.TaskGroup) -> None:
        host = self._host
        try:
            here = self._attendance.check(connection, message)
        except RefusedError as error:
            log.info("message_refused member=%s reason=%s", to_text(message.sender)[:8], error)
            presence = host.directory.get(message.sender).presence
            if presence is not None and presence.role == "node":  # two tabs of a phone may overtake each other
                self._suspect(Misdeed.REPEATED)
            return
        try:
            match message.kind:
                case "presence":
                    await self._hear_presence(connection, message)
                case "roster":
                    await learn(host.membership, _read_entries(message.body))
                case "offer" if not message.to_room:
                    if self._offers.locked():
                        raise RefusedError("too many offers at once")
                    group.create_task(self._answer_offer(connection, message))
                case "answer" if not message.to_room:
                    host.links.take_answer(message.body)
                case "bye" if here:
                    host.directory.left(self._place.url, connection, _now_ms())
                case _ if here:
                    host.on_message(message, (self._place.url, connection))
        except (PeerError, RefusedError) as error:
            log.info("message_refused member=%s reason=%s", to_text(message.sender)[:8], error)

    async def _hear_presence(self, connection: int, message: Message) -> None:
        directory = self._host.directory
        presence = read_presence(message.body)
        heard = self._attendance.presence(connection, message)
        if heard.answer is not None:
            await announce(self._host, self._place, to=connection, echo=heard.answer)
        if not heard.proved:
            return
        self._place.suspicions.heard(connection)
        if heard.came:
            directory.came(self._place.url, connection, message.sender)
        directory.said(message.sender, presence, _now_ms())
        if self._host.membership.roster.is_news_to(presence.roster, presence.roster_digest):
            await self._tell_roster(connection, message.sender)

    async def _answer_offer(self, connection: int, message: Message) -> None:
        async with self._offers:
            try:
                answer = await self._host.links.answered_offer(message.sender, message.body, self._place.stun)
                sealed = self._host.membership.seal_to(message.sender, "answer", answer)
                await self._room.send(sealed, to=connection)
            except (PeerError, RefusedError, UnavailableError) as error:
                log.info("offer_refused member=%s reason=%s", to_text(message.sender)[:8], error)

    async def _tell_roster(self, connection: int, member: DeviceId) -> None:
        entries = self._host.membership.roster.entries
        if sum(map(len, entries)) < MAX_TOLD_ROSTER_BYTES:
            await self._room.send(self._host.membership.seal_to(member, "roster", list(entries)), to=connection)

    async def _probe_stun(self) -> None:
        """Use the server's STUN only once it has answered: gathering would wait five seconds for a silent one."""
        if self._room.stun is None:
            return
        try:
            seen_ip, _ = await public_address(self._room.stun)
        except UnavailableError:
            log.info("stun_silent server=%s", urlsplit(self._place.url).netloc)
        else:
            self._place.stun = self._room.stun
            if self._place.public_ip != seen_ip:
                self._place.public_ip = seen_ip
                self._host.on_public_ip()


async def announce(host: Host, place: Place, *, to: int = TO_ALL, echo: bytes | None = None) -> None:
    """Say in a joined room how things stand with this device, in answer to `echo` if given. Raises UnavailableError."""
    if place.room is not None and place.attendance is not None:
        body = with_freshness(host.presence().body(), place.attendance.fresh, echo)
        await place.room.send(host.membership.seal_to_room("presence", body), to=to)


async def learn(membership: Membership, entries: Sequence[bytes]) -> None:
    """Take on a roster that somebody offers, if it is newer and continues the known one; else nothing happens."""
    try:
        await membership.learn(entries)
    except (PeerError, RefusedError) as error:
        log.warning("roster_refused reason=%s", error)


def _read_entries(body: object) -> list[bytes]:
    if not isinstance(body, list) or len(body) > MAX_ENTRIES:
        raise PeerError("a roster is not a list")
    return [codec.bounded_bytes(entry, MAX_ENTRY_BYTES, "a roster entry") for entry in body]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
