"""A device that others listen to doesn't fall asleep, and one that does says so first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from node.doors.channel import Serve
from node.doors.power import Nap, Power
from node.errors import SongkeepError
from node.ids import BlobRoot

log = logging.getLogger(__name__)

LISTENED_FOR_S: Final = 120.0
"""After something was given away the machine stays awake for so long: a player takes a song in a moment."""
TELL_TIMEOUT_S: Final = 3.0


class Wakeful:
    """`run` must be running."""

    def __init__(
        self,
        power: Power,
        *,
        announce: Callable[[], Awaitable[None]],
        woke: Callable[[], None],
        listened_for_s: float = LISTENED_FOR_S,
    ) -> None:
        """`announce` tells the other devices of `asleep`; `woke` hears that old connections may hang."""
        self._power = power
        self._announce = announce
        self._woke = woke
        self._listened_for_s = listened_for_s
        self._listened = asyncio.Event()
        self._until_s = 0.0
        self.asleep = False
        """This machine is falling asleep."""
        self.kept_awake = False

    def noting(self, serve: Serve) -> Serve:
        """`serve`, and the machine stays awake for whoever is served."""

        async def noted(root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
            self.note()
            async for chunk in serve(root, first, count):
                yield chunk
            self.note()

        return noted

    def note(self) -> None:
        """Somebody listens to this device."""
        self._until_s = asyncio.get_running_loop().time() + self._listened_for_s
        self._listened.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stay_awake())
            group.create_task(self._tell_of_naps())

    async def _stay_awake(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._listened.wait()
            self._listened.clear()
            async with self._power.awake() as told:
                self.kept_awake = told
                log.info("kept_awake told=%s", told)
                try:
                    while (left_s := self._until_s - loop.time()) > 0:  # noqa: ASYNC110  # that nobody listens is no event
                        await asyncio.sleep(left_s)
                finally:
                    self.kept_awake = False

    async def _tell_of_naps(self) -> None:
        async with contextlib.aclosing(self._power.naps()) as naps:
            async for nap in naps:
                self.asleep = nap is Nap.SLEEPS
                log.info("machine_%s", nap)
                if nap is Nap.WOKE:
                    self._woke()
                with contextlib.suppress(SongkeepError, TimeoutError):
                    async with asyncio.timeout(TELL_TIMEOUT_S):
                        await self._announce()
