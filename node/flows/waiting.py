"""Waiting for a newcomer: with every code that is shown, on every server where one may come."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from node.doors.rooms import PairPipe, pair_room
from node.errors import RefusedError, SongkeepError, UnavailableError
from node.flows.pair import Newcomer
from node.wire import pairing

log = logging.getLogger(__name__)

RETRY_S: Final = 5.0

Invite = Callable[[PairPipe, bytes, Callable[[], None]], Awaitable[Newcomer]]
"""The owner's side of a pairing over a pipe, with a code; calls its third argument once somebody has come."""


class Waiting:
    """One try to let one device in: the first code that somebody brings spends all others."""

    def __init__(self, session: aiohttp.ClientSession, invite: Invite) -> None:
        self._session = session
        self._invite = invite
        self._tasks: set[asyncio.Task[None]] = set()
        self._chosen: asyncio.Task[None] | None = None
        self._newcomer: asyncio.Future[Newcomer] = asyncio.get_running_loop().create_future()

    @property
    def met(self) -> bool:
        """Whether somebody has come."""
        return self._chosen is not None

    def add(self, code: bytes, server: str, lifetime_s: float) -> None:
        """Wait on that server too; nothing once somebody has come."""
        if not self.met:
            task = asyncio.create_task(self._wait(code, server, time.monotonic() + lifetime_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def newcomer(self) -> Newcomer:
        """Whoever was let in. Raises what ended the pairing."""
        return await self._newcomer

    async def close(self) -> None:
        """Every code is spent."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._newcomer.cancel()

    def _someone_came(self) -> None:
        current = asyncio.current_task()
        if self._chosen is not None:
            raise RefusedError("another device has come already")
        self._chosen = current
        for task in self._tasks:
            if task is not current:
                task.cancel()

    async def _wait(self, code: bytes, server: str, until_s: float) -> None:
        while True:
            try:
                newcomer = await self._wait_once(code, server, until_s)
            except UnavailableError:
                if not self.met and time.monotonic() < until_s:
                    # The server went away while nobody had come yet: the code is not spent.
                    await asyncio.sleep(RETRY_S)
                    continue
                self._end(UnavailableError("the other device left before it was let in; pair again with a new code"))
            except TimeoutError:
                log.debug("pairing_code_ran_out")
            except SongkeepError as error:
                self._end(error)
            else:
                if not self._newcomer.done():
                    self._newcomer.set_result(newcomer)
            return

    def _end(self, error: SongkeepError) -> None:
        if not self._newcomer.done():
            self._newcomer.set_exception(error)

    async def _wait_once(self, code: bytes, server: str, until_s: float) -> Newcomer:
        async with (
            asyncio.timeout(until_s - time.monotonic()) as patience,
            pair_room(self._session, server, pairing.pair_room(code), waits=True) as pipe,
        ):

            def someone_came() -> None:
                self._someone_came()
                patience.reschedule(None)

            return await self._invite(pipe, code, someone_came)


async def within(timeout_s: float, waiting: Waiting) -> Newcomer:
    """The newcomer, if one comes in time; who has come is not hurried. Raises UnavailableError, and as `newcomer`."""
    coming = asyncio.ensure_future(waiting.newcomer())
    try:
        await asyncio.wait([coming], timeout=timeout_s)
        if not coming.done() and not waiting.met:
            raise UnavailableError("nobody came in ten minutes; the codes have run out")
        return await coming
    finally:
        coming.cancel()
        with contextlib.suppress(BaseException):
            await coming
