"""Volumes: immutable lists of blobs, and the BitTorrent v2 info dict of each (docs/FORMAT.md, "Volumes"; BEP 52)."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final, NewType

from node.crypto import labels
from node.crypto.merkle import HASH_BYTES
from node.errors import PeerError
from node.ids import BlobRoot
from node.wire import codec
from node.wire.bencode import Value, bencode

VolumeId = NewType("VolumeId", bytes)
"""32 bytes: SHA-256 of the volume's list."""

MAX_VOLUME_BLOBS: Final = 4_096
"""What a reader takes; writers stop at 512."""
MAX_SEALED_BYTES: Final = (1 << 40) + (1 << 31)
MAX_PACKED_BYTES: Final = MAX_VOLUME_BLOBS * 48
_NAME: Final = b"songkeep"


@dataclass(frozen=True, slots=True, order=True)
class VolumeBlob:
    """One blob of a volume: its name and its size as it is stored and sent."""

    root: BlobRoot
    sealed_bytes: int

    @property
    def pieces(self) -> int:
        return -(-self.sealed_bytes // labels.PIECE_BYTES)


@dataclass(frozen=True)
class Volume:
    """A list of blobs, sorted by root. Blob `i` is file `i` of the torrent and begins on a piece of its own."""

    blobs: tuple[VolumeBlob, ...]

    @cached_property
    def packed(self) -> bytes:
        """The list as msgpack [[root, sealed size], ...]: what is hashed, and what is sent."""
        return codec.pack([[blob.root, blob.sealed_bytes] for blob in self.blobs])

    @cached_property
    def id(self) -> VolumeId:
        return VolumeId(hashlib.sha256(self.packed).digest())

    @cached_property
    def sealed_bytes(self) -> int:
        return sum(blob.sealed_bytes for blob in self.blobs)

    @cached_property
    def first_pieces(self) -> tuple[int, ...]:
        """The torrent's piece with which each blob begins, and at the end the number of all pieces."""
        return tuple(accumulate((blob.pieces for blob in self.blobs), initial=0))

    def pieces_of(self, index: int) -> range:
        """The torrent's pieces that are blob `index`."""
        return range(self.first_pieces[index], self.first_pieces[index + 1])

    def blob_at(self, piece: int) -> tuple[int, int]:
        """The blob that the torrent's `piece` belongs to, and the piece's place in that blob."""
        index = bisect_right(self.first_pieces, piece) - 1
        return index, piece - self.first_pieces[index]

    def info(self, tag: bytes) -> bytes:
        """The bencoded info dict; `tag` is the 32-byte `x-epoch` value, which makes the info-hash a secret."""
        tree: dict[bytes, Value] = {
            b"%05d" % index: {b"": {b"length": blob.sealed_bytes, b"pieces root": bytes(blob.root)}}
            for index, blob in enumerate(self.blobs)
        }
        return bencode({
            b"file tree": tree,
            b"meta version": 2,
            b"name": _NAME,
            b"piece length": labels.PIECE_BYTES,
            b"private": 1,
            b"x-epoch": tag,
        })  # fmt: skip

    def info_hash(self, tag: bytes) -> bytes:
        """32 bytes: the v2 info-hash (BEP 52)."""
        return hashlib.sha256(self.info(tag)).digest()

    def torrent(self, tag: bytes, layers: Mapping[BlobRoot, bytes]) -> bytes:
        """The whole torrent with the piece layers that are known; others come from peers."""
        known = {
            bytes(blob.root): layers[blob.root]
            for blob in self.blobs
            if blob.pieces > 1 and len(layers.get(blob.root, b"")) == blob.pieces * HASH_BYTES
        }
        # Spliced, so that the bytes hashed are the bytes given: no encoder runs over the info dict twice.
        return b"d4:info%b12:piece layers%be" % (self.info(tag), bencode(known))


def make_volume(blobs: Iterable[VolumeBlob]) -> Volume:
    """A volume of these blobs, in any order. Raises ValueError if one stands twice, or for none or too many."""
    ordered = tuple(sorted(blobs))
    if not 1 <= len(ordered) <= MAX_VOLUME_BLOBS:
        raise ValueError(f"a volume has 1 to {MAX_VOLUME_BLOBS} blobs")
    if any(one.root == next_.root for one, next_ in pairwise(ordered)):
        raise ValueError("a blob stands in a volume once")
    return Volume(ordered)


def read_volume(packed: bytes) -> Volume:
    """The volume that `Volume.packed` gave. Raises PeerError for anything else."""
    items = codec.unpack(packed, max_bytes=MAX_PACKED_BYTES)
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_VOLUME_BLOBS:
        raise PeerError(f"a volume is not a list of 1 to {MAX_VOLUME_BLOBS} blobs")
    blobs = []
    for item in items:
        root, sealed_bytes = codec.array(item, 2, "a volume's blob")[:2]
        size = codec.natural(sealed_bytes, MAX_SEALED_BYTES, "a blob's size")
        if size <= labels.TAG_BYTES:
            raise PeerError("a blob in a volume is too small to be one")
        blobs.append(VolumeBlob(BlobRoot(codec.fixed_bytes(root, HASH_BYTES, "a blob's root")), size))
    if any(one.root >= next_.root for one, next_ in pairwise(blobs)):
        raise PeerError("a volume's blobs are not in order, or one stands twice")
    volume = Volume(tuple(blobs))
    if volume.packed != packed:
        raise PeerError("a volume is not in its one form")
    return volume


def pack_tightly(blobs: Sequence[VolumeBlob], *, most_blobs: int, most_bytes: int) -> list[Volume]:
    """`blobs` in volumes of at most that many blobs and bytes (a larger blob has one to itself), sorted by root."""
    volumes: list[Volume] = []
    batch: list[VolumeBlob] = []
    size = 0
    for blob in sorted(blobs):
        if batch and (len(batch) == most_blobs or size + blob.sealed_bytes > most_bytes):
            volumes.append(Volume(tuple(batch)))
            batch, size = [], 0
        batch.append(blob)
        size += blob.sealed_bytes
    if batch:
        volumes.append(Volume(tuple(batch)))
    return volumes
