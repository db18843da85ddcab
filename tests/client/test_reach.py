"""Keyboard, screen readers, small screens, contrast, and names that nobody expected."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.client.conftest import PHONE, WIDE, Desk
from tests.client.mock_library import MockLibrary, large_library, small_library
from tests.client.mock_node import mock_job

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PLACES = (
    "/", "/albums", "/artists", "/songs", "/genres", "/history/most", "/history", "/playlists", "/starred",
    "/search/a", "/locker", "/settings", "/devices", "/devices/pair", "/where", "/move", "/for-you", "/now",
    "/now/queue",
)  # fmt: skip

NAMELESS = """() => {
  const shown = (element) => element.checkVisibility({visibilityProperty: true, opacityProperty: false});
  const named = (element) =>
    element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.[0]?.textContent.trim();
  return [...document.querySelectorAll("button, a[href], input, select, [role=button], [role=list], dialog[open]")]
    .filter((element) => shown(element) && !named(element))
    .map((element) => element.outerHTML.slice(0, 120));
}"""

SMALL_TARGETS = """() => {
  const scroller = document.getElementById("scroller").getBoundingClientRect();
  const found = [];
  for (const element of document.querySelectorAll("button, a[href], input, select, summary")) {
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    // Links inside running text may be as small as their line (WCAG 2.5.8).
    if (element.matches("p a, span a, .bar-names a")) continue;
    const box = element.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) continue;
    const grown = getComputedStyle(element, "::after").content !== "none" && element.matches(".pill.small") ? 8 : 0;
    const small = box.width + grown < 44 || box.height + grown < 36;
    if (small) found.push([element.outerHTML.slice(0, 100), box.width, box.height]);
  }
  return found;
}"""

LOW_CONTRAST = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      // Pictures and gradients are judged by eye.
      if (style.backgroundImage !== "none" || at.matches(".cover, .genre, #now, .track-lead")) return null;
      layers.push(rgba(style.backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reduceRight((under, top) => over(top, under), rgba(getComputedStyle(document.body).backgroundColor));
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    // Tinted pages lie on gradients: judged by eye.
    const skipped = "noscript, .unseen, :disabled, .page-album, .page-artist, .page-home";
    if (!node.data.trim() || element.closest(skipped)) continue;
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    const under = ground(element);
    if (!under) continue;
    const style = getComputedStyle(element);
    const own = rgba(style.color);
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    if (opacity < 0.7) continue;
    const text = over([own[0], own[1], own[2], own[3] * opacity], under);
    const [high, low] = [light(text), light(under)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.7 && Number(style.fontWeight) >= 600);
    if (ratio < (large ? 3 : 4.5)) found.push([node.data.trim().slice(0, 40), ratio.toFixed(2), style.color]);
  }
  return found;
}"""

OVERFLOWING = """() => document.documentElement.scrollWidth > innerWidth
  || document.getElementById("scroller").scrollWidth > document.getElementById("scroller").clientWidth + 1"""


@pytest.fixture
def library() -> MockLibrary:
    return large_library(200)


async def visit(desk: Desk, place: str) -> None:
    await desk.go(place)
    await desk.page.wait_for_timeout(350)


async def prepare(desk: Desk) -> None:
    """Something plays, something is being done, something went wrong."""
    desk.node.jobs["j1"] = mock_job("j1")
    first = next(iter(desk.library.tracks.values()))
    first["state"] = {
        "playable": False,
        "source": "away",
        "sealed": False,
        "mobile": False,
        "note": "its drive is away",
    }
    await desk.sign_in("/songs")
    await desk.page.locator(".track-main").nth(1).click()
    await desk.until_sound()


async def test_every_control_has_a_name(desk: Desk) -> None:
    await prepare(desk)
    for place in PLACES:
        await visit(desk, place)
        assert await desk.page.evaluate(NAMELESS) == [], place


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_text_stands_out_from_its_ground(desk: Desk, theme: str) -> None:
    await desk.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    await prepare(desk)
    for place in PLACES:
        await visit(desk, place)
        assert await desk.page.evaluate(LOW_CONTRAST) == [], place


@pytest.mark.parametrize("viewport", [PHONE], ids=["phone"])
async def test_on_a_phone_nothing_is_too_small_to_hit_and_nothing_sticks_out(desk: Desk) -> None:
    await prepare(desk)
    for place in PLACES:
        await visit(desk, place)
        assert await desk.page.evaluate(SMALL_TARGETS) == [], place
        assert not await desk.page.evaluate(OVERFLOWING), place


async def test_a_list_is_one_stop_for_the_tab_key_and_arrows_move_inside_it(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("/songs")
    await expect(page.locator(".page-count")).to_have_text("200 songs")
    reachable = await page.locator('.track-main[tabindex="0"]').count()
    assert reachable == 1
    await page.keyboard.press("j")
    await expect(page.locator('.cell[data-index="0"] .track-main')).to_be_focused()
    for key in ("j", "ArrowDown", "j", "k"):
        await page.keyboard.press(key)
    await expect(page.locator('.cell[data-index="2"] .track-main')).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator('.cell[data-index="2"] .track-more')).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


