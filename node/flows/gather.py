"""One read of sealed chunks from several devices at once; who keeps it waiting is raced, who lies is left."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from node.crypto.blob import CHUNK, BlobCipher
from node.errors import DamagedError, NotHeldError, PeerError, SongkeepError, UnavailableError
from node.flows.ways import Take
from node.ids import BlobRoot, DeviceId

OVERDUE_S: Final = 0.25
"""Who has given nothing for so long is raced by the next one, at the place where it stands."""
SILENT_S: Final = 15.0
"""Who has given nothing for so long is given up: a disk may have to spin up first."""
SHARE_CHUNKS: Final = 16
"""The smallest share of a read that is worth asking another device for: 256 KiB."""


class WrongBytesError(PeerError):
    """A device gave other bytes than the blob's."""


class SilentError(UnavailableError):
    """A device has stopped answering."""


@dataclass(slots=True)
class _Share:
    """Some chunks in a row, and who is at them."""

    first: int
    count: int
    parts: list[bytes] = field(default_factory=list)
    """The longest beginning that has come and opens."""
    got: int = 0
    """How many chunks of it."""
    at_it: dict[asyncio.Task[None], DeviceId] = field(default_factory=dict)
    progress_s: float = 0.0

    @property
    def whole(self) -> bool:
        return self.got == self.count


class Gather:
    """Use once."""

    def __init__(
        self,
        take: Take,
        root: BlobRoot,
        cipher: BlobCipher,
        holders: Sequence[DeviceId],
        *,
        at_once: int,
        silent_s: float = SILENT_S,
    ) -> None:
        """`holders`: the best first; `at_once`: how many of them share the read while nobody is overdue."""
        self._take = take
        self._root = root
        self._cipher = cipher
        self._idle = deque(holders)
        self._at_once = at_once
        self._silent_s = silent_s
        self._loop = asyncio.get_running_loop()
        self.failed: dict[DeviceId, SongkeepError] = {}
        self.late: set[DeviceId] = set()
        """Who had to be raced."""

    async def run(self, first: int, count: int) -> bytes:
        """Those chunks. Raises NotHeldError if nobody has them, else what the last holder raised."""
        each = max(SHARE_CHUNKS, -(-count // self._at_once))
        shares = [_Share(at, min(each, first + count - at)) for at in range(first, first + count, each)]
        try:
            while open_shares := [share for share in shares if not share.whole]:
                self._assign(open_shares)
                tasks = [task for share in open_shares for task in share.at_it]
                if not tasks:
                    raise self._worst()
                done, _ = await asyncio.wait(
                    tasks, timeout=self._until_overdue(open_shares), return_when=asyncio.FIRST_COMPLETED
                )
                for share in open_shares:
                    self._take_in(share, done)
            return b"".join(part for share in shares for part in share.parts)
        finally:
            left = [task for share in shares for task in share.at_it]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _assign(self, shares: Sequence[_Share]) -> None:
        now_s = self._loop.time()
        for share in shares:
            overdue = share.at_it and now_s - share.progress_s >= OVERDUE_S
            if overdue:
                self.late.update(share.at_it.values())
            if self._idle and (overdue or not share.at_it):
                holder = self._idle.popleft()
                task = asyncio.create_task(self._fetch(share, holder))
                share.at_it[task] = holder
                share.progress_s = now_s

    def _until_overdue(self, shares: Sequence[_Share]) -> float | None:
        """How long to wait for an end; None if nobody is left to race anybody with."""
        if not self._idle:
            return None
        return max(0.0, min(share.progress_s for share in shares if share.at_it) + OVERDUE_S - self._loop.time())

    def _take_in(self, share: _Share, done: set[asyncio.Task[None]]) -> None:
        """Note who has come to an end; who has given what was asked for may be asked for more."""
        for task in done & share.at_it.keys():
            holder = share.at_it.pop(task)
            error = task.exception()
            if error is None:
                self._idle.appendleft(holder)
            elif isinstance(error, SongkeepError):
                self.failed[holder] = error
            else:
                raise error
        if share.whole:
            for task, holder in share.at_it.items():
                task.cancel()
                self._idle.append(holder)
            share.at_it.clear()

    async def _fetch(self, share: _Share, holder: DeviceId) -> None:
        mine, got = [*share.parts], share.got
        try:
            async with asyncio.timeout(self._silent_s) as silence:
                parts = self._take(holder, self._root, share.first + got, share.count - got)
                async with contextlib.aclosing(parts):
                    async for part in parts:
                        got += self._checked(part, share.first + got)
                        mine.append(part)
                        if got > share.count:
                            raise PeerError("another device gives more than it was asked for")
                        if got > share.got:
                            share.parts, share.got = mine, got
                        share.progress_s = self._loop.time()
                        silence.reschedule(share.progress_s + self._silent_s)
        except TimeoutError as error:
            raise SilentError("the other device has stopped answering") from error
        if got < share.count:
            raise UnavailableError("the other device gave less than it was asked for")

    def _checked(self, part: bytes, at: int) -> int:
        """How many chunks `part` is, of which the first should be chunk `at`. Raises WrongBytesError."""
        view = memoryview(part)
        places = range(0, len(part), CHUNK)
        try:
            for index, place in enumerate(places, at):
                self._cipher.open_chunk(index, view[place : place + CHUNK])
        except DamagedError as error:
            raise WrongBytesError("another device gave other bytes than the song's") from error
        return len(places)

    def _worst(self) -> SongkeepError:
        """What to say of those who failed: that one hasn't it says least."""
        told = [error for error in self.failed.values() if not isinstance(error, NotHeldError)]
        return told[-1] if told else NotHeldError("no other device has that music")
