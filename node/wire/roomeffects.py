"""What a room server may cost, and what it decides: values that somebody else carries out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from node.ids import DeviceId, LibraryId
from node.wire.bucket import Rate
from node.wire.roster import Roster

_FRAMES: Final = Rate(per_s=40.0, burst=400.0)
_BYTES: Final = Rate(per_s=512_000.0, burst=4_000_000.0)
_LIBRARY_FRAMES: Final = Rate(per_s=160.0, burst=1_600.0)
_LIBRARY_BYTES: Final = Rate(per_s=2_000_000.0, burst=8_000_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may cost. Chosen so that honest devices never meet them."""

    connections: int = 60_000
    connections_per_address: int = 128
    """A family, an office or a mobile carrier's gateway is one address."""
    connections_per_library: int = 64
    rooms_per_library: int = 4
    """The present epoch's and, during a change, the next one's."""
    newcomers_per_s: float = 0.05
    """Libraries that were never here, from one address, for long; at once as many as it may have connections."""
    unjoined_s: float = 20.0
    frame_rate: Rate = _FRAMES
    """Frames sent and frames caused at others, of one connection."""
    byte_rate: Rate = _BYTES
    library_frame_rate: Rate = _LIBRARY_FRAMES
    library_byte_rate: Rate = _LIBRARY_BYTES


@dataclass(frozen=True, slots=True)
class Send:
    connection: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    connection: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class LoadRoster:
    """Answer with `loaded`: the chain kept for that library, if any."""

    connection: int
    library: LibraryId
    invitation: str = ""
    """What a newcomer brings where new libraries come by invitation."""


@dataclass(frozen=True, slots=True)
class FindRoster:
    """Answer with `loaded`: the chain of the library whose active member this is, if any."""

    connection: int
    member: DeviceId


@dataclass(frozen=True, slots=True)
class KeepRoster:
    library: LibraryId
    roster: Roster


@dataclass(frozen=True, slots=True)
class TellAccount:
    """Answer the connection: what the library's account has."""

    connection: int
    library: LibraryId


@dataclass(frozen=True, slots=True)
class AskGrant:
    """Answer the connection: a grant for so much on that seed, or why not."""

    connection: int
    library: LibraryId
    seed: DeviceId
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeepUsage:
    """Remember what a seed keeps of the library, and answer the connection as for TellAccount."""

    connection: int
    library: LibraryId
    record: bytes


Effect = Send | Close | LoadRoster | FindRoster | KeepRoster | TellAccount | AskGrant | KeepUsage