async def test_everything_about_playing_has_a_key(desk: Desk) -> None:
    page = desk.page
    album = next(iter(desk.library.albums.values()))
    await desk.sign_in(f"/album/{album['id']}")
    await expect(page.locator(".track")).to_have_count(3)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await desk.until_sound()
    await page.keyboard.press("n")
    await expect(page.locator(".bar-title")).to_have_text("Salt Ledger")
    await page.keyboard.press("p")
    await expect(page.locator(".bar-title")).to_have_text("Harbour Lights")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press(" ")
    await desk.until("voices.every((voice) => voice.paused)")
    await page.keyboard.press("s")
    await expect(page.locator("#player").get_by_label("Shuffle", exact=True)).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#announcer")).to_have_text("Shuffle is on")
    await page.keyboard.press("r")
    await expect(page.locator("#announcer")).to_have_text("Repeats everything")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)
    await page.keyboard.press("q")
    await expect(page.locator("#now.open")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#now.open")).to_have_count(0)


async def test_keys_are_letters_while_the_person_types(desk: Desk) -> None:
    await desk.sign_in("/search")
    await desk.page.get_by_label("Search your library").press_sequentially("n s m /?")
    await expect(desk.page.get_by_label("Search your library")).to_have_value("n s m /?")
    await expect(desk.page.locator("dialog")).to_have_count(0)


async def test_what_is_behind_the_now_playing_page_is_out_of_reach(desk: Desk) -> None:
    await prepare(desk)
    await desk.go("/now")
    await expect(desk.page.locator("#now.open")).to_be_visible()
    for _ in range(25):
        await desk.page.keyboard.press("Tab")
        assert await desk.page.evaluate("!document.activeElement.closest('#shell')")


async def test_a_menu_opens_with_the_keyboard_and_gives_the_focus_back(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("/songs")
    more = page.locator(".track-more").nth(3)
    await more.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem").nth(1)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(more).to_be_focused()


async def test_the_theme_follows_the_system_until_the_person_chooses(desk: Desk) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    await desk.sign_in("/settings")
    dark = await desk.page.evaluate(ground)
    await desk.page.emulate_media(color_scheme="light")
    await desk.until(f"{ground} !== {dark!r}")
    await desk.page.get_by_label("Dark", exact=True).check()
    assert await desk.page.evaluate(ground) == dark
    await desk.page.reload()
    await desk.page.wait_for_selector(".page-settings")
    assert await desk.page.evaluate(ground) == dark


async def test_with_reduced_motion_nothing_moves_for_long(desk: Desk) -> None:
    await desk.page.emulate_media(reduced_motion="reduce")
    await prepare(desk)
    moving = await desk.page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length")
    assert moving == 0


NASTY = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>&amp;'


class TestNames:
    @pytest.fixture
    def library(self) -> MockLibrary:
        library = small_library()
        library.add_album(NASTY, NASTY, 2020, NASTY, [NASTY, "x" * 400, "\u202eevil", " ", "🎵" * 60], cover=False)
        return library

    @pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
    async def test_names_are_text_whatever_they_hold(self, desk: Desk) -> None:
        page = desk.page
        nasty = next(album for album in desk.library.albums.values() if album["name"] == NASTY)
        desk.node.jobs["j"] = {**mock_job("j"), "failed": [{"path": NASTY, "reason": NASTY}]}
        await desk.sign_in("/")
        places = (
            *PLACES,
            f"/album/{nasty['id']}",
            f"/artist/{nasty['artists'][0]['id']}",
            "/genre/" + NASTY.replace("/", "%2F"),
        )
        for place in places:
            await visit(desk, place)
            assert not await page.evaluate(OVERFLOWING), place
        await desk.go(f"/album/{nasty['id']}")
        await page.locator(".track-main").first.click()
        await desk.until_sound()
        await visit(desk, "/now")
        await expect(page.locator(".now-title")).to_have_text(NASTY)
        await page.get_by_label("More for this song").click()
        await page.get_by_role("menuitem", name="Details").click()
        await expect(page.get_by_role("dialog").last).to_contain_text("Length")
        assert await page.evaluate("window.hit") is None

    async def test_text_from_right_to_left_reads_that_way(self, desk: Desk) -> None:
        album = next(album for album in desk.library.albums.values() if album["name"] == "مدينة الضوء")
        await desk.sign_in(f"/album/{album['id']}")
        await expect(desk.page.locator("h1")).to_have_text("مدينة الضوء")
        assert await desk.page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
        assert await desk.page.evaluate("getComputedStyle(document.querySelector('.track-title')).direction") == "rtl"
