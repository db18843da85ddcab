"""Take docs/pictures/ of the player with its demo library: `python -m tests.client.take_screenshots`."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.client.conftest import CHROMIUM, PHONE, WIDE
from tests.living import Living, living

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SCREENS = {"phone": PHONE, "wide": WIDE}
QUALITY = 85
DEMO_SONGS = 12
SETTLE_MS = 1_200
DAY_MS = 86_400_000
PLACES = {
    "home": "/", "now": "/now", "for-you": "/for-you", "devices": "/devices", "where": "/where",
    "settings": "/settings",
}  # fmt: skip


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, living(Path(place) / "home", "--demo", "--port", "7980") as node:
        while node.get("library")["counts"]["tracks"] < DEMO_SONGS or node.get("status")["jobs"]:
            time.sleep(0.2)
        play_some(node)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            for screen in SCREENS:
                for theme in ("dark", "light"):
                    take(browser, node, screen, theme)
            browser.close()


def take(browser: Browser, node: Living, screen: str, theme: str) -> None:
    """Every picture of one screen in one theme."""
    scale = 2 if screen == "phone" else 1
    context = browser.new_context(viewport=SCREENS[screen], color_scheme=theme, device_scale_factor=scale)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(json.loads(node.songkeep("open", "--no-browser", "--json").stdout)["url"])
    page.get_by_role("button", name="Later").click()
    go(page, "/albums")
    page.locator(".card-main", has_text="Waltzes").click()
    page.locator(".page-album .pill.primary").click()
    page.wait_for_timeout(SETTLE_MS)
    shoot(page, f"album-{screen}-{theme}")
    for name, place in PLACES.items():
        go(page, place)
        shoot(page, f"{name}-{screen}-{theme}")
    context.close()


def play_some(node: Living) -> None:
    """Plays and stars of the last months, so that the page of suggestions has something to say."""
    tracks = node.get("tracks?limit=500")["items"]
    now_ms = time.time_ns() // 1_000_000
    for number, track in enumerate(tracks):
        for play in range(1 + number % 5):
            days_ago = 3 + play if number % 3 else 80 + play
            node.ask("POST", "/api/v1/plays", {"track": track["id"], "played_ms": now_ms - days_ago * DAY_MS})
        if number % 4 == 0:
            node.ask("PUT", f"/api/v1/tracks/{track['id']}/star")


def go(page: Page, place: str) -> None:
    page.evaluate("place => { location.hash = '#' + place }", place)
    page.wait_for_timeout(SETTLE_MS)


def shoot(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=str(PICTURES / f"{name}.jpg"), type="jpeg", quality=QUALITY)


if __name__ == "__main__":
    main()
