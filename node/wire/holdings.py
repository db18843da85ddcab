"""What a device says it holds: bitmaps over the blobs that the catalog names (docs/PROTOCOL.md, "Holdings")."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from node.errors import PeerError
from node.ids import BlobRoot
from node.wire import codec

STATE_BYTES: Final = 8
"""Of a state's name in presence: what changes it, changes what the device holds or gives."""
MAX_LISTED: Final = 1_000_000
MAX_ANSWER_BYTES: Final = 40 << 20
MAX_BUDGET_BYTES: Final = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One device's word on what it has; not a proof."""

    budget_bytes: int = 0
    used_bytes: int = 0
    sealed: Set[BlobRoot] = frozenset()
    sources: Set[BlobRoot] = frozenset()

    def state(self, listed: Sequence[BlobRoot]) -> bytes:
        """8 bytes that change with it."""
        return hashlib.sha256(codec.pack(self._fields(listed))).digest()[:STATE_BYTES]

    def answer(self, listed: Sequence[BlobRoot], theirs: bytes) -> bytes:
        """For a device whose list has the digest `theirs`: with the list itself only if it is another one."""
        own = list_digest(listed)
        return codec.pack([self.state(listed), own, None if own == theirs else b"".join(listed), *self._fields(listed)])

    def _fields(self, listed: Sequence[BlobRoot]) -> list[object]:
        return [self.budget_bytes, self.used_bytes, _bitmap(listed, self.sealed), _bitmap(listed, self.sources)]


def list_digest(listed: Sequence[BlobRoot]) -> bytes:
    """32 bytes that name a list of blobs (in the order of their names)."""
    return hashlib.sha256(b"".join(listed)).digest()


def read_answer(data: bytes, listed: Sequence[BlobRoot]) -> tuple[bytes, Holding]:
    """The state's name and what was said, by one's own list where the other one is the same. Raises PeerError."""
    fields = codec.array(codec.unpack(data, max_bytes=MAX_ANSWER_BYTES), 7, "an answer about holdings")
    state = codec.fixed_bytes(fields[0], STATE_BYTES, "a state's name")
    if fields[2] is None:
        if fields[1] != list_digest(listed):
            raise PeerError("an answer about holdings is about an unknown list")
        named = listed
    else:
        joined = codec.bounded_bytes(fields[2], MAX_LISTED * 32, "a list of blobs")
        named = [BlobRoot(joined[at : at + 32]) for at in range(0, len(joined) - 31, 32)]
    return state, Holding(
        budget_bytes=codec.natural(fields[3], MAX_BUDGET_BYTES, "a budget"),
        used_bytes=codec.natural(fields[4], MAX_BUDGET_BYTES, "a size"),
        sealed=_named(fields[5], named),
        sources=_named(fields[6], named),
    )


def _bitmap(listed: Sequence[BlobRoot], held: Set[BlobRoot]) -> bytes:
    """The first blob is the highest bit of the first byte, as in BitTorrent."""
    bits = bytearray(-(-len(listed) // 8))
    for at, root in enumerate(listed):
        if root in held:
            bits[at >> 3] |= 0x80 >> (at & 7)
    return bytes(bits)


def _named(bits: Any, listed: Sequence[BlobRoot]) -> frozenset[BlobRoot]:
    bitmap = codec.fixed_bytes(bits, -(-len(listed) // 8), "a bitmap of holdings")
    return frozenset(root for at, root in enumerate(listed) if bitmap[at >> 3] & (0x80 >> (at & 7)))
