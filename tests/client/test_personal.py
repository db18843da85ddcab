"""Stars, plays and playlists in the player."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from playwright.async_api import expect

from tests.client.conftest import Desk
from tests.client.mock_library import MockLibrary, small_library

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def library() -> MockLibrary:
    return small_library(duration_ms=2_000)


async def open_playlist(desk: Desk, count: int = 3) -> list[str]:
    """A playlist of the first songs, open; their titles."""
    tracks = list(desk.library.tracks.values())[:count]
    ids = [track["id"] for track in tracks]
    desk.node.personal.playlists["p1"] = {"name": "Rain", "comment": "", "tracks": ids}
    await desk.sign_in("/playlist/p1")
    await expect(desk.page.locator(".track-title")).to_have_count(count)
    return [track["title"] for track in tracks]


async def test_a_star_shows_on_the_page_of_stars_and_goes_again(desk: Desk) -> None:
    album = next(iter(desk.library.albums.values()))
    await desk.sign_in(f"/album/{album['id']}")
    await desk.page.locator(".page-album .star-switch").click()
    await expect(desk.page.locator(".page-album .star-switch")).to_have_attribute("aria-pressed", "true")
    await desk.go("/starred")
    await expect(desk.page.locator(".page-starred .card-name")).to_have_text(album["name"])
    album["starred_ms"] = None
    desk.node.changed()
    await expect(desk.page.locator(".blank")).to_contain_text("Nothing has a star yet")


async def until(true: Callable[[], bool]) -> None:
    """Until the mock node, which tells nobody, has been told something."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_song_heard_to_its_end_is_one_play_and_one_skipped_is_none(desk: Desk) -> None:
    for track in sorted(desk.library.tracks.values(), key=lambda each: each["title"])[1:]:
        track["duration_ms"] = 200_000  # however late the skip comes, half of it was not heard
    await desk.sign_in("/songs")
    await desk.page.locator(".track-main").first.click()
    first = await desk.page.locator(".track").first.get_attribute("data-track")
    await expect(desk.page.locator(".cell.current")).to_have_attribute("data-index", "1")
    await desk.page.keyboard.press("n")
    await until(lambda: desk.node.personal.plays != [])
    await desk.page.wait_for_timeout(200)
    assert [play["track"] for play in desk.node.personal.plays] == [first]
    await desk.go("/history")
    await expect(desk.page.locator(".page-history .track")).to_have_attribute("data-track", first or "")


async def test_a_playlist_is_reordered_and_shortened_from_the_keyboard(desk: Desk) -> None:
    one, two, three = await open_playlist(desk)
    await desk.page.locator(".track-main").first.focus()
    await desk.page.keyboard.press("Alt+ArrowDown")
    shown = desk.page.locator('.cell[data-index="0"] .track-title')
    await expect(shown).to_have_text(two)
    await desk.page.locator('.cell[data-index="2"] .track-main').focus()
    await desk.page.keyboard.press("Delete")
    await expect(desk.page.locator(".track-title")).to_have_count(2)

    def kept() -> list[str]:
        return [desk.library.tracks[track]["title"] for track in desk.node.personal.playlists["p1"]["tracks"]]

    await until(lambda: kept() == [two, one])
    assert three not in kept()


async def test_what_another_device_adds_to_a_playlist_appears(desk: Desk) -> None:
    await open_playlist(desk)
    desk.node.personal.playlists["p1"]["tracks"].append(list(desk.library.tracks)[5])
    desk.node.changed()
    await expect(desk.page.locator(".track-title")).to_have_count(4)


async def test_a_deleted_playlist_is_had_back(desk: Desk) -> None:
    await open_playlist(desk)
    await desk.page.get_by_role("button", name="More for Rain").click()
    await desk.page.get_by_role("menuitem", name="Delete").click()
    await expect(desk.page.locator(".page-playlists .blank")).to_be_visible()
    await desk.page.get_by_role("button", name="Undo").click()
    await expect(desk.page.locator(".page-playlists .track-title")).to_have_text("Rain")
    (kept,) = desk.node.personal.playlists.values()
    assert len(kept["tracks"]) == 3


async def test_the_player_goes_on_where_a_phone_stopped_and_leaves_its_own_place(desk: Desk) -> None:
    first, second, *_ = (track["id"] for track in desk.library.tracks.values())
    now_ms = time.time_ns() // 1_000_000
    desk.node.personal.queue = {
        "tracks": [first, second], "index": 1, "position_ms": 1_200, "changed_ms": now_ms, "changed_by": "Pixel",
    }  # fmt: skip
    await desk.sign_in()
    await expect(desk.page.locator(".elsewhere")).to_contain_text("Stopped on Pixel")
    await desk.page.locator(".elsewhere").get_by_role("button", name="Go on").click()
    await desk.until("voices.some((voice) => !voice.paused && voice.currentTime > 1.3)")
    await desk.page.get_by_role("button", name="Pause").first.click()
    await until(lambda: desk.node.personal.queue["tracks"][0] == second)
