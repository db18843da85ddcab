"""What goes wrong around a phone is told to the person, and survived."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.client.conftest import PHONE, WATCH_AUDIO, until
from tests.client.test_phone import Phone, phone  # noqa: F401  the fixture
from tests.flows import people

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 "
    "Mobile/15E148 Safari/604.1"
)


async def keep(phone: Phone, title: str) -> None:  # noqa: F811
    await phone.page.evaluate("location.hash = '#/songs'")
    await phone.page.get_by_role("button", name=f"More for {title}").click()
    await phone.page.get_by_role("menuitem", name="Keep on this device").click()
    await phone.page.evaluate("location.hash = '#/locker'")
    await expect(phone.page.locator(".held")).to_contain_text("1 of 1 kept song ready")


async def test_a_pc_that_fell_asleep_is_not_called_broken(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    device = phone.home.device
    device.asleep = True
    await device.meeting.announce()
    await phone.page.evaluate("location.hash = '#/devices'")
    await expect(phone.page.get_by_text("It is going to sleep.")).to_be_visible()
    device.meeting.set_trackers([])
    await device.links.close()
    await expect(phone.page.locator("#offline")).to_contain_text("Your computer is asleep.")
    device.asleep = False
    device.meeting.set_trackers([phone.home.tracker])
    await expect(phone.page.locator("html.offline")).to_have_count(0)


async def test_a_tracker_that_dies_while_music_plays_is_not_heard(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await phone.play_first()
    await phone.until_sound()
    await phone.until_kept_shell()
    await phone.tracker.aclose()
    await phone.page.evaluate("voices.find((voice) => !voice.paused).currentTime = 10.5")
    began = "heard.filter((each) => each.name === 'playing').map((each) => each.src)"
    await until(phone.page, f"new Set({began}).size === 2", 60)
    await phone.until_sound()
    await phone.page.evaluate("location.hash = '#/devices'")
    rooms = phone.page.locator(".page-devices .ways")
    await expect(rooms).not_to_contain_text("Joined")
    await phone.home.device.links.close()
    await expect(phone.page.locator("#offline")).to_contain_text("can’t be reached")
    await phone.until_sound(past_s=1)


async def test_music_that_the_browser_cleared_away_is_missed_told_and_fetched_again(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await keep(phone, "Third Rail")
    clear = """async () => (await navigator.storage.getDirectory()).removeEntry("chunks", {recursive: true})"""
    await phone.page.evaluate(clear)
    phone.home.served.clear()
    await phone.page.reload()
    await expect(phone.page.locator("#messages")).to_contain_text("cleared 1 kept song")
    await phone.page.evaluate("location.hash = '#/locker'")
    await expect(phone.page.locator(".notice")).to_contain_text("cleared 1 kept song")
    await expect(phone.page.locator(".held")).to_contain_text("1 of 1 kept song ready")
    assert phone.home.served, "nothing was fetched again"


async def test_a_browser_that_cleared_everything_says_so_and_not_that_it_is_new(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await phone.page.goto("about:blank")
    await phone.page.goto(phone.base)
    await phone.page.evaluate("indexedDB.deleteDatabase('songkeep')")
    await phone.page.reload()
    await expect(phone.page.get_by_role("alert")).to_contain_text("has cleared all")
    await expect(phone.page.get_by_label("Pairing code")).to_be_visible()


async def test_on_an_iphone_the_app_is_installed_before_it_is_paired(browser: Browser, phone: Phone) -> None:  # noqa: F811
    context = await browser.new_context(viewport=PHONE, user_agent=IPHONE)  # type: ignore[arg-type]
    await context.add_init_script(WATCH_AUDIO)
    page = await context.new_page()
    await page.goto(f"{phone.base}#pair=aaaa-aaaa-aaaa-aaaa")
    await expect(page.get_by_role("heading")).to_have_text("First, to the home screen")
    await expect(page.locator(".steps li")).to_have_count(3)
    await page.get_by_role("button", name="Pair in this browser instead").click()
    await expect(page.get_by_role("alert")).to_contain_text(re.compile("Ask for a new one"))
    await page.close()
    installed = await context.new_page()
    await installed.add_init_script("Object.defineProperty(navigator, 'standalone', {value: true})")
    await installed.goto(phone.base)
    await expect(installed.get_by_label("Pairing code")).to_be_visible()
    await context.close()


WITHOUT_OPUS = """(() => {
  const {canPlayType} = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.canPlayType = function (mime) {
    const deaf = ["opus", "webm", ...(localStorage.deaf?.split(" ") ?? [])];
    return deaf.some((each) => mime.includes(each)) ? "" : canPlayType.call(this, mime);
  };
})();"""
"""A browser that plays no Opus, and nothing that it is "deaf" to."""


async def test_a_browser_without_opus_plays_originals_and_says_when_it_can_play_nothing(phone: Phone) -> None:  # noqa: F811
    await phone.page.add_init_script(WITHOUT_OPUS)
    await phone.pair()
    await phone.play_first()
    await phone.until_sound()
    assert not {root for root, _ in phone.home.served} & set(phone.home.mobiles), "small copies were fetched in vain"
    await phone.page.evaluate("localStorage.deaf = 'wav mp4'")
    await phone.page.reload()
    await phone.play_first()
    await expect(phone.page.locator("#messages")).to_contain_text("this browser can play neither")


async def test_a_browser_without_opus_plays_a_copy_in_aac_that_the_pc_makes_for_it(phone: Phone) -> None:  # noqa: F811
    await phone.page.add_init_script(WITHOUT_OPUS)
    await phone.pair()
    await phone.page.evaluate("localStorage.deaf = 'wav'")
    await phone.page.reload()
    await phone.play_first()
    await expect(phone.page.locator("#messages")).to_contain_text("must first make a copy")
    phone.home.renders = True
    await phone.play_first()
    await phone.until_sound()
    # What is to stay is made too, and comes whole.
    await keep(phone, "Third Rail")
    assert set(phone.home.rendered) >= {phone.home.tracks["First Light"], phone.home.tracks["Third Rail"]}
    assert len(phone.home.rendered) == len(set(phone.home.rendered)), "a copy was made twice"
    phone.home.renders = False
    phone.home.device.blobs.clear()
    await phone.page.reload()
    await phone.page.evaluate("location.hash = '#/songs'")
    await phone.page.get_by_role("button", name=re.compile("^Third Rail")).click()
    await phone.until_sound(past_s=2)


async def test_what_is_kept_moves_to_another_address_as_a_playlist_to_be_kept_there(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await keep(phone, "Third Rail")
    await phone.page.evaluate("location.hash = '#/settings'")
    await phone.page.get_by_role("link", name="Moving to another address").click()
    await phone.page.get_by_role("button", name="Make a playlist of 1 kept song").click()
    await expect(phone.page.get_by_role("status").filter(has_text="is made")).to_be_visible()
    state = phone.home.state
    await people.until(lambda: any(key.field == "name" and key.table == "playlist" for key in state.registers))
    context = await phone.page.context.browser.new_context(viewport=PHONE)  # type: ignore[union-attr,arg-type]
    await context.add_init_script(WATCH_AUDIO)
    moved = Phone(await context.new_page(), phone.home, phone.base.replace("127.0.0.1", "localhost"), phone.tracker)
    await moved.pair()
    await moved.page.evaluate("location.hash = '#/playlists'")
    await moved.page.get_by_role("link", name="Kept on my phone").click()
    await moved.page.get_by_role("button", name="More for Kept on my phone").click()
    await moved.page.get_by_role("menuitem", name="Keep on this device").click()
    await moved.page.evaluate("location.hash = '#/locker'")
    await expect(moved.page.locator(".held")).to_contain_text("1 of 1 kept song ready")
    await context.close()
