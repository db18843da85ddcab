"""A phone whose library's roster changes, forks and begins an epoch: it follows, and plays on."""

from __future__ import annotations

import os

import pytest

from node.crypto.keys import EpochKeys
from node.crypto.phrase import recovery_keys
from node.ids import DeviceId
from node.wire.roster import Role, add_recovery, admit, revoke
from tests.client.test_phone import Phone, phone
from tests.flows import people

__all__ = ["phone"]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_phone_follows_a_fork_with_a_new_phrase_and_a_new_epoch(phone: Phone) -> None:
    await phone.pair()
    home = phone.home.device.membership
    before, guest, paper = home.roster, people.new_keys(), recovery_keys(os.urandom(32))
    await home.change(
        lambda known, keys, epochs: admit(
            known, keys, guest.public, role=Role.PLAYER, epochs=epochs.values(), time_ms=people.now_ms()
        )
    )
    second = os.urandom(32)
    await home.change(
        lambda known, keys, _epochs: revoke(
            known, keys, [DeviceId(guest.id)], next_epoch=EpochKeys(2, second), time_ms=people.now_ms()
        )
    )
    # As if a backup of the PC had made a phrase, without having heard of the guest.
    aside = add_recovery(before, home.keys, paper.public, epochs=home.epochs.values(), time_ms=people.now_ms())
    await home.learn(aside.entries)
    assert len(home.roster.lost) == 1
    assert home.roster.epoch == 2

    def phone_knows() -> bool:
        said = [seen.presence for _, seen in phone.home.device.directory.present()]
        return any(each is not None and each.roster_digest == home.roster.digest for each in said)

    await people.until(phone_knows, timeout_s=60)
    await phone.play_first()
    await phone.until_sound()
    await phone.page.reload()
    await people.until(phone_knows, timeout_s=60)
    await phone.play_first()
    await phone.until_sound()
