"""A phone on another machine than the PC, and both on another than the tracker (Linux network namespaces)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from node.wire import pairing
from tests.client.conftest import CHROMIUM, PHONE, WATCH_AUDIO, until
from tests.lab import Host, Lab, open_lab
from tests.lab_nat import Line, host_behind_router

pytestmark = [pytest.mark.browser, pytest.mark.netns, pytest.mark.asyncio(loop_scope="session")]


class Process:
    """tests/client/phone_home_process.py on a host."""

    def __init__(self, host: Host, role: str, where: str) -> None:
        command = [sys.executable, "-m", "tests.client.phone_home_process", role, where]
        self._process = host.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hear("started")

    def tell(self, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self, event: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert json.loads(line)["event"] == event


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


@contextlib.asynccontextmanager
async def paired_phone(phone: Host, tracker: Host, home: Process, profile: Path) -> AsyncIterator[Page]:
    """A browser on `phone`, paired and showing the library."""
    base = f"http://{tracker.address}:8000/"
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile / "profile",
            executable_path=phone.wrapper(CHROMIUM, profile),
            args=["--no-sandbox", f"--unsafely-treat-insecure-origin-as-secure={base.rstrip('/')}"],
            viewport=PHONE,  # type: ignore[arg-type]
        )
        await context.add_init_script(WATCH_AUDIO)
        page = context.pages[0]
        code = os.urandom(pairing.CODE_BYTES)
        home.tell(do="invite", code=code.hex())
        await asyncio.to_thread(home.hear, "inviting")
        await page.goto(pairing.invitation_link(base, pairing.Invitation(code)))
        label = await page.locator(".check-code").get_attribute("aria-label", timeout=90_000)
        home.tell(do="typed", digits="".join(re.findall(r"\d", label or "")))
        await asyncio.to_thread(home.hear, "paired")
        await expect(page.locator(".hero")).to_contain_text("3 songs", timeout=30_000)
        yield page
        await context.close()


async def play_first(page: Page) -> None:
    await page.evaluate("location.hash = '#/songs'")
    await page.locator(".track-main").first.click()
    await until(page, "voices.some((voice) => !voice.paused && voice.currentTime > 0.5)", 20)


async def test_a_phone_on_another_machine_pairs_and_plays(lab: Lab, tmp_path: Path) -> None:
    tracker, pc, phone = lab.host("tracker"), lab.host("pc"), lab.host("phone")
    Process(tracker, "tracker", tracker.address)
    home = Process(pc, "home", f"ws://{tracker.address}:8000")
    async with paired_phone(phone, tracker, home, tmp_path) as page:
        await play_first(page)


async def test_phone_and_pc_meet_directly_although_each_is_behind_a_router(lab: Lab, tmp_path: Path) -> None:
    tracker, pc, phone = lab.host("tracker"), host_behind_router(lab, "pc"), host_behind_router(lab, "phone")
    Process(tracker, "tracker", tracker.address)
    home = Process(pc, "home", f"ws://{tracker.address}:8000")
    assert phone.run(["ping", "-c", "1", "-W", "1", pc.address]).returncode != 0
    async with paired_phone(phone, tracker, home, tmp_path) as page:
        await play_first(page)
        await page.evaluate("location.hash = '#/locker'")
        await expect(page.locator(".held")).to_contain_text("Directly, over the internet")


async def test_music_plays_over_a_long_line_that_loses_packets(lab: Lab, tmp_path: Path) -> None:
    line = Line(delay_ms=21.5, loss=0.01)
    tracker, pc = lab.host("tracker"), host_behind_router(lab, "pc", line)
    phone = host_behind_router(lab, "phone", line)
    Process(tracker, "tracker", tracker.address)
    home = Process(pc, "home", f"ws://{tracker.address}:8000")
    async with paired_phone(phone, tracker, home, tmp_path) as page:
        await play_first(page)
        count = "() => (window.stalls = (window.stalls ?? 0) + 1)"
        await page.evaluate(f"voices.forEach((voice) => voice.addEventListener('waiting', {count}))")
        await until(page, "voices.some((voice) => voice.currentTime > 6)", 20)
        assert await page.evaluate("window.stalls ?? 0") == 0
