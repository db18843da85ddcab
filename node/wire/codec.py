"""msgpack with limits: the one way that structured bytes from outside become values, and back."""

from __future__ import annotations

from typing import Any

import msgpack

from node.errors import PeerError

MAX_DEPTH = 16


def pack(value: object) -> bytes:
    """`value` as msgpack; maps keep their order, so a writer that sorts its keys is deterministic."""
    packed = msgpack.packb(value, use_bin_type=True, strict_types=False)
    assert isinstance(packed, bytes)
    return packed


def unpack(data: bytes | memoryview, *, max_bytes: int) -> Any:
    """The one value in `data`: None, bool, int, float, str, bytes, list, or dict with str, bytes or int keys.

    Raises PeerError for anything longer than `max_bytes`, nested deeper than 16, or malformed.
    """
    if len(data) > max_bytes:
        raise PeerError(f"a message has {len(data)} bytes, over the limit of {max_bytes}")
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=False,
            max_str_len=max_bytes,
            max_bin_len=max_bytes,
            max_array_len=max_bytes,
            max_map_len=max_bytes,
            max_ext_len=0,
        )
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError) as error:
        raise PeerError("a message is not in the form that was expected") from error
    _check_depth(value, MAX_DEPTH)
    return value


def _check_depth(value: object, left: int) -> None:
    if isinstance(value, dict):
        children: list[object] = list(value.values())
        if any(not isinstance(key, str | bytes | int) for key in value):
            raise PeerError("a message has a map with keys of an unknown kind")
    elif isinstance(value, list):
        children = value
    else:
        return
    if left == 0:
        raise PeerError("a message is nested too deeply")
    for child in children:
        if isinstance(child, list | dict):
            _check_depth(child, left - 1)


def array(value: object, length: int, what: str) -> list[Any]:
    """`value` if it is a list of at least `length` items (newer writers may add some). Raises PeerError."""
    if not isinstance(value, list) or len(value) < length:
        raise PeerError(f"{what} is not a list of {length} fields")
    return value


def fixed_bytes(value: object, length: int, what: str) -> bytes:
    """`value` if it is exactly `length` bytes. Raises PeerError."""
    if not isinstance(value, bytes) or len(value) != length:
        raise PeerError(f"{what} is not {length} bytes")
    return value


def bounded_bytes(value: object, max_bytes: int, what: str) -> bytes:
    """`value` if it is at most `max_bytes` bytes. Raises PeerError."""
    if not isinstance(value, bytes) or len(value) > max_bytes:
        raise PeerError(f"{what} is not at most {max_bytes} bytes")
    return value


def bounded_text(value: object, max_chars: int, what: str) -> str:
    """`value` if it is text of at most `max_chars` characters. Raises PeerError."""
    if not isinstance(value, str) or len(value) > max_chars:
        raise PeerError(f"{what} is not text of at most {max_chars} characters")
    return value


def natural(value: object, maximum: int, what: str) -> int:
    """`value` if it is an integer from 0 to `maximum`. Raises PeerError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise PeerError(f"{what} is not a number from 0 to {maximum}")
    return value
