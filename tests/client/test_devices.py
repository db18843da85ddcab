"""The page of devices in a computer's player: who is there, names, letting one out, letting one in."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from node.doors.qr import modules
from tests.client.conftest import PHONE, Desk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINK = "https://music.example.org/#pair=abcd-efgh-ijkl-mnop"


async def test_devices_are_listed_with_what_there_is_to_say_of_each(desk: Desk) -> None:
    await desk.sign_in("/devices")
    rows = desk.page.get_by_role("list", name="Devices").get_by_role("listitem")
    await expect(rows).to_have_count(4)
    await expect(rows.nth(0)).to_contain_text("This device, holds 31.0 GB")
    await expect(rows.nth(1)).to_contain_text("Seen 40 days ago")
    await expect(rows.nth(1)).to_contain_text("It was not seen for 40 days.")
    await expect(rows.nth(2)).to_contain_text("Here now, holds 640 MB, room for 1.0 GB")
    await expect(desk.page.get_by_text("Removed (1)")).to_be_visible()
    await expect(desk.page.locator(".page-devices")).to_contain_text("It does not answer.")


async def test_a_device_is_renamed_and_removed_after_a_question(desk: Desk) -> None:
    await desk.sign_in("/devices")
    await desk.page.get_by_role("button", name="More for Pixel").click()
    await desk.page.get_by_role("menuitem", name="Rename").click()
    await desk.page.get_by_role("textbox").last.fill("Ada’s phone")
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_role("button", name="More for Ada’s phone").click()
    await desk.page.get_by_role("menuitem", name="Remove from the library").click()
    await desk.page.get_by_role("button", name="Cancel").click()
    assert desk.node.devices.all[2]["active"]
    await desk.page.get_by_role("button", name="More for Ada’s phone").click()
    await desk.page.get_by_role("menuitem", name="Remove from the library").click()
    await desk.page.get_by_role("button", name="Remove", exact=True).click()
    await expect(desk.page.get_by_text("Removed (2)")).to_be_visible()


async def test_this_device_can_not_remove_itself(desk: Desk) -> None:
    await desk.sign_in("/devices")
    await desk.page.get_by_role("button", name="More for Home PC").click()
    await expect(desk.page.get_by_role("menuitem", name="Rename")).to_be_visible()
    await expect(desk.page.get_by_role("menuitem", name="Remove from the library")).to_have_count(0)


async def test_pairing_a_phone_without_an_address_shows_the_ways_to_one(desk: Desk) -> None:
    devices = desk.node.devices
    await desk.sign_in("/devices/pair")
    await desk.page.get_by_role("button", name="A phone").click()
    ways = desk.page.locator(".four-ways li")
    await expect(ways).to_have_count(4)
    await expect(ways.nth(2)).to_contain_text("songkeep app export")
    await desk.page.get_by_label("Address of the app").fill("http://music.example.org")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#messages")).to_contain_text("no https address")
    assert devices.asked == []
    await desk.page.get_by_label("Address of the app").fill("music.example.org")
    await desk.page.keyboard.press("Enter")
    async with asyncio.timeout(60):
        while not devices.asked:  # noqa: ASYNC110  # the mock tells nobody
            await asyncio.sleep(0.02)
    assert devices.asked == [{"app": "https://music.example.org/"}]


@pytest.mark.parametrize("viewport", [PHONE], ids=["phone"])
async def test_a_phone_is_paired_by_its_qr_code_and_the_digits_it_shows(desk: Desk, viewport: dict[str, int]) -> None:
    devices = desk.node.devices
    devices.app_address = "https://music.example.org/"
    await desk.sign_in("/devices/pair")
    await desk.page.get_by_role("button", name="A phone").click()
    qr = modules(LINK)
    await expect(desk.page.locator(".pair-other")).to_contain_text("One moment")
    devices.tell("code", code="abcd-efgh-ijkl-mnop", tracker="wss://tracker.example.org", expires_ms=0)
    devices.tell("link", link=LINK, expires_ms=0, qr=qr)
    drawn = desk.page.locator(".qr path")
    await expect(drawn).to_be_visible()
    shape = await drawn.get_attribute("d") or ""
    dark = {(x, y) for y, row in enumerate(qr) for x, module in enumerate(row) if module == "1"}
    assert {tuple(int(n) - 4 for n in cell.split("h")[0].split()) for cell in shape.split("M")[1:]} == dark
    devices.tell("met")
    devices.tell("check", name="Pixel 9")
    await expect(desk.page.locator(".pair-other")).to_contain_text("Pixel 9")
    digits = desk.page.get_by_label("The six digits that it shows")
    await digits.fill("12")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#messages")).to_contain_text("6 digits")
    await digits.fill("123 456")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator(".pair-other")).to_contain_text("Comparing")
    assert devices.typed == ["123456"]
    devices.tell("paired", id="x", name="Pixel 9", role="player")
    devices.tell("end")
    await expect(desk.page.locator(".pair-other")).to_contain_text("Pixel 9 belongs to your library now")


async def test_a_failed_pairing_says_why_and_leaving_the_page_spends_the_code(desk: Desk) -> None:
    devices = desk.node.devices
    await desk.sign_in("/devices/pair")
    await desk.page.get_by_role("button", name="A computer in this network").click()
    await expect(desk.page.locator(".pair-other")).to_contain_text("One moment")
    devices.tell("code", code="abcd-efgh-ijkl-mnop", tracker=None, expires_ms=0)
    await expect(desk.page.locator(".command")).to_have_text("songkeep join abcd-efgh-ijkl-mnop")
    devices.tell("failed", code="refused", message="the check code was not the one that the device shows")
    devices.tell("end")
    await expect(desk.page.get_by_role("alert")).to_contain_text("The check code was not")
    await desk.page.get_by_role("button", name="Try again").click()
    await desk.page.get_by_role("button", name="A computer elsewhere").click()
    await expect(desk.page.locator(".pair-other")).to_contain_text("One moment")
    await desk.go("/songs")
    async with asyncio.timeout(60):
        while not devices.cancelled:  # noqa: ASYNC110  # the mock tells nobody
            await asyncio.sleep(0.02)
