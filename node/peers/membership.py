"""This device's place in its library: its keys, the roster as far as it knows it, and the epochs it may read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from node.crypto.keys import EpochKeys, MemberKeys
from node.doors.vault import Secrets
from node.errors import RefusedError
from node.ids import DeviceId, LibraryId, to_text
from node.wire.envelope import next_counter, seal_to_member, seal_to_room
from node.wire.roster import Member, Roster, extend, read_roster

log = logging.getLogger(__name__)

OnChange = Callable[[Roster, Roster], None]


class SecretsKeeper(Protocol):
    """Where keys rest: node/doors/vault.py."""

    @property
    def secrets(self) -> Secrets: ...

    def save(self, secrets: Secrets) -> None: ...


class Membership:
    """Everything that changes when the roster grows, changed in one place and kept before it is believed."""

    def __init__(self, vault: SecretsKeeper, *, time_ms: Callable[[], int], random: Callable[[int], bytes]) -> None:
        secrets = vault.secrets
        self._vault = vault
        self._time_ms = time_ms
        self._random = random
        self._turn = asyncio.Lock()
        self._counter = 0
        self.keys: MemberKeys = secrets.device
        self.roster: Roster = read_roster(secrets.roster)
        self.epochs: dict[int, EpochKeys] = {epoch.number: epoch for epoch in secrets.epochs}
        self.on_change: list[OnChange] = []
        """Called with the roster before and after, once the new one is on the disk."""

    @property
    def library(self) -> LibraryId:
        return self.roster.library

    @property
    def epoch(self) -> EpochKeys:
        """The roster's; if this device was given nothing that opens, the newest before it."""
        return self.epochs[max(number for number in self.epochs if number <= self.roster.epoch)]

    @property
    def is_shut_out(self) -> bool:
        """Whether whoever began the present epoch kept its secret from this device, which is active all the same."""
        me = self.roster.members.get(self.keys.id)
        return self.roster.epoch not in self.epochs and me is not None and me.active

    @property
    def me(self) -> Member:
        """Raises RefusedError if this device was revoked."""
        return self.roster.member(self.keys.id)

    def check(self, member: DeviceId) -> Member:
        """The active member with that key. Raises RefusedError."""
        return self.roster.member(member)

    async def learn(self, entries: Sequence[bytes]) -> bool:
        """Take on what somebody else knows of the roster; whether it was news.

        Raises RefusedError (only older than what is known, or another library's), PeerError (broken).
        """
        async with self._turn:
            before = self.roster
            if tuple(entries) == before.entries:
                return False
            after = await asyncio.to_thread(extend, before, entries)
            return after is not before and await self._take(after)

    async def change(
        self,
        step: Callable[[Roster, MemberKeys, dict[int, EpochKeys]], Roster],
        *,
        also: Callable[[Secrets], Secrets] = lambda secrets: secrets,
    ) -> Roster:
        """Sign a change of the roster; `step` makes it from what is known, `also` what is to be kept with it.

        Raises what `step` raises.
        """
        async with self._turn:
            await self._take(step(self.roster, self.keys, dict(self.epochs)), also)
            return self.roster

    async def _take(self, roster: Roster, also: Callable[[Secrets], Secrets] = lambda secrets: secrets) -> bool:
        before = self.roster
        epochs = {**self.epochs, **roster.epochs_for(self.keys)}
        ordered = tuple(epochs[number] for number in sorted(epochs))
        secrets = also(replace(self._vault.secrets, epochs=ordered, roster=roster.entries))
        await asyncio.to_thread(self._vault.save, secrets)
        self.roster, self.epochs = roster, epochs
        log.info("roster_grew entries=%d epoch=%d", len(roster.entries), roster.epoch)
        for tell in self.on_change:
            tell(before, roster)
        return True

    def seal_to_room(self, kind: str, body: object) -> bytes:
        """A message that every reading member can open."""
        return seal_to_room(
            self.keys,
            self.epoch,
            self.library,
            kind=kind,
            body=body,
            counter=self._next_counter(),
            time_ms=self._time_ms(),
            nonce_12=self._random(12),
        )

    def seal_to(self, member: DeviceId, kind: str, body: object) -> bytes:
        """A message that one member alone can open. Raises RefusedError if it is no longer one."""
        public = self.check(member).public
        return seal_to_member(
            self.keys,
            public.sign,
            public.receive,
            self.library,
            kind=kind,
            body=body,
            counter=self._next_counter(),
            time_ms=self._time_ms(),
        )

    def _next_counter(self) -> int:
        self._counter = next_counter(self._counter, self._time_ms() * 1_000)
        return self._counter

    def random(self, size_bytes: int) -> bytes:
        return self._random(size_bytes)

    def require_owner(self) -> Member:
        """This device, if it may change the roster. Raises RefusedError that says who can."""
        me = self.me
        if not me.role.rules:
            raise RefusedError("this device may not pair or revoke others; do it on a device that is an owner")
        return me

    def __repr__(self) -> str:
        return f"Membership({to_text(self.keys.id)[:8]})"
