"""A seed as a process of its own, with the command that a person starts it with."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from node.doors.home import ENVIRONMENT_NAME

CHECKOUT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "node.cli.main", "seed")


@dataclass
class SeedProcess:
    home: Path
    url: str
    process: subprocess.Popen[str]

    async def invite(self, quota: str = "100MB") -> str:
        """`songkeep seed invite`, beside the running seed."""
        told = await asyncio.to_thread(
            subprocess.run,
            [*COMMAND, "invite", "--quota", quota, "--json"],
            capture_output=True,
            text=True,
            check=True,
            cwd=CHECKOUT,
            env=environment(self.home),
        )
        return str(json.loads(told.stdout)["code"])

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, ENVIRONMENT_NAME: str(home)}


@contextlib.asynccontextmanager
async def seed_process(home: Path, *, ip: str, port: int = 0, capacity: str = "1GB") -> AsyncIterator[SeedProcess]:
    process = subprocess.Popen(  # noqa: ASYNC220  it takes a moment, and nothing else goes on
        [*COMMAND, "run", "--listen", f"{ip}:{port}", "--capacity", capacity, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=environment(home),
    )
    try:
        assert process.stdout is not None
        told = await asyncio.to_thread(process.stdout.readline)
        yield SeedProcess(home, json.loads(told)["url"], process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(60)
