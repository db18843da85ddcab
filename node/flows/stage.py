"""A stage of the work in the background: takes what the index says is next, a few at a time, until nothing is left."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from node.errors import SongkeepError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Made = TypeVar("Made")

RETRY_S: Final = 20.0
"""After the disk refused: it may have been given room meanwhile."""
RECORD_MOST: Final = 32
RECORD_AFTER_S: Final = 0.5
"""What is made is recorded many at a time, and soon: a crash costs at most this much work."""


class Stage(ABC, Generic[Item, Made]):
    """Nothing of its state is needed after a crash: the index knows what is done.

    `run` is the loop; `wake` tells it that there may be more to do; `idle` waits until nothing is left.
    """

    def __init__(self, *, at_once: int, retry_s: float = RETRY_S) -> None:
        self.at_once = at_once
        self.retry_s = retry_s
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._busy = asyncio.Event()
        self._recorded = asyncio.Event()
        self._pauses = 0
        self._making: dict[asyncio.Task[Made], Item] = {}
        self._ready: list[tuple[Item, Made]] = []
        self._due_s = 0.0
        self._recording: asyncio.Task[None] | None = None
        self._in_record: list[tuple[Item, Made]] = []
        """What is being recorded, or was to be when that failed."""

    @abstractmethod
    async def next_items(self, count: int, under_way: Sequence[Item]) -> Sequence[Item]:
        """Up to `count` items that aren't under way, the most wanted first."""

    @abstractmethod
    async def make(self, item: Item) -> Made:
        """The work on one item. Raises StorageError to have it tried again later."""

    @abstractmethod
    async def record(self, made: Sequence[tuple[Item, Made]]) -> None:
        """Make durable what was made. Raises StorageError to have all of it made again later."""

    @abstractmethod
    def dropped(self, made: Sequence[tuple[Item, Made]]) -> None:
        """What was made but won't be recorded: it will be made again."""

    @abstractmethod
    def refused(self, error: SongkeepError) -> None:
        """The disk is full or failing; the stage rests a while."""

    def wake(self) -> None:
        """There may be something to do."""
        self._idle.clear()
        self._busy.set()
        self._wake.set()

    async def idle(self) -> None:
        """Wait until nothing is left to do."""
        await self._idle.wait()

    async def busy(self) -> None:
        """Wait until there may be something to do."""
        await self._busy.wait()

    async def recorded(self) -> None:
        """Wait until more of it is done and durable."""
        await self._recorded.wait()

    def pause(self) -> None:
        """Begin nothing new; what is under way is finished. Calls add up: as many `resume` undo them."""
        self._pauses += 1

    def resume(self) -> None:
        self._pauses = max(0, self._pauses - 1)
        self._wake.set()

    @property
    def under_way(self) -> int:
        """How many items are being made or recorded."""
        return len(self._making) + len(self._ready) + (self._recording is not None)

    @property
    def paused(self) -> bool:
        return self._pauses > 0

    async def run(self) -> None:
        """Work for ever. When this is cancelled what is under way is dropped; what is being recorded is finished."""
        try:
            while True:
                try:
                    await self._until_nothing_is_left()
                except SongkeepError as error:
                    log.warning("stage_refused stage=%s error=%s", type(self).__name__, type(error).__name__)
                    await self._start_over(error)
                except Exception as error:
                    log.exception("stage_broken stage=%s", type(self).__name__)
                    words = f"something that should not happen did ({type(error).__name__})"
                    await self._start_over(SongkeepError(words))
                else:
                    await self._wake.wait()
        finally:
            for task in self._making:
                task.cancel()
            await self._settle()

    async def _until_nothing_is_left(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            await self._begin_more()
            if not self._making and not self._ready and self._recording is None:
                if self._wake.is_set():
                    continue
                if not self.paused:
                    self._busy.clear()
                    self._idle.set()
                return
            await self._wait(self._due_s - loop.time() if self._ready and self._recording is None else None)
            is_due = len(self._ready) >= RECORD_MOST or loop.time() >= self._due_s or not self._making
            if self._ready and self._recording is None and is_due:
                self._in_record, self._ready = self._ready, []
                self._recording = asyncio.create_task(self.record(self._in_record))

    async def _begin_more(self) -> None:
        room = self.at_once - len(self._making)
        if room <= 0 or self.paused or len(self._ready) >= RECORD_MOST:  # recording must keep up
            return
        done = (item for item, _ in (*self._ready, *self._in_record))
        for item in await self.next_items(room, [*self._making.values(), *done]):
            self._making[asyncio.create_task(self.make(item))] = item

    async def _wait(self, timeout_s: float | None) -> None:
        """Until something is made or recorded; takes in what it came to. Raises what that raised."""
        tasks: set[asyncio.Task[Any]] = {*self._making}
        if self._recording is not None:
            tasks.add(self._recording)
        timeout_s = None if timeout_s is None else max(0.0, timeout_s)
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready:
            self._due_s = asyncio.get_running_loop().time() + RECORD_AFTER_S
        refusal: BaseException | None = None
        for task in [task for task in self._making if task.done()]:
            item = self._making.pop(task)
            if task.exception() is None:
                self._ready.append((item, task.result()))
            else:
                refusal = task.exception()
        if self._recording is not None and self._recording.done():
            recording, self._recording = self._recording, None
            recording.result()
            self._in_record = []
            self._recorded.set()
            self._recorded.clear()
        if refusal is not None:
            raise refusal

    async def _start_over(self, error: SongkeepError) -> None:
        """Drop what is made and not recorded; say why; rest a while."""
        await self._settle()
        self.refused(error)
        await asyncio.sleep(self.retry_s)

    async def _settle(self) -> None:
        """Wait for all that is under way, record nothing more, and drop the rest."""
        recording, self._recording = self._recording, None
        if recording is not None:
            try:
                await recording
                self._in_record = []
            except Exception as error:
                log.warning("stage_not_recorded stage=%s error=%s", type(self).__name__, type(error).__name__)
        finished = await asyncio.gather(*self._making, return_exceptions=True)
        for item, made in zip(self._making.values(), finished, strict=True):
            if not isinstance(made, BaseException):
                self._ready.append((item, made))
        self.dropped([*self._in_record, *self._ready])
        self._making.clear()
        self._ready, self._in_record = [], []
