"""The chunk channel: sealed chunks and small answers asked for over one message transport (docs/PROTOCOL.md).

Pure: the messages, and the book that each side keeps of what is open. node/doors/channel.py moves them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from node.crypto.labels import CHUNK_BYTES
from node.errors import DamagedError, NotHeldError, PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import BlobRoot
from node.wire import codec

LABEL: Final = "songkeep/1"
"""Name of the data channel."""
MAX_MESSAGE_BYTES: Final = 17 * 1024
MAX_OPEN: Final = 64
MAX_CHUNKS: Final = 256
MAX_PART_BYTES: Final = CHUNK_BYTES
MAX_REPLY_BYTES: Final = 64 << 20
"""Of one whole answer: a catalog of 200,000 tracks fits."""
MAX_KIND_CHARS: Final = 40
_MAX_NUMBER: Final = (1 << 32) - 1

_GET = struct.Struct(">BI32sII")
_SHORT = struct.Struct(">BI")
_DATA = struct.Struct(">BII")
_BYTE = struct.Struct(">BIB")


class Reason(IntEnum):
    """Why a request is not answered."""

    NOT_HELD = 1
    NOT_ALLOWED = 2
    TOO_MANY = 3
    DAMAGED = 4
    TRY_LATER = 5

    def error(self) -> SongkeepError:
        """As the one who asked sees it."""
        return {
            Reason.NOT_HELD: NotHeldError("the other device doesn't hold that music"),
            Reason.NOT_ALLOWED: RefusedError("the other device refuses: this device may no longer be a member"),
            Reason.TOO_MANY: UnavailableError("the other device has too much to do"),
            Reason.DAMAGED: DamagedError("the other device's copy is damaged"),
            Reason.TRY_LATER: UnavailableError("the other device can't answer now"),
        }[self]


@dataclass(frozen=True, slots=True)
class Get:
    """Send `count` sealed chunks (1 to 256) of the blob `root` from `first` on."""

    request: int
    root: BlobRoot
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Cancel:
    request: int


@dataclass(frozen=True, slots=True)
class Data:
    request: int
    index: int
    chunk: bytes


@dataclass(frozen=True, slots=True)
class End:
    request: int


@dataclass(frozen=True, slots=True)
class No:
    request: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Ask:
    request: int
    kind: str
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    request: int
    more: bool
    part: bytes


Message = Get | Cancel | Data | End | No | Ask | Reply


def encode(message: Message) -> bytes:
    """The bytes of `message`, at most 17 KiB. Raises ValueError for what no peer would take."""
    match message:
        case Get(request, root, first, count):
            data = _GET.pack(1, request, root, first, count)
        case Cancel(request):
            data = _SHORT.pack(2, request)
        case Data(request, index, chunk):
            data = _DATA.pack(3, request, index) + chunk
        case End(request):
            data = _SHORT.pack(4, request)
        case No(request, reason):
            data = _BYTE.pack(5, request, reason)
        case Ask(request, kind, body):
            data = _SHORT.pack(6, request) + codec.pack([kind, body])
        case Reply(request, more, part):
            data = _BYTE.pack(7, request, more) + part
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a channel message of {len(data)} bytes is over the limit of {MAX_MESSAGE_BYTES}")
    return data


def decode(data: bytes) -> Message:
    """The message in `data`. Raises PeerError for anything malformed, too long or of an unknown kind."""
    if not _SHORT.size <= len(data) <= MAX_MESSAGE_BYTES:
        raise PeerError("a channel message has an impossible length")
    kind, request = _SHORT.unpack_from(data)
    try:
        return _decode(kind, request, data)
    except struct.error as error:
        raise PeerError("a channel message has the wrong length") from error


def _decode(kind: int, request: int, data: bytes) -> Message:
    match kind:
        case 1:
            _, _, root, first, count = _GET.unpack(data)
            if not 1 <= count <= MAX_CHUNKS or first + count > _MAX_NUMBER:
                raise PeerError("a request for chunks is out of bounds")
            return Get(request, BlobRoot(root), first, count)
        case 2 | 4 if len(data) == _SHORT.size:
            return Cancel(request) if kind == 2 else End(request)
        case 3:
            _, _, index = _DATA.unpack_from(data)
            chunk = data[_DATA.size :]
            if not 0 < len(chunk) <= CHUNK_BYTES:
                raise PeerError("a chunk has an impossible length")
            return Data(request, index, chunk)
        case 5:
            reason = _BYTE.unpack(data)[2]
            return No(request, Reason(reason) if reason in set(Reason) else Reason.TRY_LATER)
        case 6:
            fields = codec.array(codec.unpack(data[_SHORT.size :], max_bytes=MAX_MESSAGE_BYTES), 2, "a question")
            return Ask(request, codec.bounded_text(fields[0], MAX_KIND_CHARS, "a question's kind"), fields[1])
        case 7:
            flag = _BYTE.unpack_from(data)[2]
            part = data[_BYTE.size :]
            if flag > 1 or len(part) > MAX_PART_BYTES:
                raise PeerError("a part of an answer is out of bounds")
            return Reply(request, flag == 1, part)
        case _:
            raise PeerError("a channel message is of an unknown kind")


class Served:
    """What this side has been asked for and still owes."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def open(self, message: Get | Ask) -> No | None:
        """Take a request on, or say why not. Raises PeerError for a number that is already in use."""
        if message.request in self._open:
            raise PeerError("a request's number is already in use")
        if len(self._open) >= MAX_OPEN:
            return No(message.request, Reason.TOO_MANY)
        self._open.add(message.request)
        return None

    def close(self, request: int) -> None:
        self._open.discard(request)

    def __len__(self) -> int:
        return len(self._open)


