"""What a room server and a member say to each other (docs/PROTOCOL.md, "Rooms"): frames, proofs and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import PeerError, UserError
from node.ids import DeviceId, LibraryId
from node.wire import codec
from node.wire.roster import MAX_ENTRIES, MAX_ENTRY_BYTES

NONCE_BYTES: Final = 32
MAX_FRAME_BYTES: Final = 80 * 1024
MAX_ROSTER_FRAME_BYTES: Final = 320 * 1024
"""Room for one entry of the largest kind."""
MAX_ROSTER_BYTES: Final = 4 << 20
"""Of a whole chain that a server takes: over a thousand revocations among twenty devices."""
MAX_PRESENT: Final = 1_000
MAX_FRAME_VALUES: Final = 8_000
"""More than all that are present take, or a part of a roster; so a stranger's frame is never slow to read."""
TO_ALL: Final = 0

CLOSE_MALFORMED: Final = 4400
CLOSE_NOT_MEMBER: Final = 4401
CLOSE_SUSPENDED: Final = 4402
CLOSE_REVOKED: Final = 4403
CLOSE_NOBODY: Final = 4404
CLOSE_TOO_SLOW: Final = 4408
CLOSE_TAKEN: Final = 4409
CLOSE_OTHER_LEFT: Final = 4410
CLOSE_TOO_MUCH: Final = 4429

_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}


def host_of(tracker_url: str) -> str:
    """What the proof of a join names: host and port as browsers write them, without the scheme's own port.

    Raises UserError for an address that is not ws:// or wss://.
    """
    try:
        parts = urlsplit(tracker_url)
        port = parts.port
    except ValueError as error:
        raise UserError(f"{tracker_url[:80]!r} is not a tracker's address") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise UserError(f"{tracker_url[:80]!r} is not a tracker's address; one looks like wss://tracker.example.org")
    name = parts.hostname.lower()
    host = f"[{name}]" if ":" in name else name
    return host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"


def _base(tracker_url: str) -> str:
    return tracker_url.partition("#")[0].rstrip("/")


def invitation_of(tracker_url: str) -> str:
    """What stands behind `#invite=` in a tracker's address, where new libraries come by invitation; "" for nothing."""
    return tracker_url.partition("#invite=")[2][:64]


def pinned_url(address: str, pin: bytes) -> str:
    """A room server at an IP address and port that shows one certificate and no other: `pin` is its SHA-256."""
    return f"wss://{address}#pin={pin.hex()}"


def pin_of(tracker_url: str) -> bytes | None:
    """SHA-256 of the only certificate that the server may show, 32 bytes; None: any that the system trusts."""
    found = re.search(r"#pin=([0-9a-f]{64})\Z", tracker_url)
    return bytes.fromhex(found[1]) if found else None


def room_url(tracker_url: str) -> str:
    """Where the tracker at that base address has its rooms."""
    return f"{_base(tracker_url)}/v1/room"


def pool_url(tracker_url: str) -> str:
    """Where the tracker at that base address tells of its pool of seeds, by HTTP."""
    return re.sub(r"^ws", "http", f"{_base(tracker_url)}/v1/pool")


def link_url(base_url: str) -> str:
    """Where the device at that base address takes links."""
    return f"{_base(base_url)}/v1/link"


def pair_url(tracker_url: str, room: str, *, waits: bool) -> str:
    """Where the pairing room of that name is; `waits`: for the side that opens it."""
    return f"{_base(tracker_url)}/v1/pair/{room}{'?wait=1' if waits else ''}"


def _join_message(nonce: bytes, host: str, library: bytes, room: bytes) -> bytes:
    return codec.pack([nonce, host, library, room])


def join_proof(keys: MemberKeys, nonce: bytes, host: str, library: LibraryId, room: bytes) -> bytes:
    """64 bytes: that `keys` want to join that room on that host, in answer to that challenge."""
    return keys.sign(labels.LABEL_SIGN_JOIN, _join_message(nonce, host, library, room))


