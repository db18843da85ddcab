"""The phone and the seed: music when no other device is there, and none for a phone that was revoked."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from node.crypto.keys import EpochKeys
from node.wire import pairing, roster
from tests.client.conftest import until
from tests.client.phone_home import Home, fill
from tests.client.phone_seed import QUOTA_BYTES, give_all, tell_roster
from tests.client.test_phone import IDENTITY, LEFT, NOTHING, Phone, phone  # noqa: F401  the fixture
from tests.flows import people
from tests.seed.owner import a_seed

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SONGS = 3
TROUBLE = """
(() => {
  const {postMessage} = Worker.prototype;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (!(localStorage.held && message.op === "clear")) postMessage.call(this, message, ...rest);
  };
  const {removeEntry} = FileSystemDirectoryHandle.prototype;
  FileSystemDirectoryHandle.prototype.removeEntry = function (...which) {
    const busy = new DOMException("busy", "NoModificationAllowedError");
    return localStorage.stuck ? Promise.reject(busy) : removeEntry.apply(this, which);
  };
})();
"""
"""While "held", a wipe begins and gets nowhere; while "stuck", the disk lets nothing be deleted."""


NO_DIRECT_WAY = """
RTCPeerConnection.prototype.setLocalDescription = () => Promise.reject(new DOMException("no way", "OperationError"));
"""
"""As in a network that lets no UDP through, only sooner."""


NO_ROOM = """
(() => {
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(url) {
      super(url.startsWith(SEED) ? url.replace(/:[0-9]+/, ":1") : url);
    }
  };
})();
"""
"""The seed's room can't be entered, as behind a server of a company that lets no WebSocket through."""


async def go_away(paired: Phone) -> None:
    """The PC is switched off: its rooms and channels end."""
    device = paired.home.device
    device.meeting.set_trackers([])
    await device.links.close()
    device.blobs.clear()


async def test_music_comes_from_the_seed_when_the_pc_is_off(phone: Phone, tmp_path: Path) -> None:  # noqa: F811
    async with a_seed(tmp_path / "seed") as seed:
        await give_all(phone.home, await seed.invite(QUOTA_BYTES))
        await phone.pair()
        await go_away(phone)
        given = phone.home.served.copy()
        await phone.page.reload()
        for number in range(SONGS):
            await phone.page.evaluate("location.hash = '#/songs'")
            await phone.page.locator(".track-main").nth(number).click()
            await phone.until_sound(past_s=1)
        assert phone.home.served == given


async def test_where_no_udp_passes_the_catalog_comes_from_the_seed_too(phone: Phone, tmp_path: Path) -> None:  # noqa: F811
    async with a_seed(tmp_path / "seed") as seed:
        await give_all(phone.home, await seed.invite(QUOTA_BYTES))
        phone.home.snapshot = None  # the PC went away before the phone had heard of any catalog
        await phone.join()
        await go_away(phone)
        await phone.page.add_init_script(NO_DIRECT_WAY)
        await phone.page.reload()
        await expect(phone.page.locator(".hero")).to_contain_text("3 songs")
        await phone.play_first()
        await phone.until_sound()
        assert phone.home.served == []


async def test_a_seed_gives_music_where_its_room_is_shut(phone: Phone, tmp_path: Path) -> None:  # noqa: F811
    async with a_seed(tmp_path / "seed") as seed:
        code = await seed.invite(QUOTA_BYTES)
        await give_all(phone.home, code)
        phone.home.snapshot = None  # so that the phone has nothing but what comes now
        await phone.join()
        await tell_roster(phone.home, code)
        await go_away(phone)
        await phone.page.add_init_script(NO_ROOM.replace("SEED", json.dumps(seed.url.replace("http", "ws"))))
        await phone.page.reload()
        await expect(phone.page.locator(".hero")).to_contain_text("3 songs")
        await phone.play_first()
        await phone.until_sound()
        await phone.page.evaluate("location.hash = '#/locker'")
        await expect(phone.page.locator(".held")).to_contain_text("Seed, over the web")
        assert phone.home.served == []


async def revoke_the_phone(paired: Phone) -> None:
    membership = paired.home.device.membership
    gone = next(each for each in membership.roster.active(roster.Role.PLAYER))
    second = EpochKeys(2, os.urandom(32))
    await membership.change(
        lambda known, keys, _epochs: roster.revoke(
            known, keys, [gone.public.id], next_epoch=second, time_ms=people.now_ms()
        )
    )


async def test_a_revoked_phone_is_cut_off_and_told(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await phone.play_first()
    await phone.until_sound()
    await revoke_the_phone(phone)
    await expect(phone.page.locator("#gate")).to_contain_text("have been deleted")
    assert await phone.page.evaluate(LEFT) == NOTHING
    await until(phone.page, "voices.every((voice) => voice.paused)")
    await people.until(lambda: phone.home.device.links.count == 0)
    await phone.page.reload()
    await expect(phone.page.locator("#gate")).to_contain_text("Bring your music here")


async def test_a_wipe_that_was_interrupted_is_finished_at_the_next_start(phone: Phone) -> None:  # noqa: F811
    await phone.page.add_init_script(TROUBLE)
    await phone.pair()
    await phone.play_first()
    await phone.until_sound()
    await phone.page.evaluate("localStorage.held = 1")
    await revoke_the_phone(phone)
    gate = phone.page.locator("#gate")
    await expect(gate).to_contain_text("are being deleted")
    before = await phone.page.evaluate(LEFT)
    assert before["records"] > 0
    assert before["files"] == ["chunks"]
    await phone.page.evaluate("delete localStorage.held; localStorage.stuck = 1")
    await phone.page.reload()
    await expect(gate.get_by_role("alert")).to_contain_text("But the songs kept here couldn’t be deleted")
    halfway = await phone.page.evaluate(LEFT)
    assert (halfway["records"], halfway["files"]) == (0, ["chunks"])
    await phone.page.evaluate("delete localStorage.stuck")
    await gate.get_by_role("button", name="Try again").click()
    await expect(gate).to_contain_text("have been deleted")
    assert await phone.page.evaluate(LEFT) == NOTHING
    await gate.get_by_role("button", name="Pair again").click()
    await expect(gate).to_contain_text("Bring your music here")


async def test_a_phone_that_was_being_forgotten_is_not_told_that_it_was_removed(phone: Phone) -> None:  # noqa: F811
    await phone.page.add_init_script(TROUBLE)
    await phone.pair()
    await phone.page.evaluate("localStorage.held = 1; location.hash = '#/settings'")
    await phone.page.get_by_role("button", name="Forget this device").click()
    await phone.page.get_by_role("button", name="Forget", exact=True).click()
    await until(phone.page, "localStorage['songkeep.wiping']")
    await phone.page.evaluate("delete localStorage.held")
    await phone.page.reload()
    gate = phone.page.locator("#gate")
    await expect(gate).to_contain_text("This device is forgotten")
    await expect(gate.get_by_role("alert")).to_contain_text("have been deleted")
    assert await phone.page.evaluate(LEFT) == NOTHING


async def test_another_tab_of_the_old_library_leaves_a_new_pairing_alone(phone: Phone, tmp_path: Path) -> None:  # noqa: F811
    await phone.pair()
    page = await phone.page.context.new_page()
    other = Phone(page, Home.begin(phone.home.tracker), phone.base, phone.tracker)
    fill(other.home, tmp_path)
    async with people.meeting(other.home.device):
        code = os.urandom(pairing.CODE_BYTES)
        typed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        inviting = await other.home.invite(code, typed)
        await page.goto(pairing.invitation_link(phone.base, pairing.Invitation(code)))
        await page.get_by_role("button", name="Leave it and pair again").click()
        typed.set_result(await other.check_code())
        await asyncio.wait_for(inviting, 60)
        await expect(page.locator(".hero")).to_contain_text("3 songs")
        mine = await page.evaluate(IDENTITY)
        guest = people.new_keys().public
        async with phone.page.expect_event("load"):
            await phone.home.device.membership.change(
                lambda known, keys, epochs: roster.admit(
                    known, keys, guest, role=roster.Role.PLAYER, epochs=epochs.values(), time_ms=people.now_ms()
                )
            )
        await expect(phone.page.locator(".hero")).to_contain_text("3 songs")
        assert await phone.page.evaluate(IDENTITY) == mine
        assert await page.evaluate(IDENTITY) == mine


async def test_a_phone_comes_back_after_the_pc_was_away(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    device, tracker = phone.home.device, phone.home.tracker
    device.meeting.set_trackers([])
    await device.links.close()
    await asyncio.sleep(1)
    device.meeting.set_trackers([tracker])
    await phone.play_first()
    await phone.until_sound(timeout_s=60)