@dataclass(slots=True)
class _Wanted:
    is_get: bool
    next_index: int
    left: int
    """Chunks of a get, or bytes of a reply, that may still come."""


class Asked:
    """What this side has asked for; checks that answers come as they should."""

    def __init__(self) -> None:
        self._open: dict[int, _Wanted] = {}
        self._next = 1

    def __len__(self) -> int:
        return len(self._open)

    def get(self, root: BlobRoot, first: int, count: int) -> Get:
        """A request for at most 256 chunks. Raises UnavailableError if 64 requests are open."""
        if not 1 <= count <= MAX_CHUNKS:
            raise ValueError("between 1 and 256 chunks can be asked for at once")
        return Get(self._number(_Wanted(True, first, count)), root, first, count)

    def ask(self, kind: str, body: object) -> Ask:
        """A question. Raises UnavailableError if 64 requests are open."""
        return Ask(self._number(_Wanted(False, 0, MAX_REPLY_BYTES)), kind, body)

    def _number(self, wanted: _Wanted) -> int:
        if len(self._open) >= MAX_OPEN:
            raise UnavailableError("too much is being asked of one device at once")
        number = self._next
        self._next = number % _MAX_NUMBER + 1
        self._open[number] = wanted
        return number

    def cancel(self, request: int) -> Cancel | None:
        """What to send when an answer is no longer wanted; None if it is complete already."""
        return Cancel(request) if self._open.pop(request, None) else None

    def is_open(self, request: int) -> bool:
        return request in self._open

    def receive(self, message: Data | End | No | Reply) -> bool:
        """Whether `message` is still wanted. Raises PeerError if it isn't what was asked for."""
        wanted = self._open.get(message.request)
        if wanted is None:
            return False  # cancelled while it was on its way
        match message:
            case Data(index=index) if wanted.is_get and index == wanted.next_index and wanted.left:
                wanted.next_index += 1
                wanted.left -= 1
            case End() if wanted.is_get and wanted.left == 0:
                del self._open[message.request]
            case Reply(more=more, part=part) if not wanted.is_get and len(part) <= wanted.left:
                wanted.left -= len(part)
                if not more:
                    del self._open[message.request]
            case No():
                del self._open[message.request]
            case _:
                raise PeerError("an answer doesn't belong to what was asked")
        return True
