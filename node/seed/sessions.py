"""Who may do what at a seed: challenges answered once, capabilities that run out, rosters that have the last word."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Final

from node.crypto.keys import MemberKeys
from node.errors import RefusedError
from node.ids import DeviceId, LibraryId
from node.seed.clock import Now
from node.seed.ledger import Ledger
from node.wire import seedapi
from node.wire.roster import Member, Roster, read_roster
from node.wire.seedapi import Capability

CAPABILITY_MS: Final = 3_600_000
CHALLENGE_MS: Final = 60_000
MAX_CHALLENGES: Final = 10_000
MAX_ROSTERS: Final = 200
"""Kept read, so that not every request checks a whole chain again."""


class Sessions:
    """Challenges, capabilities and the rosters that they are checked against."""

    def __init__(self, keys: MemberKeys, ledger: Ledger, *, now_ms: Now) -> None:
        self._secret = keys.receive_secret
        self._ledger = ledger
        self._now_ms = now_ms
        self._challenges: OrderedDict[bytes, int] = OrderedDict()
        self._rosters: OrderedDict[LibraryId, Roster] = OrderedDict()

    def challenge(self) -> bytes:
        """32 bytes to sign, good for one use within a minute."""
        nonce = os.urandom(32)
        self._challenges[nonce] = self._now_ms() + CHALLENGE_MS
        while len(self._challenges) > MAX_CHALLENGES:
            self._challenges.popitem(last=False)
        return nonce

    def spend(self, nonce: bytes) -> None:
        """Raises RefusedError if this seed didn't give the challenge, or it was used, or is too old."""
        if self._challenges.pop(nonce, 0) <= self._now_ms():
            raise RefusedError("the request answers no challenge of this seed; ask for another")

    async def open(self, request: seedapi.SessionRequest) -> list[tuple[LibraryId, str]]:
        """A capability for each library that was asked for, or of which the member is an active one."""
        self.spend(request.nonce)
        asked = [LibraryId(request.library)] if request.library else await self._ledger.libraries_of(request.member)
        opened = []
        for library in asked:
            (await self.roster(library)).member(request.member)
            expires_ms = self._now_ms() + CAPABILITY_MS
            capability = Capability(library, request.member, expires_ms)
            opened.append((library, seedapi.issue_capability(self._secret, capability)))
        return opened

    async def check(self, text: str) -> tuple[Roster, Member]:
        """The library and member that a capability is for. Raises RefusedError; at once if the member was revoked."""
        capability = seedapi.read_capability(self._secret, text, now_ms=self._now_ms())
        roster = await self.roster(capability.library)
        return roster, roster.member(capability.member)

    async def roster(self, library: LibraryId) -> Roster:
        """The newest roster that the seed knows. Raises RefusedError for a library that isn't kept here."""
        entries = await self._ledger.load(library)
        known = self._rosters.get(library)
        if known is None or len(known.entries) != len(entries or ()):
            known = read_roster(entries or ())
            self._rosters[library] = known
        self._rosters.move_to_end(library)
        while len(self._rosters) > MAX_ROSTERS:
            self._rosters.popitem(last=False)
        return known

    def known(self, library: LibraryId) -> Roster | None:
        """The roster as it was last looked at: for what is asked too often to look each time."""
        return self._rosters.get(library)


def is_owner(roster: Roster, member: DeviceId) -> bool:
    """Whether an active member may change the roster and the lists."""
    return roster.member(member).role.rules
