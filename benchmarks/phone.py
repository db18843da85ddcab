"""How long a phone takes from the tap to the sound: real browser, tracker and PC, on one machine and through routers.

It needs root and Linux network namespaces.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from benchmarks.measure import Row, note, percentile
from node.wire import pairing
from tests.client.conftest import CHROMIUM, WATCH_AUDIO, until
from tests.lab import Host, Lab, open_lab
from tests.lab_nat import Line, host_behind_router

SONGS = 40
SONG_S = 60
WARM_MS = 100.0
FRESH_MS = 1_800.0
PAINT_MS = 1_000.0
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
"""As Lighthouse has it: 150 ms, 1.6 Mbit/s."""
VIEW = {"width": 400, "height": 4_000}
NO_WARMING = "Object.defineProperty(navigator, 'connection', {value: {saveData: true}})"
TAP = """
(name) => new Promise((resolve) => {
  heard.length = 0;
  const began_ms = performance.now();
  document.querySelector(`[aria-label^="${name},"]`).click();
  const timer = setInterval(() => {
    const playing = heard.find((each) => each.name === 'playing');
    if (!playing) return;
    clearInterval(timer);
    resolve(playing.at_ms - began_ms);
  }, 2);
})
"""


@dataclass(frozen=True)
class Case:
    """One network."""

    name: str
    line: Line | None
    """None: all on one machine's own addresses, no router."""
    tap_ms: float
    """Aim of a tap with a connection that is there."""


CASES = (
    Case("one machine", None, 100),
    Case("two routers, 86 ms", Line(delay_ms=21.5), 350),
    Case("two routers, 86 ms, 0.5 % loss a line", Line(delay_ms=21.5, loss=0.005), 700),
)


class Process:
    """tests/client/phone_home_process.py on a host of the lab."""

    def __init__(self, host: Host, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.client.phone_home_process", *arguments]
        self._process = host.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    async def hear(self, event: str) -> None:
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        assert json.loads(line)["event"] == event, line

    def tell(self, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()


@contextlib.asynccontextmanager
async def a_phone(phone: Host, base: str, folder: Path, *, warming: bool) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tempfile.mkdtemp(dir=folder),
            executable_path=phone.wrapper(CHROMIUM, folder),
            args=["--no-sandbox", "--mute-audio", f"--unsafely-treat-insecure-origin-as-secure={base.rstrip('/')}"],
            viewport=VIEW,  # type: ignore[arg-type]
        )
        await context.add_init_script(WATCH_AUDIO)
        if not warming:
            await context.add_init_script(NO_WARMING)
        yield context.pages[0]
        await context.close()


async def pair(page: Page, base: str, home: Process) -> None:
    code = os.urandom(pairing.CODE_BYTES)
    home.tell(do="invite", code=code.hex())
    await home.hear("inviting")
    await page.goto(pairing.invitation_link(base, pairing.Invitation(code)))
    label = await page.locator(".check-code").get_attribute("aria-label")
    home.tell(do="typed", digits="".join(re.findall(r"\d", label or "")))
    await home.hear("paired")
    await page.locator(".hero:not(.bone-hero)").wait_for(timeout=60_000)


async def taps(page: Page, count: int, *, rest_s: float) -> list[float]:
    """Milliseconds of each tap, on songs that are not next in the queue."""
    await page.evaluate("location.hash = '#/songs'")
    await page.locator(".track-main").first.wait_for()
    took = []
    for number in range(count):
        await asyncio.sleep(rest_s)
        took.append(await page.evaluate(TAP, f"Song {number * 17 % SONGS:03}"))
    return took


async def fresh_starts(page: Page, base: str, count: int) -> list[float]:
    """Milliseconds from opening the app, nothing connected, to the sound of a song that isn't here."""
    took = []
    for number in range(count):
        await page.goto("about:blank")
        began_s = time.monotonic()
        await page.goto(f"{base}#/songs")
        song = page.locator(f'[aria-label^="Song {(number * 17 + 3) % SONGS:03},"]')
        await song.click(timeout=30_000)
        await until(page, "heard.some((each) => each.name === 'playing')", 60)
        took.append((time.monotonic() - began_s) * 1_000)
    return took


async def first_paints(page: Page, base: str, count: int) -> list[float]:
    """Milliseconds to the first paint of an app that was never here, with a quarter of the CPU and slow 4G."""
    throttle = await page.context.new_cdp_session(page)
    await throttle.send("Network.enable")
    await throttle.send("Network.emulateNetworkConditions", SLOW_4G)
    await throttle.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    took = []
    for _ in range(count):
        await page.goto("about:blank")
        await throttle.send("Network.clearBrowserCache")
        await page.goto(base)
        await until(page, "performance.getEntriesByName('first-contentful-paint').length", 30)
        took.append(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    await throttle.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    await throttle.detach()
    return took


async def measure(case: Case, lab: Lab, folder: Path, count: int) -> list[Row]:
    tracker = lab.host("tracker")
    if case.line is None:
        pc, phone = lab.host("pc"), lab.host("phone")
    else:
        pc, phone = host_behind_router(lab, "pc", case.line), host_behind_router(lab, "phone", case.line)
    await Process(tracker, "tracker", tracker.address).hear("started")
    home = Process(pc, "home", f"ws://{tracker.address}:8000", str(SONGS), str(SONG_S))
    await home.hear("started")
    base = f"http://{tracker.address}:8000/"
    rows = []
    async with a_phone(phone, base, folder, warming=False) as page:
        if case.line is None:
            rows.append(
                row("first paint, slow 4G, 4x CPU", await first_paints(page, base, max(3, count // 4)), PAINT_MS)
            )
        await pair(page, base, home)
        rows.append(row(f"tap, connected: {case.name}", await taps(page, count, rest_s=1.5), case.tap_ms))
        fresh = await fresh_starts(page, base, max(3, count // 4))
        rows.append(row(f"app opened, tap, first song: {case.name}", fresh, FRESH_MS))
    async with a_phone(phone, base, folder, warming=True) as page:
        await pair(page, base, home)
        await asyncio.sleep(25)  # the beginnings come
        rows.append(row(f"tap, warm beginning: {case.name}", await taps(page, count, rest_s=1.5), WARM_MS))
    return rows


def row(what: str, took: list[float], aim_ms: float) -> Row:
    half, most = percentile(took, 50), percentile(took, 95)
    return Row(what, f"p50 {half:.0f} ms, p95 {most:.0f} ms", f"p50 < {aim_ms:,.0f} ms", half < aim_ms)


def phone(_work: Path, *, taps_each: int, cases: int) -> list[Row]:
    """`taps_each` taps in each of the first `cases` networks."""
    rows = []
    for case in CASES[:cases]:
        note(f"{case.name} ...")
        with open_lab() as lab, tempfile.TemporaryDirectory() as folder:
            rows += asyncio.run(measure(case, lab, Path(folder), taps_each))
    return rows
