"""A household of real processes for benchmarks: a tracker, and devices of one library that were paired over it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ingest import SONGKEEP
from benchmarks.streams import Node

STEP_TIMEOUT_S = 120.0


@dataclass
class Household:
    """Homes by name; their nodes are run with `benchmarks.streams.running`."""

    work: Path
    tracker: str

    def environment(self, name: str) -> dict[str, str]:
        return {"SONGKEEP_HOME": str(self.work / name)}

    def run(self, name: str, *arguments: str) -> Any:
        """What a command says, as JSON."""
        done = subprocess.run(
            [*SONGKEEP, *arguments, "--json"],
            env={**os.environ, **self.environment(name)},
            capture_output=True,
            text=True,
            timeout=STEP_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"songkeep {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def found(self, name: str, **settings: str) -> None:
        """A new library's first device."""
        self.run(name, "init")
        self.configure(name, trackers=self.tracker, **settings)

    def configure(self, name: str, **settings: str) -> None:
        for setting, value in settings.items():
            self.run(name, "config", setting, value)

    def join(self, owner: str, newcomer: str) -> None:
        """Pair a new device with `owner`, whose node must be running."""

        def start(name: str, *arguments: str) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [*SONGKEEP, *arguments, "--json"],
                env={**os.environ, **self.environment(name)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )

        pairing, joining = start(owner, "pair", "--role", "owner", "--anywhere"), None
        assert pairing.stdin is not None
        assert pairing.stdout is not None
        for line in pairing.stdout:
            event = json.loads(line)
            if event["event"] == "code":
                joining = start(
                    newcomer, "join", event["code"], "--tracker", event["tracker"], "--name", newcomer, "--budget", "0"
                )
            elif event["event"] == "check":
                assert joining is not None
                assert joining.stdout is not None
                pairing.stdin.write(json.loads(joining.stdout.readline())["digits"] + "\n")
                pairing.stdin.flush()
        if pairing.wait(STEP_TIMEOUT_S) or joining is None or joining.wait(STEP_TIMEOUT_S):
            raise RuntimeError("the devices could not be paired")


@contextlib.asynccontextmanager
async def household(work: Path) -> AsyncIterator[Household]:
    """Homes in `work`, and a tracker on loopback while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *SONGKEEP, "tracker", "run", "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--json",
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "SONGKEEP_HOME": str(work / "tracker")},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = json.loads(await process.stdout.readline())["port"]
        yield Household(work, f"ws://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


async def asked(node: Node, path: str) -> Any:
    """The JSON that a node answers."""
    headers = {"Authorization": f"Bearer {node.token}"}
    async with node.http.get(node.base + path, headers=headers) as answer:
        answer.raise_for_status()
        return await answer.json()


async def told(node: Node, path: str, change: dict[str, Any]) -> None:
    """Have a node change something."""
    headers = {"Authorization": f"Bearer {node.token}"}
    async with node.http.patch(node.base + path, headers=headers, json=change) as answer:
        answer.raise_for_status()


async def until(true: Callable[[], Awaitable[bool]], what: str, *, every_s: float = 0.05) -> None:
    """Wait until an awaited `true()` is so. Raises RuntimeError after two minutes."""
    end_s = time.monotonic() + STEP_TIMEOUT_S
    while not await true():
        if time.monotonic() > end_s:
            raise RuntimeError(f"never: {what}")
        await asyncio.sleep(every_s)


def others_here(node: Node, count: int = 1) -> Callable[[], Awaitable[bool]]:
    """Whether so many other devices are present."""

    async def here() -> bool:
        devices = (await asked(node, "/api/v1/devices"))["items"]
        return sum(each["present"] and not each["this"] for each in devices) >= count

    return here
