"""A phone and a seed behind HTTPS, as docs/seed.md sets one up: with a name, a proxy and TLS, but no HTTP/2."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, async_playwright, expect

from node.seed.server import RunningSeed
from tests.client.conftest import CHROMIUM, PHONE, WATCH_AUDIO
from tests.client.phone_home import Home, fill
from tests.client.phone_seed import QUOTA_BYTES, give_all
from tests.client.test_phone import Phone
from tests.client.test_phone_seed import NO_DIRECT_WAY, go_away
from tests.client.tls_front import Front, tls_front
from tests.flows import people
from tests.seed.owner import a_seed

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NAME = "seed.test"


@dataclass
class Secured:
    """A seed that holds everything, reached by browsers under https alone, and a PC."""

    home: Home
    tracker: str
    seed: RunningSeed
    front: Front
    context: BrowserContext

    async def phone(self, base: str) -> tuple[Phone, list[str]]:
        """A phone that opens the app from `base`, and every address that its page asks for."""
        page = await self.context.new_page()
        made, asked = Phone(page, self.home, base, contextlib.AsyncExitStack()), list[str]()
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on("console", lambda message: print("console:", message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        return made, asked

    def ranges(self) -> list[tuple[str, str]]:
        """Requests for blobs that came to the seed by https."""
        return [each for each in self.front.asked if each[1].startswith("/v1/blobs/")]


@pytest_asyncio.fixture(loop_scope="session")
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    async with contextlib.AsyncExitStack() as stack:
        front = await stack.enter_async_context(tls_front(NAME, tmp_path))
        url, _ = await stack.enter_async_context(people.a_tracker(tmp_path / "tracker"))
        seed = await stack.enter_async_context(a_seed(tmp_path / "seed", ip="127.0.0.1", url=f"https://{NAME}"))
        front.upstream = f"http://127.0.0.1:{seed.port}"
        home = Home.begin(url)
        fill(home, tmp_path)
        await stack.enter_async_context(people.meeting(home.device))
        await give_all(home, await seed.invite(QUOTA_BYTES), front.upstream)
        playwright = await stack.enter_async_context(async_playwright())
        trust = f"--ignore-certificate-errors-spki-list={front.pin}"
        names = f"--host-resolver-rules=MAP {NAME} 127.0.0.1:{front.port}"
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            args=["--no-sandbox", trust, names],
            viewport=PHONE,  # type: ignore[arg-type]
        )
        stack.push_async_callback(context.close)
        await context.add_init_script(WATCH_AUDIO)
        await context.add_init_script(NO_DIRECT_WAY)
        yield Secured(home, url, seed, front, context)


async def test_an_app_from_a_seed_with_a_certificate_plays_from_it_by_https_alone(secured: Secured) -> None:
    phone, asked = await secured.phone(f"https://{NAME}/")
    secured.home.tracker = f"ws://127.0.0.1:{secured.seed.port}"  # the PC meets it in the seed's pairing room
    await phone.pair()
    await go_away(phone)
    await phone.play_first()
    await phone.until_sound()
    assert secured.home.served == []
    assert await phone.page.evaluate("window.isSecureContext && Boolean(navigator.serviceWorker.controller)")
    assert secured.ranges(), "the music came another way"
    assert not {"http", "ws"} & {url.partition(":")[0] for url in asked}
    assert await phone.page.evaluate("window.violations") == []
    # The proxy said once that it is https for good (HSTS): an address typed without it opens the same device.
    await phone.page.goto("about:blank")
    await phone.page.goto(f"http://{NAME}/")
    await expect(phone.page.locator(".hero")).to_contain_text("3 songs")
    assert phone.page.url.startswith("https:")
    assert phone.errors == []


async def test_an_app_from_elsewhere_plays_from_a_seed_with_a_certificate_and_asks_no_leave(secured: Secured) -> None:
    phone, _ = await secured.phone(secured.tracker.replace("ws:", "http:") + "/")
    await phone.pair()
    await go_away(phone)
    given = secured.home.served.copy()
    await phone.page.reload()
    await phone.play_first()
    await phone.until_sound()
    assert secured.home.served == given
    # What a browser asks in advance of another origin (CORS) would cost each range a round trip more.
    assert {method for method, _ in secured.ranges()} == {"GET"}
    assert await phone.page.evaluate("window.violations") == []
    assert phone.errors == []
