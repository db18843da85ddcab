"""Long lists, live changes, search and the queue."""

from __future__ import annotations

import time

import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.client.conftest import Desk
from tests.client.mock_library import MockLibrary, large_library

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class TestFiftyThousandSongs:
    @pytest.fixture
    def library(self, many: MockLibrary) -> MockLibrary:
        return many

    async def test_only_what_is_on_screen_exists(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await expect(desk.page.locator(".page-count")).to_have_text("50,000 songs")
        assert await desk.page.locator(".track").count() < 60
        assert await desk.page.evaluate("document.querySelectorAll('*').length") < 1_500

    async def test_the_end_of_the_list_is_one_key_away(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await desk.page.locator(".track-main").first.focus()
        await desk.page.keyboard.press("End")
        last = desk.page.locator('.cell[data-index="49999"] .track-title')
        await expect(last).to_be_visible()
        await expect(desk.page.locator('.cell[data-index="49999"] .track-main')).to_be_focused()
        assert await desk.page.locator('.cell[data-index="49999"]').get_attribute("aria-posinset") == "50000"

    async def test_scrolling_through_everything_stays_smooth_and_asks_little(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await expect(desk.page.locator(".page-count")).to_have_text("50,000 songs")
        before = len(desk.node.asked)
        frames = await desk.page.evaluate(
            """() => new Promise((resolve) => {
              const scroller = document.getElementById("scroller");
              const still = [];
              const spans = [];
              let last = performance.now();
              const median = (spans) => spans.slice(5).sort((a, b) => a - b)[Math.floor((spans.length - 5) / 2)];
              const step = (now) => {
                (still.length < 60 ? still : spans).push(now - last);
                last = now;
                if (still.length === 60) scroller.scrollTop += 25_000;
                if (spans.length < 120) requestAnimationFrame(step);
                else resolve({still_ms: median(still), scrolling_ms: median(spans)});
              };
              requestAnimationFrame(step);
            })"""
        )
        # Of what this machine can draw when nothing moves, at least half as many.
        assert frames["scrolling_ms"] < max(34, 2 * frames["still_ms"]), frames
        pages = [asked for asked in desk.node.asked[before:] if "/tracks?" in asked]
        assert len(pages) < 40
        await expect(desk.page.locator(".track.skeleton")).to_have_count(0)

    async def test_back_returns_to_the_place_in_the_list(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await expect(desk.page.locator(".page-count")).to_have_text("50,000 songs")
        await desk.page.evaluate("document.getElementById('scroller').scrollTop = 600_000")
        await expect(desk.page.locator('.cell[data-index="9999"] .track-title')).to_be_visible()
        await desk.go("/albums")
        await expect(desk.page.locator(".page-albums .card-name").first).to_be_visible()
        await desk.page.go_back()
        await expect(desk.page.locator('.cell[data-index="9999"] .track-title')).to_be_visible()
        assert abs(await desk.page.evaluate("document.getElementById('scroller').scrollTop") - 600_000) < 5

    async def test_a_song_far_down_plays_and_the_list_goes_on_from_there(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await expect(desk.page.locator(".page-count")).to_have_text("50,000 songs")
        await desk.page.evaluate("document.getElementById('scroller').scrollTop = 1_200_000")
        row, following = (desk.page.locator(f'.cell[data-index="{index}"] .track-title') for index in (20_005, 20_006))
        titles = [await each.text_content() for each in (row, following)]
        await row.click()
        await expect(desk.page.locator(".bar-title")).to_have_text(titles[0] or "")
        await desk.page.keyboard.press("n")
        await expect(desk.page.locator(".bar-title")).to_have_text(titles[1] or "")

    async def test_shuffling_everything_takes_few_requests_and_plays_at_once(self, desk: Desk) -> None:
        await desk.sign_in()
        before = len(desk.node.asked)
        await desk.page.get_by_role("button", name="Shuffle everything").click()
        await desk.until_sound()
        assert len([asked for asked in desk.node.asked[before:] if "/tracks?" in asked]) < 20
        await desk.go("/now/queue")
        await expect(desk.page.locator(".queue-row").nth(20)).to_be_attached()

    async def test_albums_and_artists_are_as_light(self, desk: Desk) -> None:
        await desk.sign_in("/albums")
        await expect(desk.page.locator(".page-count")).to_contain_text("albums")
        assert await desk.page.locator(".card").count() < 100
        await desk.go("/artists")
        await expect(desk.page.locator(".page-count")).to_contain_text("artists")
        assert await desk.page.locator(".card").count() < 100


class TestGrowing:
    @pytest.fixture
    def library(self) -> MockLibrary:
        return large_library(600)

    async def test_a_new_song_appears_within_a_second_and_nothing_jumps(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await expect(desk.page.locator(".page-count")).to_have_text("600 songs")
        await desk.page.evaluate("document.getElementById('scroller').scrollTop = 12_000")
        row = desk.page.locator('.cell[data-index="201"] .track-title')
        await expect(row).to_be_visible()
        place = "document.querySelector('[data-track=\"{}\"]').getBoundingClientRect().top"
        watched = await desk.page.locator('.cell[data-index="201"]').get_attribute("data-track")
        before = await desk.page.evaluate(place.format(watched))
        desk.library.add_album("Aaa", "Someone", 2026, "", ["A first in every list", "A second"])
        began = time.monotonic()
        desk.node.changed()
        await expect(desk.page.locator(".page-count")).to_have_text("602 songs")
        assert time.monotonic() - began < 1.0
        await desk.until(f"document.querySelector('[data-track=\"{watched}\"]')?.dataset.index === '203'")
        assert abs(await desk.page.evaluate(place.format(watched)) - before) < 2

    async def test_focus_stays_on_its_song_while_the_list_grows(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await desk.page.locator(".track-main").nth(4).focus()
        focused = "document.activeElement.closest('[data-track]')?.dataset.track"
        before = await desk.page.evaluate(focused)
        for name in ("Aaa", "Aab"):
            desk.library.add_album(name, "Someone", 2026, "", [f"A first {name}"])
            desk.node.changed()
            await expect(desk.page.locator(".page-count")).to_have_text(f"{len(desk.library.tracks)} songs")
        assert await desk.page.evaluate(focused) == before

    async def test_an_album_that_grows_shows_it_without_a_reload(self, desk: Desk) -> None:
        album = next(iter(desk.library.albums.values()))
        await desk.sign_in(f"/album/{album['id']}")
        rows = desk.page.locator(".track")
        await expect(rows).to_have_count(3)
        ref = album["artists"][0]
        desk.library._add_track(album, ref, "A Late Arrival", 4, 100_000)
        desk.library.revision += 1
        desk.node.changed()
        await expect(rows).to_have_count(4)

    async def test_a_node_that_comes_back_is_noticed_and_its_news_are_shown(self, desk: Desk) -> None:
        await desk.sign_in("/songs")
        await expect(desk.page.locator(".page-count")).to_have_text("600 songs")
        await desk.page.context.set_offline(True)
        desk.node.hang_up()
        await expect(desk.page.locator("#offline")).to_be_visible()
        desk.library.add_album("Aaa", "Someone", 2026, "", ["Meanwhile"])
        await desk.page.context.set_offline(False)
        await expect(desk.page.locator("#offline")).to_be_hidden()
        await expect(desk.page.locator(".page-count")).to_have_text("601 songs")

    async def test_removing_a_song_asks_first_and_takes_it_out_of_the_list(self, desk: Desk) -> None:
        page = desk.page
        await desk.sign_in("/songs")
        await expect(page.locator(".page-count")).to_have_text("600 songs")
        row = page.locator(".track").nth(2)
        track_id = await row.get_attribute("data-track")
        await row.locator(".track-more").click()
        await page.get_by_role("menuitem", name="Remove from library").click()
        await page.get_by_role("button", name="Cancel").click()
        assert track_id in desk.library.tracks
        await row.locator(".track-more").click()
        await page.get_by_role("menuitem", name="Remove from library").click()
        await page.get_by_role("button", name="Remove").click()
        await expect(page.locator(".page-count")).to_have_text("599 songs")
        await expect(page.locator(f'[data-track="{track_id}"]')).to_have_count(0)


async def test_search_shows_the_answer_to_the_last_words_however_late_others_come(desk: Desk) -> None:
    def slow_for_short_words(request: web.Request) -> float:
        return 0.6 if request.query.get("q") == "s" else 0.0

    desk.node.delay_s = slow_for_short_words
    await desk.sign_in("/search")
    field = desk.page.get_by_label("Search your library")
    await field.fill("s")
    await desk.page.wait_for_timeout(200)
    await field.fill("salt")
    await expect(desk.page.locator(".results .track-title")).to_have_text(["Salt Ledger"])
    await desk.page.wait_for_timeout(700)
    await expect(desk.page.locator(".results .track-title")).to_have_text(["Salt Ledger"])


async def test_search_waits_for_a_pause_in_typing(desk: Desk) -> None:
    await desk.sign_in("/search")
    field = desk.page.get_by_label("Search your library")
    await field.evaluate(
        """(field) => {
          for (let letters = 1; letters <= "lantern".length; letters++) {
            field.value = "lantern".slice(0, letters);
            field.dispatchEvent(new InputEvent("input", {bubbles: true}));
          }
        }"""
    )
    await expect(desk.page.locator(".results .card-name")).to_have_text(["Paper Lanterns"])
    assert len([asked for asked in desk.node.asked if "/search" in asked]) < 4


async def test_search_is_played_from_with_the_keyboard_alone(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Search your library")).to_be_focused()
    await page.keyboard.type("la")
    await expect(page.locator(".results")).to_contain_text("Low Tide Atlas")
    for _ in range(4):
        await page.keyboard.press("ArrowDown")
        if await page.evaluate("document.activeElement.closest('.track') !== null"):
            break
    title = await page.evaluate("document.activeElement.querySelector('.track-title').textContent")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bar-title")).to_have_text(title)
    await desk.until_sound()


async def test_a_search_without_results_says_so_and_a_failed_one_offers_to_try_again(desk: Desk) -> None:
    await desk.sign_in("/search/zzzz")
    await expect(desk.page.locator(".results")).to_contain_text("Nothing in your library matches")
    await desk.page.context.set_offline(True)
    await desk.page.get_by_label("Search your library").fill("low")
    await expect(desk.page.locator(".results")).to_contain_text("Out of reach")
    await desk.page.context.set_offline(False)
    await desk.page.get_by_role("button", name="Try again").click()
    await expect(desk.page.locator(".results")).to_contain_text("Low Tide Atlas")


async def expect_queue(desk: Desk, *titles: str) -> None:
    await expect(desk.page.locator(".queue-row .track-title")).to_have_text(list(titles))


async def open_queue_of_three(desk: Desk) -> None:
    album = next(iter(desk.library.albums.values()))
    await desk.sign_in(f"/album/{album['id']}")
    await desk.page.locator(".page-album .pill.primary").click()
    await desk.until_sound()
    await desk.go("/now/queue")
    await expect(desk.page.locator(".queue-row")).to_have_count(3)


async def test_the_queue_is_reordered_and_shortened_from_the_keyboard(desk: Desk) -> None:
    page = desk.page
    await open_queue_of_three(desk)
    await page.locator(".queue-row .track-main").nth(2).focus()
    await page.keyboard.press("Alt+ArrowUp")
    await expect_queue(desk, "Harbour Lights", "The Slow Ferry", "Salt Ledger")
    await expect(page.locator(".queue-row .track-main").nth(1)).to_be_focused()
    await expect(page.locator("#announcer")).to_have_text("Moved to place 2 of 3")
    await page.keyboard.press("Delete")
    await expect_queue(desk, "Harbour Lights", "Salt Ledger")
    await expect(page.locator(".queue-row .track-main").nth(1)).to_be_focused()
    assert len(await desk.sounding()) == 1


async def test_the_queue_is_reordered_by_dragging(desk: Desk) -> None:
    page = desk.page
    await open_queue_of_three(desk)
    grip = await page.locator(".queue-row .grip").nth(2).bounding_box()
    target = await page.locator(".queue-row .grip").nth(1).bounding_box()
    assert grip
    assert target
    await page.mouse.move(grip["x"] + 10, grip["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(target["x"] + 10, target["y"] + 40, steps=4)
    await page.mouse.move(target["x"] + 10, target["y"] + 12, steps=4)
    await page.mouse.up()
    await expect_queue(desk, "Harbour Lights", "The Slow Ferry", "Salt Ledger")


async def test_songs_are_added_next_and_last_and_the_queue_is_cleared(desk: Desk) -> None:
    page = desk.page
    await open_queue_of_three(desk)
    await page.keyboard.press("Escape")
    await desk.go("/songs")
    for number, action in ((0, "Play next"), (1, "Add to queue")):
        await page.locator(".track-more").nth(number).click()
        await page.get_by_role("menuitem", name=action).click()
    first, second = (await page.locator(".track-title").all_text_contents())[:2]
    await desk.go("/now/queue")
    await expect(page.locator(".queue-row")).to_have_count(5)
    titles = page.locator(".queue-row .track-title")
    await expect(titles.nth(1)).to_have_text(first)
    await expect(titles.nth(4)).to_have_text(second)
    await page.get_by_role("button", name="Clear").click()
    await expect_queue(desk, "Harbour Lights")
    assert len(await desk.sounding()) == 1


async def test_lyrics_follow_the_song_and_a_line_leads_into_it(desk: Desk) -> None:
    track = next(iter(desk.library.tracks.values()))
    lines = [{"time_ms": second * 1_000, "text": f"Line {second}"} for second in range(30)]
    desk.node.lyrics[track["id"]] = {"synced": True, "lines": lines}
    await open_queue_of_three(desk)
    await desk.page.locator(".now-foot [data-panel=lyrics]").click()
    await expect(desk.page.locator(".lyric.sung")).to_have_count(1)
    await desk.page.get_by_role("button", name="Line 20").click()
    await expect(desk.page.locator(".lyric.sung")).to_have_text("Line 20")
    await desk.page.keyboard.press("n")
    await expect(desk.page.locator(".now-panel")).to_contain_text("No lyrics")


async def test_jobs_are_followed_as_they_go(desk: Desk) -> None:
    from tests.client.mock_node import mock_job

    await desk.sign_in("/locker")
    await expect(desk.page.locator(".folders")).to_contain_text("Away")
    job = mock_job("j9")
    desk.node.tell("progress", job)
    card = desk.page.locator(".job")
    await expect(card).to_contain_text("1,204 of 3,000 files")
    await expect(card.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "38")
    await card.get_by_text("2 files left out").click()
    await expect(card).to_contain_text("This is a picture, not a song.")
    desk.node.tell("progress", {**job, "state": "done", "files_done": 3_000})
    await expect(card).to_contain_text("Music added")
    await expect(card.get_by_role("progressbar")).to_be_hidden()
