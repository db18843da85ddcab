"""What a revoked device wrote beyond what its revocation names counts for nothing, by whichever way it comes."""

from __future__ import annotations

from node.catalog.snapshot import SnapshotReader
from node.catalog.vector import MAX_SEQ, LogId, log_device
from node.errors import RefusedError
from node.library import Library
from node.wire.roster import Roster


def last_valid_of(log: LogId, roster: Roster) -> int:
    """The number of the last batch of a log that counts."""
    writer = roster.members.get(log_device(log))
    return MAX_SEQ if writer is None or writer.active else roster.last_valid.get(log, 0)


def check_snapshot(document: bytes, roster: Roster) -> None:
    """Refuse a catalog by somebody who hasn't heard of a revocation: what the revoked one deleted is gone in it.

    Raises RefusedError, PeerError, UnknownFormatError.
    """
    for log, head in SnapshotReader([document]).header.heads.items():
        if head.seq > last_valid_of(log, roster):
            raise RefusedError("a catalog with changes of a device that was revoked was offered")


def void_what_is_beyond(library: Library, roster: Roster) -> None:
    """Undo it here, and take none of it from now on. Takes seconds where there is something to undo."""
    limits = library.index.log.limits()
    for log in library.index.log.heads():
        last_valid = last_valid_of(log, roster)
        if last_valid < MAX_SEQ and limits.get(log) != last_valid:
            library.void_after(log, last_valid)
