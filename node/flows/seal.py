"""Sealing: from the bytes of a file to a blob's name, key and layer, as docs/FORMAT.md ("Blobs") says.

Blocks, and keeps a core busy: called in worker processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.blob import PLAIN, BlobCipher, Purpose, Shape, blob_key
from node.crypto.labels import PIECE_CHUNKS
from node.doors.blobs import BlobStore, Drafted
from node.doors.sources import OpenSource, SourceChangedError
from node.errors import DamagedError

READ_ONCE_BYTES: Final = 64 << 20
"""Up to this size a file is held in memory: the bytes hashed are the bytes sealed."""
_BLOCK_BYTES: Final = PLAIN * 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """One sealed blob: what opens it, what its pieces hash to, and, if it was to be kept, where its bytes wait."""

    ref: BlobRef
    purpose: Purpose
    sealed_bytes: int
    layer: bytes
    draft: Drafted | None = None


def seal_bytes(data: bytes, *, purpose: Purpose, convergence: bytes, store: BlobStore | None = None) -> Sealing:
    """Seal bytes that are in memory; with a `store`, into a draft of it. Raises StorageError."""
    digest = hashlib.sha256(data).digest()
    key = blob_key(convergence, purpose, size_bytes=len(data), sha256=digest)
    return _seal([data], key=key, size_bytes=len(data), sha256=digest, purpose=purpose, store=store)


def seal_source(source: OpenSource, *, purpose: Purpose, convergence: bytes, store: BlobStore | None = None) -> Sealing:
    """Seal a file of the person's. Raises SourceChangedError if it changes meanwhile, and StorageError."""
    if source.size_bytes <= READ_ONCE_BYTES:
        sealing = seal_bytes(source.read(0, source.size_bytes), purpose=purpose, convergence=convergence, store=store)
    else:
        sealing = _seal_in_two_passes(source, purpose=purpose, convergence=convergence, store=store)
    try:
        source.check()
    except SourceChangedError:
        discard(sealing, store)
        raise
    return sealing


def discard(sealing: Sealing, store: BlobStore | None) -> None:
    """Throw away a sealing's bytes, if it has any."""
    if store is not None and sealing.draft is not None:
        store.discard([sealing.draft])


def _seal_in_two_passes(
    source: OpenSource, *, purpose: Purpose, convergence: bytes, store: BlobStore | None
) -> Sealing:
    first = hashlib.sha256()
    for block in source.blocks(_BLOCK_BYTES):
        first.update(block)
    digest = first.digest()
    key = blob_key(convergence, purpose, size_bytes=source.size_bytes, sha256=digest)
    again = hashlib.sha256()

    def hashed_again() -> Iterator[bytes]:
        for block in source.blocks(_BLOCK_BYTES):
            again.update(block)
            yield block

    size = source.size_bytes
    sealing = _seal(hashed_again(), key=key, size_bytes=size, sha256=digest, purpose=purpose, store=store)
    if again.digest() != digest:
        discard(sealing, store)
        raise SourceChangedError("the file was changed while it was sealed")
    return sealing


def _seal(
    blocks: Iterable[bytes],
    *,
    key: bytes,
    size_bytes: int,
    sha256: bytes,
    purpose: Purpose,
    store: BlobStore | None,
) -> Sealing:
    cipher = BlobCipher(key, size_bytes)
    chunks = _sealed_chunks(cipher, _parts(blocks))
    if store is None:
        draft = None
        root, layer = merkle.root_of_chunks(chunks)
    else:
        with store.draft() as writing:
            for chunk in chunks:
                writing.write(chunk)
            draft, layer = writing.finish()
        root = draft.root
    return Sealing(
        ref=BlobRef(root=root, key=key, commitment=cipher.commitment, size_bytes=size_bytes, sha256=sha256),
        purpose=purpose,
        sealed_bytes=cipher.shape.sealed_bytes,
        layer=layer,
        draft=draft,
    )


def _parts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunk-sized parts of blocks that are each, but for the last, a whole number of chunks long."""
    for block in blocks:
        for at in range(0, len(block), PLAIN):
            yield block[at : at + PLAIN]


def _sealed_chunks(cipher: BlobCipher, parts: Iterator[bytes]) -> Iterator[bytes]:
    """Every sealed chunk, each opened again and compared before it is given."""
    for index in range(cipher.shape.chunks):
        part = next(parts, b"")  # padding may fill whole chunks
        chunk = cipher.seal_chunk(index, part)
        if cipher.open_chunk(index, chunk) != part:
            raise DamagedError("this machine did not open what it had just sealed; its memory may be failing")
        yield chunk


def pieces_plain(source: OpenSource, shape: Shape, pieces: range) -> bytes:
    """The part of a source that those pieces of its blob are sealed from. Raises SourceChangedError."""
    start, stop = (index * PIECE_CHUNKS * PLAIN for index in (pieces.start, pieces.stop))
    return source.read(start, max(0, min(stop, shape.size_bytes) - start))


def pieces_sealed(plain: bytes, cipher: BlobCipher, layer: bytes, pieces: range) -> bytes:
    """Pieces of a blob made again from their plaintext.

    Compared with the layer before they are given: raises SourceChangedError, and nothing leaves, if one differs.
    """
    view = memoryview(plain)
    chunks = range(pieces.start * PIECE_CHUNKS, min(pieces.stop * PIECE_CHUNKS, cipher.shape.chunks))
    sealed = b"".join(
        [cipher.seal_chunk(index, view[at * PLAIN : (at + 1) * PLAIN]) for at, index in enumerate(chunks)]
    )
    try:
        merkle.check_pieces(layer, pieces, sealed)
    except DamagedError as error:
        raise SourceChangedError("the file is no longer what was sealed") from error
    return sealed


def pieces_from_source(source: OpenSource, cipher: BlobCipher, layer: bytes, pieces: range) -> bytes:
    """Pieces of a blob made again from its source, and compared: raises SourceChangedError."""
    return pieces_sealed(pieces_plain(source, cipher.shape, pieces), cipher, layer, pieces)
