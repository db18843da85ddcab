"""Where a blob's plaintext can be had from: the unchanged source, the sealed store, other devices.

Each place gives whole chunks, already checked, or raises; none ever gives a wrong byte.
"""

from __future__ import annotations

from typing import Protocol

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.blob import CHUNK, PLAIN, BlobCipher
from node.crypto.labels import PIECE_CHUNKS
from node.doors.blobs import BlobReader
from node.doors.sources import Source
from node.errors import DamagedError
from node.flows.seal import piece_from_source


class Place(Protocol):
    """One place that holds one blob; blocking, called in threads."""

    name: str

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

    name = "source"

    def __init__(self, source: Source, blob: BlobRef, layer: bytes) -> None:
        self._source = source
        self._layer = layer
        self._cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)

    def plain(self, first: int, count: int) -> bytes:
        first_piece = first // PIECE_CHUNKS
        end_piece = -(-(first + count) // PIECE_CHUNKS)
        pieces = [
            piece_from_source(self._source, self._cipher, self._layer, index)[0]
            for index in range(first_piece, min(end_piece, len(self._layer) // merkle.HASH_BYTES))
        ]
        skip = (first - first_piece * PIECE_CHUNKS) * PLAIN
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return whole[skip : skip + count * PLAIN]

    def close(self) -> None:
        self._source.close()


class UnsealedSource:
    """A source that waits to be sealed: given as it is, while it is what the scan saw."""

    name = "unsealed source"

    def __init__(self, source: Source) -> None:
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

    name = "store"

    def __init__(self, reader: BlobReader, blob: BlobRef) -> None:
        self._reader = reader
        self._cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        if reader.size_bytes != self._cipher.shape.sealed_bytes:
            raise DamagedError("a sealed file has the wrong length")

    def plain(self, first: int, count: int) -> bytes:
        return open_chunks(self._cipher, first, self._reader.chunks(first, count))

    def close(self) -> None:
        self._reader.close()


def open_chunks(cipher: BlobCipher, first: int, sealed: bytes) -> bytes:
    """Plaintext of consecutive sealed chunks that begin with chunk `first`. Raises DamagedError."""
    view = memoryview(sealed)
    return b"".join(
        cipher.open_chunk(first + number, view[at : at + CHUNK]) for number, at in enumerate(range(0, len(view), CHUNK))
    )
