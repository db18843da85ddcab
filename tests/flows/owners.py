"""Owner devices that change the roster, put forks in order, and remember what their person was told."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys
from node.crypto.phrase import recovery_keys
from node.doors.vault import Secrets
from node.flows.rule import Ruling, tell_of_changes
from node.ids import DeviceId
from node.wire import codec
from node.wire.roster import Role, Roster, add_recovery, admit, found_library, revoke
from tests.flows.people import Device, make_device, meeting, new_keys, now_ms, of_member


@dataclass
class Owner:
    """A device that rules, and what its person was told."""

    device: Device
    told: list[tuple[str, str]]
    ruling: Ruling

    @property
    def roster(self) -> Roster:
        return self.device.membership.roster

    @property
    def keys(self) -> MemberKeys:
        return self.device.membership.keys

    def is_in(self, member: bytes) -> bool:
        known = self.roster.members.get(DeviceId(member))
        return known is not None and known.active

    def heard(self, text: str) -> bool:
        return any(text in (sentence if isinstance(sentence, str) else sentence()) for _, sentence in self.told)

    async def revokes(self, *gone: Owner, by: MemberKeys | None = None) -> None:
        """In its own name, or `by` a phrase."""
        secret = os.urandom(32)
        await self.device.membership.change(
            lambda roster, keys, _epochs: revoke(
                roster,
                by or keys,
                [DeviceId(each.device.id) for each in gone],
                next_epoch=EpochKeys(roster.next_epoch, secret),
                time_ms=now_ms(),
            )
        )

    async def admits(self, newcomer: MemberKeys) -> None:
        await self.device.membership.change(
            lambda roster, keys, epochs: admit(
                roster, keys, newcomer.public, role=Role.PLAYER, epochs=epochs.values(), time_ms=now_ms()
            )
        )

    async def adds_phrase(self, phrase: MemberKeys) -> None:
        await self.device.membership.change(
            lambda roster, keys, epochs: add_recovery(
                roster, keys, phrase.public, epochs=epochs.values(), time_ms=now_ms()
            )
        )


def home_of(*names: str, phrase: bytes | None = None) -> list[tuple[str, Secrets]]:
    """Owners, the first of whom founded the library and let the others in, in that order."""
    keys = [new_keys() for _ in names]
    epoch = EpochKeys(1, os.urandom(32))
    recovery = recovery_keys(phrase or os.urandom(32))
    roster = found_library(keys[0], recovery.public, epoch, time_ms=now_ms(), random_16=os.urandom(16))
    for each in keys[1:]:
        roster = admit(roster, keys[0], each.public, role=Role.OWNER, epochs=[epoch], time_ms=now_ms())
    return [(name, of_member(each, roster)) for name, each in zip(names, keys, strict=True)]


def owners(url: str, *names: str, phrase: bytes | None = None) -> list[Owner]:
    home = home_of(*names, phrase=phrase)
    called = {secrets.device.id: name for name, secrets in home}
    made = []
    for name, secrets in home:
        device = make_device(name, secrets, url)
        told: list[tuple[str, str | Callable[[], str]]] = []
        ruling = Ruling(device.membership, now_ms=now_ms, first_wait_s=0.01, each_wait_s=0.2)
        device.membership.on_change.append(
            tell_of_changes(
                device.membership,
                lambda member: called.get(member, "a device"),
                lambda level, text, told=told: told.append((level, text)),
            )
        )
        made.append(Owner(device, told, ruling))
    return made


@contextlib.asynccontextmanager
async def together(*each: Owner) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(owner.ruling.run()) for owner in each]
    try:
        async with meeting(*(owner.device for owner in each)):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def agree(*each: Owner) -> bool:
    return len({owner.roster.digest for owner in each}) == 1


def forged_revocation(roster: Roster, by: MemberKeys, gone: MemberKeys) -> list[bytes]:
    """A revocation that the rules don't allow, signed all the same."""
    return _revocation(roster, by, gone, lambda _member: b"\0" * 80)


def with_garbage(roster: Roster, by: MemberKeys, *, gone: MemberKeys) -> list[bytes]:
    """A revocation that is in order, but its secrets open for nobody."""
    return _revocation(roster, by, gone, lambda _member: os.urandom(80))


def _revocation(roster: Roster, by: MemberKeys, gone: MemberKeys, sealed: object) -> list[bytes]:
    assert callable(sealed)
    number = roster.next_epoch
    stay = [each for each in roster.active() if each.role.reads and each.public.id != gone.id]
    secrets = [[each.public.id, [[number, sealed(each)]]] for each in stay]
    body = {"gone": [gone.id], "epoch": number, "secrets": secrets, "heads": {}, "lists": {}}
    payload = codec.pack([1, roster.head, roster.seq + 1, now_ms(), by.id, "revoke", body])
    return [*roster.entries, codec.pack([payload, by.sign(labels.LABEL_SIGN_ROSTER, payload)])]
