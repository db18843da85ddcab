"""A node, mock or real, and a browser that looks at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.client.mock_library import MockLibrary, large_library, small_library
from tests.client.mock_node import CODE, MockNode
from tests.client.real_node import OWN_SONGS, settle
from tests.living import Living, living, make_music

CHROMIUM = "/usr/bin/chromium"
FAKE_CAMERA = "--use-fake-device-for-media-stream"
PHONE = {"width": 360, "height": 740}
WIDE = {"width": 1440, "height": 900}

EXPECT_MS = 60_000
"""What is awaited comes at once; a machine that is shared may take its time."""
expect.set_options(timeout=EXPECT_MS)

WATCH_AUDIO = """
(() => {
  const Real = window.Audio;
  window.voices = [];
  window.heard = [];
  window.Audio = function () {
    const voice = new Real();
    const number = window.voices.push(voice) - 1;
    for (const name of ["playing", "pause", "ended"])
      voice.addEventListener(name, () => window.heard.push({name, number, at_ms: performance.now(), src: voice.src}));
    return voice;
  };
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
})();
"""
"""Keeps hold of the app's audio elements, which stand in no document, and of every breach of the content policy."""


async def until(page: Page, condition: str, timeout_s: float = 60.0) -> None:
    """Wait until a JavaScript expression is true in a page, whose content policy forbids Playwright's own way."""
    deadline = time.monotonic() + timeout_s
    while not await page.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        await asyncio.sleep(0.02)


@dataclass
class Desk:
    """A node, the library behind it and a page in a fresh browser profile."""

    node: MockNode
    page: Page
    base: str
    errors: list[str] = field(default_factory=list)

    @property
    def library(self) -> MockLibrary:
        return self.node.library

    async def sign_in(self, place: str = "/") -> None:
        await self.page.goto(f"{self.base}#signin={CODE}")
        await self.page.wait_for_selector(".hero, .blank")
        if place != "/":
            await self.go(place)

    async def go(self, place: str) -> None:
        """Change the address and wait for its page, not for what is on it."""
        await self.page.evaluate("place => { location.hash = '#' + place }", place)
        name = place.split("/")[1] or "home"
        await self.page.wait_for_selector("#now.open" if name == "now" else f".page-{name}, #gate > *")

    async def sounding(self) -> list[float]:
        """Position in seconds of every element that makes sound now."""
        script = "voices.filter((voice) => !voice.paused && !voice.ended).map((voice) => voice.currentTime)"
        positions: list[float] = await self.page.evaluate(script)
        return positions

    async def until(self, condition: str, timeout_s: float = 60.0) -> None:
        """Wait until a JavaScript expression is true."""
        await until(self.page, condition, timeout_s)

    async def until_sound(self) -> None:
        await self.until("voices.some((voice) => !voice.paused && voice.currentTime > 0.05)")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", FAKE_CAMERA])
        yield browser
        await browser.close()


@pytest.fixture
def viewport() -> dict[str, int]:
    return WIDE


@pytest.fixture
def library() -> MockLibrary:
    return small_library()


@pytest.fixture(scope="session")
def many() -> MockLibrary:
    """50,000 songs. For tests that don't change it."""
    return large_library(50_000)


@pytest.fixture
def phrase_confirmed() -> bool:
    return True


@pytest_asyncio.fixture(loop_scope="session")
async def desk(
    browser: Browser, library: MockLibrary, viewport: dict[str, int], phrase_confirmed: bool
) -> AsyncIterator[Desk]:
    node = MockNode(library, phrase_confirmed=phrase_confirmed)
    runner = web.AppRunner(node.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    context = await browser.new_context(viewport=viewport, color_scheme="dark")  # type: ignore[arg-type]
    await context.add_init_script(WATCH_AUDIO)
    context.set_default_timeout(EXPECT_MS)
    page = await context.new_page()
    desk = Desk(node, page, f"http://127.0.0.1:{port}/")
    page.on("pageerror", lambda error: desk.errors.append(str(error)))
    yield desk
    violations = await page.evaluate("window.violations ?? []")
    await context.close()
    await runner.cleanup()
    assert desk.errors == []
    assert violations == []


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A real node with a small library, for all tests of a file."""
    place = tmp_path_factory.mktemp("node")
    with living(place / "home", str(make_music(place / "music")), "--port", "7960") as running:
        settle(running, OWN_SONGS)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, viewport: dict[str, int]) -> AsyncIterator[Page]:
    """A page in a fresh browser profile."""
    context = await browser.new_context(viewport=viewport)  # type: ignore[arg-type]
    await context.add_init_script(WATCH_AUDIO)
    context.set_default_timeout(EXPECT_MS)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    violations = await page.evaluate("window.violations ?? []")
    await context.close()
    assert errors == []
    assert violations == []
