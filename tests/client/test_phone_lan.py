"""A phone at the player's plain http address in the local network: no service worker, no cryptography, but music."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from tests.client.conftest import CHROMIUM, PHONE, WATCH_AUDIO, until
from tests.lab import Lab, open_lab
from tests.living import environment
from tests.music import make_track
from tests.spine.test_spine import Songkeep, hear

pytestmark = [pytest.mark.browser, pytest.mark.netns, pytest.mark.asyncio(loop_scope="session")]

PORT = 7698
PASSWORD = "a long enough one"
SONG_S = 10
TITLES = ("Harbour Lights", "Salt Ledger")


@dataclass
class Sofa:
    """A browser on another machine of the PC's network, and the PC's address there."""

    page: Page
    url: str


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_lab() as made:
        yield made


@pytest.fixture
def pc(lab: Lab, tmp_path: Path) -> Songkeep:
    """A PC whose player is open to its network, by password."""
    music = tmp_path / "Music"
    music.mkdir()
    for number, (title, ending) in enumerate(zip(TITLES, (".flac", ".mp3"), strict=True)):
        make_track(music / f"{title}{ending}", seconds=SONG_S, seed=number, title=title, artists=("Anna",))
    pc = Songkeep(lab.host("pc"), tmp_path / "pc")
    pc.run("init")
    done = subprocess.run(
        pc.host.command([sys.executable, "-m", "node.cli.main", "config", "lan", "on", "--home", pc.home]),
        input=PASSWORD + "\n", text=True, capture_output=True, timeout=60, check=False, env=environment(),
    )  # fmt: skip
    assert "could listen" in done.stderr, done.stderr
    hear(pc.start("up", music, "--no-browser", "--port", str(PORT)))
    return pc


@pytest_asyncio.fixture(loop_scope="session")
async def sofa(lab: Lab, pc: Songkeep, tmp_path: Path) -> AsyncIterator[Sofa]:
    chromium = lab.host("sofa").wrapper(CHROMIUM, tmp_path)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        await context.add_init_script(WATCH_AUDIO)
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield Sofa(page, f"http://{pc.host.address}:{PORT}/")
        violations = await page.evaluate("window.violations ?? []")
        await browser.close()
    assert errors == []
    assert violations == []


async def test_at_a_plain_http_address_of_the_home_network_songs_play_after_sign_in(sofa: Sofa) -> None:
    page = sofa.page
    await page.goto(sofa.url)
    assert not await page.evaluate("isSecureContext || 'serviceWorker' in navigator || Boolean(crypto.subtle)")
    gate = page.locator("#gate")
    await expect(gate).to_contain_text("others in this network could listen")
    await gate.get_by_label("Password").fill("a wrong one, too")
    await page.keyboard.press("Enter")
    await expect(gate.get_by_role("alert")).to_contain_text("password")
    await gate.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Library").first.click()
    await page.get_by_role("link", name="Songs").first.click()
    await expect(page.locator(".track-title")).to_have_text(list(TITLES))
    await page.locator(".track-main").first.click()
    playing = "voices.find((voice) => !voice.paused)"
    await until(page, f"{playing}?.currentTime > 1 && {playing}.webkitAudioDecodedByteCount > 0")
    await page.evaluate("location.hash = '#/now'")
    await page.locator("#now").get_by_label("Position").fill(str((SONG_S - 2) * 1000))
    await expect(page.locator(".now-title")).to_have_text(TITLES[1])
    await until(page, f"{playing}?.currentTime > 1 && {playing}.currentTime < {SONG_S - 2}")
    await page.evaluate("location.hash = '#/settings'")
    await expect(page.locator(".page-settings")).to_contain_text("others in this network could listen")