def check_join_proof(
    member: bytes, signature: bytes, *, nonce: bytes, host: str, library: LibraryId, room: bytes
) -> None:
    """Raises PeerError unless `join_proof` made `signature` from the same."""
    verify(member, labels.LABEL_SIGN_JOIN, _join_message(nonce, host, library, room), signature)


def lookup_proof(keys: MemberKeys, nonce: bytes, host: str) -> bytes:
    """64 bytes: that `keys` ask for the roster of the library whose member they are."""
    return keys.sign(labels.LABEL_SIGN_JOIN, codec.pack([nonce, host, "lookup"]))


def check_lookup_proof(member: bytes, signature: bytes, *, nonce: bytes, host: str) -> None:
    """Raises PeerError unless `lookup_proof` made `signature` from the same."""
    verify(member, labels.LABEL_SIGN_JOIN, codec.pack([nonce, host, "lookup"]), signature)


def link_proof(keys: MemberKeys, nonce: bytes, host: str, library: LibraryId) -> bytes:
    """64 bytes: that `keys` want a link to the device that is dialled as that host."""
    return keys.sign(labels.LABEL_SIGN_JOIN, codec.pack([nonce, host, "link", library]))


def check_link_proof(member: bytes, signature: bytes, *, nonce: bytes, host: str, library: LibraryId) -> None:
    """Raises PeerError unless `link_proof` made `signature` from the same."""
    verify(member, labels.LABEL_SIGN_JOIN, codec.pack([nonce, host, "link", library]), signature)


def roster_frames(entries: Sequence[bytes]) -> Iterator[bytes]:
    """A whole chain as `roster` frames, each with the number of entries still to come."""
    part: list[bytes] = []
    size_bytes = sent = 0
    for entry in entries:
        if part and size_bytes + len(entry) > MAX_FRAME_BYTES - 1_024:
            sent += len(part)
            yield codec.pack(["roster", part, len(entries) - sent])
            part, size_bytes = [], 0
        part.append(entry)
        size_bytes += len(entry)
    yield codec.pack(["roster", part, 0])


class RosterParts:
    """Puts a chain together again from `roster` frames."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._size_bytes = 0

    def add(self, fields: Sequence[Any]) -> list[bytes] | None:
        """The whole chain once its last frame is in, else None. Raises PeerError."""
        if len(fields) < 2 or not isinstance(fields[1], list):
            raise PeerError("a roster came without entries")
        left = codec.natural(fields[2], MAX_ENTRIES, "the entries to come") if len(fields) > 2 else 0
        for entry in fields[1]:
            self._entries.append(codec.bounded_bytes(entry, MAX_ENTRY_BYTES, "a roster entry"))
            self._size_bytes += len(entry)
        if self._size_bytes > MAX_ROSTER_BYTES or len(self._entries) + left > MAX_ENTRIES or (left and not fields[1]):
            raise PeerError("a roster is longer than it can be")
        if left:
            return None
        entries, self._entries, self._size_bytes = self._entries, [], 0
        return entries


def read_frame(data: bytes, *, max_bytes: int = MAX_ROSTER_FRAME_BYTES) -> tuple[str, list[Any]]:
    """A frame's first word and all of its fields. Raises PeerError."""
    fields = codec.array(codec.unpack(data, max_bytes=max_bytes, max_values=MAX_FRAME_VALUES), 1, "a frame")
    return codec.bounded_text(fields[0], 40, "a frame's word"), fields


def read_present(value: object) -> dict[int, DeviceId]:
    """The connections and members of a `joined` frame. Raises PeerError."""
    if not isinstance(value, list) or len(value) > MAX_PRESENT:
        raise PeerError("a room has an impossible number of members")
    present: dict[int, DeviceId] = {}
    for pair in value:
        number, member = codec.array(pair, 2, "a member that is present")[:2]
        present[read_connection(number)] = DeviceId(codec.fixed_bytes(member, 32, "a member"))
    return present


def read_connection(value: object) -> int:
    """A connection's number. Raises PeerError."""
    return codec.natural(value, 1 << 53, "a connection's number")


def pack_present(present: Iterable[tuple[int, DeviceId]]) -> list[list[object]]:
    return [[number, member] for number, member in present]
