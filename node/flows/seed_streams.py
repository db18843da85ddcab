"""Music from a seed: chunks over HTTP, for a song that plays and for a catalog that is taken in whole."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from typing import Final

from node.catalog.model import BlobRef
from node.crypto.blob import BlobCipher
from node.crypto.labels import CHUNK_BYTES
from node.doors.seeds import SeedClient
from node.errors import DamagedError, SongkeepError, UnavailableError
from node.ids import BlobRoot
from node.peers.membership import Membership

CHUNKS_AT_ONCE: Final = 256
SECOND_AFTER_S: Final = 0.25
"""A seed that is silent for so long is raced by the next one."""
SLOW_FOR_S: Final = 30.0


class SeedFetch:
    """A way to the seeds' copies, for node/flows/stream.py."""

    name = "seed"

    def __init__(self, membership: Membership, *, local_address: str | None = None) -> None:
        self._membership = membership
        self._local_address = local_address
        self._urls: list[str] = []
        self._slow: dict[str, float] = {}
        """Seeds that were too late or failed, and until when they are asked last."""
        self._clients: dict[str, SeedClient] = {}
        self._lifetime = contextlib.AsyncExitStack()

    def set_seeds(self, urls: Sequence[str]) -> None:
        """The seeds to ask, the best first."""
        self._urls = [url for url in urls if url]

    async def close(self) -> None:
        await self._lifetime.aclose()

    async def chunks(self, blob: BlobRef, first: int, count: int) -> bytes:
        """Sealed bytes of those chunks, from the first seed that gives them.

        Raises UnavailableError if none does, or what the last one raised.
        """
        if not self._urls:
            raise UnavailableError("the library has no seed that could be asked")
        loop = asyncio.get_running_loop()
        waiting: dict[asyncio.Task[bytes], str] = {}
        order = sorted(self._urls, key=lambda url: self._slow.get(url, 0) > loop.time())
        urls = iter(order)
        worst: SongkeepError = UnavailableError("no seed has it")
        more = True
        try:
            while more or waiting:
                url = next(urls, None)
                more = url is not None
                if url is not None:
                    waiting[asyncio.create_task(self.ask(url, blob.root, first, count))] = url
                if not waiting:
                    break
                done, _ = await asyncio.wait(
                    waiting, timeout=SECOND_AFTER_S if more else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    its_url = waiting.pop(task)
                    try:
                        given = task.result()
                    except SongkeepError as error:
                        self._slow[its_url] = loop.time() + SLOW_FOR_S
                        worst = error
                    else:
                        for late in waiting.values():
                            self._slow[late] = loop.time() + SLOW_FOR_S
                        return given
            raise worst
        finally:
            for task in waiting:
                task.cancel()

    async def ask(self, url: str, root: BlobRoot, first: int, count: int) -> bytes:
        """The same from the seed at `url` alone. Raises NotFoundError, UnavailableError, RefusedError, ..."""
        client = self._clients.get(url)
        if client is None:
            client = await self._lifetime.enter_async_context(SeedClient.open(url, local_address=self._local_address))
            self._clients[url] = client
            client.sign_in_as(self._membership.keys, self._membership.library)
        return await client.chunks(root, first, count)


async def fetch_blob(client: SeedClient, blob: BlobRef, *, max_bytes: int) -> bytes:
    """A whole small blob, opened and checked. Raises DamagedError, NotFoundError, UnavailableError."""
    if blob.size_bytes > max_bytes:
        raise DamagedError("a sealed catalog is larger than any that this program makes")
    cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
    plain = bytearray()
    for first in range(0, cipher.shape.chunks, CHUNKS_AT_ONCE):
        sealed = memoryview(await client.chunks(blob.root, first, CHUNKS_AT_ONCE))
        expected = min(CHUNKS_AT_ONCE, cipher.shape.chunks - first)
        if -(-len(sealed) // CHUNK_BYTES) != expected:
            raise DamagedError("a seed gave less of a blob than there is")
        for number in range(expected):
            plain += cipher.open_chunk(first + number, sealed[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES])
    if hashlib.sha256(plain).digest() != blob.sha256:
        raise DamagedError("a blob is not what the catalog says")
    return bytes(plain)
