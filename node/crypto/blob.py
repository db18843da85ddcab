"""Sealing a blob: padding, chunks and keys, as docs/FORMAT.md ("Blobs") says."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.crypto import labels
from node.crypto.keys import derive
from node.errors import DamagedError, RefusedError

CHUNK = labels.CHUNK_BYTES
PLAIN = labels.CHUNK_PLAIN_BYTES


class Purpose(IntEnum):
    """What a blob is; part of its key, so that the same bytes kept for two purposes share nothing."""

    ORIGINAL = 1
    MOBILE = 2
    COVER = 3
    SNAPSHOT = 4
    LOG = 5


def padded_size(size_bytes: int) -> int:
    """Padmé (Nikitin et al., PoPETS 2019): at most 12 % more, O(log log size) bits told; never under 1,024."""
    size = max(size_bytes, labels.MIN_PADDED_BYTES)
    exponent = size.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    mask = (1 << free_bits) - 1
    return (size + mask) & ~mask


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes that follow from a plaintext's size alone."""

    size_bytes: int

    @property
    def padded_bytes(self) -> int:
        return padded_size(self.size_bytes)

    @property
    def chunks(self) -> int:
        return -(-self.padded_bytes // PLAIN)

    @property
    def sealed_bytes(self) -> int:
        return self.padded_bytes + self.chunks * labels.TAG_BYTES

    @property
    def pieces(self) -> int:
        return -(-self.chunks // labels.PIECE_CHUNKS)


def blob_key(convergence: bytes, purpose: Purpose, *, size_bytes: int, sha256: bytes) -> bytes:
    """32 bytes: the same plaintext, purpose and epoch give the same key, and so the same blob, on every device."""
    message = b"".join((
        labels.LABEL_BLOB_KEY, b"\0",
        bytes((labels.BLOB_FORMAT_VERSION, purpose)),
        size_bytes.to_bytes(8, "big"),
        sha256,
    ))  # fmt: skip
    return hmac.digest(convergence, message, hashlib.sha256)


class BlobCipher:
    """Seals and opens the chunks of one blob.

    A chunk's nonce is its index (11 bytes, big-endian) and a byte that is 1 for the last chunk only, so
    truncated, reordered, spliced or extended blobs don't open.
    """

    def __init__(self, key: bytes, size_bytes: int, *, commitment: bytes | None = None) -> None:
        """`commitment`, if given, must be the key's own: raises RefusedError. `size_bytes` is the plaintext's."""
        if not 0 <= size_bytes <= labels.MAX_BLOB_BYTES:
            raise RefusedError("a blob of that size is outside what Songkeep handles")
        both = derive(key, labels.LABEL_BLOB_CIPHER, length_bytes=2 * labels.KEY_BYTES)
        self._aead = AESGCM(both[: labels.KEY_BYTES])
        self.commitment = both[labels.KEY_BYTES :]
        if commitment is not None and not hmac.compare_digest(commitment, self.commitment):
            raise RefusedError("a blob's key is not the one that the catalog committed to")
        self.shape = Shape(size_bytes)
        self._chunks = self.shape.chunks
        self._padded = self.shape.padded_bytes

    def _nonce(self, index: int) -> bytes:
        return index.to_bytes(11, "big") + (b"\1" if index == self._chunks - 1 else b"\0")

    def _plain_length(self, index: int) -> int:
        return min(PLAIN, self._padded - index * PLAIN)

    def seal_chunk(self, index: int, plain: bytes | memoryview) -> bytes:
        """Chunk `index` sealed: `plain` is its 16,368 bytes, fewer at the end (the padding is added here)."""
        length = self._plain_length(index)
        if len(plain) != length:
            expected = max(0, min(PLAIN, self.shape.size_bytes - index * PLAIN))
            if len(plain) != expected:
                raise ValueError(f"chunk {index} has {expected} bytes of plaintext, not {len(plain)}")
            plain = bytes(plain) + bytes(length - len(plain))
        return self._aead.encrypt(self._nonce(index), plain, None)

    def open_chunk(self, index: int, sealed: bytes | memoryview) -> bytes:
        """Plaintext of chunk `index`, without padding. Raises DamagedError if a single bit differs."""
        if not 0 <= index < self._chunks:
            raise DamagedError(f"this blob has no chunk {index}")
        if len(sealed) != self._plain_length(index) + labels.TAG_BYTES:
            raise DamagedError(f"chunk {index} has the wrong length")
        try:
            plain = self._aead.decrypt(self._nonce(index), sealed, None)
        except InvalidTag as error:
            raise DamagedError(f"chunk {index} is not what was sealed") from error
        rest = self.shape.size_bytes - index * PLAIN
        if rest >= len(plain):
            return plain
        return plain[: max(rest, 0)]

    def seal_all(self, plain: bytes | memoryview) -> Iterator[bytes]:
        """Every chunk of a plaintext that is in memory (of exactly `size_bytes`)."""
        view = memoryview(plain)
        if len(view) != self.shape.size_bytes:
            raise ValueError("the plaintext is not of the size that the key was made for")
        for index in range(self._chunks):
            yield self.seal_chunk(index, view[index * PLAIN : (index + 1) * PLAIN])
