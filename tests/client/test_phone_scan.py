"""Pairing by the app's own camera: the camera is Chromium's, the reader of QR codes a stand-in."""

from __future__ import annotations

import asyncio
import os
import re

import pytest
from playwright.async_api import expect

from node.wire import pairing
from tests.client.conftest import until
from tests.client.test_phone import Phone, phone

__all__ = ["phone"]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

READER = """
(() => {
  window.shown = "";
  window.looks = 0;
  window.tracks = [];
  window.BarcodeDetector = class {
    static getSupportedFormats() { return Promise.resolve(["qr_code"]); }
    async detect(picture) {
      window.looks += picture.videoWidth > 0;
      return picture.videoWidth > 0 && window.shown ? [{rawValue: window.shown}] : [];
    }
  };
  const media = navigator.mediaDevices;
  const ask = media.getUserMedia.bind(media);
  media.getUserMedia = async (wish) => {
    const stream = await ask(wish);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
})();
"""


async def open_pairing(phone: Phone) -> None:
    """A browser that isn't paired, at the page that asks for a code."""
    await phone.page.goto(f"{phone.base}#pair=aaaa-aaaa-aaaa-aaaa")
    await expect(phone.page.get_by_label("Pairing code")).to_be_visible()


async def test_a_phone_pairs_by_its_own_camera_which_is_off_afterwards(phone: Phone) -> None:
    await phone.page.context.grant_permissions(["camera"])
    await phone.page.add_init_script(READER)
    code = os.urandom(pairing.CODE_BYTES)
    typed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    await open_pairing(phone)
    inviting = await phone.home.invite(code, typed)
    scan = phone.page.get_by_role("button", name="Scan the QR code")
    await expect(scan).to_be_visible()
    assert await phone.page.evaluate("tracks.length") == 0, "the camera is asked for with the tap, not before"
    await scan.click()
    await until(phone.page, "looks > 0")
    await phone.page.evaluate("shown = 'https:' + '//elsewhere.example/'")
    await phone.page.evaluate("looks = 0")
    await until(phone.page, "looks > 1")
    await expect(phone.page.get_by_role("heading", name="Show it to the camera")).to_be_visible()
    await phone.page.evaluate("link => { shown = link }", pairing.invitation_link(phone.base, pairing.Invitation(code)))
    typed.set_result(await phone.check_code())
    await asyncio.wait_for(inviting, 60)
    await expect(phone.page.locator(".hero")).to_contain_text("3 songs")
    assert await phone.page.evaluate("tracks.map((track) => track.readyState)") == ["ended"]


async def test_the_camera_is_off_when_the_person_would_rather_type(phone: Phone) -> None:
    await phone.page.context.grant_permissions(["camera"])
    await phone.page.add_init_script(READER)
    await open_pairing(phone)
    await phone.page.get_by_role("button", name="Scan the QR code").click()
    await until(phone.page, "looks > 0")
    await phone.page.get_by_role("button", name="Type the code instead").click()
    await expect(phone.page.get_by_label("Pairing code")).to_be_visible()
    assert await phone.page.evaluate("tracks.map((track) => track.readyState)") == ["ended"]


async def test_a_camera_that_is_refused_leaves_the_typed_code(phone: Phone) -> None:
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    await phone.page.add_init_script(READER)
    await phone.page.add_init_script(refuse)
    await open_pairing(phone)
    await phone.page.get_by_role("button", name="Scan the QR code").click()
    await expect(phone.page.get_by_role("alert")).to_contain_text("may not use the camera")
    await expect(phone.page.get_by_label("Pairing code")).to_be_visible()


async def test_a_browser_that_reads_no_codes_offers_only_the_typed_one_and_loads_nothing_for_it(phone: Phone) -> None:
    asked: list[str] = []
    phone.page.on("request", lambda request: asked.append(request.url))
    await phone.page.add_init_script("delete window.BarcodeDetector")
    await open_pairing(phone)
    await expect(phone.page.get_by_role("button", name=re.compile("Scan"))).to_have_count(0)
    assert any(url.endswith("/views/pair.js") for url in asked)
    assert not any(url.endswith("/io/qr_camera.js") for url in asked)
