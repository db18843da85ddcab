"""The last resort where no direct way leads from device to device: the chunk channel, message by message and sealed, by
the room of one of the library's seeds. A tracker's room is never used for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from node.doors.channel import Channel
from node.errors import SongkeepError, UnavailableError
from node.flows.meet import Meeting
from node.ids import DeviceId, to_text
from node.peers.directory import Directory
from node.peers.links import Links
from node.peers.membership import Membership
from node.wire import codec
from node.wire.envelope import Message
from node.wire.roster import Role

log = logging.getLogger(__name__)

KIND: Final = "relay"
SESSION_BYTES: Final = 16
MAX_DATA_BYTES: Final = 17 * 1_024 + 64
MAX_PIPES: Final = 8
MAX_UNREAD: Final = 512
EVERY_S: Final = 0.045
"""Between two messages of this device: 22 a second, 360 KB, stay within what a room allows."""
ANSWER_TIMEOUT_S: Final = 10.0
LIFETIME_S: Final = 600.0
"""Then it ends, and the direct way is tried again."""

Say = Callable[["RelayPipe", bytes], Awaitable[None]]


class RelayPipe:
    """A pipe of messages to one member through a seed's room. An empty message greets; `None` in the queue ends."""

    def __init__(
        self,
        member: DeviceId,
        session: bytes,
        say: Say,
        forget: Callable[[], None],
        *,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        self.member = member
        self.session = session
        self.place: tuple[str, int] | None = None
        """The room and the connection that the member speaks from: two tabs of one phone are one member."""
        self._say = say
        self._forget = forget
        self._unread: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._closed = False
        self.greeted = asyncio.Event()
        self._until_s = asyncio.get_running_loop().time() + lifetime_s

    async def greet(self) -> None:
        await self._say(self, b"")

    async def send(self, data: bytes) -> None:
        """Raises UnavailableError once it has ended."""
        if self._closed or asyncio.get_running_loop().time() > self._until_s:
            self.end()
            raise UnavailableError("the way through the seed has ended")
        await self._say(self, data)

    async def receive(self) -> bytes:
        """Raises UnavailableError once it has ended."""
        data = None
        if not self._closed or not self._unread.empty():
            # A phone that is simply gone says no word of farewell.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._until_s):
                    data = await self._unread.get()
        if data is None:
            self.end()
            raise UnavailableError("the way through the seed has ended")
        return data

    async def close(self) -> None:
        self.end()

    def begin_anew(self) -> None:
        """A room gives nobody a running start."""

    def take(self, data: bytes) -> None:
        """What the member said."""
        if not data:
            self.greeted.set()
        elif self._unread.qsize() < MAX_UNREAD:
            self._unread.put_nowait(data)
        else:
            self.end()

    def end(self) -> None:
        """Nothing more comes or goes."""
        if not self._closed:
            self._closed = True
            self._unread.put_nowait(None)
            self._forget()


class Relay:
    """Every such pipe of this device."""

    def __init__(self, membership: Membership, directory: Directory, meeting: Meeting, links: Links) -> None:
        self._membership = membership
        self._directory = directory
        self._meeting = meeting
        self._links = links
        self._pipes: dict[tuple[DeviceId, bytes], RelayPipe] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def connect(self, member: DeviceId) -> Channel:
        """A channel to a member through a seed that both are at. Raises UnavailableError, RefusedError."""
        url, _connection = self._place(member)
        log.info("relay_tried member=%s server=%s", to_text(member)[:8], urlsplit(url).netloc)
        pipe = self._pipe(member, self._membership.random(SESSION_BYTES))
        try:
            await pipe.greet()
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await pipe.greeted.wait()
        except TimeoutError as error:
            pipe.end()
            raise UnavailableError("the other device did not answer through the seed") from error
        except BaseException:
            pipe.end()
            raise
        arriving = asyncio.create_task(self._links.another(member, ANSWER_TIMEOUT_S))
        await asyncio.sleep(0)  # it listens from now on
        self._start(self._run(member, pipe))
        await arriving
        channel = self._links.to(member)
        if channel is None:
            raise UnavailableError("the way through the seed has ended")
        return channel

    def hear(self, message: Message, place: tuple[str, int]) -> None:
        """A message of a kind that is not for others, and where it came from. Raises PeerError, RefusedError."""
        if message.kind != KIND or message.to_room:
            return
        body: dict[Any, Any] = message.body if isinstance(message.body, dict) else {}
        session = codec.fixed_bytes(body.get("session"), SESSION_BYTES, "a session")
        data = codec.bounded_bytes(body.get("data"), MAX_DATA_BYTES, "a relayed message")
        member = message.sender
        self._membership.check(member)
        known = self._pipes.get((member, session))
        if known is not None:
            known.place = place
            known.take(data)
        elif not data:
            with contextlib.suppress(UnavailableError):  # too many already: it gets no answer
                pipe = self._pipe(member, session)
                pipe.place = place
                self._start(self._answer(member, pipe))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pipe(self, member: DeviceId, session: bytes) -> RelayPipe:
        if len(self._pipes) >= MAX_PIPES:
            raise UnavailableError("too many devices are reached through seeds at once")
        pipe = RelayPipe(member, session, self._say, lambda: self._forget(member, session))
        self._pipes[member, session] = pipe
        return pipe

    def _forget(self, member: DeviceId, session: bytes) -> None:
        self._pipes.pop((member, session), None)

    async def _answer(self, member: DeviceId, pipe: RelayPipe) -> None:
        with contextlib.suppress(SongkeepError):
            await pipe.greet()
        await self._run(member, pipe)

    async def _run(self, member: DeviceId, pipe: RelayPipe) -> None:
        log.info("relay_opened member=%s", to_text(member)[:8])
        try:
            await self._links.run_over(member, pipe)
        except SongkeepError as error:
            log.info("relay_ended member=%s reason=%s", to_text(member)[:8], type(error).__name__)
        finally:
            pipe.end()

    async def _say(self, pipe: RelayPipe, data: bytes) -> None:
        async with self._turn:
            url, connection = self._place(pipe.member, pipe.place)
            room = self._meeting.places[url].room
            if room is None:
                raise UnavailableError("the seed's room is gone")
            sealed = self._membership.seal_to(pipe.member, KIND, {"session": pipe.session, "data": data})
            await room.send(sealed, to=connection)
            await asyncio.sleep(EVERY_S)

    def _place(self, member: DeviceId, preferred: tuple[str, int] | None = None) -> tuple[str, int]:
        """Where both are: a seed's room. Raises UnavailableError."""
        active = self._membership.roster.active(Role.SEED)
        seeds = {re.sub(r"^http", "ws", url).rstrip("/") for seed in active for url in seed.addresses}
        for url, connection in sorted(self._directory.places_of(member), key=lambda each: each != preferred):
            place = self._meeting.places.get(url)
            if url in seeds and place is not None and place.room is not None:
                return url, connection
        raise UnavailableError("that device is at no seed with this one")

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
