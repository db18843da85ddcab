"""The rooms of a seed, and the seed's own part in them: it answers offers and gives sealed chunks over WebRTC.

A seed doesn't know a room's name, which comes from a secret of the library. It joins each room that a member has
opened here, by the same protocol as everybody, and leaves it as the last.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final

from aiohttp import web

from node.crypto.keys import MemberKeys
from node.crypto.labels import CHUNK_BYTES
from node.doors import webrtc
from node.doors.channel import Channel, Offered
from node.errors import PeerError, SongkeepError, UnavailableError
from node.ids import BlobRoot, DeviceId, LibraryId, to_text
from node.roomdoor import RoomDoor
from node.seed.clock import now_ms
from node.seed.keeper import Keeper
from node.seed.ledger import Ledger
from node.seed.sessions import Sessions
from node.seed.traffic import Traffic
from node.wire import codec, roomframes
from node.wire.envelope import Message, ReplayGuard, next_counter, open_message, seal_to_member
from node.wire.roomhost import RoomHost, Surroundings
from node.wire.roomstate import RoomServer

log = logging.getLogger(__name__)

SESSION_BYTES: Final = 16
CHUNKS_AT_ONCE: Final = 16
MAX_CHANNELS: Final = 512
MAX_OPENING: Final = 32
PACED_BYTES: Final = 4_096
"""Longer frames than devices need to meet."""
_OWN_HOST: Final = "self"


class SeedRooms:
    """All rooms of this seed; `run` must be running."""

    def __init__(
        self,
        *,
        keys: MemberKeys,
        ledger: Ledger,
        keeper: Keeper,
        sessions: Sessions,
        traffic: Traffic,
        stun_port: int | None,
    ) -> None:
        self._keys = keys
        self._ledger = ledger
        self._keeper = keeper
        self._traffic = traffic
        self._sessions = sessions
        self.host = RoomHost(RoomServer(stun_port=stun_port), ledger, Surroundings(time.monotonic, now_ms, os.urandom))
        self._stays: dict[tuple[LibraryId, bytes], _Stay] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Semaphore(MAX_OPENING)
        self._channels = 0

    def door(self, *, dialled: Callable[[web.Request], str], address: Callable[[web.Request], str]) -> RoomDoor:
        """The way in, at /v1/room and /v1/pair; `dialled` names the host that a proof must be made for."""
        door = RoomDoor(self.host, address=address, dialled=dialled)
        door.heard, door.left = self._heard, self._left
        return door

    async def close(self) -> None:
        """What goes on in the background ends."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def roster_grew(self, library: LibraryId, entries: Sequence[bytes]) -> None:
        """A longer roster came by another way than a room: whoever is in a room is told, or put out."""
        for stay in [stay for (its_library, _), stay in self._stays.items() if its_library == library]:
            for frame in roomframes.roster_frames(entries):
                await self.say(stay.number, frame)

    async def say(self, number: int, frame: bytes) -> None:
        """A frame of one of the seed's own stays."""
        if (rest := self.host.heard(number, frame)) is not None:
            await rest

    def _heard(self, number: int, data: bytes) -> Coroutine[Any, Any, None] | None:
        if len(data) > PACED_BYTES and self._traffic.limited:
            return self._heard_paced(number, data)
        rest = self.host.heard(number, data)
        if rest is not None:
            return self._heard_late(number, rest)
        self._stay_too(number)
        return None

    async def _heard_paced(self, number: int, data: bytes) -> None:
        """Music that goes through a room, most likely: as fast as the seed may send."""
        await self._traffic.pace(len(data))
        rest = self.host.heard(number, data)
        if rest is not None:
            await rest
        self._stay_too(number)

    async def _heard_late(self, number: int, rest: Coroutine[Any, Any, None]) -> None:
        await rest
        self._stay_too(number)

    def _stay_too(self, number: int) -> None:
        place = self.host.rooms.place_of(number)
        if place is not None and place not in self._stays:
            stay = self._stays[place] = _Stay(self, *place)
            stay.enter()

    def _left(self, number: int) -> None:
        place = self.host.rooms.place_of(number)
        self.host.left(number)
        if place is not None and (stay := self._stays.get(place)) is not None and self.host.rooms.alone(stay.number):
            del self._stays[place]
            self.host.left(stay.number)

    def start(self, work: Any) -> None:
        """Something that goes on in the background until it, or the seed, ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def opened_message(self, library: LibraryId, data: bytes) -> Message:
        """A member's message to this seed. Raises PeerError, RefusedError, UnavailableError (it is to the room)."""
        return open_message(data, self._keys, await self._sessions.roster(library), {})

    async def joining_frame(self, library: LibraryId, room: bytes, nonce: bytes) -> bytes:
        entries = (await self._sessions.roster(library)).entries
        proof = roomframes.join_proof(self._keys, nonce, _OWN_HOST, library, room)
        return codec.pack(["join", library, room, self._keys.id, len(entries), proof])

    async def answer_offer(self, library: LibraryId, message: Message, counter: int) -> bytes:
        """The sealed answer to an offer; the channel opens by itself. Raises SongkeepError."""
        session, sdp = _read_offer(message.body)
        if self._opening.locked() or self._channels >= MAX_CHANNELS:
            raise UnavailableError("the seed has too many connections")
        async with self._opening:
            answer, pipe = await webrtc.answer_offer(sdp, None)
        self.start(self._serve(library, message.sender, pipe))
        member = (await self._sessions.roster(library)).member(message.sender)
        return seal_to_member(
            self._keys,
            member.public.sign,
            member.public.receive,
            library,
            kind="answer",
            body={"session": session, "sdp": answer},
            counter=counter,
            time_ms=now_ms(),
        )

    async def _serve(self, library: LibraryId, member: DeviceId, pipe: webrtc.DataPipe) -> None:
        self._channels += 1
        try:
            await pipe.opened()
            log.info("channel_opened library=%s member=%s", to_text(library)[:8], to_text(member)[:8])
            await Channel(pipe, await self._offered(library, member)).run()
        except SongkeepError as error:
            log.info("channel_ended member=%s reason=%s", to_text(member)[:8], type(error).__name__)
        finally:
            self._channels -= 1
            await pipe.close()

    async def _offered(self, library: LibraryId, member: DeviceId) -> Offered:
        (await self._sessions.roster(library)).member(member)

        tally = self._traffic.of(library)

        async def serve(root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
            tally.single_reads += count == 1
            with await self._keeper.open_blob(library, root) as reader:
                for at in range(first, first + count, CHUNKS_AT_ONCE):
                    wanted = min(CHUNKS_AT_ONCE, first + count - at)
                    data = memoryview(await asyncio.to_thread(reader.chunks, at, wanted))
                    for start in range(0, len(data), CHUNK_BYTES):
                        part = bytes(data[start : start + CHUNK_BYTES])
                        await self._traffic.pace(len(part))
                        tally.sent_bytes += len(part)
                        yield part

        async def heads(_body: Any) -> bytes:
            return codec.pack(await self._ledger.heads(library))

        def allowed() -> None:
            known = self._sessions.known(library)
            if known is not None:
                known.member(member)

        return Offered(serve=serve, answers={"heads": heads}, allowed=allowed)


class _Stay:
    """The seed's own connection to one of its rooms: an outlet, and what it says."""

    def __init__(self, rooms: SeedRooms, library: LibraryId, room: bytes) -> None:
        self._rooms = rooms
        self._library = library
        self._room = room
        self._guards: dict[int, ReplayGuard] = {}
        """One for each connection, which has proved whose it is: a clock that was set back shuts nobody out."""
        self._counter = 0
        self.number = 0

    def enter(self) -> None:
        # An address of its own for each stay: the bound on connections from one address is not meant for this.
        self.number = self._rooms.host.enter_room(self, address=f"self/{id(self)}", host=_OWN_HOST)

    def send(self, data: bytes) -> None:
        """A frame from the room server."""
        self._rooms.start(self._take(data))

    def close(self, code: int, text: str) -> None:
        log.info("own_stay_ended library=%s code=%d", to_text(self._library)[:8], code)

    async def _take(self, data: bytes) -> None:
        try:
            word, fields = roomframes.read_frame(data)
            if word == "challenge":
                nonce = codec.fixed_bytes(codec.array(fields, 2, "a challenge")[1], 32, "a challenge")
                await self._say(await self._rooms.joining_frame(self._library, self._room, nonce))
            elif word == "from":
                codec.array(fields, 4, "a message")
                await self._answer(int(fields[1]), bytes(fields[2]), bytes(fields[3]))
            elif word == "left":
                self._guards.pop(int(codec.array(fields, 2, "a departure")[1]), None)
        except UnavailableError:
            pass  # to the whole room: not for a seed to read
        except SongkeepError as error:
            log.info("message_refused reason=%s", type(error).__name__)

    async def _answer(self, connection: int, member: bytes, data: bytes) -> None:
        message = await self._rooms.opened_message(self._library, data)
        if message.sender != member:
            raise PeerError("a message came over another member's connection")
        self._guards.setdefault(connection, ReplayGuard()).check(message)
        if message.kind != "offer":
            return
        self._counter = next_counter(self._counter, now_ms() * 1_000)
        answer = await self._rooms.answer_offer(self._library, message, self._counter)
        await self._say(codec.pack(["send", connection, answer]))

    async def _say(self, frame: bytes) -> None:
        await self._rooms.say(self.number, frame)


def _read_offer(body: object) -> tuple[bytes, str]:
    fields: dict[Any, Any] = body if isinstance(body, dict) else {}
    session = codec.fixed_bytes(fields.get("session"), SESSION_BYTES, "a session")
    sdp = fields.get("sdp")
    if not isinstance(sdp, str):
        raise PeerError("an offer has no description")
    return session, codec.bounded_text(sdp, webrtc.MAX_SDP_CHARS, "a description")
