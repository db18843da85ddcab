"""The server's side of WebSocket (RFC 6455): a handshake's answer, frames to send, frames that came. Pure.

No extension is ever agreed on: what is sent here is sealed, and sealed bytes don't compress.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from node.errors import PeerError

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
CLOSE_NORMAL: Final = 1000
MAX_FRAGMENTS: Final = 256
"""Of one message."""
_CONTINUATION: Final = 0x0
_LAST: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_MAX_CONTROL_BYTES: Final = 125
_MAX_REASON_BYTES: Final = 120
_KEY_BYTES: Final = 16
_MASK_BYTES: Final = 4
_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def handshake(key: str) -> bytes:
    """The head that answers a client's handshake with that Sec-WebSocket-Key. Raises PeerError."""
    try:
        drawn = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PeerError("the handshake's key is not base64") from error
    if len(drawn) != _KEY_BYTES:
        raise PeerError(f"the handshake's key is not {_KEY_BYTES} bytes")
    proof = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof
        + b"\r\n\r\n"
    )


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole message in one frame, unmasked as a server's are."""
    size = len(payload)
    if size < 126:
        return bytes((_LAST | opcode, size)) + payload
    if size < 1 << 16:
        return b"%c\x7e%b%b" % (_LAST | opcode, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (_LAST | opcode, size.to_bytes(8, "big"), payload)


def close_frame(code: int, text: str) -> bytes:
    """A goodbye; the text is cut to what one may hold."""
    reason = text.encode()[:_MAX_REASON_BYTES].decode("utf-8", "ignore").encode()
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


class Frames:
    """What one client sends, put together from whatever pieces it comes in."""

    __slots__ = ("_fragments", "_kept", "_kind", "_max_bytes", "_message", "_needed")

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: of one message."""
        self._max_bytes = max_bytes
        self._kept: bytearray | None = None
        """The beginning of a frame whose rest is yet to come."""
        self._needed = 0
        """So many bytes have to be there before another look is worth it."""
        self._message: bytearray | None = None
        self._kind = 0
        self._fragments = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Whole messages and control frames, each as its opcode and what it holds.

        Raises PeerError for a message over the limit and for what no client may send.
        """
        source: bytes | bytearray = data
        if self._kept is not None:
            self._kept += data
            if len(self._kept) < self._needed:
                return []
            source = self._kept
        found: list[tuple[int, bytes]] = []
        at, end = 0, len(source)
        while True:
            start = at + 2
            if start > end:
                self._needed = start - at
                break
            size = source[at + 1] - _MASKED
            if size < 0:
                raise PeerError("a frame of a client is not masked")
            if size > _MAX_CONTROL_BYTES:
                long = 2 if size == 126 else 8
                if start + long > end:
                    self._needed = 2 + long
                    break
                size = int.from_bytes(source[start : start + long], "big")
                start += long
            if size > self._max_bytes:
                raise PeerError(f"a message is longer than {self._max_bytes} bytes")
            stop = start + _MASK_BYTES + size
            if stop > end:
                self._needed = stop - at
                break
            payload = unmasked(source[start + _MASK_BYTES : stop], source[start : start + _MASK_BYTES])
            first = source[at]
            if first == _LAST | BINARY and self._message is None:
                found.append((BINARY, payload))
            else:
                self._take(first, payload, found)
            at = stop
        if at == end:
            self._kept = None
        elif source is self._kept:
            del self._kept[:at]
        else:
            self._kept = bytearray(source[at:])
        return found

    def _take(self, first: int, payload: bytes, found: list[tuple[int, bytes]]) -> None:
        """Any frame but the plainest."""
        opcode, last = first & 0x0F, bool(first & _LAST)
        if first & _RESERVED:
            raise PeerError("a frame uses an extension that was not agreed on")
        if opcode >= CLOSE:
            if opcode > PONG or not last or len(payload) > _MAX_CONTROL_BYTES:
                raise PeerError("a control frame is not in its form")
            found.append((opcode, payload))
            return
        if (opcode == _CONTINUATION) != (self._message is not None) or opcode > BINARY:
            raise PeerError("a frame came out of turn")
        if self._message is None:
            self._message, self._kind, self._fragments = bytearray(), opcode, 0
        self._fragments += 1
        self._message += payload
        if len(self._message) > self._max_bytes or self._fragments > MAX_FRAGMENTS:
            raise PeerError(f"a message is longer than {self._max_bytes} bytes or {MAX_FRAGMENTS} frames")
        if last:
            found.append((self._kind, bytes(self._message)))
            self._message = None


def unmasked(data: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    """`data` with every byte's mask taken off; as one number, since that is the quickest way in Python."""
    size = len(data)
    key = int.from_bytes((mask * (size // _MASK_BYTES + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")
