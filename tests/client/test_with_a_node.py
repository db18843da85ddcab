"""The player before a real node: its demo library sounds, grows, and survives a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.client.conftest import until
from tests.client.real_node import OWN_SONGS, settle, sign_in
from tests.living import Living, living, make_music
from tests.music import make_track

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DEMO_SONGS = 12


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("demo") / "home", "--demo", "--port", "7940") as node:
        settle(node, DEMO_SONGS)
        yield node


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Living, Path]]:
    """A node of this test alone, and the folder that it watches."""
    music = make_music(tmp_path / "music")
    with living(tmp_path / "home", str(music), "--port", "7950") as node:
        settle(node, OWN_SONGS)
        yield node, music


async def test_every_song_of_the_demo_sounds(page: Page, demo: Living) -> None:
    await sign_in(page, demo)
    await page.evaluate("location.hash = '#/songs'")
    await expect(page.locator(".page-count")).to_have_text(f"{DEMO_SONGS} songs")
    for number in range(DEMO_SONGS):
        await page.locator(".track-main").nth(number).click()
        await until(
            page, "voices.some((v) => !v.paused && v.currentTime > 0.3 && v.webkitAudioDecodedByteCount > 0)", 10
        )
        await expect(page.locator(".track").nth(number)).to_have_class("track cell current")
    assert await page.locator(".message").count() == 0


async def test_seeking_in_every_song_of_the_demo_goes_on_from_there(page: Page, demo: Living) -> None:
    await sign_in(page, demo)
    await page.evaluate("location.hash = '#/songs'")
    for number in range(DEMO_SONGS):
        await page.locator(".track-main").nth(number).click()
        await until(page, "voices.some((v) => !v.paused && v.currentTime > 0.05)", 60)
        for _ in range(5):
            await page.keyboard.press("ArrowRight")
        await until(page, "voices.some((v) => !v.paused && v.currentTime > 24 && v.currentTime < 32)", 60)


async def test_covers_and_albums_of_the_demo_are_shown(page: Page, demo: Living) -> None:
    await sign_in(page, demo)
    await page.evaluate("location.hash = '#/albums'")
    await page.locator(".card-main").first.click()
    await expect(page.locator(".album-head .cover.loaded")).to_be_visible()
    await expect(page.locator(".track").first).to_be_visible()


async def test_the_phrase_is_confirmed_through_the_page(page: Page, own: tuple[Living, Path]) -> None:
    node, _ = own
    await page.goto(json.loads(node.songkeep("open", "--no-browser", "--json").stdout)["url"])
    await expect(page.locator(".phrase li")).to_have_count(24)
    words = await page.locator(".phrase li span").all_text_contents()
    assert words == node.told["phrase"].split()
    await page.get_by_role("button", name="I have written them down").click()
    await expect(page.locator("[data-position]")).to_have_count(3)
    for field in await page.locator("[data-position]").all():
        await field.fill(words[int(await field.get_attribute("data-position") or 0) - 1])
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.locator(".hero")).to_be_visible()
    assert node.get("library")["phrase_confirmed"]


async def test_a_song_copied_into_the_folder_appears_and_one_removed_goes(page: Page, own: tuple[Living, Path]) -> None:
    node, music = own
    await sign_in(page, node)
    await page.evaluate("location.hash = '#/songs'")
    await expect(page.locator(".page-count")).to_have_text("5 songs")
    make_track(music / "new.flac", seconds=2, seed=20, title="Aa Arrival", artists=("Late",), album="After")
    await expect(page.locator(".page-count")).to_have_text("6 songs")
    row = page.locator(".track", has_text="Aa Arrival")
    await row.locator(".track-main").click()
    await until(page, "voices.some((v) => !v.paused && v.currentTime > 0.2)", 60)
    await row.locator(".track-more").click()
    await page.get_by_role("menuitem", name="Remove from library").click()
    await page.get_by_role("button", name="Remove").click()
    await expect(page.locator(".page-count")).to_have_text("5 songs")
    assert (music / "new.flac").exists()


async def test_lyrics_of_a_file_are_sung_in_time(page: Page, own: tuple[Living, Path]) -> None:
    node, _ = own
    await sign_in(page, node)
    await page.evaluate("location.hash = '#/songs'")
    await page.locator(".track", has_text="Glass 1").locator(".track-main").click()
    await page.evaluate("location.hash = '#/now/lyrics'")
    await expect(page.locator(".lyric")).to_have_text(["First", "Second"])


async def test_a_node_that_is_gone_is_told_and_its_return_is_noticed(page: Page, tmp_path: Path) -> None:
    music = make_music(tmp_path / "music")
    with living(tmp_path / "home", str(music), "--port", "7960") as node:
        settle(node, OWN_SONGS)
        port = str(node.port)
        await sign_in(page, node)
        await page.evaluate("location.hash = '#/songs'")
        await expect(page.locator(".page-count")).to_have_text("5 songs")
    await expect(page.locator("#offline")).to_be_visible()
    await expect(page.locator(".track").first).to_be_visible()
    make_track(music / "meanwhile.flac", seconds=2, seed=21, title="Meanwhile", artists=("Late",), album="After")
    with living(tmp_path / "home", "--port", port):
        await expect(page.locator("#offline")).to_be_hidden()
        await expect(page.locator(".page-count")).to_have_text("6 songs")
