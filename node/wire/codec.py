"""msgpack with limits: the one way that structured bytes from outside become values, and back."""

from __future__ import annotations

from typing import Any, Final

import msgpack

from node.errors import PeerError

MAX_DEPTH = 16


def pack(value: object) -> bytes:
    """`value` as msgpack; maps keep their order, so a writer that sorts its keys is deterministic."""
    packed = msgpack.packb(value, use_bin_type=True, strict_types=False)
    assert isinstance(packed, bytes)
    return packed


def unpack(data: bytes | memoryview, *, max_bytes: int, max_values: int | None = None) -> Any:
    """The one value in `data`: None, bool, int, float, str, bytes, list, or dict with str, bytes or int keys.

    `max_values`: how many values it may be made of, where `max_bytes` is large: an empty list is one byte there and 56
    in memory. Raises PeerError for more, for anything longer than `max_bytes`, nested deeper than 16, or malformed.
    """
    if len(data) > max_bytes:
        raise PeerError(f"a message has {len(data)} bytes, over the limit of {max_bytes}")
    if max_values is not None and len(data) > max_values:  # a value takes a byte at least
        _check_count(data, max_values)
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


_LENGTH_BYTES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
_NUMBER_BYTES: Final = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}


def _check_count(data: bytes | memoryview, most: int) -> None:
    """Count values without making any; bytes and texts are stepped over. Raises PeerError above `most`.

    What is malformed ends the count early, and is refused when it is read.
    """
    at, counted, announced = 0, 0, 1
    while counted < announced and at < len(data):
        head = data[at]
        at += 1
        counted += 1
        if head >= 0xE0 or head < 0x80:
            continue
        if head < 0xC0:
            length = head & (0x1F if head >= 0xA0 else 0x0F)
        else:
            width = _LENGTH_BYTES.get(head, 0)
            length = int.from_bytes(data[at : at + width], "big")
            at += width + _NUMBER_BYTES.get(head, 0)
        if head < 0x90 or head in (0xDE, 0xDF):
            announced += 2 * length
        elif head < 0xA0 or head in (0xDC, 0xDD):
            announced += length
        else:
            at += length
        if announced > most:
            raise PeerError(f"a message has more than {most} values")


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
