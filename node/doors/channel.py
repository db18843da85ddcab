"""The chunk channel at work: asks for chunks and answers, and gives them, over one message pipe (docs/PROTOCOL.md).

The pipe may be a WebRTC data channel or a WebSocket. Requests of the other side take turns, chunk by chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from node.crypto.labels import CHUNK_BYTES
from node.errors import DamagedError, NotFoundError, PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import BlobRoot
from node.wire import channel
from node.wire.channel import Ask, Asked, Cancel, Data, End, Get, No, Reason, Reply, Served

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S: Final = 30.0
"""How long the other side may be silent about one request."""

BEGIN_EVERY_S: Final = 1.0
"""No pipe begins anew more often, whatever is asked."""

Serve = Callable[[BlobRoot, int, int], AsyncIterator[bytes]]
"""Sealed chunks of a blob, `count` of them from `first` on, in order: one or several whole ones at a time.
Raises NotFoundError, DamagedError, ..."""
Answer = Callable[[Any], Awaitable[bytes]]
"""What to say to one kind of question, given its body (from outside: check it)."""


class Pipe(Protocol):
    """An authenticated, ordered way to one peer."""

    async def send(self, data: bytes) -> None:
        """Hand over one message; waits while too much is unsent. Raises UnavailableError once the pipe has ended."""
        ...

    async def receive(self) -> bytes:
        """The next message. Raises UnavailableError once the pipe has ended."""
        ...

    async def close(self) -> None: ...

    def begin_anew(self) -> None:
        """Something new is asked for: it may begin as fast as over a new pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What this side gives to others."""

    serve: Serve
    answers: Mapping[str, Answer]
    allowed: Callable[[], None] = lambda: None
    """Called before each request is answered and each chunk is sent; raises RefusedError for a peer that may not."""


@dataclass(slots=True)
class _Waiting:
    messages: asyncio.Queue[Data | End | No | Reply | SongkeepError] = field(default_factory=asyncio.Queue)


class Channel:
    """Both directions of one pipe. `run` must be running."""

    def __init__(self, pipe: Pipe, offered: Offered) -> None:
        self._pipe = pipe
        self._offered = offered
        self._asked = Asked()
        self._served = Served()
        self._waiting: dict[int, _Waiting] = {}
        self._working: dict[int, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()  # first come, first served: so every request has its turn
        self._end: SongkeepError | None = None
        self._last_root: BlobRoot | None = None
        self._began_s = 0.0
        self.bytes_served = 0

    @property
    def pipe(self) -> Pipe:
        """What it goes over."""
        return self._pipe

    @property
    def ended(self) -> bool:
        return self._end is not None

    async def run(self) -> None:
        """Reads until the pipe ends; raises PeerError if the other side broke the protocol."""
        end: SongkeepError = UnavailableError("the connection to the other device ended")
        try:
            while True:
                self._take(channel.decode(await self._pipe.receive()))
        except UnavailableError as error:
            end = error
        except SongkeepError as error:
            end = error
            raise
        finally:
            self._end = end
            for task in list(self._working.values()):
                task.cancel()
            for waiting in self._waiting.values():
                waiting.messages.put_nowait(end)
            await self._pipe.close()

    async def close(self) -> None:
        """End the pipe; `run` then returns."""
        await self._pipe.close()

    async def chunks(self, root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        """Sealed chunks from the other side, unopened and unchecked; leaving early cancels the request.

        Raises UnavailableError, DamagedError, RefusedError as the other side says, or after 30 s of silence.
        """
        request = self._asked.get(root, first, count)
        async with self._answers_to(request.request, request) as messages:
            async for message in messages:
                if isinstance(message, End):
                    return
                assert isinstance(message, Data)
                yield message.chunk

    async def ask(self, kind: str, body: object) -> bytes:
        """The other side's whole answer, at most 64 MiB. Raises as `chunks` does."""
        request = self._asked.ask(kind, body)
        parts: list[bytes] = []
        async with self._answers_to(request.request, request) as messages:
            async for message in messages:
                assert isinstance(message, Reply)
                parts.append(message.part)
                if not message.more:
                    break
        return b"".join(parts)

    @contextlib.asynccontextmanager
    async def _answers_to(self, number: int, request: Get | Ask) -> AsyncIterator[AsyncIterator[Data | End | Reply]]:
        if self._end is not None:
            self._asked.cancel(number)
            raise self._end
        waiting = self._waiting[number] = _Waiting()
        try:
            await self._pipe.send(channel.encode(request))
            yield self._messages(waiting)
        finally:
            del self._waiting[number]
            cancel = self._asked.cancel(number)
            if cancel is not None and self._end is None:
                with contextlib.suppress(UnavailableError):
                    await self._pipe.send(channel.encode(cancel))

    async def _messages(self, waiting: _Waiting) -> AsyncIterator[Data | End | Reply]:
        while True:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    message = await waiting.messages.get()
            except TimeoutError as error:
                raise UnavailableError("the other device has stopped answering") from error
            if isinstance(message, SongkeepError):
                raise message
            if isinstance(message, No):
                raise message.reason.error()
            yield message

    def _take(self, message: channel.Message) -> None:
        match message:
            case Get() | Ask():
                refusal = self._served.open(message)
                work = self._refuse(refusal) if refusal is not None else self._work(message)
                task = asyncio.create_task(work)
                if refusal is None:
                    self._working[message.request] = task
                if isinstance(message, Get):
                    self._begin(message.root)
            case Cancel(request):
                task_or_none = self._working.get(request)
                if task_or_none is not None:
                    task_or_none.cancel()
            case Data() | End() | No() | Reply():
                if self._asked.receive(message) and (waiting := self._waiting.get(message.request)):
                    waiting.messages.put_nowait(message)

    def _begin(self, root: BlobRoot) -> None:
        """Another blob than the last one: a new song."""
        now_s = time.monotonic()
        if root != self._last_root and now_s - self._began_s > BEGIN_EVERY_S:
            self._began_s = now_s
            self._pipe.begin_anew()
        self._last_root = root

    async def _refuse(self, refusal: No) -> None:
        with contextlib.suppress(UnavailableError):
            await self._say(refusal)

    async def _work(self, request: Get | Ask) -> None:
        try:
            self._offered.allowed()
            if isinstance(request, Get):
                await self._give(request)
            else:
                await self._reply(request)
        except SongkeepError as error:
            log.debug("request_refused kind=%s", type(error).__name__)
            await self._refuse(No(request.request, _reason(error)))
        except asyncio.CancelledError:
            raise
        except Exception:
            # One request's bug must not end the other requests of this peer.
            log.exception("request_failed")
            await self._refuse(No(request.request, Reason.TRY_LATER))
        finally:
            self._working.pop(request.request, None)
            self._served.close(request.request)

    async def _give(self, request: Get) -> None:
        index = request.first
        async with contextlib.aclosing(_generator(self._offered.serve, request)) as chunks:
            async for part in chunks:
                for at in range(0, len(part), CHUNK_BYTES):
                    self._offered.allowed()
                    chunk = part[at : at + CHUNK_BYTES]
                    await self._say(Data(request.request, index, chunk))
                    self.bytes_served += len(chunk)
                    index += 1
        if index != request.first + request.count:
            raise DamagedError("a blob gave fewer chunks than were asked for")
        await self._say(End(request.request))

    async def _reply(self, request: Ask) -> None:
        answer = self._offered.answers.get(request.kind)
        if answer is None:
            raise NotFoundError("this device does not answer such questions")
        whole = memoryview(await answer(request.body))
        if len(whole) > channel.MAX_REPLY_BYTES:
            raise UnavailableError("the answer is too long")
        for at in range(0, max(len(whole), 1), channel.MAX_PART_BYTES):
            self._offered.allowed()
            part = bytes(whole[at : at + channel.MAX_PART_BYTES])
            await self._say(Reply(request.request, at + channel.MAX_PART_BYTES < len(whole), part))

    async def _say(self, message: channel.Message) -> None:
        async with self._turn:
            await self._pipe.send(channel.encode(message))


async def _generator(serve: Serve, request: Get) -> AsyncGenerator[bytes, None]:
    async for chunk in serve(request.root, request.first, request.count):
        yield chunk


def _reason(error: SongkeepError) -> Reason:
    match error:
        case NotFoundError():
            return Reason.NOT_HELD
        case RefusedError():
            return Reason.NOT_ALLOWED
        case DamagedError():
            return Reason.DAMAGED
        case PeerError():
            return Reason.NOT_ALLOWED
        case _:
            return Reason.TRY_LATER
