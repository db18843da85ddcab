"""Two Syncthing devices on one machine, each with its own home, as a peer to measure beside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import aiohttp

from benchmarks.household import until
from benchmarks.measure import note

FOLDER = "music"


@dataclass
class Syncing:
    """One device."""

    home: Path
    folder: Path
    port: int
    gui_port: int
    key: str = ""
    device: str = ""

    def generate(self) -> None:
        """Keys and a configuration."""
        subprocess.run(["syncthing", "generate", f"--home={self.home}"], check=True, stdout=subprocess.DEVNULL)
        told = subprocess.run(
            ["syncthing", f"--home={self.home}", "--device-id"], check=True, capture_output=True, text=True
        )
        self.device = told.stdout.strip()

    def configure(self, other: Syncing, *, paused: bool) -> None:
        """Know the other device and share one folder with it; ask nobody else for anything."""
        path = self.home / "config.xml"
        tree = ElementTree.parse(path)
        root = tree.getroot()
        for old in [*root.findall("folder"), *root.findall("device")]:
            root.remove(old)
        gui = root.find("gui")
        assert gui is not None
        self.key = gui.findtext("apikey") or ""
        _set(gui, "address", f"127.0.0.1:{self.gui_port}")
        options = root.find("options")
        assert options is not None
        for name, value in {
            "listenAddress": f"tcp://127.0.0.1:{self.port}", "globalAnnounceEnabled": "false",
            "localAnnounceEnabled": "false", "relaysEnabled": "false", "natEnabled": "false", "startBrowser": "false",
            "crashReportingEnabled": "false", "urAccepted": "-1", "autoUpgradeIntervalH": "0",
        }.items():  # fmt: skip
            _set(options, name, value)
        folder = ElementTree.SubElement(
            root, "folder", id=FOLDER, label=FOLDER, path=str(self.folder), type="sendreceive",
            fsWatcherEnabled="false", rescanIntervalS="0",
        )  # fmt: skip
        _set(folder, "paused", "true" if paused else "false")
        for each in (self, other):
            ElementTree.SubElement(folder, "device", id=each.device)
            device = ElementTree.SubElement(root, "device", id=each.device, compression="metadata")
            _set(device, "address", f"tcp://127.0.0.1:{each.port}")
        tree.write(path)

    async def ask(self, http: aiohttp.ClientSession, method: str, path: str, body: object = None) -> Any:
        url = f"http://127.0.0.1:{self.gui_port}/rest/{path}"
        async with http.request(method, url, headers={"X-API-Key": self.key}, json=body) as answer:
            answer.raise_for_status()
            text = await answer.text()
            return json.loads(text) if text.strip() else None


def _set(parent: ElementTree.Element, name: str, text: str) -> None:
    for old in parent.findall(name):
        parent.remove(old)
    ElementTree.SubElement(parent, name).text = text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


@contextlib.asynccontextmanager
async def running(device: Syncing) -> AsyncIterator[int]:
    """The device's process; its identifier."""
    process = await asyncio.create_subprocess_exec(
        "syncthing", "serve", f"--home={device.home}", "--no-browser", "--no-restart",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "STNODEFAULTFOLDER": "1", "STNOUPGRADE": "1"},
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def two_devices(work: Path, music: Path) -> AsyncIterator[tuple[Syncing, Syncing, list[int]]]:
    """One that has scanned `music`, and one that is connected to it and may not fetch yet; their processes.

    `work`: an empty directory for their homes.
    """
    _install()
    await asyncio.to_thread((work / "received").mkdir)
    giver = Syncing(work / "giver", music, free_port(), free_port())
    taker = Syncing(work / "taker", work / "received", free_port(), free_port())
    for each in (giver, taker):
        each.generate()
    giver.configure(taker, paused=False)
    taker.configure(giver, paused=True)
    async with running(giver) as one, running(taker) as other, aiohttp.ClientSession() as http:

        async def scanned() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                status = await giver.ask(http, "GET", f"db/status?folder={FOLDER}")
                return status["state"] == "idle" and status["localFiles"] == status["globalFiles"] > 0
            return False

        async def connected() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                told = await taker.ask(http, "GET", "system/connections")
                return bool(told["connections"][giver.device]["connected"])
            return False

        await until(scanned, "Syncthing has scanned")
        await until(connected, "Syncthing is connected")
        yield giver, taker, [one, other]


async def fetch_all(giver: Syncing, taker: Syncing, files: int) -> None:
    """Let the taker fetch, until it has all."""
    async with aiohttp.ClientSession() as http:
        await taker.ask(http, "PATCH", f"config/folders/{FOLDER}", {"paused": False})

        async def whole() -> bool:
            status = await taker.ask(http, "GET", f"db/status?folder={FOLDER}")
            return bool(status["localFiles"] == files and status["needBytes"] == 0 and status["state"] == "idle")

        await until(whole, "Syncthing has fetched everything")


def _install() -> None:
    if shutil.which("syncthing") is None:
        note("installing syncthing ...")
        subprocess.run(["apt-get", "install", "-y", "-qq", "syncthing"], check=True, stdout=subprocess.DEVNULL)
