"""Stars, plays and playlists made on a phone reach the catalog, at once or when a computer is there again."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from node.catalog.register import Key
from tests.client.test_phone import Phone, phone  # noqa: F401  the fixture
from tests.flows import people

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def track_named(home_phone: Phone, title: str) -> str:
    state = home_phone.home.state
    return next(key.id for key in state.registers if key.field == "tags" and state.shown(key)[1] == title)


async def more(page: object, title: str, action: str) -> None:
    await page.get_by_role("button", name=f"More for {title}").click()  # type: ignore[attr-defined]
    await page.get_by_role("menuitem", name=action).click()  # type: ignore[attr-defined]


async def test_a_star_put_on_the_phone_reaches_the_pc_and_lasts(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await phone.page.evaluate("location.hash = '#/songs'")
    await more(phone.page, "Third Rail", "Star")
    key = Key("star", track_named(phone, "Third Rail"), "track")
    await people.until(lambda: isinstance(phone.home.state.shown(key), int))
    await phone.page.reload()
    await phone.page.evaluate("location.hash = '#/starred'")
    await expect(phone.page.get_by_role("button", name="Third Rail, by")).to_be_visible(timeout=10_000)


async def test_a_playlist_made_while_the_pc_is_away_is_told_when_it_is_back(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    device, tracker = phone.home.device, phone.home.tracker
    device.meeting.set_trackers([])
    await device.links.close()
    await phone.page.evaluate("location.hash = '#/songs'")
    await more(phone.page, "First Light", "Add to playlist…")
    await phone.page.get_by_role("menuitem", name="New playlist…").click()
    await phone.page.get_by_role("textbox").last.fill("On the train")
    await phone.page.keyboard.press("Enter")
    await expect(phone.page.locator("#messages")).to_contain_text("On the train")
    await phone.page.reload()
    await phone.page.evaluate("location.hash = '#/playlists'")
    await expect(phone.page.get_by_role("link", name="On the train, 1 song")).to_be_visible(timeout=10_000)
    device.meeting.set_trackers([tracker])

    def told() -> bool:
        registers = phone.home.state.registers
        names = [phone.home.state.shown(key) for key in registers if key.table == "playlist" and key.field == "name"]
        return names == ["On the train"]

    await people.until(told, timeout_s=30)
    items = [key for key in phone.home.state.registers if key.table == "playlist" and key.field.startswith("item:")]
    assert len(items) == 1


async def test_a_song_that_was_heard_is_counted_once(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await phone.play_first()
    await phone.until_sound()
    # Half of its 12 s must have sounded; a jump ahead would not count.
    await phone.page.evaluate("voices.find((voice) => !voice.paused).playbackRate = 4")
    track = track_named(phone, "First Light")

    def counts() -> list[object]:
        state = phone.home.state
        return [state.shown(key)[0] for key in state.registers if key.table == "plays" and key.id == track]

    await people.until(lambda: counts() == [1], timeout_s=20)
    await asyncio.sleep(0.5)
    assert counts() == [1]
