"""What of the library is to be on a seed, and how it gets there: by the swarm what lies here sealed, else pushed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from node.crypto.blob import Purpose, Shape
from node.crypto.labels import PIECE_BYTES
from node.doors.blobs import BlobStore
from node.doors.seeds import SeedClient, SeedStanding
from node.errors import DamagedError, NotFoundError, RefusedError, SongkeepError, UnavailableError
from node.flows.holdings import Holdings
from node.flows.pace import Pace
from node.flows.uploads import Uploads
from node.ids import BlobRoot, DeviceId, to_text
from node.library import Library
from node.wire.volume import Volume, VolumeBlob, VolumeId

if TYPE_CHECKING:  # libtorrent comes with it, which only those who have a seed need
    from node.doors.swarm import Endpoint, Held, Swarm

log = logging.getLogger(__name__)

PUSHES_AT_ONCE: Final = 2
PUSH_PIECES: Final = 16
POLL_S: Final = 1.0
QUIET_S: Final = 30.0
"""A seed that fetches nothing for so long is left alone until the next round."""
PRESENT_EVERY_S: Final = 60.0
_ORDER: Final = (Purpose.MOBILE, Purpose.COVER, Purpose.ORIGINAL)
"""What goes to a seed first: with the mobile renditions alone the whole library plays from anywhere."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a seed of a certain size is to keep, what is missed most first."""

    blobs: dict[BlobRoot, tuple[VolumeBlob, int]]
    """Each with its purpose."""
    left_out: dict[Purpose, int]
    """How many found no room, by purpose."""
    left_out_bytes: int = 0


def choose(library: Library, *, room_bytes: int, listed: Collection[BlobRoot] = frozenset()) -> Choice:
    """Fill `room_bytes` from the catalog, in the order of what is missed most: every song of the size for the phone,
    covers, then originals by stars and plays. What is `listed` already goes before its equals. Blocks.

    Tracks that were removed from the library are not among them.
    """
    blobs: dict[BlobRoot, tuple[VolumeBlob, int]] = {}
    left_out: dict[Purpose, int] = {}
    left_out_bytes = 0
    wished = [each for each in library.index.copies.weighed(shown=True) if each.purpose in _ORDER]
    # Plays count by their order of magnitude, so that listening to music doesn't move it to and fro.
    wished.sort(key=lambda each: (_ORDER.index(each.purpose), -each.weight.bit_length(), each.root not in listed))
    for each in wished:
        sealed_bytes = _sealed_bytes(library, each.root)
        if sealed_bytes is None:
            continue
        if sealed_bytes <= room_bytes:
            blobs[each.root] = VolumeBlob(each.root, sealed_bytes), int(each.purpose)
            room_bytes -= sealed_bytes
        else:
            left_out[each.purpose] = left_out.get(each.purpose, 0) + 1
            left_out_bytes += sealed_bytes
    return Choice(blobs, left_out, left_out_bytes)


def _sealed_bytes(library: Library, root: BlobRoot) -> int | None:
    known = library.index.blobs.get(root)
    if known is not None:
        return known.sealed_bytes
    ref = library.blob_ref(root)
    return None if ref is None else Shape(ref.size_bytes).sealed_bytes


