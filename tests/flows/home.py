"""One device with everything of it, in a temporary folder, for the tests of the flows."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mutagen.flac import FLAC

from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.doors.blobs import BlobStore, Disk
from node.doors.blobs.store import SPARE_BYTES
from node.doors.index import Index
from node.flows.background import IngestSettings
from node.flows.export import Export
from node.flows.folders import Folders
from node.flows.holdings import Holdings
from node.flows.ingest import Ingest
from node.flows.jobs import Jobs
from node.flows.reading import Fetch
from node.flows.stream import Streams, Wanted
from node.flows.verify import Verify
from node.flows.workers import Workers
from node.ids import BlobRoot
from node.library import Library

EPOCH = EpochKeys(1, hashlib.sha256(b"the first epoch of the tests").digest())
FOUNDER = member_keys_from_random(hashlib.sha512(b"the first device of the tests").digest())


@dataclass
class Home:
    """What node/app.py builds, less the faces."""

    index: Index
    library: Library
    store: BlobStore
    workers: Workers
    jobs: Jobs
    ingest: Ingest
    holdings: Holdings
    streams: Streams
    export: Export
    verify: Verify
    folders: Folders
    told: list[tuple[str, str]]
    """Sentences said to the person."""
    damaged: list[BlobRoot] = field(default_factory=list)

    def titles(self) -> list[str]:
        return [track["title"] for track in self.library.tracks(0, 500)["items"]]

    def only_track(self) -> str:
        [track] = self.library.tracks(0, 500)["items"]
        return str(track["id"])

    def operations(self) -> int:
        """How many batches this device has written to the catalog."""
        return sum(head.seq for head in self.index.log.heads().values())

    async def play(self, track: str, wanted: Wanted = "auto", start: int = 0, stop: int = 1 << 40) -> bytes:
        audio = await self.streams.open(track, wanted)
        async with audio, contextlib.aclosing(audio.read(start, stop)) as parts:
            return b"".join([part async for part in parts])


@contextlib.asynccontextmanager
async def open_home(
    path: Path,
    *,
    keep_sealed: bool = False,
    renditions: bool = False,
    processes: int = 0,
    disk: Disk | None = None,
    cache_bytes: int = 1 << 30,
    spare_bytes: int = SPARE_BYTES,
    fetches: Sequence[Fetch] = (),
    keys: MemberKeys | None = None,
    workers: Workers | None = None,
) -> AsyncIterator[Home]:
    """By default the work is done in threads: starting processes takes longer than what they would do."""
    path.mkdir(exist_ok=True)
    told: list[tuple[str, str]] = []
    damaged: list[BlobRoot] = []
    with Index.open(path / "index.sqlite") as index:
        library = Library.open(index, keys or FOUNDER, EPOCH.identity)
        store = BlobStore.open(path / "blobs", cache_bytes=cache_bytes, spare_bytes=spare_bytes, disk=disk)
        jobs = Jobs()
        settings = IngestSettings(keep_sealed=keep_sealed, renditions="on" if renditions else "off")
        async with workers or Workers(processes=processes) as workers:
            ingest = Ingest(
                library,
                store,
                workers,
                convergence=lambda: EPOCH.convergence,
                settings=settings,
                jobs=jobs,
                tell=lambda level, text: told.append((level, text)),
            )
            holdings = Holdings(library, store, on_changed=ingest.see_changed, on_damaged=damaged.append)
            streams = Streams(
                library, store, fetches=fetches, on_trouble=holdings.trouble, make_mobile=ingest.make_mobile
            )
            folders = Folders(library, ingest)
            async with ingest:
                try:
                    yield Home(
                        index=index,
                        library=library,
                        store=store,
                        workers=workers,
                        jobs=jobs,
                        ingest=ingest,
                        holdings=holdings,
                        streams=streams,
                        export=Export(library, streams),
                        verify=Verify(library, store, ingest),
                        folders=folders,
                        told=told,
                        damaged=damaged,
                    )
                finally:
                    await jobs.close()
                    await folders.close()
                    streams.close()


@contextlib.asynccontextmanager
async def watching(home: Home) -> AsyncIterator[None]:
    """See what happens in the folders, as a node that stays does."""
    task = asyncio.create_task(home.folders.watch())
    try:
        async with asyncio.timeout(60):
            await home.folders.listens()
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def retag(path: Path, title: str) -> None:
    """What a tagger does: other tags in place, the same sound."""
    song = FLAC(path)
    song["title"] = title
    song.save()


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """SHA-256 and time of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


async def until(true: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Wait until `true` says so."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.02)
