"""A stage of the work in the background: takes what the index says is next, a few at a time, until nothing is left."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

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
    def paused(self) -> bool:
        return self._pauses > 0

    async def run(self) -> None:
        """Work for ever; whatever is under way when this is cancelled is dropped."""
        try:
            while True:
                try:
                    await self._until_nothing_is_left()
                except SongkeepError as error:
                    log.warning("stage_refused stage=%s error=%s", type(self).__name__, type(error).__name__)
                    self.refused(error)
                    await asyncio.sleep(self.retry_s)
                except Exception as error:
                    log.exception("stage_broken stage=%s", type(self).__name__)
                    self.refused(SongkeepError(f"something that should not happen did ({type(error).__name__})"))
                    await asyncio.sleep(self.retry_s)
                else:
                    await self._wake.wait()
        finally:
            for task in self._making:
                task.cancel()
            await asyncio.gather(*self._making, return_exceptions=True)

    async def _until_nothing_is_left(self) -> None:
        ready: list[tuple[Item, Made]] = []
        due_s = 0.0
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                await self._begin_more(ready)
                if not self._making and not ready:
                    if self._wake.is_set():
                        continue
                    if not self.paused:
                        self._busy.clear()
                        self._idle.set()
                    return
                if self._making:
                    timeout_s = max(0.0, due_s - loop.time()) if ready else None
                    done, _ = await asyncio.wait(self._making, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                    if not ready:
                        due_s = loop.time() + RECORD_AFTER_S
                    refusals: list[BaseException] = []
                    for task in done:
                        item = self._making.pop(task)
                        refusal = task.exception()
                        if refusal is None:
                            ready.append((item, task.result()))
                        else:
                            refusals.append(refusal)
                    if refusals:
                        raise refusals[0]
                if ready and (len(ready) >= RECORD_MOST or loop.time() >= due_s or not self._making):
                    await self.record(ready)
                    ready = []
                    self._recorded.set()
                    self._recorded.clear()
        except Exception:
            finished = await asyncio.gather(*self._making, return_exceptions=True)
            ready += [
                (item, made)
                for item, made in zip(self._making.values(), finished, strict=True)
                if not isinstance(made, BaseException)
            ]
            self._making.clear()
            self.dropped(ready)
            raise

    async def _begin_more(self, ready: Sequence[tuple[Item, Made]]) -> None:
        room = self.at_once - len(self._making)
        if room <= 0 or self.paused:
            return
        under_way = [*self._making.values(), *(item for item, _ in ready)]
        for item in await self.next_items(room, under_way):
            self._making[asyncio.create_task(self.make(item))] = item
