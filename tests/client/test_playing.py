"""Sound: it starts, goes on without a gap, survives what breaks, and there is only ever one."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.client.conftest import Desk, until
from tests.client.mock_library import MockLibrary, small_library

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def play_first_album(desk: Desk) -> None:
    album = next(iter(desk.library.albums.values()))
    await desk.sign_in(f"/album/{album['id']}")
    await desk.page.locator(".page-album .pill.primary").click()
    await desk.until_sound()


async def test_a_tap_on_a_song_plays_it_and_time_goes_on(desk: Desk) -> None:
    await desk.sign_in("/songs")
    row = desk.page.locator(".track").nth(3)
    title = await row.locator(".track-title").text_content()
    await row.locator(".track-main").click()
    await desk.until("voices.some((voice) => !voice.paused && voice.currentTime > 0.5)")
    await expect(desk.page.locator(".bar-title")).to_have_text(title or "")
    await expect(row).to_have_class("track cell current")
    assert len(await desk.sounding()) == 1
    await expect(desk.page.locator("#player .play-button")).to_have_attribute("aria-label", "Pause")


async def test_the_system_is_told_what_plays(desk: Desk) -> None:
    await play_first_album(desk)
    told = await desk.page.evaluate(
        """() => {
          const {metadata: {title, artist, album, artwork}, playbackState} = navigator.mediaSession;
          return [title, artist, album, artwork.length, playbackState];
        }"""
    )
    assert told == ["Harbour Lights", "Marla Quist", "Low Tide Atlas", 3, "playing"]


async def test_seeking_goes_where_the_person_points(desk: Desk) -> None:
    await play_first_album(desk)
    slider = desk.page.locator("#player .seek")
    box = await slider.bounding_box()
    assert box
    await desk.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await desk.until("voices.some((voice) => !voice.paused && Math.abs(voice.currentTime - 100) < 3)")


async def test_volume_and_mute_reach_the_sound_and_outlive_a_reload(desk: Desk) -> None:
    await play_first_album(desk)
    for _ in range(10):
        await desk.page.keyboard.press("Shift+ArrowDown")
    await desk.until("voices.every((voice) => voice.volume < 0.3)")
    await desk.page.keyboard.press("m")
    await desk.until("voices.every((voice) => voice.muted)")
    await desk.page.reload()
    await desk.page.wait_for_selector(".album-head")
    await desk.until("voices.every((voice) => voice.muted)")


async def test_the_queue_and_the_place_in_the_song_outlive_a_reload(desk: Desk) -> None:
    await play_first_album(desk)
    await desk.page.keyboard.press("n")
    await expect(desk.page.locator(".bar-title")).to_have_text("Salt Ledger")
    await desk.until_sound()
    for _ in range(6):
        await desk.page.keyboard.press("ArrowRight")
    await desk.until("voices.some((voice) => !voice.paused && voice.currentTime > 30)")
    await desk.page.reload()
    await expect(desk.page.locator(".bar-title")).to_have_text("Salt Ledger")
    assert await desk.sounding() == []
    await desk.page.locator("#player .play-button").click()
    await desk.until("voices.some((voice) => !voice.paused && voice.currentTime > 30)")


async def test_pages_change_without_touching_the_sound(desk: Desk) -> None:
    await play_first_album(desk)
    before = (await desk.sounding())[0]
    for place in ("/albums", "/artists", "/genres", "/search", "/locker", "/settings", "/now", "/now/queue", "/"):
        await desk.go(place)
        await desk.page.wait_for_timeout(60)
    after = await desk.sounding()
    assert len(after) == 1
    assert after[0] > before


async def test_a_song_that_cannot_be_had_is_told_and_the_next_one_plays(desk: Desk) -> None:
    tracks = list(desk.library.tracks.values())
    desk.node.broken_streams[tracks[0]["id"]] = 500
    await play_first_album(desk)
    await expect(desk.page.locator("#messages")).to_contain_text("Harbour Lights")
    await expect(desk.page.locator(".bar-title")).to_have_text("Salt Ledger")
    assert len(await desk.sounding()) == 1


async def test_when_nothing_can_be_had_the_player_stops_and_says_so(desk: Desk) -> None:
    desk.node.broken_streams = dict.fromkeys(desk.library.tracks, 500)
    await desk.sign_in("/songs")
    await desk.page.locator(".track-main").first.click()
    await expect(desk.page.locator("#messages")).to_contain_text("Playback has stopped")
    assert await desk.sounding() == []


async def test_a_second_tab_that_plays_silences_the_first(desk: Desk) -> None:
    await play_first_album(desk)
    other = await desk.page.context.new_page()
    await other.goto(f"{desk.base}#/songs")
    await other.locator(".track-main").first.click()
    await until(other, "voices.some((voice) => !voice.paused && voice.currentTime > 0.05)")
    await desk.until("voices.every((voice) => voice.paused)")
    await other.close()


class TestShortSongs:
    """Two seconds each, so that a test hears them end."""

    @pytest.fixture
    def library(self) -> MockLibrary:
        return small_library(duration_ms=2_000)

    async def test_the_next_song_begins_where_the_last_one_ends_and_never_two_sound_for_long(self, desk: Desk) -> None:
        await desk.sign_in()
        await desk.page.evaluate(
            """() => {
              window.together_ms = window.held_up_ms = 0;
              let last = performance.now();
              setInterval(() => {
                const now = performance.now();
                held_up_ms = Math.max(held_up_ms, now - last);
                if (voices.filter((voice) => !voice.paused && !voice.ended).length > 1) together_ms += now - last;
                last = now;
              }, 10);
            }"""
        )
        await play_first_album(desk)
        await desk.until("heard.filter((event) => event.name === 'playing').length >= 3", timeout_s=60)
        heard = await desk.page.evaluate("heard")
        starts = [event["at_ms"] for event in heard if event["name"] == "playing"]
        # Three songs of two seconds: what they take beyond that, less the first's start, is silence between them.
        silence_ms = [starts[i + 1] - starts[i] - 2_000 for i in range(2)]
        held_up_ms = await desk.page.evaluate("held_up_ms")  # how long the machine let the whole page wait
        assert all(abs(each) < 150 + held_up_ms for each in silence_ms), (silence_ms, held_up_ms)
        assert await desk.page.evaluate("together_ms") < 600 + held_up_ms
        asked = [each for each in desk.node.asked if "/stream" in each]
        assert len({each.split("/")[4] for each in asked}) >= 3

    async def test_at_the_end_of_the_queue_there_is_silence_and_play_begins_again(self, desk: Desk) -> None:
        album = next(iter(desk.library.albums.values()))
        await desk.sign_in(f"/album/{album['id']}")
        await desk.page.locator(".track-main").nth(2).click()
        await expect(desk.page.locator(".bar-title")).to_have_text("The Slow Ferry")
        await desk.until("heard.some((event) => event.name === 'ended')")
        await expect(desk.page.locator(".bar-title")).to_have_text("Harbour Lights")
        await expect(desk.page.locator("#player .play-button")).to_have_attribute("aria-label", "Play")
        assert await desk.sounding() == []
        await desk.page.keyboard.press(" ")
        await desk.until_sound()

    async def test_repeat_one_plays_the_same_song_again(self, desk: Desk) -> None:
        await play_first_album(desk)
        await desk.page.keyboard.press("r")
        await desk.page.keyboard.press("r")
        await expect(desk.page.locator("#player").get_by_label("Repeats this song")).to_be_visible()
        await desk.until("heard.filter((event) => event.name === 'playing').length >= 3", timeout_s=60)
        heard = await desk.page.evaluate("heard.filter((event) => event.name === 'playing').map((event) => event.src)")
        assert len(set(heard)) == 1

    async def test_a_song_that_breaks_while_loaded_ahead_is_skipped_when_its_turn_comes(self, desk: Desk) -> None:
        tracks = list(desk.library.tracks.values())
        desk.node.broken_streams[tracks[1]["id"]] = 500
        await play_first_album(desk)
        await expect(desk.page.locator(".bar-title")).to_have_text("The Slow Ferry")
        await expect(desk.page.locator("#messages")).to_contain_text("Salt Ledger")
        await desk.until_sound()


@pytest.mark.parametrize("library", [small_library(duration_ms=60_000)], ids=["minutes"])
async def test_an_original_that_comes_too_slowly_goes_on_as_the_small_copy_without_silence(
    desk: Desk, library: MockLibrary
) -> None:
    desk.node.originals_at = 0.4
    await desk.sign_in("/settings")
    await desk.page.get_by_role("radio", name="Original").check()
    await desk.go("/songs")
    await desk.page.locator(".track-main").first.click()
    await desk.until("voices.some((voice) => !voice.paused && voice.currentTime > 0.2)", 60)
    await desk.page.evaluate("voices.find((voice) => !voice.paused).currentTime = 13")
    await desk.until("voices.some((voice) => !voice.paused && voice.src.includes('rendition=mobile'))", 60)
    assert await desk.page.evaluate("voices.find((voice) => !voice.paused).currentTime") > 13, "it began anew"
    await desk.until("voices.some((voice) => !voice.paused && voice.currentTime > 17)", 60)
    # It changed while there was sound: one voice had not stopped before the other one began.
    silent_ms = """(() => {
      const begun = heard.filter(({name, src}) => name === "playing" && src.includes("mobile"))[0].at_ms;
      const stopped = heard.filter(({name, at_ms}) => name === "pause" && at_ms < begun).at(-1)?.at_ms ?? begun;
      return begun - stopped;
    })()"""
    assert await desk.page.evaluate(silent_ms) < 400


WATCH_GRAPH = """
(() => {
  const Real = window.AudioContext;
  window.graphs = [];
  window.AudioContext = class extends Real {
    constructor() {
      super();
      this.sources = 0;
      window.graphs.push(this);
    }
    createMediaElementSource(element) {
      this.sources++;
      return super.createMediaElementSource(element);
    }
  };
})();
"""


@pytest.mark.parametrize("standalone", ["true", "false", "undefined"])
async def test_only_an_app_on_an_iphones_home_screen_plays_through_an_audio_graph(desk: Desk, standalone: str) -> None:
    await desk.page.add_init_script(WATCH_GRAPH)
    await desk.page.add_init_script(f"Object.defineProperty(navigator, 'standalone', {{value: {standalone}}})")
    await play_first_album(desk)
    if standalone == "true":
        await desk.until("graphs.length === 1 && graphs[0].sources === 2 && graphs[0].state === 'running'")
    else:
        assert await desk.page.evaluate("graphs.length") == 0
