"""The picture of the library's seeds in the player: what they hold and prove, what is left, what waits for a word."""

from __future__ import annotations

import os

import pytest
from playwright.async_api import expect

from tests.client.conftest import PHONE, Desk
from tests.client.mock_seeds import hosting, seed

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_seeds_say_what_they_hold_and_prove_and_how_many_songs_still_fit(desk: Desk) -> None:
    ending = {"days_left": 7, "quota_bytes": 20_000_000_000}
    away = {"state": "away", "trouble": "the seed can't be reached"}
    desk.node.seeds.seeds = [seed("attic"), seed("vps", **away, **ending)]
    await desk.sign_in("/locker")
    attic = desk.page.get_by_role("article", name="attic.example.org")
    await expect(attic).to_contain_text("21.3 GB of 40.0 GB")
    await expect(attic).to_contain_text("12,222 songs")
    await expect(attic).to_contain_text("31 of 31")
    await expect(attic.get_by_role("meter")).to_have_attribute("aria-valuenow", "53")
    vps = desk.page.get_by_role("article", name="vps.example.org")
    await expect(vps).to_contain_text("The seed can't be reached.")
    await expect(vps).to_contain_text("In 7 days it drops 1.3 GB")


async def test_what_waits_to_be_dropped_goes_only_when_the_person_says_so_twice(desk: Desk) -> None:
    waiting = {"blobs": 812, "dropped_bytes": 9_000_000_000, "held_bytes": 21_300_000_000}
    full = {"left_out": 40, "left_out_bytes": 1_600_000_000, "left_out_of": {"original": 40}, "left_bytes": 90_000_000}
    desk.node.seeds.seeds = [seed("attic", shrinking=waiting, held_bytes=39_900_000_000, left_songs=58, **full)]
    await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await desk.sign_in("/locker")
    attic = desk.page.get_by_role("article", name="attic.example.org")
    await expect(attic).to_contain_text("No room for 40 originals (1.6 GB)")
    await expect(attic).to_contain_text("812 files, 9.0 GB of 21.3 GB")
    for theme in ("dark", "light"):
        await desk.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the phone"
        if pictures := os.environ.get("SONGKEEP_TEST_PICTURES"):
            await attic.scroll_into_view_if_needed()
            await desk.page.screenshot(path=f"{pictures}/seeds-{theme}.png")
    await attic.get_by_role("button", name="It is meant").click()
    assert desk.node.seeds.seeds[0]["shrinking"] == waiting
    await desk.page.get_by_role("button", name="Drop them").click()
    await expect(attic.get_by_role("button", name="It is meant")).to_have_count(0)
    assert desk.node.seeds.seeds[0]["shrinking"] is None


async def test_a_seed_of_the_trackers_pool_is_found_for_as_much_as_is_chosen_and_why_not_is_said(desk: Desk) -> None:
    seeds = desk.node.seeds
    seeds.refusal = "no seed of your tracker's pool has so much room; ask for less, or later"
    await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await desk.sign_in("/locker")
    await desk.page.get_by_text("Add a seed").click()
    form = desk.page.get_by_role("form", name="From your tracker’s pool")
    await expect(form).to_contain_text("26,143 songs")
    await form.get_by_label("Room on a seed").select_option(label="2.0 GB")
    await expect(form).to_contain_text("1,307 songs")
    await expect(form).to_contain_text("everything would play from anywhere")
    assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the phone"
    find = form.get_by_role("button", name="Find a seed")
    await find.click()
    await expect(desk.page.get_by_role("alert").filter(has_text="No seed of your tracker's pool")).to_be_visible()
    await expect(find).to_be_enabled()
    seeds.refusal = None
    await find.click()
    await expect(desk.page.get_by_role("article", name="pool.example.org")).to_be_visible()
    await expect(desk.page.get_by_text("keeps your library from now on").last).to_be_visible()
    await expect(desk.page.get_by_role("alert").filter(has_text="No seed")).to_have_count(0)
    assert seeds.wishes == [{"grant_bytes": 2_000_000_000}] * 2


async def test_a_seed_is_added_by_its_code_and_what_is_typed_outlasts_news_of_the_library(desk: Desk) -> None:
    seeds = desk.node.seeds
    await desk.sign_in("/locker")
    await desk.page.get_by_text("Add a seed").click()
    form = desk.page.get_by_role("form", name="A friend’s, or your own")
    await form.get_by_role("button", name="Add").click()  # nothing is asked for
    await form.get_by_label("Code").fill(" https://seed.example.org#invite=abc ")
    seeds.seeds.append(seed("attic"))
    desk.library.tracks.pop(next(iter(desk.library.tracks)))
    desk.node.changed()
    await expect(desk.page.get_by_role("article", name="attic.example.org")).to_be_visible()
    await expect(form.get_by_label("Code")).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_role("article", name="pool.example.org")).to_be_visible()
    await expect(form.get_by_label("Code")).to_have_value("")
    assert seeds.wishes == [{"code": "https://seed.example.org#invite=abc"}]


async def test_what_was_removed_last_can_be_brought_back_from_the_locker(desk: Desk) -> None:
    track = next(iter(desk.library.tracks.values()))
    desk.node.seeds.removals = [{"removed_ms": 1_700_000_000_000, "count": 1, "tracks": [track]}]
    await desk.sign_in("/locker")
    await desk.page.get_by_role("button", name="Bring back").click()
    await expect(desk.page.get_by_text("1 song back in the library.")).to_be_visible()
    await expect(desk.page.get_by_role("button", name="Bring back")).to_have_count(0)


async def test_what_this_computer_keeps_for_others_is_told_by_number_and_only_if_it_keeps_anything(desk: Desk) -> None:
    kept = {
        "number": 3,
        "quota_bytes": 20_000_000_000,
        "held_bytes": 7_000_000_000,
        "held_blobs": 2_100,
        "waiting_bytes": 1_500_000_000,
        "damaged_blobs": 0,
        "trash_bytes": 0,
        "traffic": None,
    }
    desk.node.seeds.hosting = hosting(kept, short_bytes=3_000_000_000)
    await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await desk.sign_in("/locker")
    panel = desk.page.get_by_role("region", name="For others")
    await expect(panel).to_contain_text("up to 50.0 GB")
    await expect(panel).to_contain_text("3.0 GB more than this disk has")
    third = panel.get_by_role("article", name="Library 3")
    await expect(third).to_contain_text("7.0 GB of 20.0 GB, 2,100 pieces")
    await expect(third).to_contain_text("1.5 GB")
    await expect(third).not_to_contain_text("trash")
    assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the phone"
    desk.node.seeds.hosting = {"host_bytes": 0, "trouble": "", "seed": None}
    await desk.page.reload()
    await expect(desk.page.get_by_role("heading", name="Seeds")).to_be_visible()
    await expect(panel).to_have_count(0)
