"""What requests bring, read so that neither a long nor a slow one takes what others need."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.errors import PeerError, UnavailableError

FREE_BYTES: Final = 64 * 1_024
"""So much of each body is not counted: what is asked most is small, and never waits for large ones."""
ARRIVE_TIMEOUT_S: Final = 180.0


class Bodies:
    """Bodies of one kind of asker; together they never have more than `most_bytes` in memory beside the small ones."""

    def __init__(self, most_bytes: int, *, arrive_timeout_s: float = ARRIVE_TIMEOUT_S) -> None:
        self._free_bytes = most_bytes
        self._arrive_timeout_s = arrive_timeout_s

    @contextlib.asynccontextmanager
    async def read(self, request: web.Request, max_bytes: int) -> AsyncIterator[memoryview]:
        """A request's body, which counts as long as the context lasts.

        Raises PeerError (too long, or too slow), UnavailableError (the others are large).
        """
        if (request.content_length or 0) > max_bytes:
            raise PeerError("a request is too long")
        taken = _Taken()
        try:
            yield memoryview(await self._arrive(request, max_bytes, taken))
        finally:
            self._free_bytes += taken.size_bytes

    async def _arrive(self, request: web.Request, max_bytes: int, taken: _Taken) -> bytearray:
        body = bytearray()
        try:
            async with asyncio.timeout(self._arrive_timeout_s):
                async for part in request.content.iter_chunked(FREE_BYTES):
                    body += part
                    if len(body) > max_bytes:
                        raise PeerError("a request is too long")
                    more_bytes = max(0, len(body) - FREE_BYTES) - taken.size_bytes
                    if more_bytes > self._free_bytes:
                        raise UnavailableError("the seed has many large requests to read; ask again in a while")
                    self._free_bytes -= more_bytes
                    taken.size_bytes += more_bytes
        except TimeoutError as error:
            raise PeerError("a request came too slowly") from error
        return body


@dataclass(slots=True)
class _Taken:
    """What one body counts for by now."""

    size_bytes: int = 0
