"""What the seed's ledger tells, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.ids import BlobRoot, LibraryId
from node.seed.schema import State


@dataclass(frozen=True, slots=True)
class Invitation:
    quota_bytes: int


@dataclass(frozen=True, slots=True)
class LibraryFacts:
    """A library as the person who runs the seed sees it: a number and sizes."""

    library: LibraryId
    number: int
    quota_bytes: int
    """By invitations and grants together."""
    list_serial: int
    list_record: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """Sealed bytes and blobs of one library, by state."""

    bytes_by_state: Mapping[State, int]
    blobs_by_state: Mapping[State, int]

    @property
    def listed_bytes(self) -> int:
        """What counts as promised and used, whether it has come yet or not."""
        return sum(self.bytes_by_state.get(state, 0) for state in (State.WANTED, State.HELD, State.DAMAGED))


@dataclass(frozen=True, slots=True)
class HeldBlob:
    root: BlobRoot
    sealed_bytes: int
    state: State
    layer: bytes


@dataclass(frozen=True, slots=True)
class DueBlob:
    """A blob whose turn it is to be read again."""

    library: LibraryId
    root: BlobRoot
    sealed_bytes: int
