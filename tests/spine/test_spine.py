"""The whole thread, with real processes on four machines of a small internet:

a music folder on a PC, sealed; a phone elsewhere pairs by a link and plays; the PC is killed and the phone plays from
a seed that has no keys; then twenty-four words on an empty machine bring every file back, equal by hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.client.conftest import CHROMIUM, PHONE, WATCH_AUDIO, until
from tests.lab import Host, open_lab
from tests.music import make_track

pytestmark = [
    pytest.mark.browser,
    pytest.mark.netns,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="session"),
]

CHECKOUT = Path(__file__).parents[2]
TRACKER_PORT = 7665
SEED_PORT = 7667
SECONDS = 20
TITLES = ("Harbour at Dusk", "Paper Lanterns", "Slow Orbit", "Last Train Home")


@dataclass
class Songkeep:
    """One person's home on one machine, and its commands."""

    host: Host
    home: Path

    def _command(self, arguments: tuple[str | Path, ...]) -> list[str | Path]:
        return [sys.executable, "-m", "node.cli.main", *arguments, "--home", self.home]

    def run(self, *arguments: str | Path, timeout_s: float = 120) -> Any:
        """One command to its end: the value it prints."""
        done = self.host.run([*self._command(arguments), "--json"], timeout_s=timeout_s)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]} {done.stderr[-4000:]}"
        return json.loads(done.stdout)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """A command that goes on, spoken to by lines of JSON."""
        return self.host.start(
            [*self._command(arguments), "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
        )


def hear(process: subprocess.Popen[str]) -> Any:
    """The next line of a process's output."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"a process ended with {process.wait(60)}"
    return json.loads(line)


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def until_true(what: str, check: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.25)


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def play(page: Page, title: str) -> None:
    """Tap a song in the list and wait until its sound advances."""
    await page.evaluate("location.hash = '#/songs'")
    await page.locator(".track-main", has_text=title).first.click()
    await until(page, "voices.some((voice) => !voice.paused && voice.currentTime > 1)", 30)


async def test_from_a_folder_to_the_phone_to_the_seed_and_back_from_the_phrase(tmp_path: Path) -> None:
    music = tmp_path / "Music"
    for number, title in enumerate(TITLES):
        ending = (".flac", ".mp3", ".m4a", ".wav")[number]
        path = music / "Lena Voss" / "Evening" / f"{number + 1:02} {title}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        make_track(
            path, seconds=SECONDS, kind="music", seed=number,
            title=title, artists=("Lena Voss",), album="Evening", track_no=number + 1,
        )  # fmt: skip
    with open_lab() as lab:
        outside, house, garden, rented = (lab.host(name) for name in ("out", "pc", "phone", "vps"))
        tracker = Songkeep(outside, tmp_path / "tracker").start(
            "tracker", "run", "--listen", f"{outside.address}:{TRACKER_PORT}"
        )
        hear(tracker)
        tracker_url = f"ws://{outside.address}:{TRACKER_PORT}"
        app_url = f"http://{outside.address}:{TRACKER_PORT}/"

        pc = Songkeep(house, tmp_path / "pc")
        phrase = pc.run("init")["phrase"]
        pc.run("config", "trackers", tracker_url)
        pc.run("config", "keep_sealed", "on")
        node = pc.start("up", music, "--no-browser")
        hear(node)
        until_true("all sealed and rendered", lambda: _ready(pc))

        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=garden.wrapper(CHROMIUM, tmp_path),
                args=["--no-sandbox", f"--unsafely-treat-insecure-origin-as-secure={app_url.rstrip('/')}"],
                viewport=PHONE,  # type: ignore[arg-type]
            )
            await context.add_init_script(WATCH_AUDIO)
            page = context.pages[0]
            await _pair(pc, page, app_url)
            await expect(page.locator(".hero")).to_contain_text(f"{len(TITLES)} songs")
            await play(page, TITLES[0])

            seed = Songkeep(rented, tmp_path / "seed")
            hear(seed.start("seed", "run", "--listen", f"{rented.address}:{SEED_PORT}", "--capacity", "1GB"))
            invitation = seed.run("seed", "invite", "--quota", "500MB")
            pc.run("seeds", "add", invitation["code"])
            until_true("the seed holds everything", lambda: _all_on_the_seed(pc))

            node.kill()
            node.wait(60)
            await asyncio.to_thread(_nothing_readable_at, seed.home, phrase)
            await page.reload()
            await play(page, TITLES[1])
            await context.close()

        empty = Songkeep(outside, tmp_path / "empty")
        words = tmp_path / "phrase"
        words.write_text(phrase, encoding="ascii")
        empty.run("recover", "--seed", f"http://{rented.address}:{SEED_PORT}", "--phrase-file", words)
        empty.run("export", "--all", tmp_path / "back", timeout_s=300)
        assert hashes(tmp_path / "back") == hashes(music)


def _ready(pc: Songkeep) -> bool:
    tracks = pc.run("ls")
    return len(tracks) == len(TITLES) and all(each["state"]["sealed"] and each["state"]["mobile"] for each in tracks)


async def _pair(pc: Songkeep, page: Page, app_url: str) -> None:
    # No certificate authority here: the browser is told to take this one http address for a secure one.
    pairing = pc.start("pair", "--app", app_url.replace("http://", "https://", 1))
    link = await asyncio.to_thread(_next_event, pairing, "link")
    await page.goto(link["link"].replace("https://", "http://", 1))
    label = await page.locator(".check-code").get_attribute("aria-label")
    await asyncio.to_thread(_next_event, pairing, "check")
    say(pairing, "".join(re.findall(r"\d", label or "")))
    await asyncio.to_thread(_next_event, pairing, "paired")


def _next_event(process: subprocess.Popen[str], name: str) -> Any:
    while True:
        event = hear(process)
        assert event["event"] != "failed", event
        if event["event"] == name:
            return event


def _all_on_the_seed(pc: Songkeep) -> bool:
    seeds = pc.run("seeds", "list")
    return len(seeds) == 1 and seeds[0]["missing"] == 0 and seeds[0]["held"] >= 2 * len(TITLES)


def _nothing_readable_at(home: Path, phrase: str) -> None:
    """No title, artist, or run of the phrase's words anywhere in what the seed has written."""
    needles = [text.encode() for text in (*TITLES, "Lena Voss", "Evening", " ".join(phrase.split()[:3]))]
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        data = path.read_bytes()
        assert not [needle for needle in needles if needle in data], path
