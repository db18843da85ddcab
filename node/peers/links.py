"""The open channels to other members: made when somebody asks, kept while they last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from node.doors import webrtc
from node.doors.channel import Answer, Channel, Offered, Pipe, Serve
from node.doors.webrtc import DataPipe, StunServer
from node.errors import PeerError, SongkeepError, UnavailableError
from node.ids import DeviceId, to_text
from node.peers.membership import Membership
from node.wire import codec

log = logging.getLogger(__name__)

MAX_LINKS_PER_MEMBER: Final = 6
"""Tabs of one browser, and connections that have died without a word."""
MAX_LINKS: Final = 64
MAX_OPENING: Final = 16
ANSWER_TIMEOUT_S: Final = 15.0
SESSION_BYTES: Final = 16

Signal = Callable[[DeviceId, str, object], Awaitable[None]]
"""Says something to a member through a room where it is present. Raises UnavailableError if it is in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """What members may have from this device."""

    serve_to: Callable[[DeviceId], Serve]
    answers: Mapping[str, Answer]


class Links:
    """Every channel of this device. `run` must be running."""

    def __init__(self, membership: Membership, giving: Giving) -> None:
        self._membership = membership
        self._giving = giving
        self._links: dict[DeviceId, list[Channel]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: dict[bytes, asyncio.Future[str]] = {}
        self._opening: dict[DeviceId, asyncio.Task[Channel]] = {}
        self._awaited: dict[DeviceId, list[asyncio.Future[Channel]]] = {}
        self._slots = asyncio.Semaphore(MAX_OPENING)
        membership.on_change.append(lambda _before, _after: self._cut_revoked())

    def to(self, member: DeviceId) -> Channel | None:
        """The newest open channel to `member`, if there is one."""
        return next((each for each in reversed(self._links.get(member, ())) if not each.ended), None)

    @property
    def count(self) -> int:
        return sum(map(len, self._links.values()))

    async def answered_offer(self, member: DeviceId, body: object, stun_server: StunServer | None) -> object:
        """What to answer to a member's offer; its channel opens by itself. Raises PeerError, UnavailableError."""
        session, sdp = _read(body)
        if self._slots.locked() or self.count >= MAX_LINKS:
            raise UnavailableError("too many devices are connecting at once")
        async with self._slots:
            answer, pipe = await webrtc.answer_offer(sdp, stun_server)
        self._start(self._open_and_run(member, pipe))
        return {"session": session, "sdp": answer}

    def take_answer(self, body: object) -> None:
        """A member's answer to an offer of ours. Raises PeerError."""
        session, sdp = _read(body)
        waiting = self._answers.pop(session, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(sdp)

    async def connect(self, member: DeviceId, signal: Signal, stun_server: StunServer | None) -> Channel:
        """A channel to `member`: the open one, or a new one. Raises UnavailableError, PeerError, RefusedError."""
        channel = self.to(member)
        if channel is not None:
            return channel
        task = self._opening.get(member)
        if task is None:
            task = self._opening[member] = asyncio.create_task(self._connect(member, signal, stun_server))
            task.add_done_callback(lambda done: self._opened(member, done))
        # The other side may come first, by a way of its own.
        with self._arrival(member) as came:
            done, _ = await asyncio.wait({task, came}, return_when=asyncio.FIRST_COMPLETED)
            return (came if came in done else task).result()

    async def another(self, member: DeviceId, timeout_s: float) -> None:
        """Waits until a further channel to `member` opens, but no longer than that."""
        with self._arrival(member) as came, contextlib.suppress(TimeoutError):
            await asyncio.wait_for(came, timeout_s)

    @contextlib.contextmanager
    def _arrival(self, member: DeviceId) -> Iterator[asyncio.Future[Channel]]:
        came: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(member, []).append(came)
        try:
            yield came
        finally:
            came.cancel()
            self._awaited[member].remove(came)
            if not self._awaited[member]:
                del self._awaited[member]

    def _opened(self, member: DeviceId, done: asyncio.Task[Channel]) -> None:
        self._opening.pop(member, None)
        if not done.cancelled():
            done.exception()  # whoever waited may have got another channel meanwhile

    async def _connect(self, member: DeviceId, signal: Signal, stun_server: StunServer | None) -> Channel:
        session = self._membership.random(SESSION_BYTES)
        offering = await webrtc.offer(stun_server)
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[session] = answered
        try:
            await signal(member, "offer", {"session": session, "sdp": offering.sdp})
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                sdp = await answered
            pipe = await offering.accept(sdp)
        except TimeoutError as error:
            await offering.pipe.close()
            raise UnavailableError("the other device did not answer") from error
        except BaseException:
            await offering.pipe.close()
            raise
        finally:
            self._answers.pop(session, None)
        channel = self._channel(member, pipe)
        self._start(self._run(member, channel))
        return channel

    async def run_over(self, member: DeviceId, pipe: Pipe) -> None:
        """A channel over a pipe to `member` that came about in another way, until it ends. Raises UnavailableError."""
        if self.count >= MAX_LINKS:
            raise UnavailableError("too many devices are connected at once")
        await self._run(member, self._channel(member, pipe))

    def drop(self) -> None:
        """End what is open now: it leads nowhere any more. Whoever needs a channel makes another."""
        for channels in self._links.values():
            for channel in channels:
                self._start(channel.close())

    async def close(self) -> None:
        """Ends every channel."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _channel(self, member: DeviceId, pipe: Pipe) -> Channel:
        def allowed() -> None:
            # Asked at every chunk, so that a revocation cuts a song that is being sent.
            self._membership.check(member)

        offered = Offered(serve=self._giving.serve_to(member), answers=self._giving.answers, allowed=allowed)
        return Channel(pipe, offered)

    async def _open_and_run(self, member: DeviceId, pipe: DataPipe) -> None:
        try:
            await pipe.opened()
        except UnavailableError:
            log.info("link_failed member=%s", to_text(member)[:8])
            return
        await self._run(member, self._channel(member, pipe))

    async def _run(self, member: DeviceId, channel: Channel) -> None:
        mine = self._links.setdefault(member, [])
        mine.append(channel)
        for came in self._awaited.get(member, ()):
            if not came.done():
                came.set_result(channel)
        log.info("link_opened member=%s", to_text(member)[:8])
        try:
            for surplus in mine[:-MAX_LINKS_PER_MEMBER]:
                await surplus.close()
            await channel.run()
        except SongkeepError as error:
            log.info("link_dropped member=%s reason=%s", to_text(member)[:8], type(error).__name__)
        finally:
            mine.remove(channel)
            if not mine:
                self._links.pop(member, None)
            log.info("link_closed member=%s bytes_served=%d", to_text(member)[:8], channel.bytes_served)

    def _cut_revoked(self) -> None:
        for member, channels in list(self._links.items()):
            known = self._membership.roster.members.get(member)
            if known is None or not known.active:
                for channel in channels:
                    self._start(channel.close())

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read(body: object) -> tuple[bytes, str]:
    fields: dict[Any, Any] = body if isinstance(body, dict) else {}
    session = codec.fixed_bytes(fields.get("session"), SESSION_BYTES, "a session")
    sdp = fields.get("sdp")
    if not isinstance(sdp, str):
        raise PeerError("an offer or answer has no description")
    return session, codec.bounded_text(sdp, webrtc.MAX_SDP_CHARS, "a description")
