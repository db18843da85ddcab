"""The seed's disk: one sealed store for each library, so that no two share a byte."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from node.crypto import merkle
from node.crypto.labels import CHUNK_BYTES, PIECE_BYTES
from node.doors.blobs import BlobStore, Drafted
from node.errors import DamagedError, StorageError
from node.ids import BlobRoot, LibraryId, to_text

_STEP_BYTES = 16 * PIECE_BYTES


class Shelf:
    """What is held for one library. Every method blocks."""

    def __init__(self, directory: Path) -> None:
        self.store = BlobStore.open(directory / "blobs")
        self.arriving = directory / "arriving"
        """Half-fetched blobs; emptied when the shelf is opened."""
        try:
            self.arriving.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self.arriving.iterdir():
                left.unlink()
        except OSError as error:
            raise StorageError(f"the seed's store can't be opened: {error.strerror}") from error

    def take(self, arrived: Path, root: BlobRoot, sealed_bytes: int) -> bytes:
        """Check a blob that has arrived and put it in its place; returns its layer. Raises DamagedError."""
        layer = layer_of_file(arrived, root, sealed_bytes)
        self.store.publish([Drafted(arrived, root, sealed_bytes)], keep=True)
        return layer

    def drop(self, roots: Iterable[BlobRoot]) -> None:
        """Remove blobs for good."""
        for root in roots:
            self.store.release(root)
            self.store.drop(root)

    def forget(self, arrived: Path) -> None:
        with contextlib.suppress(OSError):
            arrived.unlink()


def layer_of_file(path: Path, root: BlobRoot, sealed_bytes: int) -> bytes:
    """The layer of the blob in that file, made from its bytes alone. Raises DamagedError if they aren't the blob."""
    tree = merkle.TreeBuilder()
    size = 0
    try:
        with open(path, "rb", buffering=0) as file:
            while data := file.read(_STEP_BYTES):
                # A short read in the middle would shift every leaf after it.
                while len(data) % CHUNK_BYTES and (rest := file.read(CHUNK_BYTES - len(data) % CHUNK_BYTES)):
                    data += rest
                size += len(data)
                view = memoryview(data)
                for at in range(0, len(data), CHUNK_BYTES):
                    tree.add(bytes(view[at : at + CHUNK_BYTES]))
    except FileNotFoundError as error:
        raise DamagedError("a blob's file is gone") from error
    except OSError as error:
        raise DamagedError(f"a blob's file can't be read: {error.strerror}") from error
    if size != sealed_bytes:
        raise DamagedError(f"a blob has {size} bytes and should have {sealed_bytes}")
    made, layer = tree.finish()
    if made != root:
        raise DamagedError("a blob's bytes are not those that its name stands for")
    return layer


class Shelves:
    """The shelves of all libraries, opened as they are needed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._open: dict[LibraryId, Shelf] = {}

    def of(self, library: LibraryId) -> Shelf:
        """That library's shelf. Raises StorageError."""
        shelf = self._open.get(library)
        if shelf is None:
            shelf = self._open[library] = Shelf(self._home / "libraries" / to_text(library))
        return shelf
