"""One sealed blob's file: being read, being sealed, or arriving from elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.crypto import merkle
from node.crypto.labels import CHUNK_BYTES, PIECE_BYTES
from node.doors.blobs.disk import Disk, as_storage_error
from node.errors import DamagedError
from node.files import OpenFile
from node.ids import BlobRoot
from node.positions import read_at, read_into

_WRITTEN_AT_ONCE_BYTES: Final = 16 * CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Drafted:
    """A whole blob that lies in `incoming` and waits to be published. A value: it may come from another process."""

    path: Path
    root: BlobRoot
    size_bytes: int


class BlobReader(OpenFile):
    """Positioned reads of one sealed blob; several threads may read at once."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        facts = os.fstat(fd)
        self.size_bytes = facts.st_size
        self.device = facts.st_dev

    def chunks(self, first: int, count: int) -> bytes:
        """Sealed bytes of chunks `first` to `first + count - 1`, as far as the file goes. Raises StorageError."""
        with as_storage_error():
            return read_at(self._fd, count * CHUNK_BYTES, first * CHUNK_BYTES)


class Draft(OpenFile):
    """A private file that a blob is sealed into, chunk after chunk; gone on exit unless `finish` was called."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._tree = merkle.TreeBuilder()
        self._size = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._back = bytearray()
        """What was written, read back: one place for all, or the system would have to find room each time."""
        self._done = False
        with as_storage_error():
            super().__init__(disk.create(path))

    def write(self, chunk: bytes) -> None:
        """The next sealed chunk. Raises StorageError, DamagedError if the disk gives back other bytes."""
        self.write_chunks(chunk)

    def write_chunks(self, chunks: bytes) -> None:
        """The next several chunks, whole but for the blob's end. Raises as `write` does."""
        self._tree.add(chunks)
        if len(chunks) >= _WRITTEN_AT_ONCE_BYTES // 4 and not self._waiting:
            self._put(chunks)  # enough to be written where it lies
            return
        self._waiting.append(chunks)
        self._waiting_bytes += len(chunks)
        if self._waiting_bytes >= _WRITTEN_AT_ONCE_BYTES:
            self._flush()

    def finish(self) -> tuple[Drafted, bytes]:
        """The draft, all of it read back and compared, and its layer. Raises as `write` does."""
        self._flush()
        root, layer = self._tree.finish()
        self._done = True
        return Drafted(self._path, root, self._size), layer

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        if data:
            self._put(data)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        for at in range(0, len(data), _WRITTEN_AT_ONCE_BYTES):
            part = view[at : at + _WRITTEN_AT_ONCE_BYTES]
            if len(self._back) != len(part):
                self._back = bytearray(len(part))
            with as_storage_error():
                self._disk.write(self._fd, part, self._size)
                read = read_into(self._fd, self._back, self._size)
            if read != len(part) or self._back != part:
                raise DamagedError("the disk with Songkeep's store gives back other bytes than were written to it")
            self._size += len(part)

    def __exit__(self, *failure: object) -> None:
        self.close()
        if not self._done or any(failure):
            with contextlib.suppress(OSError):
                self._disk.remove(self._path)


class Incoming(OpenFile):
    """A blob that arrives piece by piece; gone on exit unless it was committed."""

    def __init__(self, draft: Drafted, *, layer: bytes, disk: Disk, publish: Callable[[Drafted], None]) -> None:
        self._draft = draft
        self._layer = layer
        self._disk = disk
        self._publish = publish
        self._missing = set(range(len(layer) // merkle.HASH_BYTES))
        with as_storage_error():
            super().__init__(disk.create(draft.path))

    def missing(self) -> list[int]:
        """Indices of the pieces that haven't come yet, ascending."""
        return sorted(self._missing)

    def write_piece(self, index: int, data: bytes) -> None:
        """Raises DamagedError, and writes nothing, if `data` isn't that piece."""
        at = index * PIECE_BYTES
        if not 0 <= at < self._draft.size_bytes or len(data) != min(PIECE_BYTES, self._draft.size_bytes - at):
            raise DamagedError(f"piece {index} has the wrong length")
        merkle.check_piece(self._layer, index, data)
        with as_storage_error():
            self._disk.write(self._fd, data, at)
        self._missing.discard(index)

    def commit(self) -> None:
        """Publish the blob. Raises DamagedError while pieces are missing, or if they don't read back as they came."""
        if self._missing:
            raise DamagedError(f"{len(self._missing)} pieces of a blob have not come")
        with as_storage_error():
            for index in range(len(self._layer) // merkle.HASH_BYTES):
                merkle.check_piece(self._layer, index, read_at(self._fd, PIECE_BYTES, index * PIECE_BYTES))
        self.close()
        self._publish(self._draft)

    def __exit__(self, *_: object) -> None:
        self.close()
        with contextlib.suppress(OSError):
            self._disk.remove(self._draft.path)
