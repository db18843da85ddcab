"""The app in WebKit, as far as Debian's build of it goes: no WebRTC and no private file system are in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from node.wire import pairing
from tests.client.mock_library import small_library
from tests.client.mock_node import CODE, MockNode
from tests.client.phone_home import Home
from tests.client.webkit import DISPLAY, DRIVER, WebKit, webkit
from tests.flows import people
from tests.needs import require_program

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAIR = """
  const {pairAsNewcomer, readInvitation} = await import("/core/pairing.js");
  const {enterPairingRoom} = await import("/io/room_pairing.js");
  const {keysLast, sealKey} = await import("/io/sealed_key.js");
  const {MemberKeys} = await import("/core/crypto_keys.js");
  const {Membership} = await import("/io/swarm_membership.js");
  const {code, tracker} = readInvitation("CODE");
  const pipe = await enterPairingRoom({code, tracker}, new AbortController().signal);
  const keys = await MemberKeys.generate((await keysLast()) ? undefined : sealKey);
  const about = {trackers: ["ws://127.0.0.1"], name: "WebKit"};
  const keep = async ({roster}) => void await Membership.begin(keys, roster, about);
  await pairAsNewcomer(pipe, {code, keys, name: "WebKit", digits: "271828", showCheckCode() {}, matched() {}, keep});
"""
READABLE = """
  const {Membership} = await import("/io/swarm_membership.js");
  const extract = (key) => crypto.subtle.exportKey("pkcs8", key).then(() => "readable", () => "sealed");
  const {sign, receive} = (await Membership.load()).keys.kept;
  return Promise.all([extract(sign), extract(receive)]);
"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def page() -> AsyncIterator[WebKit]:
    require_program(DRIVER)
    require_program(DISPLAY)
    async with webkit() as opened:
        yield opened


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[MockNode, str]]:
    node = MockNode(small_library(duration_ms=8_000))
    runner = web.AppRunner(node.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield node, f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_the_player_of_a_computer_opens_browses_and_asks_for_ranges(page: WebKit) -> None:
    async with served() as (node, base):
        await page.go(f"{base}#signin={CODE}")
        await page.until("document.querySelector('.hero:not(.bone-hero)')")
        await page.run("location.hash = '#/songs'")
        await page.until("document.querySelectorAll('.track-main').length > 3")
        await page.until("[...document.querySelectorAll('.cover.loaded img')].some((image) => image.naturalWidth > 0)")
        # The list may be drawn anew at any moment: until it is heard, the tap is repeated.
        tap = "document.querySelector('.track-main')?.click()"
        await page.until(f"{tap} ?? document.querySelector('#player:not(.empty)')")
        async with asyncio.timeout(60):
            while not any("/stream" in path for path in node.asked):  # noqa: ASYNC110  # the mock tells nobody
                await asyncio.sleep(0.05)


async def test_pairing_gives_keys_that_last_and_that_no_script_can_read(page: WebKit, tmp_path: Path) -> None:
    async with people.a_tracker(tmp_path / "tracker") as (url, _):
        home = Home.begin(url)
        async with people.meeting(home.device):
            base = url.replace("ws:", "http:") + "/"
            await page.go(base)
            await page.until("document.querySelector('main.pairing')")
            code = os.urandom(pairing.CODE_BYTES)
            typed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            inviting = await home.invite(code, typed)
            typed.set_result("271828")
            # The same modules as the pairing page, which asks for WebRTC first.
            await page.run(PAIR.replace("CODE", pairing.code_to_text(code)))
            newcomer = await asyncio.wait_for(inviting, 60)
            await page.go("about:blank")
            await page.go(base)
            assert await page.run(READABLE) == ["sealed", "sealed"]
            after = await page.run("""
              const {Membership} = await import("/io/swarm_membership.js");
              const {LABEL_SIGN_BATCH} = await import("/core/crypto_labels.js");
              const {toHex} = await import("/core/bytes.js");
              const membership = await Membership.load();
              const room = await membership.epoch.roomName();
              const signature = await membership.keys.sign(LABEL_SIGN_BATCH, new Uint8Array(3));
              return [toHex(membership.id), toHex(room), signature.length];
            """)
            room = home.device.membership.epochs[1].room_name
            assert after == [newcomer.public.id.hex(), room.hex(), 64]
            # Without WebRTC the paired app can't begin and is loaded again and again: not into the next test.
            await page.go("about:blank")


async def test_the_service_worker_gives_ranges_of_what_the_page_decrypts(page: WebKit, tmp_path: Path) -> None:
    async with people.a_tracker(tmp_path / "tracker") as (url, _):
        await page.go(url.replace("ws:", "http:") + "/")
        await page.until("document.querySelector('main.pairing')")
        answers = await page.run("""
          const {serveMedia} = await import("/io/swarm_stream.js");
          const bytes = Uint8Array.from({length: 1000}, (_, at) => at & 255);
          await serveMedia(async (path) => (path.endsWith("/auto") ? {bytes, mime: "audio/webm"} : null), {});
          const track = "a".repeat(26);
          const ask = async (path, range) => {
            const answer = await fetch(path, range ? {headers: {Range: range}} : {});
            const got = new Uint8Array(await answer.arrayBuffer());
            return [answer.status, answer.headers.get("Content-Range"), got.length, got[0] ?? null];
          };
          return [await ask(`stream/${track}/auto`), await ask(`stream/${track}/auto`, "bytes=300-399"),
            await ask(`stream/${track}/auto`, "bytes=990-"), (await ask(`stream/${track}/original`))[0]];
        """)
        assert answers == [
            [200, None, 1000, 0],
            [206, "bytes 300-399/1000", 100, 300 & 255],
            [206, "bytes 990-999/1000", 10, 990 & 255],
            404,
        ]


async def test_a_browser_without_webrtc_says_so_before_a_code_is_wasted(page: WebKit, tmp_path: Path) -> None:
    async with people.a_tracker(tmp_path / "tracker") as (url, _):
        await page.go(url.replace("ws:", "http:") + "/#pair=aaaa-aaaa-aaaa-aaaa")
        await page.until("document.querySelector('main.pairing h1')")
        text = await page.run("return document.querySelector('main.pairing').innerText")
        if await page.run("return 'RTCPeerConnection' in window"):
            assert "Pairing" in text
        else:
            assert "can’t be paired" in text
            assert "WebRTC" in text
