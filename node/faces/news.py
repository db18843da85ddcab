"""What open players and commands are told as it happens: changes, progress, notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from node.flows.jobs import Job

Level = Literal["info", "warning", "error"]

NOTICES_KEPT: Final = 50
TELL_EVERY_S: Final = 0.25
_BACKLOG_EVENTS: Final = 256
"""What one listener has yet to be told at most; beyond it what came first is left out."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the person."""

    level: Level
    said: str | Callable[[], str]
    """A function where it names what may get its name later."""
    time_ms: int

    @property
    def text(self) -> str:
        """The sentence, as it is said now."""
        return self.said if isinstance(self.said, str) else self.said()

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level, "text": self.text, "time_ms": self.time_ms}


class _Listener:
    """One open event stream: what it has yet to be told. Later states replace earlier ones of the same thing."""

    def __init__(self) -> None:
        self._waiting: dict[str, bytes] = {}
        self._woken = asyncio.Event()

    def tell(self, key: str, event: bytes) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = event
        if len(self._waiting) > _BACKLOG_EVENTS:
            del self._waiting[next(iter(self._waiting))]
        self._woken.set()

    async def next(self, timeout_s: float) -> bytes:
        """All that waits, as one piece of an event stream; b"" after `timeout_s` of silence."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        self._woken.clear()
        told, self._waiting = self._waiting, {}
        return b"".join(told.values())


class News:
    """One for the whole node. `changed`, `progress` and `notice` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listeners: set[_Listener] = set()
        self._notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self._serial = 0
        self._closed = False

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def notices(self) -> list[Notice]:
        """The latest ones, oldest first."""
        return list(self._notices)

    def changed(self, revision: int) -> None:
        """The library differs from what it was."""
        self._spread("changed", "changed", {"revision": revision})

    def progress(self, job: dict[str, Any]) -> None:
        """A job stands elsewhere than it did."""
        self._spread("progress", f"progress {job.get('id')}", job)

    def notice(self, level: Level, said: str | Callable[[], str]) -> None:
        """The person should know this. The same sentence twice in a row is said once."""
        notice = Notice(level, said, time.time_ns() // 1_000_000)
        if self._notices and self._notices[-1].text == notice.text:
            return
        self._notices.append(notice)
        self._serial += 1
        self._spread("notice", f"notice {self._serial}", notice.as_json())

    def _spread(self, name: str, key: str, value: dict[str, Any]) -> None:
        event = f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._tell_all, key, event)

    def _tell_all(self, key: str, event: bytes) -> None:
        for listener in self._listeners:
            listener.tell(key, event)

    async def follow(self, *, silence_s: float) -> AsyncGenerator[bytes, None]:
        """Pieces of an event stream for one listener; an empty comment after `silence_s` without news."""
        with self._listening() as listener:
            while not self._closed:
                yield await listener.next(silence_s) or b": still here\n\n"

    def close(self) -> None:
        """End every event stream: the node is closing. On the event loop."""
        self._closed = True
        self._tell_all("closing", b": closing\n\n")

    @contextlib.contextmanager
    def _listening(self) -> Iterator[_Listener]:
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)


class ProgressTeller:
    """Tells listeners how jobs go, a few times a second at most for each."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._told_s: dict[str, float] = {}

    def __call__(self, job: Job) -> None:
        now_s = time.monotonic()
        if job.state != "running":
            self._told_s.pop(job.id, None)
        elif now_s - self._told_s.get(job.id, 0.0) < TELL_EVERY_S:
            return
        else:
            self._told_s[job.id] = now_s
        self._news.progress(job.as_json())
