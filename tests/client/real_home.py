"""The real programs for a phone's tests: a tracker and a home PC as processes of their own, and a paired browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.client.conftest import until
from tests.living import ANSWER_TIMEOUT_S, SONGKEEP, Living, environment, greet, songkeep, start
from tests.music import make_picture, make_track

SHORT, *LONG = ("Short Wave", "Paper Lanterns", "Slow Orbit", "Last Train Home", "Night Ferry")
ENDINGS = (".flac", ".mp3", ".m4a", ".wav", ".opus")
SHORT_S, LONG_S = 5, 24
"""Long: beyond the beginnings that a phone keeps of every song."""
ENDED_BY_SIGTERM = 143
ARTIST, ALBUM = "Lena Voss", "Evening"


def make_evening(folder: Path) -> Path:
    """An album of five songs in five formats; the first is short."""
    folder.mkdir(parents=True)
    cover = make_picture(300, seed=1)
    for number, (title, ending) in enumerate(zip((SHORT, *LONG), ENDINGS, strict=True), 1):
        make_track(
            folder / f"{number:02} {title}{ending}", seconds=SHORT_S if title == SHORT else LONG_S,
            seed=number, title=title, artists=(ARTIST,), album=ALBUM, track_no=number, cover=cover,
        )  # fmt: skip
    return folder


def until_true(what: str, check: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.1)


@dataclass
class RealHome:
    """A tracker that serves the app, and the PC whose music it is."""

    folder: Path
    tracker: int
    pc: Living

    @property
    def app_url(self) -> str:
        return f"http://127.0.0.1:{self.tracker}/"

    def stop_pc(self) -> None:
        """End the PC's node as a system that shuts down would."""
        self.pc.process.send_signal(signal.SIGTERM)
        assert self.pc.process.wait(ANSWER_TIMEOUT_S) == ENDED_BY_SIGTERM

    def start_pc(self) -> None:
        self.pc = greet(self.pc.home, start(self.pc.home))

    async def pair(self, page: Page) -> None:
        """Let a browser in by the link that `songkeep pair` makes."""
        app = self.app_url.replace("http:", "https:")
        # No certificate authority here; at a loopback address browsers take http for as good.
        with speaking(self.pc.home, "pair", "--app", app) as pairing:
            link = await asyncio.to_thread(pairing.until_event, "link")
            await page.goto(link["link"].replace("https:", "http:", 1))
            label = await page.locator(".check-code").get_attribute("aria-label", timeout=30_000)
            await asyncio.to_thread(pairing.until_event, "check")
            pairing.say("".join(re.findall(r"\d", label or "")))
            await asyncio.to_thread(pairing.until_event, "paired")
        await expect(page.locator(".hero")).to_contain_text(f"{1 + len(LONG)} songs")


class Speaking:
    """A command that goes on, spoken to by lines of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hear(self) -> Any:
        """The next line that it writes."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait(60)}"
        return json.loads(line)

    def until_event(self, name: str) -> Any:
        while True:
            event = self.hear()
            assert event["event"] != "failed", event
            if event["event"] == name:
                return event

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


@contextlib.contextmanager
def speaking(home: Path, *arguments: str) -> Iterator[Speaking]:
    """Run a command until the block ends."""
    with subprocess.Popen(
        [*SONGKEEP, *arguments, "--json", "--home", str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        try:
            yield Speaking(process)
        finally:
            process.terminate()


@contextlib.contextmanager
def real_home(folder: Path) -> Iterator[RealHome]:
    """Start both; every song is sealed and has its small copy when this begins."""
    music = make_evening(folder / "Music" / ARTIST / ALBUM).parents[1]
    with speaking(
        folder / "tracker", "tracker", "run", "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--access-log", "off"
    ) as tracker:
        port = tracker.until_event("started")["port"]
        home = folder / "pc"
        for arguments in (("init",), ("config", "trackers", f"ws://127.0.0.1:{port}")):
            done = songkeep(home, *arguments, "--json")
            assert done.returncode == 0, done.stderr
        made = RealHome(folder, port, greet(home, start(home, str(music))))
        try:
            until_true("all sealed and rendered", lambda: _ready(made.pc))
            yield made
        finally:
            made.pc.process.terminate()
            made.pc.process.wait(ANSWER_TIMEOUT_S)


def _ready(pc: Living) -> bool:
    tracks = pc.get("tracks")["items"]
    return len(tracks) == 1 + len(LONG) and all(each["state"]["mobile"] for each in tracks)


async def until_sound(page: Page, past_s: float = 0.3, timeout_s: float = 60.0) -> None:
    """Sound that goes on: the position moves past `past_s`."""
    await until(page, f"voices.some((voice) => !voice.paused && voice.currentTime > {past_s})", timeout_s)
