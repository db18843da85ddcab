"""Reading a plaintext from whatever places have it: the unchanged source, the sealed store, other devices.

A place gives whole chunks, already checked, or raises; none ever gives a wrong byte. One that fails in the middle
is left for the next, at the same byte.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.blob import CHUNK, PLAIN, BlobCipher
from node.crypto.labels import PIECE_CHUNKS
from node.doors.blobs import BlobReader
from node.doors.sources import OpenSource
from node.errors import DamagedError, NotFoundError, SongkeepError, UnavailableError
from node.flows.seal import pieces_plain, pieces_sealed

FIRST_CHUNKS: Final = 4
"""A read begins with one piece, so that its first byte comes at once; each step is twice the last."""
MOST_CHUNKS: Final = 16
"""256 KiB a step. One is being sent while the next is made: 50 listeners hold 25 MB. Larger steps are no faster."""
MOST_CHUNKS_WHOLE: Final = 128
"""2 MiB a step where nobody listens and a whole file is wanted: a step from a seed is a request."""
FETCH_TIMEOUT_S: Final = 30.0
"""For what a listener waits for, up to MOST_CHUNKS; larger steps may take as much longer."""
_THREADS_A_DISK: Final = 2
_THREADS_TO_BEGIN: Final = 16


class Threads:
    """Who reads. Two threads a disk: more would only hold each other up, and a disk that hangs holds up no other.

    Beginnings have threads of their own, so that a song starts at once however many are playing.
    """

    def __init__(self) -> None:
        self.urgent = ThreadPoolExecutor(_THREADS_TO_BEGIN, thread_name_prefix="begin")
        self._steady: dict[int, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def steady(self, device: int) -> Executor:
        """For long reads from the disk `device` (st_dev)."""
        with self._lock:
            if device not in self._steady:
                self._steady[device] = ThreadPoolExecutor(_THREADS_A_DISK, thread_name_prefix="stream")
            return self._steady[device]

    def close(self) -> None:
        for executor in (self.urgent, *self._steady.values()):
            executor.shutdown(wait=False, cancel_futures=True)


class Place(Protocol):
    """One place that holds one blob; blocking, called in threads."""

    device: int
    """The disk that it is on (st_dev)."""

    def plain(self, first: int, count: int) -> bytes:
        """Plaintext of chunks `first` to `first + count - 1`. Raises DamagedError, SourceChangedError, StorageError."""

    def close(self) -> None: ...


class Fetch(Protocol):
    """A way to other devices' copies."""

    name: str

    async def chunks(self, blob: BlobRef, first: int, count: int) -> bytes:
        """Sealed bytes of those chunks. Raises UnavailableError, PeerError or DamagedError: the next way is asked."""


