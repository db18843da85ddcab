"""Stars, plays and playlists made on a phone reach the catalog, at once or when a computer is there again."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from node.catalog import personal
from node.catalog.register import Key
from node.ids import TrackId, from_text
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
    await expect(phone.page.get_by_role("button", name="Third Rail, by")).to_be_visible()
    await phone.page.get_by_role("button", name="Keep on this device: starred songs").click()
    await phone.page.evaluate("location.hash = '#/locker'")
    await expect(phone.page.locator(".held")).to_contain_text("1 of 1 kept song ready")


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
    await expect(phone.page.get_by_role("link", name="On the train, 1 song")).to_be_visible()
    device.meeting.set_trackers([tracker])

    def told() -> bool:
        registers = phone.home.state.registers
        names = [phone.home.state.shown(key) for key in registers if key.table == "playlist" and key.field == "name"]
        return names == ["On the train"]

    await people.until(told, timeout_s=60)
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

    await people.until(lambda: counts() == [1], timeout_s=60)
    await asyncio.sleep(0.5)
    assert counts() == [1]


async def test_where_the_phone_stopped_is_left_for_other_devices(phone: Phone) -> None:  # noqa: F811
    await phone.pair()
    await phone.play_first()
    await phone.until_sound(past_s=1.0)
    await phone.page.get_by_role("button", name="Pause").first.click()
    state, key = phone.home.state, Key("queue", "saved", "at")
    await people.until(lambda: state.shown(key) is not None)
    index, position_ms, _, by = state.shown(key)
    assert (index, by) == (0, await phone.page.evaluate("import('/io/device_name.js').then((it) => it.deviceName())"))
    assert 1_000 <= position_ms < 12_000
    tracks = state.shown(Key("queue", "saved", "tracks"))
    assert tracks[:16] == from_text(track_named(phone, "First Light"))
    assert len(tracks) == 3 * 16


async def test_the_phone_goes_on_where_another_device_stopped(phone: Phone) -> None:  # noqa: F811
    track = TrackId(track_named(phone, "Second Wind"))
    place = personal.Queue(tracks=(track,), index=0, position_ms=5_000, changed_ms=people.now_ms(), changed_by="Den")
    phone.home.write([personal.set_queue_tracks([track]), personal.set_queue_place(place)])
    phone.home.publish()
    await phone.pair()
    await expect(phone.page.locator(".elsewhere")).to_contain_text("Stopped on Den")
    await phone.page.get_by_role("button", name="Go on with Second Wind at 0:05").click()
    await phone.until_sound(past_s=5.2)
    await expect(phone.page.locator(".elsewhere")).to_have_count(0)
