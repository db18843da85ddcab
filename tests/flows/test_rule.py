"""Rosters that forked are put in order by themselves, on every device, and the person hears what happened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.crypto.phrase import recovery_keys
from node.errors import RefusedError
from node.wire.roster import read_roster
from tests.flows.owners import agree, forged_revocation, owners, together, with_garbage
from tests.flows.people import a_tracker, make_device, meeting, new_keys, of_member, until


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
