"""What tests of the player do with a real node."""

from __future__ import annotations

import json
import time

from playwright.async_api import Page, expect

from tests.living import Living

OWN_SONGS = 5
"""In a folder that `make_music` made."""


def settle(node: Living, songs: int) -> None:
    """Wait until so many songs are listed and nothing is being done."""
    deadline = time.monotonic() + 500
    while node.get("library")["counts"]["tracks"] != songs or node.get("status")["jobs"]:
        assert time.monotonic() < deadline, "the library is never complete"
        time.sleep(0.1)


async def sign_in(page: Page, node: Living) -> str:
    """Open the player as `songkeep open` would; past the recovery phrase, which other tests look at."""
    url: str = json.loads(node.songkeep("open", "--no-browser", "--json").stdout)["url"]
    await page.goto(url)
    await page.get_by_role("button", name="Later").click()
    await expect(page.locator(".hero")).to_be_visible()
    return url.partition("#")[0]
