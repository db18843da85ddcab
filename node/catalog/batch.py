"""Batches: what a device writes, as it is signed, chained and sent (docs/FORMAT.md, "Catalog")."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from node.catalog.hlc import MAX_STAMP, MIN_STAMP
from node.catalog.register import Key
from node.catalog.vector import (
    MAX_INCARNATION,
    MAX_SEQ,
    LogId,
    Vector,
    log_device,
    log_id,
    vector_of,
    vector_value,
)
from node.crypto import keys
from node.crypto.labels import LABEL_SIGN_BATCH
from node.errors import PeerError, UnknownFormatError
from node.ids import DeviceId
from node.wire.codec import array, bounded_text, fixed_bytes, natural, pack, unpack

BATCH_VERSION: Final = 1
SIGNATURE_BYTES: Final = 64
HASH_BYTES: Final = 32
NO_HASH: Final = bytes(HASH_BYTES)
"""Stands for the batch before the first."""

MAX_BATCH_BYTES: Final = 1 << 20
MAX_OPS: Final = 1_024
MAX_VALUE_BYTES: Final = 1 << 16
"""One value, packed."""
MAX_TABLE_CHARS: Final = 32
MAX_ID_CHARS: Final = 256
MAX_FIELD_CHARS: Final = 128
_FIELDS: Final = 8


class Op(NamedTuple):
    """One write: `value` is any msgpack value, None removes."""

    key: Key
    value: Any


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log stands: the number and hash of its last batch. A log not begun stands at 0."""

    seq: int = 0
    hash: bytes = NO_HASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Writes of one device that take effect together."""

    log: LogId
    seq: int
    previous: bytes
    """32 bytes: hash of the batch before it in the log."""
    stamp: int
    seen: Vector
    """What the writer had seen of the other logs."""
    ops: tuple[Op, ...]
    signed: bytes
    """As it was sent: signature, then body."""

    @property
    def device(self) -> DeviceId:
        return log_device(self.log)

    @property
    def hash(self) -> bytes:
        """32 bytes: SHA-256 of the body."""
        return hashlib.sha256(memoryview(self.signed)[SIGNATURE_BYTES:]).digest()


class ForkError(PeerError):
    """A device signed two batches for one place in its log: `known` and `other` prove it."""

    def __init__(self, log: LogId, known: bytes, other: bytes) -> None:
        super().__init__("a device's log has two histories; nothing more is taken from that log")
        self.log = log
        self.known = known
        self.other = other


class GapError(PeerError):
    """A batch came before the one that it follows; `have` is the last one known."""

    def __init__(self, log: LogId, have: int) -> None:
        super().__init__("changes of a device came before the ones they follow")
        self.log = log
        self.have = have


def make_batch(
    member: keys.MemberKeys, *, incarnation: int, head: Head, stamp: int, seen: Vector, ops: Sequence[Op]
) -> Batch:
    """Sign the batch that follows `head`. Raises ValueError if it is over the limits: split it."""
    log = log_id(member.id, incarnation)
    others = {other: seq for other, seq in seen.items() if other != log}
    seq = head.seq + 1
    body = pack([
        BATCH_VERSION, member.id, incarnation, seq, head.hash, stamp, vector_value(others),
        [[*op.key, op.value] for op in ops],
    ])  # fmt: skip
    if not 0 < len(ops) <= MAX_OPS or len(body) + SIGNATURE_BYTES > MAX_BATCH_BYTES:
        raise ValueError("a batch has from 1 to 1,024 writes and at most 1 MiB")
    signed = member.sign(LABEL_SIGN_BATCH, body) + body
    return Batch(log=log, seq=seq, previous=head.hash, stamp=stamp, seen=others, ops=tuple(ops), signed=signed)


def decode_batch(signed: bytes) -> Batch:
    """Read a batch and check its signature and limits, not yet its place in the log.

    Raises PeerError, or UnknownFormatError if a newer version wrote it. Whether the device belongs to the library is
    for the roster to say.
    """
    if not SIGNATURE_BYTES < len(signed) <= MAX_BATCH_BYTES:
        raise PeerError("a batch of changes is not of a size that any device writes")
    body = signed[SIGNATURE_BYTES:]
    parts = unpack(body, max_bytes=MAX_BATCH_BYTES)
    if not isinstance(parts, list) or not parts or not isinstance(parts[0], int):
        raise PeerError("a batch of changes is not in the form that was expected")
    if parts[0] != BATCH_VERSION:
        raise UnknownFormatError("a device writes changes in a newer form; update Songkeep here")
    _, device, incarnation, seq, previous, stamp, seen, ops = array(parts, _FIELDS, "a batch")[:_FIELDS]
    log = log_id(
        DeviceId(fixed_bytes(device, HASH_BYTES, "a batch's device")),
        natural(incarnation, MAX_INCARNATION, "a batch's incarnation"),
    )
    keys.verify(log_device(log), LABEL_SIGN_BATCH, body, signed[:SIGNATURE_BYTES])
    if isinstance(stamp, bool) or not isinstance(stamp, int) or not MIN_STAMP <= stamp <= MAX_STAMP:
        raise PeerError("a batch's clock is not a 64-bit number")
    vector = vector_of(seen, "what a batch has seen")
    if log in vector:
        raise PeerError("a batch names its own log among those it has seen")
    if not isinstance(ops, list) or not 0 < len(ops) <= MAX_OPS:
        raise PeerError(f"a batch has from 1 to {MAX_OPS} writes")
    number = natural(seq, MAX_SEQ, "a batch's number")
    if number == 0:
        raise PeerError("a log begins with batch 1")
    return Batch(
        log=log,
        seq=number,
        previous=fixed_bytes(previous, HASH_BYTES, "the hash of the batch before"),
        stamp=stamp,
        seen=vector,
        ops=tuple(_op(op) for op in ops),
        signed=bytes(signed),
    )


def check_follows(batch: Batch, head: Head, *, known: bytes = b"") -> None:
    """Check that `batch` is the next after `head`, whose own signed batch is `known`. Raises GapError or ForkError."""
    if batch.seq > head.seq + 1:
        raise GapError(batch.log, head.seq)
    if batch.seq <= head.seq:
        raise ValueError("batches already known are compared with check_same")
    if batch.previous != head.hash:
        raise ForkError(batch.log, known, batch.signed)


def check_same(batch: Batch, *, known_hash: bytes, known: bytes = b"") -> None:
    """Check that a batch seen again is the one with `known_hash`. Raises ForkError."""
    if batch.hash != known_hash:
        raise ForkError(batch.log, known, batch.signed)


def check_same_heads(known: Mapping[LogId, Head], other: Mapping[LogId, Head]) -> None:
    """Check that two states which stand equally far in a log have the same log. Raises ForkError."""
    for log, head in other.items():
        mine = known.get(log)
        if mine is not None and mine.seq == head.seq and mine.hash != head.hash:
            raise ForkError(log, mine.hash, head.hash)


def _op(value: Any) -> Op:
    table, row, name, content = array(value, 4, "a write")[:4]
    if isinstance(content, str | bytes | list | dict) and _weight(content) > MAX_VALUE_BYTES:
        raise PeerError(f"a value is over the limit of {MAX_VALUE_BYTES} bytes")
    key = Key(
        bounded_text(table, MAX_TABLE_CHARS, "a table's name"),
        bounded_text(row, MAX_ID_CHARS, "a row's name"),
        bounded_text(name, MAX_FIELD_CHARS, "a field's name"),
    )
    return Op(key, content)


def _weight(content: str | bytes | list[Any] | dict[Any, Any]) -> int:
    if isinstance(content, bytes):
        return len(content)
    return len(pack(content))
