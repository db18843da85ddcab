"""The app's own files fail to come: a phone that changes networks while it opens a link."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.client.test_phone import Phone, phone  # noqa: F401  the fixture

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def lose_once(page: Page, file: str) -> list[str]:
    """The network changes under the first request for `file`; what was lost."""
    lost: list[str] = []

    async def lose(route: Route) -> None:
        if lost:
            await route.continue_()
        else:
            lost.append(file)
            await route.abort("internetdisconnected")

    await page.route(f"**/{file}", lose)
    return lost


@pytest.mark.parametrize(
    "file", ["main.js", "core/queue.js", "css/base.css", "io/swarm_membership.js", "views/pair.js"]
)
async def test_a_pairing_link_works_though_a_file_was_lost_on_its_way(phone: Phone, file: str) -> None:  # noqa: F811
    lost = await lose_once(phone.page, file)
    await phone.pair()
    assert lost == [file]
    await expect(phone.page.locator("#page")).to_have_css("font-family", re.compile("sans-serif"))
    assert all(file in error for error in phone.errors)
    phone.errors.clear()


async def test_what_never_comes_is_told_and_tried_again_when_the_person_says_so(phone: Phone) -> None:  # noqa: F811
    await phone.page.add_init_script("sessionStorage.getItem('tries') ?? sessionStorage.setItem('tries', 3)")
    await phone.page.route("**/core/queue.js", lambda route: route.abort())
    await phone.page.goto(phone.base)
    await expect(phone.page.get_by_role("heading", name="Songkeep could not be opened")).to_be_visible()
    await phone.page.unroute_all()
    await phone.page.get_by_role("button", name="Try again").click()
    await expect(phone.page.get_by_role("heading", name="Bring your music here")).to_be_visible()
    assert len(await phone.page.get_by_role("heading", level=1).all()) == 1
