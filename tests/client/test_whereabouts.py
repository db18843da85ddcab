"""The page that shows where the music lives, before a mock node."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.client.conftest import PHONE, Desk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("viewport", [PHONE])
async def test_the_page_shows_devices_copies_risks_and_transfers_on_a_phone(desk: Desk) -> None:
    await desk.sign_in("/locker")
    await desk.page.get_by_role("link", name="Where your music lives").click()
    page = desk.page
    picture = page.get_by_role("img", name="1,218 songs on 5 devices. 37 songs have fewer than 2 copies.")
    await expect(picture).to_be_visible()
    for words in ("Home PC", "NAS in the attic", "direct", "seed, sealed", "100%"):
        await expect(picture.get_by_text(words, exact=True).first).to_be_visible()
    await expect(picture.get_by_text("asleep since")).to_be_visible()
    await expect(page.get_by_text("35 songs only as safe as its file on Home PC")).to_be_visible()
    await expect(
        page.get_by_text("96 sealed files, 2.3 GB, come to this device at 6.8 MB/s, about 6 min left.")
    ).to_be_visible()
    await expect(
        page.get_by_text("NAS in the attic 90 sealed files, 2.2 GB at 6.1 MB/s, about 6 min left")
    ).to_be_visible()
    await expect(page.get_by_text("Glass <b>7</b> from NAS in the attic")).to_be_visible()
    await expect(page.get_by_text("18.0 MB of 31.0 MB at 640 KB/s, 20 s left")).to_be_visible()
    await expect(page.get_by_text("1.2 GB given to your other devices since the start, 310 KB/s now.")).to_be_visible()
    await expect(page.get_by_text("Ada’s laptop with a long name 40.0 MB at 310 KB/s")).to_be_visible()
    await expect(page.get_by_text("Glass <b>9</b> to Ada’s laptop with a long name")).to_be_visible()
    await expect(page.get_by_text("600 KB of 1.5 MB at 310 KB/s")).to_be_visible()
    await expect(
        page.get_by_text("12 sealed files of music you removed over 30 days ago stay: first Old desktop")
    ).to_be_visible()
    await page.get_by_text("Which songs").click()
    await expect(page.get_by_text("Glass <b>1</b>")).to_be_visible()
    assert await page.evaluate("document.querySelector('main, #page')?.scrollWidth <= innerWidth")
    if folder := os.environ.get("SHOTS"):
        await page.set_viewport_size({"width": 360, "height": 2200})
        for theme in ("dark", "light"):
            await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            await page.screenshot(path=str(Path(folder) / f"where-phone-{theme}.png"))


async def test_limits_are_changed_copying_is_paused_and_space_freed(desk: Desk) -> None:
    await desk.sign_in("/where")
    page, copies = desk.page, desk.node.copies
    await page.get_by_label("Room for music of your other devices").select_option("20000000000")
    await page.get_by_role("button", name="Pause copying").click()
    await expect(page.get_by_text("Copying is paused.")).to_be_visible()
    await page.get_by_label("Give to other devices").select_option("500000")
    await page.get_by_role("button", name="Free up space").click()
    await page.get_by_placeholder("5 GB").fill("2.5 GB")
    await page.get_by_role("button", name="Free up", exact=True).click()
    await expect(page.get_by_text("3 stay: only 1 of 2 other devices have proved to hold it sealed")).to_be_visible()
    assert copies.asked == [
        ("config", {"budget_bytes": 20_000_000_000}),
        ("config", {"pause": True}),
        ("config", {"upload_limit": 500_000}),
        ("free", {"bytes": 2_500_000_000}),
    ]
    if folder := os.environ.get("SHOTS"):
        await page.set_viewport_size({"width": 1280, "height": 1700})
        for theme in ("dark", "light"):
            await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            await page.screenshot(path=str(Path(folder) / f"where-wide-{theme}.png"))
