"""Keeping sealed bytes of what was sealed before the person asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from node.crypto.blob import Purpose
from node.doors.index import StoredBlob
from node.errors import SongkeepError, StorageError, UnavailableError
from node.flows.holdings import Holdings
from node.flows.jobs import Jobs
from node.library import Library

_PAGE: Final = 1_000


class Keeping:
    """Goes through all originals when it is asked to, and again at each start while it is wanted."""

    def __init__(
        self, library: Library, holdings: Holdings, *, jobs: Jobs, on_refused: Callable[[SongkeepError], None]
    ) -> None:
        self._library = library
        self._holdings = holdings
        self._jobs = jobs
        self._on_refused = on_refused
        self._wanted = asyncio.Event()

    def want(self, wanted: bool) -> None:
        """Begin, or stop before the next one."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    async def run(self) -> None:
        """Keep for ever what is to be kept."""
        while True:
            await self._wanted.wait()
            try:
                await self._keep_all()
            except SongkeepError as error:
                self._on_refused(error)
            self._wanted.clear()

    async def _keep_all(self) -> None:
        missing = await asyncio.to_thread(lambda: list(self._not_kept()))
        if not missing:
            return
        job = self._jobs.show("seal")
        job.begin("keeping", files=len(missing), size_bytes=sum(blob.sealed_bytes for blob in missing))
        try:
            for blob in missing:
                if not self._wanted.is_set():
                    return
                await asyncio.to_thread(self._keep, blob)
                job.advance(files=1, size_bytes=blob.sealed_bytes)
        finally:
            self._jobs.finish(job)

    def _keep(self, blob: StoredBlob) -> None:
        ref = self._library.blob_ref(blob.root)
        if ref is None:
            return
        try:
            self._holdings.ensure_sealed(ref, keep=True)
        except StorageError:
            raise
        except UnavailableError:
            return  # its file is away or gone: there is nothing to keep

    def _not_kept(self) -> Iterator[StoredBlob]:
        after = b""
        while page := self._library.index.blobs.page(after, _PAGE):
            yield from (blob for blob in page if blob.purpose == Purpose.ORIGINAL and blob.stored != "pinned")
            after = page[-1].root