class SealedSource:
    """A source whose blob is known: each piece is sealed again and compared with the layer before it is given."""

    def __init__(self, source: OpenSource, blob: BlobRef, layer: bytes) -> None:
        self.device = source.device
        self._source = source
        self._layer = layer
        self._cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)

    def plain(self, first: int, count: int) -> bytes:
        first_piece, stop_piece = first // PIECE_CHUNKS, -(-(first + count) // PIECE_CHUNKS)
        pieces = range(first_piece, min(stop_piece, len(self._layer) // merkle.HASH_BYTES))
        whole = pieces_plain(self._source, self._cipher.shape, pieces)
        pieces_sealed(whole, self._cipher, self._layer, pieces)
        skip = (first - first_piece * PIECE_CHUNKS) * PLAIN
        return whole[skip : skip + count * PLAIN]

    def close(self) -> None:
        self._source.close()


class UnsealedSource:
    """A source that waits to be sealed: given as it is, while it is what the scan saw."""

    def __init__(self, source: OpenSource) -> None:
        self.device = source.device
        self._source = source

    def plain(self, first: int, count: int) -> bytes:
        start = first * PLAIN
        data = self._source.read(start, max(0, min(count * PLAIN, self._source.size_bytes - start)))
        self._source.check()
        return data

    def close(self) -> None:
        self._source.close()


class StoredBlob:
    """Sealed bytes in this device's store."""

    def __init__(self, reader: BlobReader, blob: BlobRef) -> None:
        self.device = reader.device
        self._reader = reader
        self._cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        if reader.size_bytes != self._cipher.shape.sealed_bytes:
            raise DamagedError("a sealed file has the wrong length")

    def plain(self, first: int, count: int) -> bytes:
        return open_chunks(self._cipher, first, count, self._reader.chunks(first, count))

    def close(self) -> None:
        self._reader.close()


def open_chunks(cipher: BlobCipher, first: int, count: int, sealed: bytes) -> bytes:
    """Plaintext of chunks `first` to `first + count - 1`, as far as the blob goes. Raises DamagedError."""
    end = min((first + count) * CHUNK, cipher.shape.sealed_bytes)
    if len(sealed) != end - first * CHUNK:
        raise DamagedError("a sealed file is shorter than it should be")
    view = memoryview(sealed)
    return b"".join(
        cipher.open_chunk(first + number, view[at : at + CHUNK]) for number, at in enumerate(range(0, len(view), CHUNK))
    )


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to a place. `open` blocks, and raises when the blob can't be had there."""

    name: Literal["source", "store"]
    open: Callable[[], Place]
    source_id: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A place or a device that failed to give what it should have."""

    blob: BlobRef | None
    place: str
    source_id: int | None
    error: SongkeepError


class Reading:
    """One plaintext, open for reading from wherever it can be had."""

    def __init__(
        self,
        size_bytes: int,
        *,
        ways: Sequence[Way],
        threads: Threads,
        blob: BlobRef | None = None,
        fetches: Sequence[Fetch] = (),
        on_trouble: Callable[[Trouble], None] = lambda trouble: None,
    ) -> None:
        """`ways` in the order of preference; `fetches` come after them. `on_trouble` is called in any thread."""
        self.size_bytes = size_bytes
        self._ways = [*ways]
        self._way: Way | None = None
        self._threads = threads
        self._blob = blob
        self._fetches = [*fetches] if blob is not None else []
        self._on_trouble = on_trouble
        self._place: Place | None = None
        self._under_way: Future[bytes | None] | None = None
        self._worst: SongkeepError | None = None

    def open_place(self) -> bool:
        """Open the first place that can be; False if only others' copies are left, or nothing. Blocks."""
        while self._place is None and self._ways:
            self._way = self._ways.pop(0)
            try:
                self._place = self._way.open()
            except SongkeepError as error:
                self._failed(self._way.name, error, self._way.source_id)
        return self._place is not None

    async def read(self, start: int, stop: int, *, most_chunks: int = MOST_CHUNKS) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to `stop`, in parts of up to `most_chunks` chunks of 16 KiB.

        The next part is made ready while one is consumed.

        Raises DamagedError or UnavailableError when no place is left.
        """
        stop = min(stop, self.size_bytes)
        ahead: asyncio.Task[bytes] | None = None
        steps = _steps(start, stop, most_chunks)
        try:
            for at, (first, count) in enumerate(steps):
                data = await (ahead or self._step(first, count, urgent=True))
                ahead = asyncio.create_task(self._step(*steps[at + 1])) if at + 1 < len(steps) else None
                yield data[max(0, start - first * PLAIN) : stop - first * PLAIN]
        finally:
            if ahead is not None:
                ahead.cancel()

    def close(self) -> None:
        """Let go of the place, as soon as no thread is reading from it."""
        self._ways.clear()
        self._fetches.clear()
        place, self._place = self._place, None
        if place is None:
            return
        if self._under_way is None:
            place.close()
        else:
            self._under_way.cancel()
            self._under_way.add_done_callback(lambda _: place.close())

    async def _step(self, first: int, count: int, *, urgent: bool = False) -> bytes:
        while self._place or self._ways:
            place = None if urgent else self._place
            threads = self._threads.urgent if place is None else self._threads.steady(place.device)
            self._under_way = threads.submit(self._from_place, first, count)
            data = await asyncio.wrap_future(self._under_way)
            self._under_way = None
            if data is not None:
                return data
        for fetch in tuple(self._fetches):
            try:
                return await self._fetched(fetch, first, count)
            except SongkeepError as error:
                self._failed(fetch.name, error)
        raise self._worst or UnavailableError("it can't be had from anywhere at the moment")

    def _from_place(self, first: int, count: int) -> bytes | None:
        """What the best place left gives; None if it failed and the next is to be asked. Blocks."""
        if not self.open_place() or self._place is None or self._way is None:
            return None
        try:
            return self._place.plain(first, count)
        except SongkeepError as error:
            self._failed(self._way.name, error, self._way.source_id)
            self._place.close()
            self._place = None
            return None

    async def _fetched(self, fetch: Fetch, first: int, count: int) -> bytes:
        if self._blob is None:
            raise UnavailableError("only sealed songs can be had from other devices")
        blob = self._blob
        cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        timeout_s = FETCH_TIMEOUT_S * max(1.0, count / MOST_CHUNKS)
        try:
            sealed = await asyncio.wait_for(fetch.chunks(blob, first, count), timeout_s)
        except TimeoutError as error:
            raise UnavailableError("another device did not answer in time") from error
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads.urgent, open_chunks, cipher, first, count, sealed)

    def _failed(self, place: str, error: SongkeepError, source_id: int | None = None) -> None:
        if isinstance(error, NotFoundError):  # not kept there: nothing is wrong
            return
        if self._worst is None or isinstance(error, DamagedError):  # damage is worth telling before absence
            self._worst = error
        self._on_trouble(Trouble(self._blob, place, source_id, error))


def _steps(start: int, stop: int, most_chunks: int) -> list[tuple[int, int]]:
    """First chunk and count of each step of a read: one piece, then twice as much each time."""
    steps = []
    first, end, count = start // PLAIN, -(-stop // PLAIN), FIRST_CHUNKS
    while first < end:
        upto = min(first + count - first % PIECE_CHUNKS, end)  # from the second step on, whole pieces
        steps.append((first, upto - first))
        first, count = upto, min(count * 2, most_chunks)
    return steps
