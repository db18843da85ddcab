"""Who may write what in the catalog: nearly everything is everybody's, what devices are called is not."""

from __future__ import annotations

from collections.abc import Callable

from node.catalog.register import Key
from node.catalog.vector import LogId, log_device
from node.catalog.vocabulary import DEVICE, DEVICE_NAME, DEVICE_URL
from node.ids import to_text
from node.wire.roster import Roster

MayWrite = Callable[[Key, LogId], bool]
"""Whether what a log writes into a register counts. A right may not end: all devices must come to one catalog."""


def everything_counts(_key: Key, _log: LogId) -> bool:
    """Of a library whose roster nobody asks."""
    return True


def may_write(key: Key, log: LogId, roster: Roster) -> bool:
    """A device's name is written by itself or by an owner, a seed's address by an owner; the rest by anybody."""
    if key.table != DEVICE or key.field not in (DEVICE_NAME, DEVICE_URL):
        return True
    writer = log_device(log)
    if key.field == DEVICE_NAME and key.id == to_text(writer):
        return True
    member = roster.members.get(writer)
    return member is not None and member.role.rules
