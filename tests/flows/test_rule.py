"""Rosters that forked are put in order by themselves, on every device, and the person hears what happened."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys
from node.crypto.phrase import recovery_keys
from node.doors.vault import Secrets
from node.errors import RefusedError
from node.flows.rule import Ruling, tell_of_changes
from node.ids import DeviceId
from node.wire import codec
from node.wire.roster import Role, Roster, add_recovery, admit, found_library, read_roster, revoke
from tests.flows.people import Device, a_tracker, make_device, meeting, new_keys, now_ms, of_member, until


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
        return any(text in sentence for _, sentence in self.told)

    async def revokes(self, *gone: Owner) -> None:
        secret = os.urandom(32)
        await self.device.membership.change(
            lambda roster, keys, _epochs: revoke(
                roster,
                keys,
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


def home_of(*names: str) -> list[tuple[str, Secrets]]:
    """Owners, the first of whom founded the library and let the others in, in that order."""
    keys = [new_keys() for _ in names]
    epoch = EpochKeys(1, os.urandom(32))
    phrase = recovery_keys(os.urandom(32))
    roster = found_library(keys[0], phrase.public, epoch, time_ms=now_ms(), random_16=os.urandom(16))
    for each in keys[1:]:
        roster = admit(roster, keys[0], each.public, role=Role.OWNER, epochs=[epoch], time_ms=now_ms())
    return [(name, of_member(each, roster)) for name, each in zip(names, keys, strict=True)]


def owners(url: str, *names: str) -> list[Owner]:
    home = home_of(*names)
    called = {secrets.device.id: name for name, secrets in home}
    made = []
    for name, secrets in home:
        device = make_device(name, secrets, url)
        told: list[tuple[str, str]] = []
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


async def test_whom_two_owners_revoked_apart_is_out_and_a_new_epoch_begins_by_itself(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop, tablet, phone = owners(url, "PC", "Laptop", "Tablet", "Phone")
        await pc.revokes(tablet)
        await laptop.revokes(phone)
        async with together(pc, laptop):
            await until(lambda: agree(pc, laptop) and pc.roster.epoch > 2 and not pc.roster.unsettled)
            await until(lambda: pc.device.directory.get(laptop.device.id).present)  # type: ignore[arg-type]
        for owner in (pc, laptop):
            assert not owner.is_in(tablet.device.id)
            assert not owner.is_in(phone.device.id)
            assert owner.heard("Whoever one of them revoked stays revoked.")
            newest = owner.device.membership.epoch
            assert newest.number == owner.roster.epoch
            assert all(newest.number not in owner.roster.epochs_for(gone.keys) for gone in (tablet, phone))


async def test_whom_the_junior_let_in_meanwhile_is_let_in_again_by_itself(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop = owners(url, "PC", "Laptop")
        ipod, radio = new_keys(), new_keys()
        await pc.admits(ipod)
        await laptop.admits(radio)
        async with together(pc, laptop):
            await until(lambda: agree(pc, laptop) and all(pc.is_in(each.id) for each in (ipod, radio)))
        assert not pc.roster.lost
        assert pc.heard("whom the other let in is let in again")
        assert all(pc.roster.epoch in pc.roster.epochs_for(each) for each in (ipod, radio))


async def test_of_two_owners_who_revoke_each_other_the_senior_stays_and_both_are_told(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop, tablet = owners(url, "PC", "Laptop", "Tablet")
        with pytest.raises(RefusedError, match="admitted after"):
            await laptop.revokes(pc)
        forged = forged_revocation(laptop.roster, laptop.keys, pc.keys)
        with pytest.raises(RefusedError):
            await tablet.device.membership.learn(forged)
        await laptop.revokes(tablet)  # what it may, but it is revoked itself without having been heard
        await pc.revokes(laptop)
        async with together(pc, laptop, tablet):
            await until(lambda: not laptop.is_in(laptop.device.id))
            await until(lambda: agree(pc, tablet) and not tablet.is_in(laptop.device.id))
            await until(lambda: pc.device.directory.get(tablet.device.id).present)  # type: ignore[arg-type]
        assert pc.is_in(tablet.device.id), "a thief's revocations of which nobody had heard count for nothing"
        assert laptop.heard("This device was revoked by another one")
        assert tablet.heard("The device Laptop")


async def test_an_owner_that_is_shut_out_hears_it_and_can_still_revoke_the_thief(tmp_path: Path) -> None:
    """A thief begins an epoch and seals garbage to the owner instead of the secret."""
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop, tablet = owners(url, "PC", "Laptop", "Tablet")
        thief = laptop.keys
        roster = read_roster(with_garbage(laptop.roster, thief, gone=tablet.keys))
        thieves = make_device("Laptop", of_member(thief, roster), url)
        async with together(pc), meeting(thieves):
            await until(lambda: pc.device.membership.is_shut_out)
            assert pc.heard("gave this one none that works")
            assert pc.device.membership.epoch.number == 1, "what it could read before it reads on"
            await pc.revokes(laptop)
            await until(lambda: thieves.meeting.places[url].trouble == "this device was revoked")
        assert not pc.device.membership.is_shut_out
        assert pc.roster.epoch not in pc.roster.epochs_for(thief)
        assert not pc.is_in(laptop.device.id)


async def test_an_owner_without_the_epochs_secret_lets_nobody_in_again(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop, tablet = owners(url, "PC", "Laptop", "Tablet")
        radio = new_keys()
        await laptop.admits(radio)
        await pc.device.membership.learn(with_garbage(laptop.roster, laptop.keys, gone=tablet.keys))
        assert pc.device.membership.is_shut_out
        before = pc.roster
        async with together(pc):
            await until(lambda: pc.device.meeting.places[url].joined)
            assert pc.roster is before


async def test_a_lost_phrase_is_added_again_only_by_the_one_that_made_it(tmp_path: Path) -> None:
    """A phrase stands just above the device that signs for it: a senior's signature would lift a thief's up."""
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop = owners(url, "PC", "Laptop")
        phrase, radio = recovery_keys(os.urandom(32)), new_keys()
        await pc.admits(radio)
        await laptop.adds_phrase(phrase)
        async with together(pc):
            await pc.device.membership.learn(laptop.roster.entries)
            await until(lambda: bool(pc.roster.lost))
            known = pc.roster
            await until(lambda: pc.device.meeting.places[url].joined)
            assert pc.roster is known
            async with together(laptop):
                await until(lambda: agree(pc, laptop) and pc.is_in(phrase.id))
        rank = {each.public.id: place for place, each in enumerate(pc.roster.active())}
        assert rank[pc.keys.id] < rank[phrase.id] < rank[laptop.keys.id]
        assert pc.heard("A new recovery phrase")
        assert pc.heard("was made on Laptop")


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
