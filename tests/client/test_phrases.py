"""Another recovery phrase made and removed in the player, before a real node."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.client.conftest import PHONE
from tests.client.real_node import sign_in
from tests.living import Living

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def viewport() -> dict[str, int]:
    return PHONE


async def test_a_phrase_is_shown_once_typed_back_and_removed_with_its_words(page: Page, node: Living) -> None:
    address = await sign_in(page, node)
    await page.goto(f"{address}#/devices")
    await page.get_by_role("link", name="Recovery phrases").click()
    rows = page.get_by_role("list", name="Recovery phrases").get_by_role("listitem")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Made with the library")
    assert await page.get_by_role("button", name="Remove phrase").count() == 0, "the only one stays"

    await page.get_by_role("button", name="Make another phrase").click()
    shown = page.locator("ol.phrase li span")
    await expect(shown).to_have_count(24)
    words = [word.strip() for word in await shown.all_inner_texts()]
    await page.get_by_role("button", name="I have written them down").click()
    labels = page.locator("form.words label")
    await expect(labels.first).to_be_visible()
    places = [int(label.split()[1]) for label in await labels.all_inner_texts()]
    for place in places:
        await page.get_by_label(f"Word {place}", exact=True).fill("zoo" if words[place - 1] != "zoo" else "art")
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("alert").filter(has_text="is not the one that was shown")).to_be_visible()
    for place in places:
        await page.get_by_label(f"Word {place}", exact=True).fill(words[place - 1])
    await page.get_by_role("button", name="Confirm").click()
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("Made ")
    assert await page.get_by_text(words[0], exact=True).count() == 0

    await page.get_by_role("button", name="Remove phrase").last.click()
    await page.get_by_role("textbox").last.fill(" ".join(words))
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(rows).to_have_count(1)
    assert [each["first"] for each in node.get("phrases")["items"]] == [True]


async def test_leaving_the_page_forgets_the_words(page: Page, node: Living) -> None:
    address = await sign_in(page, node)
    await page.goto(f"{address}#/devices/phrases")
    await page.get_by_role("button", name="Make another phrase").click()
    await expect(page.locator("ol.phrase li")).to_have_count(24)
    async with page.expect_response(lambda response: response.url.endswith("/discard")) as discarded:
        await page.goto(f"{address}#/devices")
    assert (await discarded.value).status == 200
    assert len(node.get("phrases")["items"]) == 1
