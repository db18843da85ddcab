"""Where a phone meets its library's devices is shown and changed on the phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.client.test_phone import Phone, phone
from tests.flows import people

__all__ = ["phone"]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_phone_moves_to_another_tracker_with_its_library(phone: Phone, tmp_path: Path) -> None:
    page, home = phone.page, phone.home
    await phone.pair()
    await page.evaluate("location.hash = '#/settings'")
    await page.get_by_role("link", name="Show them").click()
    rows = page.locator(".page-devices .ways li")
    dialog = page.get_by_role("dialog")
    await expect(rows).to_have_count(1)
    first = home.tracker.partition("//")[2]
    await page.get_by_role("button", name=f"Meet no more at {first}").click()
    await dialog.get_by_role("button", name="Remove").click()
    await expect(page.locator("#messages")).to_contain_text("the only place")
    async with people.a_tracker(tmp_path / "second") as (url, _):
        for typed, told in (("ftp://nowhere", "not a tracker’s address"), (home.tracker, "meet there already")):
            await add(phone, typed)
            await expect(page.locator("#messages")).to_contain_text(told)
        second = url.partition("//")[2]
        await add(phone, f"{url}/")
        await expect(rows.filter(has_text=second)).to_contain_text("Joined")
        await page.get_by_role("button", name=f"Meet no more at {second}").click()
        await dialog.get_by_role("button", name="Remove").click()
        await expect(rows).to_have_count(1)
        await add(phone, f"{url}/")
        await expect(rows.filter(has_text=second)).to_contain_text("Joined")
        home.device.meeting.set_trackers([url])
        await phone.until_kept_shell()
        await phone.tracker.aclose()
        await home.device.links.close()
        await expect(rows).to_have_text([f"{second}Joined, as Home PC says"])
        await page.reload()
        await expect(rows).to_have_text([f"{second}Joined, as Home PC says"])
        await phone.play_first()
        await phone.until_sound()


async def add(paired: Phone, typed: str) -> None:
    await paired.page.get_by_role("button", name="Add a tracker").click()
    await paired.page.get_by_role("dialog").get_by_role("textbox").fill(typed)
    await paired.page.keyboard.press("Enter")


async def test_a_tracker_that_the_pc_was_given_is_the_phones_too(phone: Phone, tmp_path: Path) -> None:
    page, home = phone.page, phone.home
    await phone.pair()
    await page.evaluate("location.hash = '#/devices'")
    rows = page.locator(".page-devices .ways li")
    await expect(rows).to_have_count(1)
    async with people.a_tracker(tmp_path / "second") as (url, _):
        second = url.partition("//")[2]
        # The old one is given up at once: the phone hears of it there at the last moment.
        await home.device.meeting.move_to([f"{url}/#invite=secret"])
        await expect(rows).to_have_text([f"{second}Joined, as Home PC says"])
        await phone.until_kept_shell()
        await phone.tracker.aclose()
        await page.reload()
        await expect(rows).to_have_text([f"{second}Joined, as Home PC says"])
        await phone.play_first()
        await phone.until_sound()
