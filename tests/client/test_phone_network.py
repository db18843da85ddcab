"""A phone on another machine than the PC, and both on another than the tracker (Linux network namespaces)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect

from node.wire import pairing
from tests.client.conftest import CHROMIUM, PHONE, WATCH_AUDIO, until
from tests.lab import Host, Lab, open_lab

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


async def test_a_phone_on_another_machine_pairs_and_plays(lab: Lab, tmp_path: Path) -> None:
    tracker, pc, phone = lab.host("tracker"), lab.host("pc"), lab.host("phone")
    Process(tracker, "tracker", tracker.address)
    base = f"http://{tracker.address}:8000/"
    home = Process(pc, "home", f"ws://{tracker.address}:8000")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=phone.wrapper(CHROMIUM, tmp_path),
            args=["--no-sandbox", f"--unsafely-treat-insecure-origin-as-secure={base.rstrip('/')}"],
            viewport=PHONE,  # type: ignore[arg-type]
        )
        await context.add_init_script(WATCH_AUDIO)
        page = context.pages[0]
        code = os.urandom(pairing.CODE_BYTES)
        home.tell(do="invite", code=code.hex())
        await asyncio.to_thread(home.hear, "inviting")
        await page.goto(pairing.invitation_link(base, pairing.Invitation(code)))
        label = await page.locator(".check-code").get_attribute("aria-label")
        home.tell(do="typed", digits="".join(re.findall(r"\d", label or "")))
        await asyncio.to_thread(home.hear, "paired")
        await expect(page.locator(".hero")).to_contain_text("3 songs", timeout=30_000)
        await page.evaluate("location.hash = '#/songs'")
        await page.locator(".track-main").first.click()
        await until(page, "voices.some((voice) => !voice.paused && voice.currentTime > 0.5)", 20)
        await context.close()
