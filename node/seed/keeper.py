"""Fetches what the lists name from the library's devices, checks it, and shares it with them.

A library's volumes are in the swarm only while one of its devices is there: a seed of thousands stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from node.doors.blobs import BlobReader
from node.doors.swarm import Endpoint, Held, SharedVolume, Swarm
from node.errors import DamagedError, NotFoundError, SongkeepError, StorageError, UnavailableError
from node.ids import BlobRoot, LibraryId, to_text
from node.seed.clock import Now
from node.seed.facts import HeldBlob
from node.seed.ledger import Ledger
from node.seed.schema import State
from node.seed.shelves import Shelf, Shelves
from node.seed.traffic import Traffic
from node.wire.volume import Volume, VolumeId

log = logging.getLogger(__name__)

T = TypeVar("T")

PRESENT_FOR_S: Final = 180.0
"""How long a device counts as there after it last said so."""
STALL_TIMEOUT_S: Final = 20.0
SETTLE_TIMEOUT_S: Final = 10.0
PUSH_SILENCE_S: Final = 30.0
RETRY_S: Final = 5.0
VOLUMES_AT_ONCE: Final = 3
"""Of one library, fetched from at the same time."""


@dataclass(slots=True)
class _Active:
    """A library of which a device is there."""

    shelf: Shelf
    peers: dict[Endpoint, float] = field(default_factory=dict)
    """Each device's swarm address, and when it counts as gone."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while exactly the listed volumes are in the swarm."""
    broken: set[VolumeId] = field(default_factory=set)
    """Volumes that gave something wrong: taken out of the swarm and begun anew."""
    task: asyncio.Task[None] | None = None


