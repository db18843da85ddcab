"""Snapshots: a whole state as one document that an empty device can begin with (docs/FORMAT.md, "Catalog").

A stream of msgpack values, deflated: a header, one value a row in the order of their names, the number of rows.
What a snapshot's vector covers and the snapshot doesn't have was deleted; so it needs no list of what is gone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import msgpack

from node.catalog.batch import HASH_BYTES, MAX_FIELD_CHARS, MAX_ID_CHARS, MAX_TABLE_CHARS, Head
from node.catalog.hlc import MAX_STAMP, MIN_STAMP
from node.catalog.register import Dot, Key, Register
from node.catalog.state import State
from node.catalog.vector import LOG_ID_BYTES, MAX_LOGS, MAX_SEQ, LogId
from node.errors import PeerError, UnknownFormatError
from node.wire.codec import array, bounded_text, fixed_bytes, natural, pack

SNAPSHOT_VERSION: Final = 1
MAX_SNAPSHOT_BYTES: Final = 1 << 30
"""Unpacked: a million tracks; a bound for what others claim."""
MAX_ROW_BYTES: Final = 1 << 24
_STEP_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class SnapshotHeader:
    """Where each log stood when the snapshot was made, and the newest believed stamp."""

    heads: Mapping[LogId, Head]
    newest: int


def write_snapshot(header: SnapshotHeader, registers: Iterable[tuple[Key, Register]]) -> Iterator[bytes]:
    """The document, in parts. `registers` are settled and in the order of their keys."""
    logs = sorted(header.heads)
    at = {log: index for index, log in enumerate(logs)}
    deflate = zlib.compressobj(6)
    yield bytes((SNAPSHOT_VERSION,))
    heads = [[log, header.heads[log].seq, header.heads[log].hash] for log in logs]
    yield deflate.compress(pack([heads, header.newest]))
    rows = 0
    for (table, row), group in groupby(registers, key=lambda pair: pair[0][:2]):
        fields = [_field_value(key, register, at) for key, register in group]
        yield deflate.compress(pack([table, row, fields]))
        rows += 1
    yield deflate.compress(pack(rows))
    yield deflate.flush()


def _field_value(key: Key, register: Register, at: Mapping[LogId, int]) -> list[object]:
    dots = [[at[dot.log], dot.seq, dot.stamp, dot.value] for dot in register.dots]
    if not register.ahead:
        return [key.field, dots]
    return [key.field, dots, [[log, register.ahead[log]] for log in sorted(register.ahead)]]


class SnapshotReader:
    """Reads a snapshot piece by piece: `header` at once, then `registers()` to its end, in little memory."""

    def __init__(self, document: Iterable[bytes]) -> None:
        """Raises PeerError if it is malformed, UnknownFormatError if a newer version wrote it."""
        self._values = _values(document)
        raw_logs, newest = array(self._next(), 2, "a snapshot's header")[:2]
        if not isinstance(raw_logs, list) or len(raw_logs) > MAX_LOGS:
            raise PeerError("a snapshot names too many logs")
        heads: dict[LogId, Head] = {}
        for entry in raw_logs:
            log, seq, digest = array(entry, 3, "a snapshot's log")[:3]
            known = LogId(fixed_bytes(log, LOG_ID_BYTES, "a snapshot's log"))
            heads[known] = Head(
                natural(seq, MAX_SEQ, "a snapshot's log"), fixed_bytes(digest, HASH_BYTES, "a snapshot's log")
            )
        self._logs = list(heads)
        if len(self._logs) != len(raw_logs) or self._logs != sorted(self._logs):
            raise PeerError("a snapshot does not name its logs in order")
        self.header = SnapshotHeader(heads, _stamp(newest))

    def registers(self) -> Iterator[tuple[Key, Register]]:
        """Every register, in the order of the keys. Raises PeerError."""
        before: Key | None = None
        for rows, value in enumerate(self._values):
            if isinstance(value, int):
                self._check_end(value, rows)
                return
            table, row, fields = array(value, 3, "a snapshot's row")[:3]
            bounded_text(table, MAX_TABLE_CHARS, "a table's name")
            bounded_text(row, MAX_ID_CHARS, "a row's name")
            if not isinstance(fields, list):
                raise PeerError("a snapshot's row has no fields")
            for field in fields:
                name, dots, *rest = array(field, 2, "a snapshot's field")
                key = Key(table, row, bounded_text(name, MAX_FIELD_CHARS, "a field's name"))
                if before is not None and key <= before:
                    raise PeerError("a snapshot's rows are not in order")
                before = key
                yield key, self._register(dots, rest[0] if rest else [])
        raise PeerError("a snapshot ends in the middle")

    def _check_end(self, said: int, rows: int) -> None:
        if said != rows or next(self._values, None) is not None:
            raise PeerError("a snapshot does not end where it says")

    def _register(self, raw_dots: Any, raw_ahead: Any) -> Register:
        if not isinstance(raw_dots, list) or not isinstance(raw_ahead, list):
            raise PeerError("a snapshot's field is not in the form that was expected")
        dots = []
        for raw in raw_dots:
            index, seq, stamp, value = array(raw, 4, "a snapshot's value")[:4]
            log = self._logs[natural(index, len(self._logs) - 1, "a snapshot's log")]
            if value is None or natural(seq, MAX_SEQ, "a batch's number") > self.header.heads[log].seq:
                raise PeerError("a snapshot has a value from beyond its own end")
            dots.append(Dot(log, seq, _stamp(stamp), value))
        if len({dot.log for dot in dots}) != len(dots):
            raise PeerError("a snapshot has two values of one log in one place")
        ahead = {}
        for pair in raw_ahead:
            log_name, seq = array(pair, 2, "a snapshot's field")[:2]
            log = LogId(fixed_bytes(log_name, LOG_ID_BYTES, "a snapshot's log"))
            ahead[log] = natural(seq, MAX_SEQ, "a batch's number")
        return Register(tuple(dots), ahead)

    def _next(self) -> Any:
        for value in self._values:
            return value
        raise PeerError("a snapshot ends before it begins")


def snapshot_of(state: State) -> bytes:
    """A state in memory as a snapshot."""
    return b"".join(write_snapshot(SnapshotHeader(state.heads, state.newest), state.settled()))


def state_of(document: bytes) -> State:
    """A snapshot as a state in memory. Raises PeerError, UnknownFormatError."""
    reader = SnapshotReader([document])
    state = State()
    state.heads = dict(reader.header.heads)
    state.vector = {log: head.seq for log, head in state.heads.items()}
    state.newest = reader.header.newest
    state.registers = dict(reader.registers())
    return state


def _stamp(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_STAMP <= value <= MAX_STAMP:
        raise PeerError("a clock is not a 64-bit number")
    return value


def _values(document: Iterable[bytes]) -> Iterator[Any]:
    unpacker = msgpack.Unpacker(
        raw=False, strict_map_key=False, max_buffer_size=MAX_ROW_BYTES + 2 * _STEP_BYTES, max_ext_len=0
    )
    try:
        for plain in _inflate(document):
            unpacker.feed(plain)
            yield from unpacker
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, msgpack.exceptions.BufferFull) as error:
        raise PeerError("a snapshot is not in the form that was expected") from error


def _inflate(document: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    total = 0
    version: int | None = None
    for given in document:
        part = given
        if version is None and part:
            version, part = part[0], part[1:]
            if version != SNAPSHOT_VERSION:
                raise UnknownFormatError("a snapshot was written by a newer version; update Songkeep here")
        full = True
        while part or full:
            try:
                plain = inflate.decompress(part, _STEP_BYTES)
            except zlib.error as error:
                raise PeerError("a snapshot is damaged") from error
            part, full = inflate.unconsumed_tail, len(plain) == _STEP_BYTES
            total += len(plain)
            if total > MAX_SNAPSHOT_BYTES:
                raise PeerError("a snapshot is larger than any catalog")
            yield plain
    if not inflate.eof or inflate.unused_data:
        raise PeerError("a snapshot does not end where it says")
