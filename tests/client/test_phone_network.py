"""A phone on another machine than the PC, and both on another than the tracker or seed (Linux network namespaces)."""

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

from node.doors.home import ENVIRONMENT_NAME
from node.wire import pairing
from tests.client.conftest import CHROMIUM, PHONE, WATCH_AUDIO, until
from tests.lab import Host, Lab, open_lab
from tests.lab_nat import Line, host_behind_router

pytestmark = [pytest.mark.browser, pytest.mark.netns, pytest.mark.asyncio(loop_scope="session")]


class Process:
    """tests/client/phone_home_process.py on a host."""

    def __init__(self, host: Host, role: str, *where: str) -> None:
        command = [sys.executable, "-m", "tests.client.phone_home_process", role, *where]
        self._process = host.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hear("started")

    def tell(self, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        self._process.kill()
        self._process.wait(60)

    def hear(self, event: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert json.loads(line)["event"] == event


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


@contextlib.asynccontextmanager
async def paired_phone(
    phone: Host, server: Host, home: Process, profile: Path, *, port: int = 8000
) -> AsyncIterator[Page]:
    """A browser on `phone`, paired and showing the library; the app comes from `server`."""
    base = f"http://{server.address}:{port}/"
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
        await expect(page.locator(".hero")).to_contain_text("3 songs")
        yield page
        await context.close()


SEED_PORT = 7_666


def start_seed(host: Host, folder: Path) -> str:
    """`songkeep seed run` on a host; a code for a library that it is to keep."""
    command = [sys.executable, "-m", "node.cli.main", "seed"]
    environment = {**os.environ, ENVIRONMENT_NAME: str(folder)}
    listen = ["--listen", f"{host.address}:{SEED_PORT}", "--stun", "off", "--capacity", "1GB", "--json"]
    running = host.start([*command, "run", *listen], stdout=subprocess.PIPE, env=environment)
    assert running.stdout is not None
    assert json.loads(running.stdout.readline())["url"] == f"http://{host.address}:{SEED_PORT}"
    invite = [*command, "invite", "--quota", "100MB", "--json"]
    told = subprocess.run(host.command(invite), env=environment, capture_output=True, text=True, check=True, timeout=60)
    return str(json.loads(told.stdout)["code"])


async def play_first(page: Page) -> None:
    await page.evaluate("location.hash = '#/songs'")
    await page.locator(".track-main").first.click()
    await until(page, "voices.some((voice) => !voice.paused && voice.currentTime > 0.5)", 60)


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
        await until(page, "voices.some((voice) => voice.currentTime > 6)", 60)
        assert await page.evaluate("window.stalls ?? 0") == 0


async def test_where_no_udp_passes_music_comes_from_the_seed_by_http(lab: Lab, tmp_path: Path) -> None:
    tracker, server, pc, phone = (lab.host(name) for name in ("tracker", "seed", "pc", "phone"))
    phone.block_udp()
    Process(tracker, "tracker", tracker.address)
    # The app comes from elsewhere, so the seed must let another origin's page ask.
    home = Process(pc, "seeded", start_seed(server, tmp_path / "seed"), f"ws://{tracker.address}:8000")
    async with paired_phone(phone, tracker, home, tmp_path) as page:
        home.end()
        await page.reload()
        await play_first(page)
        await page.evaluate("location.hash = '#/locker'")
        await expect(page.locator(".held")).to_contain_text("Seed, over the web")
        await expect(page.locator(".held")).to_contain_text(re.compile("([5-9].|100) % from a seed[.]"))


async def test_where_no_udp_passes_what_only_the_pc_has_comes_through_the_seeds_room(lab: Lab, tmp_path: Path) -> None:
    server, pc, phone = lab.host("seed"), lab.host("pc"), lab.host("phone")
    phone.block_udp()
    home = Process(pc, "unseeded", start_seed(server, tmp_path / "seed"))
    async with paired_phone(phone, server, home, tmp_path, port=SEED_PORT) as page:
        await play_first(page)
        await page.evaluate("location.hash = '#/locker'")
        await expect(page.locator(".held")).to_contain_text("Through your seed")
        await expect(page.locator(".held")).to_contain_text(re.compile("(9.|100) % from your computers through a seed"))