class Keeper:
    """`async with` it; it does its work in the background."""

    def __init__(self, ledger: Ledger, shelves: Shelves, swarm: Swarm, *, traffic: Traffic, now_ms: Now) -> None:
        self._ledger = ledger
        self._shelves = shelves
        self._swarm = swarm
        self._traffic = traffic
        self._now_ms = now_ms
        self._active: dict[LibraryId, _Active] = {}
        self._pushing: set[tuple[LibraryId, BlobRoot]] = set()

    async def __aenter__(self) -> Keeper:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [active.task for active in self._active.values() if active.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def swarm_port(self) -> int:
        return self._swarm.port

    @property
    def shared_volumes(self) -> int:
        """How many volumes are in the swarm: of libraries of which a device is there."""
        return len(self._swarm.volumes())

    async def present(self, library: LibraryId, endpoint: Endpoint) -> None:
        """A device of that library is there, with its swarm at `endpoint`.

        Returns when the listed volumes are in this seed's swarm: whoever connects before is turned away, and comes
        again only seconds later.
        """
        active = self._active.get(library)
        if active is None:
            shelf = await asyncio.to_thread(self._shelves.of, library)
            active = self._active.setdefault(library, _Active(shelf))
        new = endpoint not in active.peers
        active.peers[endpoint] = asyncio.get_running_loop().time() + PRESENT_FOR_S
        if active.task is None or active.task.done():
            active.settled.clear()
            active.task = asyncio.create_task(self._keep(library, active), name="seed-library")
        elif new or active.changed.is_set():
            active.settled.clear()
            active.changed.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(active.settled.wait(), SETTLE_TIMEOUT_S)

    def list_changed(self, library: LibraryId) -> None:
        """Another list is in force."""
        active = self._active.get(library)
        if active is not None:
            active.settled.clear()
            active.changed.set()

    async def open_blob(self, library: LibraryId, root: BlobRoot) -> BlobReader:
        """A held blob, for reading. Raises NotFoundError if the list in force doesn't name it or it hasn't come."""
        known = await self._ledger.blob(library, root)
        if known is None or known.state is not State.HELD:
            raise NotFoundError("the seed doesn't hold that")
        shelf = await asyncio.to_thread(self._shelves.of, library)
        try:
            return await asyncio.to_thread(shelf.store.reader, root)
        except NotFoundError:
            await self._ledger.set_damaged(library, root, now_ms=self._now_ms())
            self.list_changed(library)
            raise

    async def push(self, library: LibraryId, root: BlobRoot) -> Push:
        """Where a device may write a listed blob itself. Raises NotFoundError if it isn't wanted, UnavailableError."""
        known = await self._ledger.blob(library, root)
        if known is None or known.state not in (State.WANTED, State.DAMAGED):
            raise NotFoundError("the seed doesn't want that: no list names it, or it is there already")
        with self.pushing_alone(library, root):
            pass  # said before the blob's bytes are sent
        shelf = await asyncio.to_thread(self._shelves.of, library)
        return Push(self, library, known, shelf)

    @contextlib.contextmanager
    def pushing_alone(self, library: LibraryId, root: BlobRoot) -> Iterator[None]:
        """While one push of a blob goes on there is no other. Raises UnavailableError."""
        if (library, root) in self._pushing:
            raise UnavailableError("that blob is being pushed already")
        self._pushing.add((library, root))
        try:
            yield
        finally:
            self._pushing.discard((library, root))

    async def pushed(self, library: LibraryId, shelf: Shelf, root: BlobRoot, layer: bytes) -> None:
        """A blob that was pushed lies on the shelf."""
        dropped = await self._ledger.set_held(library, root, layer, now_ms=self._now_ms())
        if dropped:
            await asyncio.to_thread(shelf.drop, dropped)

    # the library's own task

    async def _keep(self, library: LibraryId, active: _Active) -> None:
        """Share and fetch until all of the library's devices have gone."""
        shared: dict[VolumeId, tuple[SharedVolume, bytes]] = {}
        try:
            while self._peers(active):
                active.changed.clear()
                whole = False
                try:
                    await self._follow_list(library, active, shared)
                    if not active.changed.is_set():
                        active.settled.set()
                    whole = await self._fetch_wanted(library, active, shared)
                except SongkeepError as error:
                    log.warning("library_waits library=%s error=%s", to_text(library)[:8], type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(active.changed.wait(), PRESENT_FOR_S / 4 if whole else RETRY_S)
        finally:
            for volume_id in shared:
                await self._swarm.remove(volume_id)
            log.info("library_asleep library=%s", to_text(library)[:8])

    def _peers(self, active: _Active) -> list[Endpoint]:
        now_s = asyncio.get_running_loop().time()
        for endpoint in [each for each, until_s in active.peers.items() if until_s <= now_s]:
            del active.peers[endpoint]
        return list(active.peers)

    async def _follow_list(
        self, library: LibraryId, active: _Active, shared: dict[VolumeId, tuple[SharedVolume, bytes]]
    ) -> None:
        """Have exactly the listed volumes in the swarm."""
        listed = {volume.id: (volume, tag) for volume, tag in await self._ledger.volumes(library)}
        gone = {each for each, (_, tag) in shared.items() if listed.get(each, (None, b""))[1] != tag}
        for volume_id in gone | (active.broken & shared.keys()):
            await self._swarm.remove(volume_id)
            del shared[volume_id]
        active.broken.clear()
        peers = self._peers(active)
        for volume_id, (volume, tag) in listed.items():
            if volume_id in shared:
                shared[volume_id][0].set_peers(peers, dial=())
                continue
            held = await self._held(library, active.shelf, volume)
            one = await self._swarm.add(volume, tag, held=held, incoming=active.shelf.arriving, peers=peers, dial=False)
            shared[volume_id] = one, tag

    async def _held(self, library: LibraryId, shelf: Shelf, volume: Volume) -> dict[int, Held]:
        known = await self._ledger.blobs(library, (blob.root for blob in volume.blobs))

        def look() -> dict[int, Held]:
            held = {}
            for index, blob in enumerate(volume.blobs):
                one = known.get(blob.root)
                path = shelf.store.path_of(blob.root) if one is not None and one.state is State.HELD else None
                if one is not None and path is not None:
                    held[index] = Held(path, one.layer)
            return held

        return await asyncio.to_thread(look)

    async def _fetch_wanted(
        self, library: LibraryId, active: _Active, shared: dict[VolumeId, tuple[SharedVolume, bytes]]
    ) -> bool:
        """Fetch what isn't here. True if then everything is."""
        whole = True
        turns = iter([one for one, _ in shared.values()])

        async def worker() -> None:
            nonlocal whole
            for one in turns:
                whole = await self._fetch_volume(library, active, one) and whole

        async with asyncio.TaskGroup() as group:
            for _ in range(VOLUMES_AT_ONCE):
                group.create_task(worker())
        return whole

    async def _fetch_volume(self, library: LibraryId, active: _Active, shared: SharedVolume) -> bool:
        blobs = shared.volume.blobs
        known = await self._ledger.blobs(library, (blob.root for blob in blobs))
        held = {
            index for index, blob in enumerate(blobs) if blob.root in known and known[blob.root].state is State.HELD
        }
        wanted = {index for index, blob in enumerate(blobs) if blob.root in known} - held
        lost = {index for index in wanted if shared.has(index)}
        pushed = {index for index in held if not shared.has(index)}
        if lost or (pushed and not wanted):
            # The swarm believes otherwise: begun anew, it is told what is really here.
            active.broken.add(shared.volume.id)
            active.settled.clear()
            active.changed.set()
            return False
        stall_s = STALL_TIMEOUT_S
        async with contextlib.aclosing(shared.fetch_all(sorted(wanted), stall_timeout_s=stall_s)) as arriving:
            async for index, arrived in _until(active.changed, arriving):
                if not await self._take(library, active.shelf, shared, index, arrived):
                    active.broken.add(shared.volume.id)
                    return False
                wanted.discard(index)
        return not wanted

    async def _take(self, library: LibraryId, shelf: Shelf, shared: SharedVolume, index: int, arrived: Path) -> bool:
        """Check a blob that has come and write it down; False if it isn't what it should be."""
        blob = shared.volume.blobs[index]
        try:
            layer = await asyncio.to_thread(shelf.take, arrived, blob.root, blob.sealed_bytes)
        except DamagedError:
            log.warning("blob_refused blob=%s", to_text(blob.root))
            return False
        path = await asyncio.to_thread(shelf.store.path_of, blob.root)
        assert path is not None
        await shared.moved(index, path)
        await self._ledger.set_held(library, blob.root, layer, now_ms=self._now_ms())
        self._traffic.of(library).received_bytes += blob.sealed_bytes
        return True


async def _until(stop: asyncio.Event, items: AsyncGenerator[T, None]) -> AsyncIterator[T]:
    """What comes from `items`, until `stop` is set; an item that has come is always given."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(items))
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
                return
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
            if stop.is_set():
                return
    finally:
        stopped.cancel()


async def _lively(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same parts, but whoever falls silent between two of them is given up."""
    while True:
        try:
            async with asyncio.timeout(PUSH_SILENCE_S):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except (TimeoutError, ConnectionError) as error:
            raise UnavailableError("the device stopped in the middle of a blob") from error
        yield part


class Push:
    """One blob on its way in over HTTP, in order."""

    def __init__(self, keeper: Keeper, library: LibraryId, blob: HeldBlob, shelf: Shelf) -> None:
        self.sealed_bytes = blob.sealed_bytes
        self._keeper = keeper
        self._library = library
        self._root = blob.root
        self._shelf = shelf
        # A name of its own: what one push leaves behind is never another's to read or to remove.
        self._path = shelf.arriving / f"{to_text(blob.root)}.{secrets.token_hex(4)}.push"

    async def take(self, parts: AsyncIterator[bytes]) -> None:
        """Read the blob's bytes to their end, check them and keep them.

        Raises DamagedError, StorageError, UnavailableError (the device stopped, or another push of it goes on).
        """
        with self._keeper.pushing_alone(self._library, self._root):
            try:
                await self._write(parts)
                layer = await asyncio.to_thread(self._shelf.take, self._path, self._root, self.sealed_bytes)
            except BaseException:
                self._shelf.forget(self._path)
                raise
            await self._keeper.pushed(self._library, self._shelf, self._root, layer)

    async def _write(self, parts: AsyncIterator[bytes]) -> None:
        left = self.sealed_bytes
        file = await asyncio.to_thread(open, self._path, "xb")
        try:
            async for data in _lively(parts):
                left -= len(data)
                if left < 0:
                    raise DamagedError("a pushed blob is longer than the list says")
                await asyncio.to_thread(file.write, data)
        except OSError as error:
            raise StorageError(f"the seed's disk refused: {error.strerror}") from error
        finally:
            await asyncio.to_thread(file.close)
