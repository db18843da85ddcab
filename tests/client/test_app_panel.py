"""Letting other people's music apps in, from the player's settings, before a real node."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.client.real_node import sign_in
from tests.living import Living

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def ping(node: Living, password: str) -> str:
    path = f"/rest/ping?apiKey={password}&v=1.16.1&c=tests&f=json"
    status: str = node.ask("GET", path, token=None).json["subsonic-response"]["status"]
    return status


async def test_an_app_is_let_in_seen_and_revoked(page: Page, node: Living) -> None:
    address = await sign_in(page, node)
    await page.goto(f"{address}#/settings")
    await page.get_by_label("Name of the app and the device").fill("Symfonium <on> Pixel")
    await page.get_by_role("button", name="Let it in").click()
    told = page.get_by_role("status").filter(has_text="shown this once")
    await expect(told).to_contain_text(f"http://127.0.0.1:{node.port}")
    password = (await told.locator("dd").last.inner_text()).strip()
    assert ping(node, password) == "ok"
    row = page.get_by_role("list", name="Music apps").get_by_role("listitem")
    await expect(row).to_contain_text("Symfonium <on> Pixel")
    await page.get_by_role("button", name="Revoke Symfonium <on> Pixel").click()
    await page.get_by_role("button", name="Revoke", exact=True).click()
    await expect(row).to_have_count(0)
    assert ping(node, password) == "failed"
    assert node.get("app-passwords")["items"] == []
