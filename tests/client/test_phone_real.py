"""A phone and the real programs: one browser, paired once, through what happens to it, from the first song to the end.

The tests tell one story in their order; each begins where its own first lines lead it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.client.conftest import PHONE, WATCH_AUDIO, until
from tests.client.real_home import ALBUM, ARTIST, LONG, LONG_S, SHORT, SHORT_S, RealHome, real_home, until_sound
from tests.client.test_phone import LEFT, NOTHING
from tests.living import songkeep

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SOUGHT, KEPT, NEW = LONG[0], LONG[1], LONG[3]
"""New: neither played before nor next to what was played."""
LOUDNESS = """async () => {
  const context = new AudioContext();
  const ear = new AnalyserNode(context);
  context.createMediaStreamSource(playing().captureStream()).connect(ear);
  await context.resume();
  const samples = new Float32Array(ear.fftSize);
  let loudest = 0;
  for (let looks = 0; loudest < 0.01 && looks < 200; looks++) {
    await new Promise((go) => setTimeout(go, 50));
    ear.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples.map(Math.abs));
  }
  await context.close();
  return loudest;
}"""
"""The loudest decoded sample of what plays now, as soon as it is no silence."""


PLAYING = "window.playing = () => voices.find((voice) => !voice.paused); window.before = null"
FOLLOW = """() => {
  window.followed = new Map();
  setInterval(() => {
    const at_s = performance.now() / 1000;
    for (const {src, currentTime, paused, webkitAudioDecodedByteCount} of voices) {
      if (!src || paused) continue;
      const before = followed.get(src) ?? {reached_s: currentTime, at_s, leap_s: 0, decoded_bytes: 0};
      const leap_s = currentTime - before.reached_s - (at_s - before.at_s);
      const decoded_bytes = Math.max(before.decoded_bytes, webkitAudioDecodedByteCount);
      followed.set(src, {reached_s: currentTime, at_s, leap_s: Math.max(before.leap_s, leap_s), decoded_bytes});
    }
  }, 50);
}"""
"""How far each song sounds from now on, how much is decoded, and by how much its position ever runs ahead of time."""


@dataclass
class Phone:
    """The browser page, and the programs it belongs to."""

    page: Page
    home: RealHome

    async def go(self, place: str) -> None:
        await self.page.evaluate("place => { location.hash = '#' + place }", place)

    async def play(self, title: str) -> None:
        await self.go("/songs")
        await self.page.get_by_role("button", name=re.compile(f"^{title}")).click()
        await expect(self.page.locator(".bar-title")).to_have_text(title)

    async def seek(self, to_s: float) -> None:
        """By the slider of the now-playing page; what sounds then is there because it leapt."""
        await self.go("/now")
        await self.page.evaluate("before = {at_s: performance.now() / 1000, position_s: playing().currentTime}")
        await self.page.locator("#now").get_by_label("Position").fill(str(round(to_s * 1000)))
        since_s = "(performance.now() / 1000 - before.at_s)"
        there = f"playing()?.currentTime > {to_s + 0.3} && playing().currentTime < {to_s + 0.3} + {since_s}"
        leapt = f"Math.abs(playing().currentTime - {since_s} - before.position_s) > 3"
        await until(self.page, f"{there} && {leapt}")

    async def keep(self, title: str) -> None:
        await self.go("/songs")
        await self.page.get_by_role("button", name=f"More for {title}").click()
        await self.page.get_by_role("menuitem", name="Keep on this device").click()
        await self.go("/locker")
        await expect(self.page.locator(".held")).to_contain_text("1 of 1 kept song ready")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHome]:
    with real_home(tmp_path_factory.mktemp("real")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def phone(browser: Browser, home: RealHome) -> AsyncIterator[Phone]:
    context = await browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    await context.add_init_script(WATCH_AUDIO + PLAYING)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await home.pair(page)
    yield Phone(page, home)
    violations = await page.evaluate("window.violations ?? []")
    await context.close()
    assert errors == []
    assert violations == []


async def test_a_paired_phone_shows_the_library_of_the_pc(phone: Phone) -> None:
    await phone.go("/albums")
    await phone.page.get_by_role("link", name=ALBUM).first.click()
    await expect(phone.page.locator(".album-head .cover.loaded")).to_be_visible()
    await expect(phone.page.locator(".track-title")).to_have_text([SHORT, *LONG])
    await phone.go("/search")
    await phone.page.get_by_label("Search your library").fill("lant")
    await expect(phone.page.locator(".track-title")).to_have_text([LONG[0]])
    await phone.go("/artists")
    await expect(phone.page.get_by_text(ARTIST).first).to_be_visible()


async def test_a_song_sounds_to_its_end_and_the_next_begins_by_itself(phone: Phone) -> None:
    page = phone.page
    await phone.go("/albums")
    await page.get_by_role("link", name=ALBUM).first.click()
    await page.evaluate(FOLLOW)
    await page.locator(".track-main").first.click()
    await until_sound(page)
    assert await page.evaluate(LOUDNESS) > 0.01
    await expect(page.locator(".bar-title")).to_have_text(LONG[0])
    await until_sound(page, 1)
    first, second = await page.evaluate("[...followed.values()]")
    assert first["reached_s"] > SHORT_S - 0.5
    assert second["reached_s"] < 10
    for each in (first, second):
        assert each["leap_s"] < 1, "it did not play through"
        assert each["decoded_bytes"] > 0


async def test_seeking_and_the_next_button_lead_where_they_say(phone: Phone) -> None:
    await phone.play(SOUGHT)
    await until_sound(phone.page)
    await phone.seek(LONG_S - 6)
    await phone.seek(3)
    await phone.page.locator("#now").get_by_role("button", name="Next").click()
    await expect(phone.page.locator(".now-title")).not_to_have_text(SOUGHT)
    await until_sound(phone.page)


async def test_without_a_network_the_app_opens_shows_everything_and_plays_what_is_kept(phone: Phone) -> None:
    await phone.keep(KEPT)
    page = phone.page
    await page.context.set_offline(True)
    try:
        await page.reload()
        await expect(page.locator(".held")).to_contain_text("1 of 1 kept song ready")
        await phone.go("/albums")
        await page.get_by_role("link", name=ALBUM).first.click()
        await expect(page.locator(".track-title")).to_have_text([SHORT, *LONG])
        await expect(page.locator("html.offline #offline")).to_be_visible()
        await phone.play(KEPT)
        await phone.seek(LONG_S - 6)
    finally:
        await page.context.set_offline(False)
    await expect(page.locator("html.offline")).to_have_count(0, timeout=90_000)


async def test_a_pc_that_was_restarted_gives_music_again_without_a_reload(phone: Phone) -> None:
    page = phone.page
    await page.evaluate("window.never_reloaded = true")
    await asyncio.to_thread(phone.home.stop_pc)
    await expect(page.locator("html.offline #offline")).to_be_visible()
    await asyncio.to_thread(phone.home.start_pc)
    await expect(page.locator("html.offline")).to_have_count(0, timeout=90_000)
    await phone.play(NEW)
    await phone.seek(LONG_S - 6)
    assert await page.evaluate("never_reloaded")


async def test_a_phone_that_was_revoked_is_cut_off_says_so_and_keeps_nothing(phone: Phone) -> None:
    page = phone.page
    await phone.play(LONG[1])
    await until_sound(page)
    device = next(each for each in phone.home.pc.get("devices")["items"] if not each["this"])
    done = await asyncio.to_thread(songkeep, phone.home.pc.home, "devices", "revoke", device["id"], "--yes")
    assert done.returncode == 0, done.stderr
    await expect(page.locator("#gate")).to_contain_text("was removed")
    await expect(page.locator("#gate")).to_contain_text("have been deleted")
    await until(page, "voices.every((voice) => voice.paused)")
    assert await page.evaluate(LEFT) == NOTHING
    await page.reload()
    await expect(page.locator("#gate")).to_contain_text("Bring your music here")
