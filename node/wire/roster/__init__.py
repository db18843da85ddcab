"""The roster: the signed chain that says who belongs to a library (docs/FORMAT.md, "Roster")."""

from __future__ import annotations

from node.wire.roster.chain import Roster, extend, merged, read_roster
from node.wire.roster.changes import add_recovery, admit, found_library, remove_recovery, revoke, settle
from node.wire.roster.entries import MAX_ENTRIES, MAX_ENTRY_BYTES, MAX_MEMBERS, Entry, Kind
from node.wire.roster.members import Member, Role

__all__ = [
    "MAX_ENTRIES",
    "MAX_ENTRY_BYTES",
    "MAX_MEMBERS",
    "Entry",
    "Kind",
    "Member",
    "Role",
    "Roster",
    "add_recovery",
    "admit",
    "extend",
    "found_library",
    "merged",
    "read_roster",
    "remove_recovery",
    "revoke",
    "settle",
]
