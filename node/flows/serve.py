"""What members of the library may have from this device: sealed chunks, the catalog's snapshot, and small answers."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, overload

from node.catalog.model import BlobRef
from node.catalog.values import rendition_value
from node.crypto import merkle
from node.crypto.blob import BlobCipher, Purpose, Shape, blob_key
from node.crypto.labels import CHUNK_BYTES, PIECE_CHUNKS
from node.doors.audio import MobileCodec
from node.doors.channel import Answer
from node.errors import NotFoundError, PeerError, UnavailableError
from node.flows.holdings import Holdings
from node.ids import BlobRoot, TrackId, text_id
from node.library import Library
from node.memory import give_back
from node.wire import codec

log = logging.getLogger(__name__)

PIECES_AT_ONCE: Final = (1, 15, 16)
"""Read together: one first, so that a song begins at once; then 1 MiB, which is soon used and found room for again."""
MAKING_TIMEOUT_S: Final = 60.0
SNAPSHOT_AFTER_S: Final = 1.0
"""Of quiet, before a changed catalog is put together anew."""
SNAPSHOT_REST: Final = 10.0
"""A catalog that took a second to put together then rests ten."""
_REMEMBERED_BLOBS: Final = 512


class SealedChunks(Sequence[bytes]):
    """Sealed chunks in a temporary file that goes with this object: ten megabytes for 20,000 songs."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        self._lock = threading.Lock()
        self._size_bytes = 0

    def kept(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Each chunk, once it is in the file. Raises OSError."""
        for chunk in chunks:
            self._file.write(chunk)
            self._size_bytes += len(chunk)
            yield chunk

    def __len__(self) -> int:
        return -(-self._size_bytes // CHUNK_BYTES)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        with self._lock:
            self._file.seek(index * CHUNK_BYTES)
            return self._file.read(CHUNK_BYTES)


class Snapshots:
    """The newest sealed snapshot of the catalog: a phone begins with it. It lies in a file without a name."""

    def __init__(self, library: Library, convergence: Callable[[], bytes]) -> None:
        """`convergence` gives the newest epoch's key."""
        self._library = library
        self._convergence = convergence
        self._wanted = asyncio.Event()
        self._chunks: dict[BlobRoot, SealedChunks] = {}
        self.newest: BlobRef | None = None
        self.on_new: list[Callable[[], Awaitable[None]]] = []

    def want(self) -> None:
        """From now on somebody may ask; before, no snapshot is made."""
        self._wanted.set()

    async def run(self) -> None:
        """Follows the catalog until cancelled."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        changed.set()

        def note_change(_revision: int) -> None:
            loop.call_soon_threadsafe(changed.set)

        forget = self._library.on_change(note_change)
        try:
            await self._wanted.wait()
            while True:
                await changed.wait()
                await asyncio.sleep(SNAPSHOT_AFTER_S if self.newest is not None else 0)
                changed.clear()
                began_s = time.monotonic()
                await self._renew()
                await asyncio.sleep((time.monotonic() - began_s) * SNAPSHOT_REST)
        finally:
            forget()

    async def _renew(self) -> None:
        try:
            newest, chunks = await asyncio.to_thread(self._seal)
            await asyncio.to_thread(self._give_back)
        except OSError as error:  # the disk with temporary files is full: the one before serves on
            log.warning("snapshot_not_sealed reason=%s", error.strerror)
            return
        if self.newest is not None and newest.root == self.newest.root:
            return
        kept = {} if self.newest is None else {self.newest.root: self._chunks[self.newest.root]}
        # The one before stays: somebody may be in the middle of fetching it.
        self._chunks = {**kept, newest.root: chunks}
        self.newest = newest
        log.info("snapshot_sealed size_bytes=%d", newest.size_bytes)
        for tell in self.on_new:
            await tell()

    def _seal(self) -> tuple[BlobRef, SealedChunks]:
        plain = self._library.snapshot()
        digest = merkle.leaf_hash(plain)
        key = blob_key(self._convergence(), Purpose.SNAPSHOT, size_bytes=len(plain), sha256=digest)
        cipher = BlobCipher(key, len(plain))
        chunks = SealedChunks()
        root, _ = merkle.root_of_chunks(chunks.kept(cipher.seal_all(plain)))
        ref = BlobRef(root=root, key=key, commitment=cipher.commitment, size_bytes=len(plain), sha256=digest)
        return ref, chunks

    def _give_back(self) -> None:
        """What made a new snapshot necessary, and the making, may have taken much memory for once. Blocks."""
        self._library.index.give_back()
        give_back()

    def chunks(self, root: BlobRoot) -> Sequence[bytes] | None:
        """All chunks of a snapshot that is still kept."""
        return self._chunks.get(root)


class Serving:
    """Answers members, from the store or made again from unchanged files; never anything unchecked."""

    def __init__(
        self,
        library: Library,
        holdings: Holdings,
        snapshots: Snapshots,
        *,
        make_mobile: Callable[[TrackId, MobileCodec], Awaitable[None]] | None,
    ) -> None:
        """`make_mobile` returns once the track has its mobile rendition in that codec; None if this node makes none."""
        self._library = library
        self._holdings = holdings
        self._snapshots = snapshots
        self._make_mobile = make_mobile
        self._refs: OrderedDict[BlobRoot, BlobRef] = OrderedDict()

    @property
    def answers(self) -> Mapping[str, Answer]:
        """By the kind of question (docs/PROTOCOL.md, "Questions")."""
        return {"catalog": self._catalog, "render": self._render}

    async def chunks(self, root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        """Sealed chunks of a blob, several at a time. Raises NotFoundError, UnavailableError, DamagedError."""
        snapshot = self._snapshots.chunks(root)
        if snapshot is not None:
            for at in range(first, min(first + count, len(snapshot))):
                yield snapshot[at]
            return
        ref = await self._ref(root)
        at, end = first, first + count
        blocks = iter(PIECES_AT_ONCE)
        pieces_at_once = next(blocks)
        while at < end:
            piece, skipped = divmod(at, PIECE_CHUNKS)
            wanted = min(pieces_at_once, -(-(end - piece * PIECE_CHUNKS) // PIECE_CHUNKS))
            data = await asyncio.to_thread(self._holdings.pieces, ref, piece, wanted)
            if skipped or len(data) > (end - at) * CHUNK_BYTES:
                data = data[skipped * CHUNK_BYTES : (skipped + end - at) * CHUNK_BYTES]
            if not data:
                raise NotFoundError("the blob has no such chunk")
            yield data
            at += -(-len(data) // CHUNK_BYTES)
            pieces_at_once = next(blocks, pieces_at_once)

    async def size_bytes(self, root: BlobRoot) -> int:
        """The sealed bytes of a blob. Raises NotFoundError."""
        snapshot = self._snapshots.chunks(root)
        if snapshot is not None:
            return (len(snapshot) - 1) * CHUNK_BYTES + len(snapshot[len(snapshot) - 1])
        return Shape((await self._ref(root)).size_bytes).sealed_bytes

    async def _ref(self, root: BlobRoot) -> BlobRef:
        ref = self._refs.get(root)
        if ref is None:
            ref = await asyncio.to_thread(self._library.blob_ref, root)
            if ref is None:
                raise NotFoundError("this library has no such blob")
            self._refs[root] = ref
            if len(self._refs) > _REMEMBERED_BLOBS:
                self._refs.popitem(last=False)
        return ref

    async def _catalog(self, _body: Any) -> bytes:
        """The whole catalog as a snapshot document, as it is now."""
        return await asyncio.to_thread(self._library.snapshot)

    async def _render(self, body: Any) -> bytes:
        """Makes a track's mobile rendition now: msgpack [blob, stream], as in the catalog."""
        track = body.get("track") if isinstance(body, dict) else None
        if not isinstance(track, str):
            raise PeerError("a question for a rendition names no track")
        wanted: MobileCodec = "aac" if body.get("codec") == "aac" else "opus"
        track_id = TrackId(text_id(track))
        files = await asyncio.to_thread(self._library.files, track_id)
        if files.small(wanted) is None:
            if self._make_mobile is None:
                raise UnavailableError("this device makes no renditions now")
            try:
                async with asyncio.timeout(MAKING_TIMEOUT_S):
                    await self._make_mobile(files.track_id, wanted)
            except TimeoutError as error:
                raise UnavailableError("the rendition was not made in time") from error
            files = await asyncio.to_thread(self._library.files, track_id)
        held = files.small(wanted)
        if held is None:
            raise UnavailableError("no rendition can be made of that track")
        return codec.pack(rendition_value(held.rendition))
