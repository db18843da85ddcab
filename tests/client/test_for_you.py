""" "For you" in the player: suggestions with their reasons, and one switch that ends them."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import expect

from tests.client.conftest import Desk
from tests.client.mock_library import MockLibrary, large_library

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DAY_MS = 86_400_000


@pytest.fixture
def library() -> MockLibrary:
    return large_library(300)


def play(desk: Desk, number: int, plays: int, days_ago: int) -> str:
    """Have a song been played; its title."""
    track = list(desk.library.tracks.values())[number]
    track["plays"] = plays
    track["played_ms"] = time.time_ns() // 1_000_000 - days_ago * DAY_MS
    return str(track["title"])


async def test_what_was_played_leads_to_mixes_and_forgotten_songs_each_with_its_reason(desk: Desk) -> None:
    loved, lately = play(desk, 5, 7, 90), play(desk, 40, 4, 6)
    await desk.sign_in()
    await desk.page.locator(".hero").get_by_role("link", name="For you").click()
    rediscovered = desk.page.get_by_role("list", name="Rediscover")
    await expect(rediscovered).to_contain_text(loved)
    await expect(rediscovered).to_contain_text("You played it 7 times, but not for 3 months")
    await expect(desk.page.get_by_role("list", name="Most played").locator(".track-title")).to_have_text(
        [loved, lately]
    )
    mix = desk.page.locator(".shelf").first
    await expect(mix.locator("h2")).to_contain_text("mix")
    await expect(mix).to_contain_text(f"Because you play “{lately}” these weeks")
    assert all(await mix.locator(".track-artists").all_inner_texts()), "a song without a reason"
    await mix.get_by_role("button", name="Play").first.click()
    await desk.until_sound()


async def test_songs_like_one_are_a_line_of_its_menu(desk: Desk) -> None:
    await desk.sign_in("/songs")
    await desk.page.get_by_role("button", name="More for").first.click()
    await desk.page.get_by_role("menuitem", name="Similar songs").click()
    await expect(desk.page.locator(".page-for-you .track").first).to_be_visible()
    await expect(desk.page.locator(".page-for-you")).to_contain_text("told to nobody")


async def test_one_switch_ends_it_and_nothing_is_gathered_any_more(desk: Desk) -> None:
    play(desk, 5, 7, 90)
    await desk.sign_in("/settings")
    await desk.page.get_by_role("switch", name="Suggest music from what I play").uncheck()
    desk.node.asked.clear()
    await desk.go("/for-you")
    await expect(desk.page.locator(".blank")).to_contain_text("Switched off")
    assert not any(path.startswith(("/api/v1/history", "/api/v1/starred")) for path in desk.node.asked)
    await desk.go("/")
    await expect(desk.page.locator(".hero")).to_be_visible()
    await expect(desk.page.locator(".hero").get_by_role("link", name="For you")).to_have_count(0)