class Sharing:
    """Gives seeds what they lack."""

    def __init__(
        self,
        *,
        library: Library,
        store: BlobStore,
        holdings: Holdings,
        swarm: Swarm,
        arriving: Path,
        pace: Pace | None = None,
        uploads: Uploads | None = None,
    ) -> None:
        """`arriving`: a directory of this device for what comes by the swarm; `pace`: for what is pushed;
        `uploads` counts what each seed takes.
        """
        self._pace = pace or Pace()
        self._uploads = uploads or Uploads()
        self._library = library
        self._store = store
        self._holdings = holdings
        self._swarm = swarm
        self._arriving = arriving
        self._fed: dict[VolumeId, dict[Endpoint, int]] = {}
        """Seeds that each shared volume is for, and how many rounds of each."""
        self._given: dict[tuple[VolumeId, Endpoint], int] = {}
        """Bytes that went over each connection of a shared volume, as far as they were counted."""

    async def feed(
        self,
        client: SeedClient,
        volumes: Sequence[tuple[Volume, bytes]],
        *,
        seed: DeviceId,
        on_standing: Callable[[SeedStanding], None] = lambda standing: None,
    ) -> bool:
        """Give a seed what it lacks of the listed volumes (each with its tag). True if then it has everything.

        `on_standing` is told now and then how far it is.
        """
        standing = await client.standing()
        on_standing(standing)
        if not standing.missing_blobs:
            return True
        async with contextlib.AsyncExitStack() as stack:
            pushes: list[BlobRoot] = []
            endpoint = await self._present(client)
            shared = 0
            for volume, tag in volumes:
                missing = [index for index, held in enumerate(await client.held_of(volume)) if not held]
                here = await asyncio.to_thread(self._sealed_here, volume, missing)
                pushes += [volume.blobs[index].root for index in missing if index not in here]
                if here:
                    await stack.enter_async_context(self._shared(volume, tag, here, endpoint))
                    shared += len(here)
            beating = asyncio.create_task(self._keep_present(client))
            stack.push_async_callback(_ended, beating)
            await self._push_all(client, pushes, seed)
            if shared:
                await self._until_fetched(client, seed, endpoint, on_standing)
        standing = await client.standing()
        on_standing(standing)
        return not standing.missing_blobs

    async def _present(self, client: SeedClient) -> Endpoint:
        from node.doors.swarm import Endpoint

        return Endpoint(*await client.present(self._swarm.port))

    async def _keep_present(self, client: SeedClient) -> None:
        while True:
            await asyncio.sleep(PRESENT_EVERY_S)
            with contextlib.suppress(SongkeepError):
                await self._present(client)

    def _sealed_here(self, volume: Volume, indexes: Sequence[int]) -> dict[int, Held]:
        from node.doors.swarm import Held

        held = {}
        for index in indexes:
            root = volume.blobs[index].root
            path = self._store.path_of(root)
            if path is not None:
                with contextlib.suppress(NotFoundError):
                    held[index] = Held(path, self._library.index.blobs.layer(root))
        return held

    @contextlib.asynccontextmanager
    async def _shared(self, volume: Volume, tag: bytes, held: dict[int, Held], seed: Endpoint) -> AsyncIterator[None]:
        """The volume in the swarm for as long as the context lasts, for that seed."""
        fed = self._fed.setdefault(volume.id, {})
        fed[seed] = fed.get(seed, 0) + 1
        try:
            shared = self._swarm.volumes().get(volume.id)
            if shared is None:
                await self._swarm.add(volume, tag, held=held, incoming=self._arriving, peers=fed)
            else:
                shared.set_peers(fed)
            yield
        finally:
            fed[seed] -= 1
            if not fed[seed]:
                del fed[seed]
            if not fed:
                del self._fed[volume.id]
                self._given = {each: count for each, count in self._given.items() if each[0] != volume.id}
                await self._swarm.remove(volume.id)

    async def _until_fetched(
        self, client: SeedClient, seed: DeviceId, endpoint: Endpoint, on_standing: Callable[[SeedStanding], None]
    ) -> None:
        """Wait while the seed fetches; return when it has all, or stands still."""
        loop = asyncio.get_running_loop()
        held, since_s = -1, loop.time()
        while loop.time() - since_s < QUIET_S:
            standing = await client.standing()
            on_standing(standing)
            self._count_given(seed, endpoint)
            if not standing.missing_blobs:
                return
            if standing.held_blobs != held:
                held, since_s = standing.held_blobs, loop.time()
            await asyncio.sleep(POLL_S)

    def _count_given(self, seed: DeviceId, endpoint: Endpoint) -> None:
        """Have shown what libtorrent gave to a seed since the last time."""
        for volume, shared in self._swarm.volumes().items():
            for peer in shared.peers() if endpoint in self._fed.get(volume, {}) else ():
                if peer.endpoint.ip != endpoint.ip:
                    continue
                before = self._given.get((volume, peer.endpoint), 0)
                self._given[volume, peer.endpoint] = peer.total_up_bytes
                # A connection made anew counts from nothing.
                more = peer.total_up_bytes - (before if before <= peer.total_up_bytes else 0)
                if more:
                    self._pace.count(more)
                    self._uploads.count(seed, more)

    async def _push_all(self, client: SeedClient, roots: Sequence[BlobRoot], seed: DeviceId) -> None:
        turns = iter(roots)

        async def worker() -> None:
            for root in turns:
                await self._push(client, root, seed)

        async with asyncio.TaskGroup() as group:
            for _ in range(PUSHES_AT_ONCE):
                group.create_task(worker())

    async def _push(self, client: SeedClient, root: BlobRoot, seed: DeviceId) -> None:
        """Seal it again from its source, on the way out. What this device can't give, another will."""
        ref = await asyncio.to_thread(self._library.blob_ref, root)
        if ref is None:
            return
        pieces = Shape(ref.size_bytes).pieces

        async def sealed() -> AsyncIterator[bytes]:
            for first in range(0, pieces, PUSH_PIECES):
                made = await asyncio.to_thread(self._holdings.pieces, ref, first, PUSH_PIECES)
                for at in range(0, len(made), PIECE_BYTES):
                    piece = made[at : at + PIECE_BYTES]
                    await self._pace.take(len(piece))
                    yield piece
                    self._uploads.count(seed, len(piece), of=root)

        try:
            # Its first pieces are made before anything is said, so that what isn't here costs no request.
            await asyncio.to_thread(self._holdings.pieces, ref, 0, 1)
            await client.push(root, sealed())
        except (NotFoundError, DamagedError, UnavailableError, RefusedError) as error:
            log.info("push_failed blob=%s reason=%s", to_text(root), type(error).__name__)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
