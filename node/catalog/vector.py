"""Version vectors: how much of each log a device, a batch or a snapshot has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NewType

from node.errors import PeerError
from node.ids import DeviceId
from node.wire.codec import array, fixed_bytes, natural

LogId = NewType("LogId", bytes)
"""36 bytes: a device's identifier and its incarnation (4 bytes, big-endian)."""
Vector = Mapping[LogId, int]
"""For each log, the number of its last batch that has been seen; a log not named has not been seen."""

LOG_ID_BYTES: Final = 36
MAX_INCARNATION: Final = (1 << 32) - 1
MAX_SEQ: Final = (1 << 53) - 1
"""What JavaScript counts exactly."""
MAX_LOGS: Final = 1_024


def log_id(device: DeviceId, incarnation: int) -> LogId:
    """The name of one incarnation's log."""
    return LogId(device + incarnation.to_bytes(4, "big"))


def log_device(log: LogId) -> DeviceId:
    return DeviceId(log[:32])


def log_incarnation(log: LogId) -> int:
    return int.from_bytes(log[32:], "big")


def covers(vector: Vector, log: LogId, seq: int) -> bool:
    """Whether `vector` has seen batch `seq` of `log`."""
    return vector.get(log, 0) >= seq


def join(left: Vector, right: Vector) -> dict[LogId, int]:
    """What was seen by either."""
    both = dict(left)
    for log, seq in right.items():
        if both.get(log, 0) < seq:
            both[log] = seq
    return both


def beyond(vector: Vector, known: Vector) -> dict[LogId, int]:
    """The part of `vector` that `known` has not seen."""
    return {log: seq for log, seq in vector.items() if known.get(log, 0) < seq}


def vector_value(vector: Vector) -> list[list[object]]:
    """A vector as a msgpack value: pairs of log and number, in the order of the logs."""
    return [[log, vector[log]] for log in sorted(vector)]


def vector_of(value: Any, what: str) -> dict[LogId, int]:
    """The vector in a msgpack value. Raises PeerError unless it is sorted, without repetition and within bounds."""
    if not isinstance(value, list) or len(value) > MAX_LOGS:
        raise PeerError(f"{what} is not a list of at most {MAX_LOGS} logs")
    vector: dict[LogId, int] = {}
    before = b""
    for pair in value:
        raw_log, raw_seq = array(pair, 2, what)[:2]
        log = LogId(fixed_bytes(raw_log, LOG_ID_BYTES, what))
        if log <= before:
            raise PeerError(f"{what} does not name its logs in order")
        vector[log] = natural(raw_seq, MAX_SEQ, what)
        before = log
    return vector
